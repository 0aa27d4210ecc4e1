"""Error against updates: the panels of Figures 1 and 6, the start of a training, and its rate.

Paper: Figures 1 and 6; Section 4.2 and its footnote 5.
Notebook: notebooks/05_cifar.py. Tests: tests/test_figures.py.
"""

from collections.abc import Mapping, Sequence
from statistics import mean

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from resnet_lab import paper
from resnet_lab.arms import Arm, label_of
from resnet_lab.errors import InputError
from resnet_lab.recipe import Recipe, lr_at
from resnet_lab.records import Record
from resnet_lab.style import CHANGED, colour, counted, describe, label_ends

STYLES = {"train": "--", "test": "-"}
TOPS = (10, 20, 40, 60, 80, 100)  # ends of the error axis of Figure 6; the paper's is 20
ROOM = 1.25  # the axis must reach so many times the highest final error
START = 4_000  # updates: ten epochs, "several" of which footnote 5 waits for


def curve(record: Record, which: str) -> tuple[np.ndarray, np.ndarray]:
    """Updates and errors of the "train" or "test" curve, each (points,). Errors are percent."""
    points = [
        (point.step, getattr(point, f"{which}_error"))
        for point in record.curve
        if getattr(point, f"{which}_error") is not None
    ]
    steps, errors = np.array(points).T
    return steps, errors


def by_net(records: Sequence[Record]) -> dict[str, list[Record]]:
    """Records grouped by net: plain before residual, shallow before deep.

    Raises: InputError for no records: a missing curve is an error, not a gap.
    """
    if not records:
        raise InputError("there are no records to draw; run `resnet-lab reproduce` first")
    ordered = sorted(
        records, key=lambda r: (r.net.startswith("ResNet"), r.run.net.depth, label_of(r))
    )
    groups: dict[str, list[Record]] = {}
    for record in ordered:
        groups.setdefault(label_of(record), []).append(record)
    return groups


def draw(ax: Axes, net: str, runs: Sequence[Record], which: str) -> tuple[np.ndarray, np.ndarray]:
    """One net: its runs as thin lines, their mean as a thick one; returns that mean's curve."""
    curves = [curve(run, which) for run in runs]
    steps = curves[0][0]
    if len(curves) > 1:
        for x, y in curves:
            ax.plot(x, y, STYLES[which], color=colour(net), linewidth=0.6, alpha=0.35)
    average = np.mean([y for _, y in curves], axis=0)
    ax.plot(steps, average, STYLES[which], color=colour(net), linewidth=1.8)
    return steps, average


def error_curves(ax: Axes, records: Sequence[Record], which: str) -> None:
    """One panel of Figure 1: "train" (dashed) or "test" (solid) error against updates.

    Every run is a thin line, the mean over seeds a thick one, labelled where it ends. Unlike the
    paper's, the x axis counts single updates, and training error is over augmented images.

    Units: errors in percent.
    """
    ends = {}
    for net, runs in by_net(records).items():
        steps, average = draw(ax, net, runs, which)
        ends[net] = (steps[-1], average[-1])
    ax.set(xlabel="updates", ylabel=f"{'training' if which == 'train' else 'test'} error (%)")
    ax.set_ylim(0, min(ax.get_ylim()[1], 100))
    ax.set_xlim(left=0)
    label_ends(ax, ends)


def updates_axis(ax: Axes, end: float, first: float = 0) -> None:
    """An x axis of updates with few ticks, so that 60,000 does not run into its neighbour."""
    ax.set(xlabel="updates", xlim=(first, end))
    ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))


def words(ax: Axes, lines: Sequence[str], *, drawn: bool) -> None:
    """`lines` in the middle of the panel, or just above it where curves are drawn."""
    x, y, up, joined = (0.5, 1.01, "bottom", "; ") if drawn else (0.5, 0.5, "center", "\n")
    ax.text(
        x,
        y,
        joined.join(lines),
        transform=ax.transAxes,
        ha="center",
        va=up,
        fontsize="small",
        color="0.35",
    )


def final(runs: Sequence[Record], which: str = "test") -> float:
    """Mean over the runs of the final "train" or "test" error, in percent."""
    return mean(getattr(run.final, f"{which}_error") for run in runs)


def figure_6(panels: Sequence[Axes], records: Sequence[Record]) -> None:
    """Figure 6: plain nets, residual nets to 110 layers, 110 against 1202, on one error axis.

    Dashed: training error; solid: test error; thin: single runs; thick: their mean. The axis ends
    where our errors need it, and what ends above it is named in words, as the paper's caption does
    with plain-110. A net without a run is named too.

    Units: errors in percent.
    """
    groups = by_net(records) if records else {}
    to_110, deepest = (
        paper.value(f"architecture.cifar.{kind}_depths") for kind in ("plain", "residual")
    )
    shown = (
        ("plain nets", [f"plain-{depth}" for depth in to_110]),
        ("residual nets", [f"ResNet-{depth}" for depth in to_110]),
        ("110 and 1202 layers", [f"ResNet-{depth}" for depth in deepest[-2:]]),
    )
    exempt = shown[0][1][-1]  # plain-110
    highest = [
        final(runs, which)
        for net, runs in groups.items()
        for which in STYLES
        if net != exempt and any(net in nets for _, nets in shown)
    ]
    needed = ROOM * max(highest, default=0)
    top = next((end for end in TOPS if end >= needed), TOPS[-1])
    for ax, (title, nets) in zip(panels, shown, strict=True):
        part_of_figure_6(ax, {net: groups.get(net, []) for net in nets}, top)
        ax.set_title(title, fontsize="medium", pad=18)  # `words` stand below it
    if panels[2].lines and records[0].scale == "paper":  # the paper's right panel, too
        first = paper.number("figures.figure6.x_axis", after="right panel shows")
        updates_axis(panels[2], panels[2].get_xlim()[1], first * 1e4)
    panels[0].set_ylabel("error (%)")
    panels[0].figure.suptitle(caption(records), fontsize="small", color="0.35")


