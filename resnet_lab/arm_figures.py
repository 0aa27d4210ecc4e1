"""The runs of an experiment of our own as ink: dots over depth, and one net trained longer.

Paper: Section 4.1, its footnotes 3 and 4, and Table 3, all on ImageNet; here on CIFAR-10.
Notebook: notebooks/02_shortcuts.py, notebooks/03_bottlenecks.py. Tests: tests/test_arm_results.py.
"""

from statistics import mean

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from resnet_lab import figures
from resnet_lab.arm_results import Runs, blocks, values
from resnet_lab.style import CHANGED, COLOURS, counted, describe, spread

SERIES = {  # (bottleneck, shortcut): name and colour; plain is brown, the paper's A blue
    (False, "none"): ("plain", COLOURS["plain"][44]),
    (False, "A"): ("A", COLOURS["ResNet"][44]),
    (False, "B"): ("B", "#2f8f6b"),
    (False, "C"): ("C", "#7a4fa3"),
    (True, "none"): ("plain bottleneck", COLOURS["plain"][110]),
    (True, "A"): ("residual bottleneck", COLOURS["ResNet"][110]),
}


def face(runs: Runs) -> str:
    """What a figure says on its face; the runs are not called n, which here are blocks."""
    groups = [group for group in runs.values() if group]
    every = [record for group in groups for record in group]
    return f"{describe(every)}, {counted(groups, called='runs:')}"


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
        at = {n: place(runs, n) + 0.04 * (number - 2.5) for n in found}
        for n, errors in found.items():
            ax.plot([at[n]] * len(errors), errors, "o", color=colour, markersize=3.5, alpha=0.6)
        ax.plot([at[n] for n in found], [mean(e) for e in found.values()], color=colour, lw=1.6)
        name = designs.get(name, name)
        ends[name] = (mean(found[max(found)]), colour)
    finish(ax, runs, ends)
    word = "training" if which == "train" else "test"
    ax.set_ylabel(f"final {word} error (%)")
    ax.set_title(face(runs), fontsize="small", color="0.35")
    return figure


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
    ordered = sorted(ends.items(), key=lambda item: item[1])
    heights = spread([y for _, (y, _) in ordered], 0.07 * ax.get_ylim()[1])
    for (name, (_, colour)), height in zip(ordered, heights, strict=True):
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
    if not any(runs.values()):
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
    ax.set_title(face(runs), fontsize="small", color="0.35")
    return figure
