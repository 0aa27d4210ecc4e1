"""What a net of Table 6 costs, and why the same code elsewhere reports other numbers.

Paper: Section 4.2; Table 6.
Notebook: notebooks/05_cifar.py. Tests: tests/test_elsewhere.py.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from statistics import median

import torch
from matplotlib.figure import Figure

from resnet_lab import cost, figures, paper
from resnet_lab.recipe import WARM_UP_LR, Recipe
from resnet_lab.records import Record
from resnet_lab.resnet import ResNet, cifar
from resnet_lab.runs import Run

HELD_OUT = 5_000  # of the 50k training images: the paper's "45k/5k train/val split"


@cache
def weightless(depth: int, shortcut: str = "A") -> ResNet:
    """A CIFAR net at full width, without numbers: counting needs none."""
    with torch.device("meta"):
        return ResNet(cifar(depth, shortcut=shortcut))


def parameters(depth: int, shortcut: str = "A") -> int:
    """Parameters of a CIFAR net at full width."""
    return cost.parameters(weightless(depth, shortcut))


@cache
def multiply_adds(depth: int) -> int:
    """Multiply-adds of a CIFAR net at full width for one 32x32 image."""
    with torch.device("meta"):
        return cost.multiply_adds(weightless(depth), (3, 32, 32))


def cost_table(records: Sequence[Record]) -> str:
    """Parameters, multiply-adds and time of every net of Table 6, as a Markdown table.

    Counts are of the paper's nets. Seconds are the median and range of the runs in `records`,
    at their scale, as long as the machine took with whatever else it did; "not run" without any.
    """
    rows = [
        "| net | parameters | Table 6 | multiply-adds (millions) | ResNet-20 = 1 | seconds a run |",
        "|---|---|---|---|---|---|",
    ]
    groups = figures.by_net(records) if records else {}
    depths = paper.value("architecture.cifar.residual_depths")
    for depth in depths:
        printed = paper.value(f"tables.table6.resnet_{depth}.params")
        rows.append(
            f"| ResNet-{depth} | {parameters(depth):,} | {printed} "
            f"| {multiply_adds(depth) / 1e6:,.1f} | {multiply_adds(depth) / multiply_adds(20):.1f} "
            f"| {seconds(groups.get(f'ResNet-{depth}', []))} |"
        )
    return "\n".join(rows)


def seconds(runs: Sequence[Record]) -> str:
    """Median and range of what the runs took, "54 (51 to 109; n=5)"."""
    if not runs:
        return "not run"
    taken = [run.how.seconds for run in runs]
    if len(taken) == 1:
        return f"{taken[0]:,.0f} (n=1)"
    return f"{median(taken):,.0f} ({min(taken):,.0f} to {max(taken):,.0f}; n={len(taken)})"


def devices(records: Sequence[Record]) -> str:
    """On what the runs were computed: each kind of device with its number of runs."""
    kinds: dict[str, int] = {}
    for record in records:
        how = record.how
        threads = f", {how.threads} thread{'s' * (how.threads > 1)}" if "cpu" in how.device else ""
        name = f"{how.device}{threads}, products in {how.precision}"
        kinds[name] = kinds.get(name, 0) + 1
    return "; ".join(f"{count} runs on {name}" for name, count in sorted(kinds.items()))


def pair_table() -> str:
    """110 and 1202 layers side by side: parameters, and how many there are to an image."""
    images = int(paper.number("recipes.cifar10.dataset", after="CIFAR-10, "))
    rows = [
        "| net | parameters | a training image | paper: test error (%) |",
        "|---|---|---|---|",
    ]
    for depth, name in ((110, "error_mean"), (1202, "error")):
        count = parameters(depth)
        error = paper.value(f"tables.table6.resnet_{depth}.{name}")
        rows.append(f"| ResNet-{depth} | {count:,} | {count / images:,.0f} | {error} |")
    return "\n".join(rows)


def option_b_table() -> str:
    """Parameters with option A and with B, beside the printed number, as a Markdown table."""
    rows = ["| net | option A | option B | B minus A | Table 6 |", "|---|---|---|---|---|"]
    for depth in paper.value("architecture.cifar.residual_depths"):
        a, b = parameters(depth), parameters(depth, "B")
        printed = paper.value(f"tables.table6.resnet_{depth}.params")
        rows.append(f"| ResNet-{depth} | {a:,} | {b:,} | {b - a:,} | {printed} |")
    return "\n".join(rows)


def with_45k(run: Run) -> Run:
    """`run` on 45,000 of the training images, tested on the other 5,000: another run."""
    return replace(run, images=replace(run.images, held_out=HELD_OUT))


def endless_warm_up() -> Figure:
    """The rate of ResNet-110 in the paper, and that of a warm-up which nobody switches off.

    Both are schedules, drawn; neither is a run.
    """
    ends = int(paper.number("recipes.cifar10.warm_up_110", after="about"))
    figure, panels = figures.sheet(1, width=6.4, height=3.0)
    figures.rates(
        panels[0],
        {
            "the paper's": (Recipe(warm_up=True), ends),
            "warm-up without end": (Recipe(lr=WARM_UP_LR), 0),
        },
    )
    figure.suptitle("two schedules for ResNet-110; not runs", fontsize="small", color="0.35")
    return figure
