"""1-D slices as ink: curves with their seeds, on one log scale.

Paper: beyond it; Li et al. 2018 (arXiv 1712.09913).
Notebook: notebooks/10_why_it_works.py. Tests: tests/test_landscape_figures.py.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

from resnet_lab import figures
from resnet_lab.errors import InputError
from resnet_lab.findings import Finding
from resnet_lab.landscape import roughness
from resnet_lab.landscape.roughness import guessing
from resnet_lab.landscape.shown import by_net, describe, select
from resnet_lab.style import colour, spread

GUESSING = "#b3123f"


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
        ax.yaxis.set_minor_locator(NullLocator())
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
        name_guessing(panels[0], found[0])
    figure.suptitle(describe(found), fontsize="small", color="0.35")
    return figure


def name_guessing(ax: Axes, finding: Finding) -> None:
    """The word at the dotted line."""
    look = {"color": GUESSING, "fontsize": "x-small", "va": "bottom", "ha": "center"}
    ax.text(0, 1.03 * guessing(finding), "guessing", **look)


def two_modes(found: Sequence[Finding], images: str, depth: int = 56) -> Figure:
    """1-D slices of the nets of `depth` layers: statistics kept on the left, else recomputed.

    Both panels have one scale. Raises: InputError if there is no such slice.
    """
    figure, panels = figures.sheet(2, width=8.2, height=3.4)
    groups = []
    for ax, bn in zip(panels, ("running", "recomputed"), strict=True):
        every = select(found, dimensions=1, bn=bn, images=images)
        groups.append([f for f in every if f.run.net.depth == depth])
        if not groups[-1]:
            raise InputError(f"no slice of a net of {depth} layers is stored")
        draw_curves(ax, groups[-1])
        words = "\n".join(describe(groups[-1]).split("\n")[1:])
        ax.set_title(f"{words}, {most_seeds(groups[-1])} seeds", fontsize="medium")
    limits = [ax.get_ylim() for ax in panels]
    for ax, group in zip(panels, groups, strict=True):
        ax.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))
        name_curves(ax, group)
        name_guessing(ax, group[0])
    face = describe(groups[0]).split("\n")[0]
    figure.suptitle(face, fontsize="small", color="0.35")
    return figure


def most_seeds(found: Sequence[Finding]) -> int:
    """The largest number of runs of one net."""
    return max(len(group) for group in by_net(found).values())
