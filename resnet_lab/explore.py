"""What the sliders show, as plain functions of their values.

Paper: Section 4.2 and its table of stages; Figures 1 and 6.
Notebook: notebooks/01_degradation.py. Tests: tests/test_explore.py.
"""

from collections.abc import Sequence
from statistics import mean, stdev

import numpy as np
import torch
from matplotlib.figure import Figure

from resnet_lab import cost, figures
from resnet_lab.errors import InputError
from resnet_lab.records import Record
from resnet_lab.resnet import ResNet, cifar

DEPTHS = tuple(range(8, 111, 6))  # every 6n+2 to 110


def describe_net(depth: int, kind: str = "residual", *, width: int = 16) -> str:
    """The stages of a CIFAR net as a Markdown table, with what it costs.

    Shapes are those of one 32x32 image.
    Raises: InputError unless depth is 6n+2.
    Paper: the table in Section 4.2; Table 6.
    """
    shortcut = "none" if kind == "plain" else "A"
    config = cifar(depth, shortcut=shortcut, width=width)
    with torch.device("meta"):  # shapes and counts need no numbers
        net = ResNet(config)
        size = 32
        rows = [f"| stem | {size}x{size} | {width} | 1 | |"]
        for stage, (blocks, filters) in enumerate(zip(config.blocks, config.widths, strict=True)):
            size = 32 >> stage
            joined = "none" if kind == "plain" else f"{blocks} identity"
            rows.append(
                f"| stage {stage + 1} | {size}x{size} | {filters} | {2 * blocks} | {joined} |"
            )
        rows.append("| pool, classifier | 1x1 | | 1 | |")
        parameters = cost.parameters(net)
        multiply_adds = cost.multiply_adds(net, (3, 32, 32))
    table = "\n".join(["| | map | filters | layers | shortcuts |", "|---|---|---|---|---|", *rows])
    name = f"{'plain' if kind == 'plain' else 'ResNet'}-{depth}"
    n = config.blocks[0]
    return (
        f"**{name}**: n = {n}, 6n + 2 = {depth} weighted layers, {parameters:,} parameters, "
        f"{multiply_adds / 1e6:.1f} million multiply-adds an image\n\n{table}"
    )


def trained_depths(records: Sequence[Record]) -> list[int]:
    """Depths with both a plain and a residual run, in rising order; else all depths there are."""
    depths = {"plain": set(), "ResNet": set()}
    for record in records:
        depths[record.net.split("-")[0]].add(record.run.net.depth)
    both = depths["plain"] & depths["ResNet"]
    return sorted(both or depths["plain"] | depths["ResNet"])


def curves_of(records: Sequence[Record], depth: int, kind: str = "plain") -> Figure:
    """Training and test error of the net of that depth and kind, all others in the background.

    Raises: InputError if no such net was trained.
    """
    figure, panels = figures.sheet(2, width=8.2, height=3.2)
    name = f"{'plain' if kind == 'plain' else 'ResNet'}-{depth}"
    figures.highlight(panels, records, name)
    return figure


def errors_table(records: Sequence[Record]) -> str:
    """Final training and test error of each net as a Markdown table, mean and spread over seeds.

    Units: percent. Training error: mean over the last window of updates, augmented images.
    """
    rows = ["| net | runs | training error (%) | test error (%) |", "|---|---|---|---|"]
    for net, runs in figures.by_net(records).items():
        cells = []
        for which in ("train_error", "test_error"):
            values = [getattr(run.final, which) for run in runs]
            spread = f" ± {stdev(values):.1f}" if len(values) > 1 else ""
            cells.append(f"{mean(values):.1f}{spread}")
        rows.append(f"| {net} | {len(runs)} | {' | '.join(cells)} |")
    return "\n".join(rows)


def difference(records: Sequence[Record], deep: str, shallow: str, which: str = "train") -> str:
    """A sentence: by how much the final error of `deep` is above or below that of `shallow`.

    Raises: InputError if one of the two has no run.
    """
    groups = figures.by_net(records)
    missing = [net for net in (deep, shallow) if net not in groups]
    if missing:
        raise InputError(f"no run of {missing[0]} is here; there are {', '.join(groups)}")
    errors = {
        net: {r.run.recipe.seed: getattr(r.final, f"{which}_error") for r in groups[net]}
        for net in (deep, shallow)
    }
    gap = mean(errors[deep].values()) - mean(errors[shallow].values())
    seeds = sorted(errors[deep].keys() & errors[shallow].keys())
    same_sign = sum((errors[deep][s] - errors[shallow][s]) * gap > 0 for s in seeds)
    word = "training" if which == "train" else "test"
    return (
        f"{deep} ends {abs(gap):.1f} points {'above' if gap > 0 else 'below'} {shallow} in {word} "
        f"error; {same_sign} of {len(seeds)} seeds have that sign."
    )


def runs_table(records: Sequence[Record]) -> str:
    """How many runs there are of each net, scale and image set, as a Markdown table."""
    if not records:
        return "No run is recorded yet: `make reproduce` trains the first ones."
    rows = ["| scale | images | updates | nets (runs) |", "|---|---|---|---|"]
    kinds: dict[tuple[str, str, int, int], list[Record]] = {}
    for record in records:
        images, recipe = record.run.images, record.run.recipe
        key = (record.scale, images.name, images.size, recipe.steps)
        kinds.setdefault(key, []).append(record)
    for (scale, name, size, steps), runs in sorted(kinds.items()):
        label = "CIFAR-10" if name == "cifar10" else "embedded data"
        nets = ", ".join(f"{net} ({len(group)})" for net, group in figures.by_net(runs).items())
        rows.append(f"| {scale} | {label}, {size}x{size} | {steps:,} | {nets} |")
    return "\n".join(rows)


def gaps(records: Sequence[Record]) -> str:
    """The gap in training error of the deepest to the shallowest net, half-way and at the end.

    One line for the plain pair and one for the residual pair: mean and spread over the seeds.
    Units: percentage points.
    """
    lines = []
    for kind, name in (("plain", "plain pair"), ("ResNet", "residual pair")):
        steps, values = figures.depth_gaps(records, kind)  # (points,), (seeds, points)
        words = []
        for point in (int(np.searchsorted(steps, steps[-1] / 2)), len(steps) - 1):
            column = values[:, point]
            spread = f" ± {column.std(ddof=1):.1f}" if len(column) > 1 else ""
            words.append(f"{column.mean():+.1f}{spread} points after {int(steps[point]):,} updates")
        lines.append(f"{name}: {', '.join(words)} (n={len(values)})")
    return "\n".join(lines)
