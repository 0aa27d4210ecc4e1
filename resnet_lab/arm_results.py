"""What the runs of an experiment of our own say: a table, orders with their intervals, dots.

Paper: Section 4.1, its footnotes 3 and 4, and Table 3, all on ImageNet; here on CIFAR-10.
Notebook: notebooks/02_shortcuts.py, notebooks/03_bottlenecks.py. Tests: tests/test_arm_results.py.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import mean, stdev

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from resnet_lab import arms, cost, experiments, figures, paper
from resnet_lab.arms import QUICK_SIZE, Arm
from resnet_lab.claims import rules
from resnet_lab.data import Dataset
from resnet_lab.records import Record
from resnet_lab.resnet import ResNet
from resnet_lab.style import COLOURS

Runs = Mapping[Arm, Sequence[Record]]

CHANGED = "#a3266b"  # a changed recipe
SERIES = {  # (bottleneck, shortcut): name and colour; plain is brown, the paper's A blue
    (False, "none"): ("plain", COLOURS["plain"][44]),
    (False, "A"): ("A", COLOURS["ResNet"][44]),
    (False, "B"): ("B", "#2f8f6b"),
    (False, "C"): ("C", "#a3266b"),
    (True, "none"): ("plain bottleneck", COLOURS["plain"][110]),
    (True, "A"): ("residual bottleneck", COLOURS["ResNet"][110]),
}


def runs_of(
    name: str, records: Sequence[Record], dataset: Dataset, scale: str = "quick"
) -> dict[Arm, list[Record]]:
    """Every arm of the experiment with its runs on `dataset` at `scale`; none is left out.

    Raises: InputError for a name that is no experiment.
    """
    here = [r for r in records if r.run.images.content_hash == dataset.content_hash]
    return {
        arm: arms.select(here, label=arm.label, scale=scale, images=dataset.name)
        for arm in experiments.get(name).arms
    }


def values(runs: Sequence[Record], which: str) -> list[float]:
    """Final "train" or "test" errors, percent."""
    return [getattr(run.final, f"{which}_error") for run in runs]


def spread(found: Sequence[float]) -> str:
    """ "37.1 ± 1.2"; of one value no spread; "not run" of none."""
    if not found:
        return "not run"
    return f"{mean(found):.1f}" + (f" ± {stdev(found):.1f}" if len(found) > 1 else "")


def table(runs: Runs, scale: str = "quick") -> str:
    """Cost and final errors of every arm as a Markdown table; "not run" where there is no run.

    Units: errors in percent after the last update, mean and spread over n runs; multiply-adds of
    one image.
    """
    lines = [
        "| net | parameters | multiply-adds | n | training error (%) | test error (%) |",
        "|---|---|---|---|---|---|",
    ]
    size = QUICK_SIZE if scale == "quick" else 32
    for arm, found in runs.items():
        with torch.device("meta"):
            net = ResNet(arms.net_at(scale, arm.depth, arm.shortcut, arm.bottleneck))
        work = cost.multiply_adds(net, (3, size, size))
        lines.append(
            f"| {arm.label} | {cost.parameters(net):,} | {work / 1e6:.2f}e6 | {len(found)} "
            f"| {spread(values(found, 'train'))} | {spread(values(found, 'test'))} |"
        )
    return "\n".join(lines)


def order(runs: Runs, high: Arm, low: Arm, which: str = "test") -> str:
    """A line: whether `high` ended with a higher error than `low`, as far as the runs can tell."""
    word = "training" if which == "train" else "test"
    name = f"{high.label} above {low.label} in {word} error"
    missing = [arm.label for arm in (high, low) if not runs[arm]]
    if missing:
        return f"{name}: not run ({' and '.join(missing)})"
    above, below = values(runs[high], which), values(runs[low], which)
    judged = rules.order(above, below, rules.QUICK_SPREAD)
    words = {"seen": "yes", "not seen": "no, the reverse", "undecided": "within the spread"}
    return f"{name}: {words[judged.verdict]}; {judged.ours}; {judged.why}"


def options_orders(runs: Runs, which: str = "test") -> str:
    """The order of Table 3, plain over A over B over C, asked at every depth of our runs."""
    lines = []
    for depth in sorted({arm.depth for arm in runs}):
        row = sorted(
            (a for a in runs if a.depth == depth), key=lambda arm: OPTION_RANK[arm.shortcut]
        )
        lines += [order(runs, high, low, which) for high, low in pairwise(row)]
    return "\n".join(lines)


OPTION_RANK = {"none": 0, "A": 1, "B": 2, "C": 3}


def paper_options_order() -> str:
    """The order of the four 34-layer nets in Table 3, without its numbers, which are ImageNet's."""
    names = {"plain_34": "plain"} | {f"resnet_34_{o}": o for o in "ABC"}
    errors = {word: paper.value(f"tables.table3.{name}.top1") for name, word in names.items()}
    falling = sorted(errors, key=errors.get, reverse=True)
    gaps = {pair: errors[pair[0]] - errors[pair[1]] for pair in pairwise(falling)}
    largest = max(gaps, key=gaps.get)
    return (
        "Table 3, 34 layers on ImageNet, from the highest top-1 error to the lowest: "
        f"{', '.join(falling)}; the largest step is from {' to '.join(largest)}."
    )