def part_of_figure_6(ax: Axes, groups: Mapping[str, Sequence[Record]], top: float) -> None:
    """One panel: both curves of every net with runs; nets without, or above `top`, in words."""
    inside = {net: runs for net, runs in groups.items() if runs and final(runs) <= top}
    ax.set_ylim(0, top)
    ends = {}
    for net, runs in inside.items():
        draw(ax, net, runs, "train")
        steps, average = draw(ax, net, runs, "test")
        ends[net] = (steps[-1], average[-1])
    if ends:
        label_ends(ax, ends)
        updates_axis(ax, max(x for x, _ in ends.values()))
    else:
        ax.set(xticks=[], yticks=[])
    absent = [net for net, runs in groups.items() if not runs]
    lines = [
        f"{net} is above: {final(runs):.1f} % test error"
        for net, runs in groups.items()
        if runs and net not in inside
    ]
    if absent:
        lines.append(f"not run: {', '.join(absent)}" if len(absent) < len(groups) else "not run")
    words(ax, lines, drawn=bool(inside))


def caption(records: Sequence[Record]) -> str:
    """What a figure of both curves says on its face: images, scale, lines and numbers of runs."""
    if not records:
        return "no run is recorded"
    return (
        f"{describe(records)}\ndashed: training error; solid: test error; thick: mean over seeds, "
        f"{counted(by_net(records).values())}; thin: single runs"
    )


def warm_updates(record: Record) -> int:
    """Updates of the record's warm-up: up to the last early point below the recipe's rate."""
    early = [point for point in record.curve if point.step <= record.final.step // 4]
    return max((point.step for point in early if point.lr < record.run.recipe.lr), default=0)


def warm_up(panels: Sequence[Axes], records: Sequence[Record]) -> None:
    """Training error of a net with its warm-up and without: the start left, the whole right.

    The grey band is the warm-up, as long as the longest in `records`. Not a figure of the paper,
    which says it in footnote 5. Fewer than two arms are named as not run.

    Units: errors in percent.
    """
    groups = by_net(records) if records else {}
    last = max((record.final.step for record in records), default=0)
    start = min(START, last // 3)
    names = {
        Arm(depth=110).label: "ResNet-110,\nwith warm-up",
        Arm(depth=110, variant="no warm-up").label: "ResNet-110,\nno warm-up",
    }
    for ax, end in zip(panels, (start, last), strict=True):
        ax.set_ylim(0, 100)
        ends = {}
        for net, runs in groups.items():
            steps, average = draw(ax, net, runs, "train")
            ends[net] = (end, float(np.interp(end, steps, average)))
        if ends:
            updates_axis(ax, end)
            label_ends(ax, ends, names, lines=2)
            ax.axvspan(0, max(map(warm_updates, records)), color="0.93", zorder=0)
        missing = [name for net, name in names.items() if net not in groups]
        words(ax, ["not run: " + name.replace("\n", " ") for name in missing], drawn=bool(ends))
    panels[0].set_ylabel("training error (%)")
    title = "no run is recorded"
    if records:
        title = f"{describe(records)}\ngrey: the warm-up, at a rate of 0.01"
    panels[0].figure.suptitle(title, fontsize="small", color="0.35")


def rates(ax: Axes, schedules: Mapping[str, tuple[Recipe, int]]) -> None:
    """Learning rate against updates; `schedules`: name -> recipe, updates of its warm-up.

    Units: the rate has none; its axis is logarithmic.
    """
    ends = {}
    for (name, (recipe, warm)), (shade, style) in zip(
        schedules.items(), ((colour("ResNet-110"), "-"), (CHANGED, "--")), strict=True
    ):
        steps = np.arange(0, recipe.steps)
        values = [lr_at(int(step), recipe, warming=step < warm) for step in steps]
        ax.plot(steps, values, style, color=shade, linewidth=1.8)
        ends[name] = (values[-1], shade)
    for name, (value, shade) in ends.items():
        ax.annotate(
            name,
            (1.02, value),
            xycoords=("axes fraction", "data"),
            color=shade,
            va="center",
            fontsize="small",
            annotation_clip=False,
        )
    ax.set(ylabel="learning rate", yscale="log")
    updates_axis(ax, max(recipe.steps for recipe, _ in schedules.values()))
