"""Slices as ink: curves with their seeds, maps on one log scale for the nets of a pair.

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
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from resnet_lab import figures
from resnet_lab.errors import InputError
from resnet_lab.findings import Finding
from resnet_lab.landscape import roughness
from resnet_lab.landscape.shown import by_net, describe, net_of, select
from resnet_lab.style import colour, spread

MAP = "cividis_r"  # dark is high; even in lightness, and the same to colour-blind eyes
GUESSING = "#b3123f"
BANDS = 14
# the largest loss that has its own colour, in multiples of guessing's: beyond it the net is gone,
# and without a limit the four corners would take all colours
HIGHEST = 10.0


def guessing(finding: Finding) -> float:
    """Loss of a net that gives every class the same probability: ln of their number."""
    return math.log(finding.run.net.classes)


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
    ax.contour(along, along, shown, levels=edges, colors="white", linewidths=0.3)
    if shown.min() < guessing(finding) < shown.max():
        red = {"colors": GUESSING, "linewidths": 1.4}
        ax.contour(along, along, shown, levels=[guessing(finding)], **red)
    ax.plot([0], [0], "+", color="black", markersize=7)
    half = radius or along[-1]
    ax.set(xlim=(-half, half), ylim=(-half, half), aspect="equal", xlabel="step along x")
    ax.grid(False)
    ax.set_title(net_of(finding), fontsize="medium")


def colour_bar(figure: Figure, panels: Sequence[Axes], edges: np.ndarray) -> None:
    """The bands with their losses, beside `panels`; every second edge has its number."""
    norm = BoundaryNorm(edges, 256, extend="max")
    bar = figure.colorbar(ScalarMappable(norm, MAP), ax=list(panels), extend="max", shrink=0.95)
    bar.set_ticks(edges[::2], labels=[f"{edge:.3g}" for edge in edges[::2]])
    bar.ax.tick_params(length=0, labelsize="small")
    bar.set_label("loss (log scale)")


def maps(found: Sequence[Finding], edges: np.ndarray | None = None) -> Figure:
    """Maps of the nets side by side, on one log scale, with what they say on their face."""
    edges = levels(found) if edges is None else edges
    figure, panels = figures.sheet(len(found), width=0.8 + 2.35 * len(found), height=2.9)
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


def draw_curves(ax: Axes, found: Sequence[Finding], which: str = "loss") -> None:
    """1-D slices: a thin line a seed, a thick one for their mean (of the logs where it is a loss).

    The dotted line is the loss of guessing. `name_curves` writes the names when the scale is final.

    Units: `which` "loss" on a log scale, or "error" in percent.
    Raises: InputError for slices with two dimensions.
    """
    if any(f.settings["dimensions"] != 1 for f in found):
        raise InputError("curves take slices with 1 dimension; `paint` draws those with 2")
    for net, group in by_net(found).items():
        along = roughness.steps(group[0])
        if len(group) > 1:
            values = [roughness.grid(f, which) for f in group]
            ax.plot(along, np.array(values).T, color=colour(net), linewidth=0.6, alpha=0.4)
        ax.plot(along, middle(group, which), color=colour(net), linewidth=1.8)
    if which == "loss":
        ax.set_yscale("log")
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        ax.yaxis.set_minor_formatter(NullFormatter())
        ax.axhline(guessing(found[0]), color=GUESSING, linewidth=0.9, linestyle=":")
    ax.set(xlabel="step along x", ylabel="loss (log scale)" if which == "loss" else "error (%)")
    ax.margins(x=0)


def middle(group: Sequence[Finding], which: str) -> np.ndarray:
    """Mean over the seeds of one net; of a loss the geometric one. Shapes: -> (points,)."""
    values = np.array([roughness.grid(f, which) for f in group])
    return np.exp(np.log(values).mean(0)) if which == "loss" else values.mean(0)


def name_curves(ax: Axes, found: Sequence[Finding], which: str = "loss") -> None:
    """Each net's name where its line ends, no two on top of each other."""
    low, high = ax.get_ylim()
    turn = np.log10 if which == "loss" else np.asarray
    ends = {net: middle(group, which)[-1] for net, group in by_net(found).items()}
    shares = {
        net: float((turn(min(y, high)) - turn(low)) / (turn(high) - turn(low)))
        for net, y in ends.items()
    }
    ordered = sorted(shares, key=shares.get)
    # `spread` moves nothing below 0, the bottom of the panel
    heights = spread([shares[net] for net in ordered], 0.08)
    for net, height in zip(ordered, heights, strict=True):
        look = {"va": "center", "fontsize": "small", "annotation_clip": False}
        ax.annotate(net, (1.02, height), xycoords="axes fraction", color=colour(net), **look)


def curves(found: Sequence[Finding], which: str = "loss") -> Figure:
    """1-D slices, nets of 20 layers on the left and deeper ones on the right, on one scale."""
    depths = sorted({f.run.net.depth for f in found})
    groups = [[f for f in found if f.run.net.depth == depth] for depth in depths]
    figure, panels = figures.sheet(len(depths), width=0.6 + 3.8 * len(depths), height=3.4)
    for ax, group in zip(panels, groups, strict=True):
        draw_curves(ax, group, which)
    limits = [ax.get_ylim() for ax in panels]
    for ax, group in zip(panels, groups, strict=True):
        ax.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))
        name_curves(ax, group, which)
    if which == "loss":
        look = {"color": GUESSING, "fontsize": "x-small", "va": "bottom", "ha": "center"}
        panels[0].text(0, 1.03 * guessing(found[0]), "guessing", **look)
    figure.suptitle(describe(found), fontsize="small", color="0.35")
    return figure


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
    figure, (left, right) = figures.sheet(2, width=8.2, height=3.5)
    draw_curves(left, lines)
    top = max(np.nanmax(clipped(f)) for f in every)
    left.set(xlim=(-radius, radius), ylim=(0.9 * min(clipped(f).min() for f in every), top))
    left.set_title(f"{net}, {len(lines)} seeds, along x", fontsize="medium")
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
        )
        colour_bar(figure, [right], edges)
    figure.suptitle(describe(lines), fontsize="small", color="0.35")
    return figure


def clipped(finding: Finding) -> np.ndarray:
    """The loss, not above the last colour of a map."""
    return np.minimum(roughness.grid(finding), HIGHEST * guessing(finding))
