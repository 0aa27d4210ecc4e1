"""Slices as ink: maps on one log scale for the nets of a pair; one net as curves and a map.

Paper: beyond it; Li et al. 2018 (arXiv 1712.09913).
Notebook: notebooks/10_why_it_works.py. Tests: tests/test_landscape_figures.py.

No surface is drawn in three dimensions: heights that hide one another, seen from a point that
somebody chose, show less than a map does.
"""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm
from matplotlib.figure import Figure

from resnet_lab import figures
from resnet_lab.errors import InputError
from resnet_lab.findings import Finding
from resnet_lab.landscape import roughness
from resnet_lab.landscape.lines import GUESSING, curves, draw_curves
from resnet_lab.landscape.roughness import guessing
from resnet_lab.landscape.shown import describe, net_of, select
from resnet_lab.style import Room

MAP = "cividis_r"  # dark is high; even in lightness, and the same to colour-blind eyes
BANDS = 14
# the largest loss that has its own colour, in multiples of guessing's: beyond it the net is gone,
# and without a limit the four corners would take all colours
HIGHEST = 10.0
ROOM = Room(left=0.65, right=1.1, top=0.72, between=0.75)  # curves, map and colours


def levels(found: Sequence[Finding]) -> np.ndarray:
    """Edges of the bands of a map, the same for all of `found`, about equal in log(loss).

    One edge is the loss of guessing. Losses beyond ten times that share the last colour.
    Raises: InputError for no slices.
    """
    if not found:
        raise InputError("there is no slice to draw; `resnet-lab landscape` measures them")
    finite = np.concatenate([g[np.isfinite(g)] for g in (roughness.grid(f).ravel() for f in found)])
    level = guessing(found[0])
    low = min(float(finite.min()), level / 1.05)
    high = max(min(float(finite.max()), HIGHEST * level), level * 1.05)
    below, above = math.log(level / low), math.log(high / level)
    # as many bands on either side of guessing as its part of the scale has
    under = min(max(round(BANDS * below / (below + above)), 2), BANDS - 2)
    lower = np.geomspace(low, level, under + 1)
    return np.concatenate([lower, np.geomspace(level, high, BANDS - under + 1)[1:]])


def paint(
    ax: Axes, finding: Finding, edges: np.ndarray | None = None, *, radius: float | None = None
) -> None:
    """A map of the loss over both directions, in bands; a cross is the net itself.

    The red line is where the loss is that of guessing. `radius` shows the middle part alone.

    Raises: InputError for a slice with one dimension.
    """
    if finding.settings["dimensions"] != 2:
        raise InputError("a map takes a slice with 2 dimensions; `curves` draws those with 1")
    along, loss = roughness.steps(finding), roughness.grid(finding)
    edges = levels([finding]) if edges is None else edges
    shown = np.where(np.isfinite(loss), loss, 10 * edges[-1])
    norm = BoundaryNorm(edges, 256, extend="max")
    ax.contourf(along, along, shown, levels=edges, norm=norm, cmap=MAP, extend="max")
    if shown.min() < guessing(finding) < shown.max():
        red = {"colors": GUESSING, "linewidths": 1.4}
        ax.contour(along, along, shown, levels=[guessing(finding)], **red)
    ax.plot([0], [0], "+", color="black", markersize=7)
    half = radius or along[-1]
    ax.set(xlim=(-half, half), ylim=(-half, half), aspect="equal", xlabel="step along x")
    ax.set_xticks([-half, 0, half])
    ax.set_yticks([-half, 0, half])
    ax.grid(False)
    ax.set_title(net_of(finding), fontsize="medium")


def colour_bar(
    figure: Figure, panels: Sequence[Axes], edges: np.ndarray, within: Axes | None = None
) -> None:
    """The bands with their losses, beside `panels` or `within`; every second edge has a number."""
    norm = BoundaryNorm(edges, 256, extend="max")
    place = {"cax": within} if within else {"ax": list(panels), "shrink": 0.95}
    bar = figure.colorbar(ScalarMappable(norm, MAP), extend="max", **place)
    bar.set_ticks(edges[::2], labels=[f"{edge:.3g}" for edge in edges[::2]])
    bar.minorticks_off()
    bar.ax.tick_params(length=0, labelsize="small")
    bar.set_label("loss (log scale)")


def maps(found: Sequence[Finding], edges: np.ndarray | None = None) -> Figure:
    """Maps of the nets side by side, on one log scale, with what they say on their face."""
    edges = levels(found) if edges is None else edges
    figure, panels = figures.sheet(len(found), width=0.8 + 1.85 * len(found), height=2.5)
    for ax, finding in zip(panels, found, strict=True):
        paint(ax, finding, edges)
    panels[0].set_ylabel("step along y")
    colour_bar(figure, panels, edges)
    figure.suptitle(describe(found), fontsize="small", color="0.35")
    return figure


def pair_of_maps(found: Sequence[Finding], images: str, bn: str) -> Figure | str:
    """`maps` of the four nets with seed 0, on one scale; a sentence where none is stored."""
    try:
        chosen = select(found, dimensions=2, bn=bn, images=images, seed=0)
    except InputError as error:
        return f"Not measured: {error}."
    order = ("plain-20", "ResNet-20", "plain-56", "ResNet-56")
    known = {net_of(f): f for f in chosen}
    return maps([known[net] for net in order if net in known] or chosen)


def alone(finding: Finding, together: Sequence[Finding]) -> Figure:
    """One slice as a picture of its own; the bands of a map are those of all in `together`."""
    if finding.settings["dimensions"] == 1:
        return curves([finding])
    return maps([finding], levels(together))


def view(
    found: Sequence[Finding], images: str, net: str, bn: str = "running", radius: float = 1.0
) -> Figure:
    """One net within `radius`: its curves on the left, its map on the right.

    The scale is that of all nets with the same `bn`, so that pictures can be compared.

    Raises: InputError if there is no such slice.
    """
    lines = select(found, dimensions=1, bn=bn, images=images, net=net)
    every = select(found, dimensions=1, bn=bn, images=images)
    figure, (left, right) = figures.sheet(2, width=8.2, height=3.5, room=ROOM)
    draw_curves(left, lines)
    top = max(np.nanmax(clipped(f)) for f in every)
    left.set(xlim=(-radius, radius), ylim=(0.9 * min(clipped(f).min() for f in every), top))
    left.set_xticks([-radius, 0, radius])
    # a title with a place is not moved out of the numbers' way, for which all are measured
    left.set_title(f"{net}, {len(lines)} seeds, along x", fontsize="medium", y=1)
    try:
        surfaces = select(found, dimensions=2, bn=bn, images=images)
        (mine,) = select(surfaces, dimensions=2, bn=bn, images=images, net=net)
    except (InputError, ValueError):
        right.set_axis_off()
        right.text(0.5, 0.5, "no map of this net is stored", ha="center")
    else:
        edges = levels(surfaces)
        paint(right, mine, edges, radius=radius)
        right.set_ylabel("step along y")
        right.set_title(
            f"seed {mine.run.recipe.seed}, along x and y, {mine.settings['n']:,} images",
            fontsize="medium",
            y=1,
        )
        right.set_anchor("E")  # the square map stands at its colours
        below, high = right.get_position().y0, right.get_position().height
        colour_bar(figure, [right], edges, figure.add_axes((0.88, below, 0.018, high)))
    figure.suptitle(describe(lines), fontsize="small", color="0.35")
    return figure


def clipped(finding: Finding) -> np.ndarray:
    """The loss, not above the last colour of a map."""
    return np.minimum(roughness.grid(finding), HIGHEST * guessing(finding))
