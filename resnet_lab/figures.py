"""One function a figure: records in, ink out. The curves of a training are in `curves`.

Paper: Figures 1 and 6.
Notebook: notebooks/01_degradation.py. Tests: tests/test_figures.py.
"""

from collections.abc import Sequence
from dataclasses import replace
from statistics import mean

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from resnet_lab.curves import (
    by_net,
    curve,
    error_curves,
    figure_6,
    rates,
    updates_axis,
    warm_up,
)
from resnet_lab.errors import InputError
from resnet_lab.records import Record
from resnet_lab.style import COLOURS, colour, counted, describe, label_ends, save, sheet

__all__ = [
    "COLOURS",
    "by_net",
    "colour",
    "curve",
    "degradation",
    "depth_gap",
    "depth_gaps",
    "depth_panels",
    "describe",
    "error_by_depth",
    "error_curves",
    "figure_6",
    "highlight",
    "image_row",
    "rates",
    "save",
    "sheet",
    "tested_updates",
    "until",
    "warm_up",
]


def face(records: Sequence[Record]) -> str:
    """What a figure of means over seeds says on its face: images, scale, and runs a net."""
    return f"{describe(records)}, {counted(by_net(records).values())}"


def degradation(panels: Sequence[Axes], records: Sequence[Record]) -> None:
    """Figure 1: training error on the left panel, test error on the right, on one scale."""
    for ax, which in zip(panels, ("train", "test"), strict=True):
        error_curves(ax, records, which)
    top = max(ax.get_ylim()[1] for ax in panels)
    for ax in panels:
        ax.set_ylim(0, min(top, 100))
    panels[0].figure.suptitle(face(records), fontsize="small", color="0.35")


def error_by_depth(ax: Axes, records: Sequence[Record], which: str = "train") -> None:
    """Final error against depth, plain and residual: degradation as a slope.

    A dot is a run, the line joins the means over seeds. Not a figure of the paper: it shows what
    the ends of the curves of Figure 6 say.

    Units: errors in percent.
    """
    for kind in ("plain", "ResNet"):
        groups = {n: runs for n, runs in by_net(records).items() if n.startswith(kind)}
        depths = [runs[0].run.net.depth for runs in groups.values()]
        finals = [[getattr(r.final, f"{which}_error") for r in runs] for runs in groups.values()]
        if not depths:
            continue
        shade = COLOURS[kind][56]
        ax.plot(depths, [mean(values) for values in finals], color=shade, linewidth=1.8)
        for depth, values in zip(depths, finals, strict=True):
            ax.plot([depth] * len(values), values, "o", color=shade, markersize=3.5, alpha=0.6)
        ax.annotate(
            "plain" if kind == "plain" else "residual",
            (depths[-1], mean(finals[-1])),
            xytext=(6, 0),
            textcoords="offset points",
            color=shade,
            va="center",
        )
    word = "training" if which == "train" else "test"
    ax.set(xlabel="depth (weighted layers)", ylabel=f"final {word} error (%)")
    ax.set_ylim(bottom=0)


