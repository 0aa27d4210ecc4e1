"""Signals as ink: a quantity over the layers of nets, at the start or along a training.

Paper: Section 4.1 (forward variances, backward gradient norms); it draws no figure of them.
Notebook: notebooks/10_why_it_works.py. Tests: tests/test_signal_figures.py.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from resnet_lab import figures, signal_runs
from resnet_lab.errors import InputError
from resnet_lab.findings import Finding
from resnet_lab.signals import Signals
from resnet_lab.style import QUICK, Room

WORDS = {
    "variance": "variance of the response",
    "raw_variance": "variance before BN",
    "activation_gradient": "gradient norm, response",
    "weight_gradient": "gradient norm, weights",
}
BARE = ", no BN"  # behind a net's name
WAYS = ("variance", "activation_gradient")  # forward and backward
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def lines(
    ax: Axes,
    found: Mapping[str, Sequence[float]],
    quantity: str,
    ends: tuple[float, float] | None = None,
) -> None:
    """A quantity over the layers of several nets, on a log axis; without BN dashed.

    The last layer, the classifier, is left out: no BN and no block stands behind it. `ends`: of
    the axis, where several figures are to be compared.

    Shapes: `found` maps "plain-56" or "plain-56, no BN" to (L,).
    Raises: InputError for an unknown quantity, or nothing to draw.
    """
    if quantity not in WORDS or not found:
        raise InputError(f"a quantity is one of {', '.join(WORDS)}, and takes a net to draw")
    tips = []
    for name, values in found.items():
        net, bare = name.removesuffix(BARE), name.endswith(BARE)
        shown = values[:-1]
        x = [(k + 0.5) / len(shown) for k in range(len(shown))]
        colour = figures.colour(net)
        ax.plot(x, shown, "--" if bare else "-", color=colour, lw=1.6)
        tips.append((name, shown, colour))
    ax.set_yscale("log")
    low, high = ax.set_ylim(*ends) if ends else ax.get_ylim()
    if high < 100 * low:  # else the axis would blow up what differs in the fifth digit
        middle = (low * high) ** 0.5
        ax.set_ylim(middle / 10, middle * 10)
    few_powers(ax)
    ax.set(
        xlim=(0, 1),
        xticks=(0, 0.5, 1),
        xlabel="layer, from first (0) to last (1)",
        ylabel=WORDS[quantity],
    )
    # gradients differ at the front, variances at the back
    side = -1 if quantity.endswith("variance") else 0
    label(ax, [(name, shown[side], colour) for name, shown, colour in tips], side)


def few_powers(ax: Axes) -> None:
    """A log axis with some powers of ten, and no marks between them: it has up to thirty of them.

    Written as text: a formula takes ten times as long, and a slider waits for it.
    """
    ax.yaxis.set_major_locator(LogLocator(numticks=7))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(power)


def power(value: float, _position: int | None = None) -> str:
    """A power of ten in text: "10⁻³"."""
    return "10" + str(round(math.log10(value))).translate(RAISED)


def sides(names: Iterable[str], top: float) -> Room:
    """Room for `names` to the right of the left panel and to the left of the right one."""
    bare = any(name.endswith(BARE) for name in names)
    return Room(left=0.78, right=0.75, top=top, between=2.2 if bare else 1.45)


def label(ax: Axes, ends: Sequence[tuple[str, float, str]], side: int) -> None:
    """Names at one end of the lines, in the order of their heights, moved apart on the log axis."""
    low, high = ax.get_ylim()
    place = ax.transData + ax.transAxes.inverted()
    ordered = sorted(ends, key=lambda end: end[1])
    at = [place.transform((0, max(value, low)))[1] for _, value, _ in ordered]
    for (name, _, colour), height in zip(ordered, apart(at, 0.085), strict=True):
        ax.annotate(
            name,
            (1.02 if side else -0.02, height),
            xycoords="axes fraction",
            color=colour,
            ha="left" if side else "right",
            va="center",
            fontsize="x-small",
            annotation_clip=False,
        )
    if not side:  # the names stand where the numbers of the axis were
        ax.yaxis.set_label_position("right")
        ax.yaxis.tick_right()
        ax.spines["right"].set_visible(True)
        ax.spines["left"].set_visible(False)


def apart(at: Sequence[float], gap: float) -> list[float]:
    """Rising places, each at least `gap` above the one before, and none above 1 if there is room.

    Shapes: (K,) -> (K,). Units: those of `at`.
    """
    placed: list[float] = []
    for y in at:
        placed.append(max(y, placed[-1] + gap) if placed else y)
    top = 1.0
    for k in reversed(range(len(placed))):
        placed[k] = min(placed[k], top)
        top = placed[k] - gap
    return placed


def start(found: Mapping[str, Signals], words: str) -> Figure:
    """Untrained nets: variances on the left, gradient norms on the right.

    `words` says on which images. Names as in `lines`.
    """
    figure, panels = figures.sheet(2, width=7.8, height=2.8, room=sides(found, 0.3))
    for ax, quantity in zip(panels, WAYS, strict=True):
        lines(ax, {name: getattr(s, quantity) for name, s in found.items()}, quantity)
    figure.suptitle(f"before the first update; {words}", fontsize="small", color="0.35")
    return figure


def shades(n: int) -> list[tuple[float, float, float]]:
    """`n` colours from light to dark that can be told apart without seeing red or green."""
    scale = matplotlib.colormaps["cividis_r"]
    return [scale(0.12 + 0.88 * k / max(1, n - 1))[:3] for k in range(n)]


def course(ax: Axes, found: Finding, quantity: str, steps: Sequence[int] = ()) -> None:
    """One net along its training: a line for each look, the later the darker.

    `steps` are all looks that have a colour in the figure; default: those at this net.
    """
    steps = steps or found.values["updates"]
    colours = dict(zip(steps, shades(len(steps)), strict=True))
    for step in found.values["updates"]:
        colour = colours[step]
        shown = signal_runs.read(found, step, quantity)[:-1]
        x = [(k + 0.5) / len(shown) for k in range(len(shown))]
        ax.plot(x, shown, color=colour, lw=1.4, label=f"{step:,}")
    ax.set_yscale("log")
    ax.set(xlim=(0, 1), xlabel="layer, 0 to 1", ylabel=WORDS[quantity])
    ax.set_title(name_of(found), fontsize="medium")


def name_of(found: Finding) -> str:
    """ "plain-56", with what was done to its BN."""
    net = found.run.net
    kind = "plain" if net.shortcut == "none" else "ResNet"
    return f"{kind}-{net.depth}" + (BARE if found.settings["bn"] == "bias" else "")


def courses(found: Sequence[Finding], quantity: str) -> Figure | str:
    """Several nets along their trainings on one scale; a sentence if there is none."""
    if not found:
        return "Not run: no training was looked at."
    columns = min(3, len(found))
    rows = -(-len(found) // columns)
    figure = Figure(figsize=(1.4 + 2.1 * columns, 0.4 + 2.1 * rows), layout="constrained", dpi=100)
    grid = figure.subplots(rows, columns, squeeze=False).flatten()
    for ax in grid[len(found) :]:
        ax.remove()
    panels = list(grid[: len(found)])
    steps = sorted({step for one in found for step in one.values["updates"]})
    for ax, one in zip(panels, found, strict=True):
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(axis="y", color="0.9")
        course(ax, one, quantity, steps)
    low, high = (pick(ax.get_ylim()[k] for ax in panels) for k, pick in ((0, min), (1, max)))
    for ax in panels:
        ax.set_ylim(low, high)
    for number, ax in enumerate(panels):
        if number % columns:
            ax.set_ylabel("")
        if number + columns < len(found):
            ax.set_xlabel("")
    most = max(panels, key=lambda ax: len(ax.lines))
    figure.legend(
        *most.get_legend_handles_labels(),
        loc="outside right center",
        title="updates",
        fontsize="small",
        frameon=False,
    )
    figure.suptitle(describe(found[0]), fontsize="small", color="0.35")
    return figure


def describe(found: Finding) -> str:
    """What a figure of `found` says on its face: the images, and whether it is reduced."""
    images = {"cifar10": "CIFAR-10", "embedded": "embedded data"}[found.run.images.name]
    steps = f"{found.run.recipe.steps:,}"
    return f"{images}, " + (
        QUICK.format(steps=steps) if found.scale == "quick" else f"{steps} updates"
    )
