"""Figure 7 as ink: the standard deviation of every layer, in the net's order and sorted.

Paper: Figure 7.
Notebook: notebooks/06_layer_responses.py. Tests: tests/test_responses_figure.py.
"""

from collections.abc import Mapping, Sequence
from statistics import median

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from resnet_lab import paper
from resnet_lab.arms import label_of
from resnet_lab.errors import InputError
from resnet_lab.findings import Finding
from resnet_lab.layer_responses.measure import Responses
from resnet_lab.layer_responses.stored import ROLES
from resnet_lab.records import Record
from resnet_lab.style import COLOURS, colour, counted, describe

Pairs = Sequence[tuple[Record, Finding]]
Nets = Mapping[str, Sequence[Finding]]
STYLES = {"plain": "--", "ResNet": "-"}  # the kinds differ in more than colour
ORDERS = ("original", "sorted")
TICKS = (0.6, 0.8, 1, 1.5, 2, 3, 4)
AXES = {"original": "3x3 layer, in the order of the net", "sorted": "3x3 layer, largest first"}


def by_net(pairs: Pairs) -> dict[str, list[Finding]]:
    """Findings by net, plain before residual and shallow before deep, each in order of seeds."""
    rising = sorted(
        pairs,
        key=lambda p: (p[0].net.startswith("ResNet"), p[0].run.net.depth, p[0].run.recipe.seed),
    )
    nets: dict[str, list[Finding]] = {}
    for record, finding in rising:
        nets.setdefault(label_of(record), []).append(finding)
    return nets


def stds(finding: Finding, order: str = "original") -> np.ndarray:
    """The layers' standard deviations, as the net runs or from the largest. Shapes: (L,).

    Raises: InputError for another order.
    """
    if order not in ORDERS:
        raise InputError(f"the order is {' or '.join(ORDERS)}, got {order!r}")
    values = np.asarray(finding.values["std"], float)
    return np.sort(values)[::-1] if order == "sorted" else values


def ends(finding: Finding) -> np.ndarray:
    """Which layers end a residual branch. Shapes: bool (L,)."""
    return np.array([ROLES[letter] == "end" for letter in finding.values["roles"]])


def curves(ax: Axes, nets: Nets, order: str = "original") -> None:
    """One panel of Figure 7: std of each layer's response; brown dashed plain, blue residual.

    A thin line is a net, a thick one the mean over seeds. Dots in the original order are the ends
    of residual branches, what is added to the shortcut. The paper draws one net of each kind, and
    does not tell the two sorts of layers apart. When sorted, each net is sorted by itself, and
    then the mean is taken.

    Units: of the BN output. Raises: InputError if there is no net, or for another order.
    """
    if not nets:
        raise InputError("there are no layer responses to draw; `resnet-lab reproduce figure_7`")
    for net, found in nets.items():
        all_ = np.array([stds(finding, order) for finding in found])  # (seeds, L)
        layers = np.arange(1, all_.shape[1] + 1)
        look = dict(color=colour(net), linestyle=STYLES[net.split("-")[0]])
        if len(all_) > 1:
            ax.plot(layers, all_.T, linewidth=0.5, alpha=0.35, **look)
        mean = all_.mean(0)
        ax.plot(layers, mean, linewidth=1.6, label=net, **look)
        if order == "original":
            at = ends(found[0])
            ax.plot(layers[at], mean[at], "o", color=colour(net), markersize=2.6)
    ax.set(xlabel=AXES[order], ylabel="std of the response", xlim=(0, None))
    ax.set_ylim(bottom=0)
    # the lines end at 19, 55 and 109 layers, upon each other: names beside them would not be read
    ax.legend(frameon=False, fontsize="small", loc="upper right", ncols=2)


def figure_7(pairs: Pairs) -> Figure:
    """Figure 7: on top the layers in the order of the net, below it sorted, on one scale.

    Raises: InputError if there is nothing to draw.
    """
    nets = by_net(pairs)
    figure = Figure(figsize=(8.2, 6.6), layout="constrained", dpi=100)
    panels = figure.subplots(2, 1)
    for ax, order in zip(panels, ORDERS, strict=True):
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(axis="y", color="0.9")
        curves(ax, nets, order)
    top = max(ax.get_ylim()[1] for ax in panels)
    for ax in panels:
        ax.set_ylim(0, top)
    figure.suptitle(caption(pairs), fontsize="small", color="0.35")
    return figure


def face(pairs: Pairs) -> list[str]:
    """Two lines on what was measured: scale and nets, then images and BN's mode."""
    return [describe([record for record, _ in pairs]), chosen([found for _, found in pairs])]