def image_row(ax: Axes, images: np.ndarray, labels: Sequence[str]) -> None:
    """A row of images with their class above each.

    Shapes: uint8 (N, 3, H, W), N names.
    """
    n, _, height, width = images.shape
    gap = max(1, width // 16)
    row = np.full((height, n * (width + gap) - gap, 3), 255, np.uint8)
    for i, image in enumerate(images):
        left = i * (width + gap)
        row[:, left : left + width] = image.transpose(1, 2, 0)
        ax.text(left + width / 2, -1, labels[i], ha="center", va="bottom", fontsize="x-small")
    ax.imshow(row, interpolation="nearest")
    ax.set_axis_off()


def until(record: Record, update: int | None) -> Record:
    """`record` with its curve up to `update`; None: all of it. Its end stays what it is."""
    if update is None:
        return record
    return replace(record, curve=tuple(point for point in record.curve if point.step <= update))


def tested_updates(records: Sequence[Record]) -> list[int]:
    """Updates after which every run measured its test error, in rising order."""
    steps = [{p.step for p in record.curve if p.test_error is not None} for record in records]
    return sorted(set.intersection(*steps)) if steps else []


def highlight(
    panels: Sequence[Axes],
    records: Sequence[Record],
    net: str,
    *,
    seed: int | None = None,
    update: int | None = None,
) -> None:
    """Training and test error of one net over the grey curves of all the others.

    With `seed`, of that run alone; its twins are then grey too, and so is all if there is none.
    With `update`, as far as it had come by then; what came after is grey.

    Units: errors in percent.
    Raises: InputError if `records` has no run of `net`, unless a seed is named.
    """
    groups = by_net(records)
    if net not in groups and seed is None:
        raise InputError(f"no run of {net} is here; there are {', '.join(groups)}")
    chosen = [r for r in groups.get(net, []) if seed is None or r.run.recipe.seed == seed]
    top = 30 if records[0].scale == "paper" else 100  # plain-110 leaves it, as in Figure 6
    for ax, which in zip(panels, ("train", "test"), strict=True):
        behind = [run for run in records if update is not None or run not in chosen]
        lines = [np.column_stack(curve(run, which)) for run in behind]
        ax.add_collection(LineCollection(lines, colors="0.87", linewidths=0.8, zorder=1))
        if chosen:
            error_curves(ax, [until(run, update) for run in chosen], which)
        word = "training" if which == "train" else "test"
        ax.set(ylabel=f"{word} error (%)", ylim=(0, top))
        updates_axis(ax, max(run.final.step for run in records))
    panels[0].figure.suptitle(face(records), fontsize="small", color="0.35")


def depth_gaps(records: Sequence[Record], kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Training error of the deepest net minus that of the shallowest, seed by seed.

    Shapes: updates (points,), gaps (seeds, points). Units: percentage points.
    Raises: InputError if `kind`, "plain" or "ResNet", has fewer than two depths, or no common seed.
    """
    groups = [runs for net, runs in by_net(records).items() if net.startswith(kind)]
    if len(groups) < 2:
        raise InputError(f"two depths of {kind} nets are needed to draw their gap")
    shallow, deep = (
        {run.run.recipe.seed: curve(run, "train") for run in runs}
        for runs in (groups[0], groups[-1])
    )
    seeds = sorted(shallow.keys() & deep.keys())
    if not seeds:
        raise InputError(f"no seed was run at both depths of the {kind} nets")
    gaps = np.array([deep[seed][1] - shallow[seed][1] for seed in seeds])
    return shallow[seeds[0]][0], gaps


def depth_gap(ax: Axes, records: Sequence[Record]) -> None:
    """Gap in training error between the deepest and the shallowest net, plain and residual.

    A thin line is a seed, a thick one the mean. Not a figure of the paper: it shows how the
    gap of Figure 1 goes over the training.

    Units: percentage points.
    """
    ends, found = {}, []
    for kind in ("plain", "ResNet"):
        steps, gaps = depth_gaps(records, kind)
        found.append(gaps)
        shade = COLOURS[kind][56]
        ax.plot(steps, gaps.T, color=shade, linewidth=0.6, alpha=0.35)
        ax.plot(steps, gaps.mean(0), color=shade, linewidth=1.8)
        ends[f"{kind}-56"] = (steps[-1], gaps.mean(0)[-1])
    ax.axhline(0, color="0.4", linewidth=0.8)
    ax.set(xlabel="updates", ylabel="deep minus shallow,\ntraining error (points)")
    # the names carry the colour; what they say is the pair
    label_ends(ax, ends, {"plain-56": "plain pair", "ResNet-56": "residual pair"})
    seeds = f"{describe(records)}\n{counted(found, 'pair')}"
    ax.set_title(seeds, fontsize="small", color="0.35")
    ax.set_xlim(left=0)


def depth_panels(panels: Sequence[Axes], records: Sequence[Record]) -> None:
    """Final training error on the left, test error on the right, against depth, on one scale.

    Units: errors in percent.
    """
    for ax, which in zip(panels, ("train", "test"), strict=True):
        error_by_depth(ax, records, which)
    top = min(100, max(ax.get_ylim()[1] for ax in panels))
    for ax in panels:
        ax.set_ylim(0, top)
    panels[0].figure.suptitle(face(records), fontsize="small", color="0.35")
