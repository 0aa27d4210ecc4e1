"""Detectors compared in ink: a dot a seed, a bar at the mean.

Paper: Section 4.3; Appendix B; Tables 7 to 9.
Notebook: notebooks/07_detection.py, notebooks/08_detection_improvements.py.
Tests: tests/test_detection_result_figures.py.
"""

from collections.abc import Sequence
from statistics import mean

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from resnet_lab import style
from resnet_lab.detection import comparisons
from resnet_lab.detection.comparisons import Results, Step
from resnet_lab.detection.ink import View
from resnet_lab.detection.voc_evaluation import VocResult

PAIRS = (("plain", "residual"), ("deep-plain", "deep-residual"))  # of equal depth
INK = {"plain": style.COLOURS["plain"][44], "residual": style.COLOURS["ResNet"][44]}
MARK = {"plain": "s", "residual": "o"}  # the shape says it too


def depth(results: Results) -> Figure:
    """mAP@.5 and mAP@[.5,.95] against depth, plain beside residual; a dot is a seed.

    What has no record is named on the figure.
    """
    figure, axes = style.sheet(2, width=8.2, height=3.3)
    for ax, metric, name in zip(axes, ("voc", "coco"), ("mAP@.5", "mAP@[.5,.95]"), strict=True):
        missing = [panel(ax, results, kind, metric) for kind in ("plain", "residual")]
        ax.set(xlabel="weighted layers of the backbone", ylabel=f"{name}, percent")
        ticks = sorted({comparisons.layers(arm) for pair in PAIRS for arm in ("shallow", *pair)})
        ax.set(xticks=ticks, xlim=(ticks[0] - 3, ticks[-1] + 6), ylim=(0, 100))
        if lacking := [label for group in missing for label in group]:
            words = "not run: " + ", ".join(lacking)
            ax.text(0.5, 0.03, words, transform=ax.transAxes, ha="center", fontsize="x-small")
    counts = [len(runs) for runs in results.runs.values()] or [0]
    n = f"{min(counts)}" if len(set(counts)) == 1 else f"{min(counts)} to {max(counts)}"
    words = f"a dot is a seed, n = {n} for each net; lines: means"
    figure.suptitle(f"{results.label}\n{words}", fontsize="small")
    return figure


def panel(ax: Axes, results: Results, kind: str, metric: str) -> list[str]:
    """One kind of net, its dots and a line through the means; labels of what was not run."""
    i = ("plain", "residual").index(kind)
    wanted = [pair[i] for pair in PAIRS]
    wanted = ["shallow", *wanted] if kind == "plain" else wanted
    known = [arm for arm in wanted if arm in results.runs]
    ends = []
    for arm in known:
        found = comparisons.values(results.runs, arm, metric)
        x = comparisons.layers(arm)
        look = dict(color=INK[kind], marker=MARK[kind], linestyle="none", markersize=5, alpha=0.8)
        ax.plot([x] * len(found), found, **look)
        ends.append((x, mean(found)))
    if ends:
        ax.plot(*zip(*ends, strict=True), color=INK[kind], linewidth=1.4)
        ax.annotate(
            kind,
            ends[-1],
            xytext=(8, 0),
            textcoords="offset points",
            color=INK[kind],
            va="center",
        )
    return [comparisons.ARMS[arm].label for arm in wanted if arm not in known]


def gains(steps: Sequence[Step], label: str) -> Figure:
    """What each change was worth: a dot a seed, a bar at the mean, a hollow mark for the paper.

    Units: points of mAP.
    """
    figure, axes = style.sheet(2, width=8.6, height=0.9 + 0.34 * max(3, len(steps)))
    metrics = (("at_50", "mAP@.5"), ("at_50_95", "mAP@[.5,.95]"))
    for k, (ax, (field, name)) in enumerate(zip(axes, metrics, strict=True)):
        for y, step in enumerate(steps):
            found = getattr(step, field)
            ink = INK["residual"] if step.same_weights else INK["plain"]
            ax.plot(found, [y] * len(found), "o", color=ink, markersize=4.5, alpha=0.8)
            ax.plot([mean(found)] * 2, [y - 0.3, y + 0.3], color=ink, linewidth=2)
            if step.paper:
                ax.plot(step.paper[k], y, "D", markerfacecolor="none", color="0.3", markersize=6)
        ax.axvline(0, color="0.4", linewidth=0.8)
        ax.grid(axis="y", visible=False)
        ax.grid(axis="x", color="0.9")
        names = [f"{step.name}\n against {step.against}" for step in steps]
        ax.set_yticks(range(len(steps)), names if k == 0 else [""] * len(steps), fontsize="x-small")
        ax.invert_yaxis()
        ax.set(xlabel=f"gain in {name}, points")
    if not steps:
        axes[0].text(0.5, 0.5, "not run", transform=axes[0].transAxes, ha="center")
    words = "dot: a seed; bar: mean; blue: the same weights; brown: two trainings; diamond: paper"
    figure.suptitle(f"{label}\n{words}", fontsize="small")
    return figure


def precision_recall(result: VocResult, most: int = 3) -> View:
    """Precision against recall of the best, the middle and the worst class, with their AP."""
    known = sorted((c for c in result.curves if c.objects), key=lambda c: -c.ap)
    chosen = [known[round(i * (len(known) - 1) / max(1, most - 1))] for i in range(most)]
    chosen = list({curve.name: curve for curve in chosen}.values())
    figure, axes = style.sheet(len(chosen), width=7.6, height=2.6)
    for ax, curve in zip(axes, chosen, strict=True):
        envelope = np.maximum.accumulate(curve.precision[::-1])[::-1]
        recall, top = np.append(0, curve.recall), np.append(envelope[:1], envelope)
        ax.fill_between(recall, top, step="pre", color=INK["residual"], alpha=0.25)
        ax.plot(curve.recall, curve.precision, color=INK["residual"], linewidth=1.2)
        ax.set(xlim=(0, 1.02), ylim=(0, 1.05), xlabel="recall", ylabel="precision")
        ax.set_title(f"{curve.name}: AP {curve.ap:.1f} %", fontsize="small")
    words = (
        f"AP of {len(known)} classes at IoU {result.iou:g}: best {known[0].name} "
        f"{known[0].ap:.1f} %, worst {known[-1].name} {known[-1].ap:.1f} %; their mean, "
        f"**mAP@{result.iou:g}, is {result.mean_ap:.1f} %**. The area is what AP measures."
    )
    return View(words=words, figure=figure)
