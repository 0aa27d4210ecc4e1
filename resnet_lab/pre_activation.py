"""Where the identity argument ends: blocks with nothing behind their addition.

Paper: beyond it; He et al. 2016, "Identity Mappings in Deep Residual Networks", Eqn. 3 to 5.
Notebook: notebooks/10_why_it_works.py. Tests: tests/test_pre_activation.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from resnet_lab import arm_results, curves, figures
from resnet_lab.arm_results import Runs
from resnet_lab.blocks import Block
from resnet_lab.errors import InputError
from resnet_lab.records import Record
from resnet_lab.resnet import ResNet
from resnet_lab.style import COLOURS

ORDERS = {  # of BN and ReLU: the words of a figure and their colour
    "post": ("behind the convolutions, as in the paper", COLOURS["ResNet"][56]),
    "pre": ("before them", "#2f8f6b"),
}


@dataclass(frozen=True, kw_only=True)
class Chain:
    """What comes out of a stage, beside its input plus all its residuals."""

    blocks: int  # all but the stage's first, which changes the shape
    difference: float  # relative: norm of (output - sum) over norm of the output
    cut: float  # share of sums that the ReLU behind an addition sets to zero, mean over blocks


@torch.no_grad()
def chain(net: ResNet, images: Tensor, stage: int = 0) -> Chain:
    """Whether a stage of `net` is its input plus a sum of residuals, in evaluation mode.

    Shapes: `images` float32 (N, 3, H, W), mean subtracted.
    Raises: InputError for a plain net, which has no sum.
    """
    if net.config.shortcut == "none":
        raise InputError("a plain net adds nothing: take one with shortcuts")
    training = net.training
    net.eval()
    try:
        x = net.stages[:stage](net.stem(images))
        first, *rest = net.stages[stage]
        x = total = first(x)
        cuts = []
        for block in rest:
            residual = residual_of(block, x)
            total = total + residual
            cuts.append(((x + residual) < 0).float().mean().item())
            x = block(x)
    finally:
        net.train(training)
    pre = net.config.activation == "pre"
    return Chain(
        blocks=len(rest),
        difference=((x - total).norm() / x.norm()).item(),
        cut=0.0 if pre else sum(cuts) / max(1, len(cuts)),
    )


def residual_of(block: Block, x: Tensor) -> Tensor:
    """F(x) of Eqn. 1, whichever order the block has."""
    return block.residual(block.before(x) if block.activation == "pre" else x)


def table(nets: Mapping[str, ResNet], images: Tensor) -> str:
    """`chain` of every stage of every net as a Markdown table.

    Shapes: `images` float32 (N, 3, H, W), mean subtracted.
    """
    lines = [
        "| net | stage | blocks in it | sums cut by the ReLU | output and sum differ by |",
        "|---|---|---|---|---|",
    ]
    for name, net in nets.items():
        for stage in range(len(net.stages)):
            found = chain(net, images, stage)
            lines.append(
                f"| {name} | {stage + 1} | {found.blocks} | {found.cut:.0%} "
                f"| {found.difference:.0%} |"
            )
    return "\n".join(lines)


def first_gradient(order: str, depth: int, seed: int = 0) -> float:
    """How much of a gradient reaches the input of `depth` blocks whose residuals are all zero.

    The share of entries of the gradient that are 1, where the loss is the sum of the output and
    the input is Gaussian: identity mappings pass everything, a ReLU behind an addition does not.
    """
    blocks = nn.Sequential(*[Block(8, 8, 1, activation=order) for _ in range(depth)])
    for block in blocks:
        last = block.residual[-1]
        nn.init.zeros_((last if isinstance(last, nn.Conv2d) else last[1]).weight)
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(4, 8, 8, 8, generator=generator).requires_grad_()
    blocks(x).sum().backward()
    return (x.grad == 1).float().mean().item()


def orders(runs: Runs) -> str:
    """A line for every pair of nets: which order of layers ended with the higher test error."""
    lines = []
    for post, pre in pairs(runs):
        lines.append(arm_results.order(runs, post, pre, "test"))
        lines.append(arm_results.order(runs, post, pre, "train"))
    return "\n".join(lines)


def pairs(runs: Runs) -> list[tuple]:
    """The arms in pairs that differ in the order of their layers and in nothing else."""
    ordered = sorted(runs, key=lambda arm: arm.order)
    return [pair for pair in pairwise(ordered) if pair[0].depth == pair[1].depth]


def figure(runs: Runs) -> Figure | str:
    """Training error of both orders against updates, a panel a depth; thin lines are seeds.

    Where nothing was run a sentence says so instead. Units: errors in percent.
    """
    shown = [pair for pair in pairs(runs) if any(runs[arm] for arm in pair)]
    if not shown:
        return "Not run: there is no record to draw."
    sheet, panels = figures.sheet(len(shown), width=max(5.4, 4.2 * len(shown)), height=3.4)
    every: list[Record] = []
    for ax, pair in zip(panels, shown, strict=True):
        for height, arm in zip((0.95, 0.87), pair, strict=True):
            words, colour = ORDERS[arm.activation]
            found = runs[arm]
            draw(ax, found, colour)
            text = f"{words} (n={len(found)})" if found else f"{words}: not run"
            ax.text(
                0.98,
                height,
                text,
                color=colour,
                transform=ax.transAxes,
                ha="right",
                fontsize="small",
            )
            every += found
        ax.set_title(f"{pair[0].label}: BN and ReLU", fontsize="medium")
        ax.set(ylim=(0, 100), ylabel="training error (%)")
        curves.updates_axis(ax, max(r.run.recipe.steps for arm in pair for r in runs[arm]))
    sheet.supxlabel(figures.describe(every), fontsize="small", color="0.35")
    return sheet


def draw(ax, found: Sequence[Record], colour: str) -> None:
    """Every run as a thin line and their mean as a thick one."""
    lines = [curves.curve(run, "train") for run in found]
    for x, y in lines:
        ax.plot(x, y, color=colour, linewidth=0.6, alpha=0.5)
    if lines:
        ax.plot(lines[0][0], sum(y for _, y in lines) / len(lines), color=colour, linewidth=1.8)