def dots(runs: Runs, which: str = "test") -> Figure | str:
    """Final errors over n blocks a stage, a dot a run and a line through the means.

    Plain and residual nets, options or designs, each a line of its own. Where nothing was run
    a sentence says so instead. Units: errors in percent.
    """
    if not any(runs.values()):
        return "Not run: there is no record to draw."
    figure, (ax,) = figures.sheet(1, width=7.2, height=3.4)
    both = any(arm.bottleneck for arm in runs)
    designs = {"plain": "plain basic", "A": "residual basic"} if both else {}
    ends = {}
    for number, ((bottleneck, option), (name, colour)) in enumerate(SERIES.items()):
        found = {
            blocks(arm): values(group, which)
            for arm, group in runs.items()
            if (arm.bottleneck, arm.shortcut, arm.variant) == (bottleneck, option, "") and group
        }
        if not found:
            continue
        at = {n: place(runs, n) + 0.04 * (number % 4 - 1.5) for n in found}
        for n, errors in found.items():
            ax.plot([at[n]] * len(errors), errors, "o", color=colour, markersize=3.5, alpha=0.6)
        ax.plot([at[n] for n in found], [mean(e) for e in found.values()], color=colour, lw=1.6)
        name = designs.get(name, name)
        ends[name] = (mean(found[max(found)]), colour)
    finish(ax, runs, ends)
    word = "training" if which == "train" else "test"
    ax.set_ylabel(f"final {word} error (%)")
    every = [record for group in runs.values() for record in group]
    ax.set_title(figures.describe(every), fontsize="small", color="0.35")
    return figure


def blocks(arm: Arm) -> int:
    """n: blocks a stage."""
    return (arm.depth - 2) // (9 if arm.bottleneck else 6)


def place(runs: Runs, n: int) -> int:
    """Where n stands on the axis: depths at equal distances."""
    return sorted({blocks(arm) for arm in runs}).index(n)


def finish(ax: Axes, runs: Runs, ends: dict[str, tuple[float, str]]) -> None:
    """The axis of n with its depths, and each line's name behind its end; no two touch."""
    steps = sorted({blocks(arm) for arm in runs})
    names = [
        f"n = {n}\n" + " and ".join(sorted({str(arm.depth) for arm in runs if blocks(arm) == n}))
        for n in steps
    ]
    ax.set_xticks(range(len(steps)), [f"{name} layers" for name in names])
    ax.set_ylim(bottom=0)
    ax.set_xlim(-0.3, len(steps) - 0.7)
    gap, height = 0.07 * ax.get_ylim()[1], -1.0
    for name, (y, colour) in sorted(ends.items(), key=lambda item: item[1]):
        height = max(y, height + gap) if height >= 0 else y
        ax.annotate(
            name,
            (1.02, height),
            xycoords=("axes fraction", "data"),
            color=colour,
            va="center",
            fontsize="small",
            annotation_clip=False,
        )


def longer(runs: Runs) -> Figure | str:
    """Training error of the plain nets against updates, one of them trained three times as long.

    Where nothing was run a sentence says so instead. Units: errors in percent.
    """
    usual = [record for arm, group in runs.items() if not arm.variant for record in group]
    if not usual:
        return "Not run: there is no record to draw."
    figure, (ax,) = figures.sheet(1, width=7.2, height=3.2)
    for arm, group in runs.items():
        if not group:
            continue
        colour = CHANGED if arm.variant else figures.colour(arm.label)
        curves = [figures.curve(record, "train") for record in group]
        for x, y in curves if len(curves) > 1 else []:
            ax.plot(x, y, "--", color=colour, linewidth=0.6, alpha=0.35)
        steps, average = curves[0][0], np.mean([y for _, y in curves], axis=0)
        ax.plot(steps, average, "--", color=colour, linewidth=1.8)
        look = dict(textcoords="offset points", color=colour, va="center", fontsize="small")
        ax.annotate(arm.label, (steps[-1], average[-1]), xytext=(5, 0), **look)
    ax.set(xlabel="updates", ylabel="training error (%)")
    ax.set_ylim(bottom=0)
    ax.set_xlim(left=0)
    ax.set_title(figures.describe(usual), fontsize="small", color="0.35")
    return figure


def three_times_longer(runs: Runs) -> str:
    """Lines: whether plain-56 with three times the updates still trains worse than plain-20."""
    shallow, deep, long = sorted(runs, key=lambda arm: (arm.variant != "", arm.depth))
    pairs = ((deep, shallow), (long, shallow), (deep, long))
    return "\n".join(order(runs, high, low, "train") for high, low in pairs)