def caption(pairs: Pairs) -> str:
    """What the figure says on its face: scale, images, BN's mode, lines and numbers of nets."""
    drawn = {label_of(record) for record, _ in pairs}
    absent = [net for net in paper.value("figures.figure7.curves") if net not in drawn]
    n = counted(by_net(pairs).values())
    lines = [
        *face(pairs),
        f"thick: mean over seeds, {n}; thin: single nets; dots: ends of residual branches",
    ]
    if absent:
        lines.append(f"not measured: {', '.join(absent)}")
    return "\n".join(lines)


def chosen(found: Sequence[Finding]) -> str:
    """The image set and BN's mode in words. Raises: InputError if they differ among the nets."""
    kinds = {(f.settings["split"], f.settings["images"], f.settings["bn"]) for f in found}
    if len(kinds) != 1:
        raise InputError("one figure shows responses on one image set and in one mode of BN")
    split, images, bn = kinds.pop()
    word = {"test": "test", "train": "training"}[split]
    statistics = {"running": "its stored statistics", "batch": "the statistics of each batch"}[bn]
    return f"over {images:,} {word} images, BN with {statistics}"


def roles(ax: Axes, nets: Nets) -> None:
    """Median response of the two sorts of layers: ends of residual branches, and all the others.

    A dot is a net, the line joins the means over seeds; of a plain net, which has no branches, the
    same places are taken. Not a figure of the paper.

    Units: of the BN output; the axis is logarithmic.
    """
    for kind, names in (("plain", "plain nets"), ("ResNet", "residual nets")):
        mine = {net: found for net, found in nets.items() if net.startswith(kind)}
        for is_end, style, marker in ((False, ":", "s"), (True, "-", "o")):
            points = {
                int(net.split("-")[1]): [median(stds(f)[places(f) == is_end]) for f in found]
                for net, found in mine.items()
            }
            if not points:
                continue
            tone = colour(f"{kind}-56" if is_end else f"{kind}-20")
            at = sorted(points)
            for depth in at:
                x = [depth] * len(points[depth])
                ax.plot(x, points[depth], marker, color=tone, markersize=3.5, alpha=0.5)
            line = [np.mean(points[depth]) for depth in at]
            word = "branch ends" if is_end else "first layers"
            ax.plot(at, line, style, color=tone, linewidth=1.6, label=f"{names}, {word}")
    ax.set(xlabel="depth (weighted layers)", ylabel="median std of the layers", yscale="log")
    # a plain net of 110 layers may be far above all others
    ax.set_yticks(TICKS, [f"{tick:g}" for tick in TICKS])
    ax.minorticks_off()
    ax.legend(frameon=False, fontsize="small", loc="upper left", ncols=2)


def places(finding: Finding) -> np.ndarray:
    """Layers that end a branch, or would if the (plain) net had any. Shapes: bool (L,)."""
    if "p" in finding.values["roles"]:
        # the stem, then two layers a block: the second of each ends the branch of its twin
        layer = np.arange(len(finding.values["roles"]))
        return (layer > 0) & (layer % 2 == 0)
    return ends(finding)


def of_one(found: Responses, settings: Mapping[str, object]) -> Figure:
    """The responses of anybody's net, in its order and sorted, residual ends as dots.

    Units: of what was measured: BN outputs, or those of the convolutions.
    """
    figure = Figure(figsize=(8.2, 3.4), layout="constrained", dpi=100)
    values = np.array(found.std)
    x = np.arange(1, len(values) + 1)
    at = np.array([layer.role == "end" for layer in found.layers])
    falling = np.argsort(-values, kind="stable")
    for ax, order in zip(figure.subplots(1, 2, sharey=True), ORDERS, strict=True):
        picked = falling if order == "sorted" else np.arange(len(values))
        ax.plot(x, values[picked], color=COLOURS["ResNet"][44], linewidth=1.4)
        ax.plot(x[at[picked]], values[picked][at[picked]], "o", color=COLOURS["ResNet"][110], ms=3)
        ax.spines[["top", "right"]].set_visible(False)
        ax.set(xlabel=f"layer, {order} order", xlim=(0, None))
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set_ylim(bottom=0)
        ax.grid(axis="y", color="0.9")
    figure.axes[0].set_ylabel("std of the response")
    said = ", ".join(f"{name} {value}" for name, value in settings.items())
    title = f"{found.net}: {len(values)} layers; dots: ends of residual branches\n{said}"
    figure.suptitle(title, fontsize="small", color="0.35")
    return figure
