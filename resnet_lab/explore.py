"""What the sliders show, as plain functions of their values.

Paper: Section 4.2 and its table of stages; Figures 1 and 6.
Notebook: notebooks/01_degradation.py, notebooks/05_cifar.py. Tests: tests/test_explore.py.
"""

from collections.abc import Sequence
from statistics import mean, stdev

import numpy as np
from matplotlib.figure import Figure

from resnet_lab import family, figures, paper
from resnet_lab.errors import InputError
from resnet_lab.records import Record
from resnet_lab.resnet import cifar
from resnet_lab.style import Room

DEPTHS = tuple(range(8, 111, 6))  # every 6n+2 to 110


def describe_net(depth: int, kind: str = "residual", *, width: int = 16) -> str:
    """The stages of a CIFAR net as a Markdown table, with what it costs.

    Shapes are those of one 32x32 image.
    Raises: InputError unless depth is 6n+2.
    Paper: the table in Section 4.2; Table 6.
    """
    shortcut = "none" if kind == "plain" else "A"
    config, size = cifar(depth, shortcut=shortcut, width=width), 32
    rows = [f"| stem | {size}x{size} | {width} | 1 | |"]
    for stage, (blocks, filters) in enumerate(zip(config.blocks, config.widths, strict=True)):
        size = 32 >> stage
        joined = "none" if kind == "plain" else f"{blocks} identity"
        rows.append(f"| stage {stage + 1} | {size}x{size} | {filters} | {2 * blocks} | {joined} |")
    rows.append("| pool, classifier | 1x1 | | 1 | |")
    parameters, multiply_adds = family.counts(depth, shortcut, width)
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
    figure, panels = figures.sheet(2, width=8.2, height=3.2, room=Room(top=0.3))
    name = f"{'plain' if kind == 'plain' else 'ResNet'}-{depth}"
    figures.highlight(panels, records, name)
    return figure


def trained_seeds(records: Sequence[Record]) -> list[int]:
    """Seeds of which there is a run, in rising order."""
    return sorted({record.run.recipe.seed for record in records})


def run_of(
    records: Sequence[Record],
    depth: int,
    kind: str = "plain",
    seed: int = 0,
    update: int | None = None,
) -> Figure:
    """Training and test error of one run over the grey curves of all others; its end in words.

    `kind`: plain or residual, or an option: none, A, B, C; `update`: shown so far, None to the end.
    Where there is no such run, all curves are grey and the words say so.
    """
    figure, panels = figures.sheet(2, width=8.2, height=3.4, room=Room())
    name = f"{'plain' if kind in ('plain', 'none') else 'ResNet'}-{depth}"
    name += f"-{kind}" if kind in ("B", "C") else ""
    seeds = {r.run.recipe.seed: r for r in figures.by_net(records).get(name, [])}
    chosen = seeds.get(seed)
    others = ", ".join(map(str, sorted(seeds)))
    ends = f"{name}: not run" + (f" with seed {seed}, only with {others}" if others else "")
    if chosen is not None:
        at = figures.until(chosen, update).curve[-1]
        went = "ends" if at.step == chosen.final.step else "is"
        ends = (
            f"{name}, seed {seed}: {went} at {at.train_error:.1f} % training and "
            f"{at.test_error:.1f} % test error, after {at.step:,} updates"
        )
    figures.highlight(panels, records, name, seed=seed, update=update)
    figure.suptitle(f"{ends}\n{figures.describe(records)}", fontsize="small", color="0.35")
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


def best_point_table(records: Sequence[Record]) -> str:
    """What one would report by picking the best, of the points of a run or of the runs.

    Both picks look at the test set, which is why no other table here makes them. "Points" says how
    often the test error was measured, and how often after the last drop of the rate.
    Units: percent; mean and spread over the seeds.
    """
    rows = [
        "| net | runs | points | last point | best point of a run | best minus last | best run |",
        "|---|---|---|---|---|---|---|",
    ]
    for net, runs in figures.by_net(records).items():
        steps, _ = figures.curve(runs[0], "test")
        after = int((steps > runs[0].run.recipe.drops[-1]).sum())
        last = [run.final.test_error for run in runs]
        best = [min(run.final.test_error, *figures.curve(run, "test")[1]) for run in runs]
        gains = [b - a for a, b in zip(last, best, strict=True)]
        cells = [spread_of(values) for values in (last, best, gains)]
        alone = f"{min(last):.2f}" if len(runs) > 1 else "–"
        rows.append(
            f"| {net} | {len(runs)} | {len(steps)}, {after} after the last drop "
            f"| {' | '.join(cells)} | {alone} |"
        )
    return "\n".join(rows)


def spread_of(values: Sequence[float]) -> str:
    """Mean and standard deviation, "7.10 ± 0.20"; of one value no spread."""
    spread = f" ± {stdev(values):.2f}" if len(values) > 1 else ""
    return f"{mean(values):.2f}{spread}"


def updates_below(record: Record, error: float) -> int | None:
    """The first update of the curve with a training error below `error` percent; None: never."""
    return next((point.step for point in record.curve if point.train_error < error), None)


def start_table(records: Sequence[Record]) -> str:
    """How soon each arm begins to learn, and where it ends, as a Markdown table.

    The two thresholds are the paper's: 90 % in footnote 5, 80 % in the rule of the warm-up.
    Updates are given run by run; errors in percent, mean and spread.
    """
    if not records:
        return "Neither arm is recorded: **not run**. `resnet-lab reproduce warm_up` trains both."
    begin = paper.number("recipes.cifar10.warm_up_110_reason", after="(<")
    over = paper.number("recipes.cifar10.warm_up_110", after="error is below")
    rows = [
        f"| | runs | updates until below {begin:g} % | until below {over:g} % "
        "| training error at the end (%) | test error (%) |",
        "|---|---|---|---|---|---|",
    ]
    for net, runs in figures.by_net(records).items():
        cells = [
            ", ".join(str(updates_below(run, error) or "never") for run in runs)
            for error in (begin, over)
        ]
        cells += [
            spread_of([getattr(run.final, which) for run in runs])
            for which in ("train_error", "test_error")
        ]
        rows.append(f"| {net} | {len(runs)} | {' | '.join(cells)} |")
    return "\n".join(rows)
