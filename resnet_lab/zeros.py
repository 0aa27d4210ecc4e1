"""Zeros in a block: what is left when F is zero, and what option A's new channels hold.

Paper: Sections 3.1 to 3.3 and 4.1 (options A, B, C).
Notebook: notebooks/02_shortcuts.py. Tests: tests/test_zeros.py.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.axes import Axes
from torch import Tensor, nn

from resnet_lab.blocks import Block, PadShortcut
from resnet_lab.drawings import SHORTCUT
from resnet_lab.errors import InputError
from resnet_lab.explore_blocks import OPTIONS, PLACES
from resnet_lab.style import COLOURS


def silence(block: Block) -> Block:
    """`block` with all weights of F at zero, changed in place; the shortcut keeps its own."""
    for parameter in block.residual.parameters():
        nn.init.zeros_(parameter)
    return block


@torch.no_grad()
def without_f(option: str, place: str) -> str:
    """What a block returns when F is zero, in words; found by comparing, to the last bit."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        block = silence(Block(*PLACES[place], shortcut=option)).eval()
        x = torch.rand(2, PLACES[place][0], 8, 8)  # as after a ReLU: none below 0
    y = block(x)
    if torch.equal(y, x):
        return "x, to the last bit"
    if not y.any():
        return "zero: what came in is lost"
    if isinstance(block.shortcut, PadShortcut):
        kept = torch.equal(y[:, new_channels(block).logical_not()], x[:, :, ::2, ::2])
        return "every 2nd pixel of x, and zeros" if kept else "something else"
    projected = torch.equal(y, F.relu(block.shortcut(x)))
    return "relu(W_s x), a projection" if projected else "something else"


def without_f_table() -> str:
    """Every option with F at zero, at both places of a block, as a Markdown table."""
    lines = ["| shortcut | " + " | ".join(reversed(PLACES)) + " |", "|---|---|---|"]
    for option in OPTIONS:
        cells = [without_f(option, place) for place in reversed(PLACES)]
        lines.append(f"| {option} | {' | '.join(cells)} |")
    return "\n".join(lines)


def new_channels(block: Block) -> Tensor:
    """Which output channels of an option-A block that changes shape are new: boolean, (C,).

    Raises: InputError if the shortcut pads nothing.
    """
    if not isinstance(block.shortcut, PadShortcut):
        raise InputError("only option A, where the shape changes, pads with zeros")
    c_out = block.residual[-1][0].out_channels
    new = torch.zeros(c_out, dtype=torch.bool)
    new[: block.shortcut.before] = True
    new[c_out - block.shortcut.after :] = True
    return new


@dataclass(frozen=True, kw_only=True)
class Twins:
    """A block with option A and a plain one with the same weights, on the same images."""

    block: Block
    plain: Block
    x: Tensor


def twins() -> Twins:
    """The first block of conv3_x of ResNet-34 and its plain twin, with random weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        block, plain = (Block(*PLACES["changes shape"], shortcut=o) for o in ("A", "none"))
        plain.load_state_dict(block.state_dict())
        # training mode: BN divides by the spread of these images, so that F is of the size of x
        return Twins(block=block.train(), plain=plain.train(), x=torch.randn(8, 64, 16, 16).relu())


@torch.no_grad()
def channels(ax: Axes, found: Twins) -> None:
    """What each channel of the sum is made of: the mean size of the shortcut's part and of F's.

    Units: mean absolute value, of images and positions.
    """
    new = new_channels(found.block).numpy()
    sizes = [
        part.abs().mean((0, 2, 3)).numpy()
        for part in (found.block.shortcut(found.x), found.block.residual(found.x))
    ]
    at = np.arange(len(new))
    colour = SHORTCUT["zero padding"][0]
    ax.bar(at, sizes[0], width=1.0, color=colour, alpha=0.75)
    ax.step(at, sizes[1], where="mid", color=COLOURS["plain"][44], lw=1.2)
    ax.set(xlabel="channel of the sum", ylabel="mean size", xlim=(-0.5, len(new) - 0.5))
    top = 1.25 * max(size.max() for size in sizes)
    ax.set_ylim(0, top)
    middle = at[~new].mean()
    look = dict(ha="center", va="top", fontsize="small")
    ax.text(middle, 0.98 * top, "carried: x and F", color=colour, **look)
    for side in (at[new & (at < middle)], at[new & (at > middle)]):
        ax.text(side.mean(), 0.98 * top, "new: F alone", color=COLOURS["plain"][44], **look)
