"""Lesions: blocks of a trained net left out or put in another order, and the error that follows.

Paper: Sections 3.1 to 3.3 (blocks, identity shortcuts); the question is Veit et al. 2016's.
Notebook: notebooks/10_why_it_works.py. Tests: tests/test_lesion.py.

A block is left out by taking its residual F as zero: the shortcut stays, padded or projected where
the shape changes. A plain block has no shortcut, so it is skipped as if it had that of option A:
the identity, and where the shape changes every second pixel with zeros in the new channels. Behind
either comes the block's own ReLU. Veit, Wilber and Belongie (arXiv 1605.06431, "Residual Networks
Behave Like Ensembles of Relatively Shallow Networks") ask what happens then.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnet_lab import bn_statistics
from resnet_lab.batches import normalise
from resnet_lab.blocks import Block, make_shortcut
from resnet_lab.errors import InputError
from resnet_lab.lesion_plans import (
    Plan,
    blocks_of,
    changes_shape,
    check,
    draws,
    kendall_tau,
    same_shape,
    shape_of,
    singles,
    swaps,
    without,
)
from resnet_lab.resnet import ResNet
from resnet_lab.train import SingleView, true_float32

__all__ = [
    "Inputs",
    "Lesioned",
    "Plan",
    "Speed",
    "blocks_of",
    "changes_shape",
    "check",
    "draws",
    "error_with_new_bn",
    "errors",
    "errors_by_whole_passes",
    "kendall_tau",
    "run",
    "same_shape",
    "singles",
    "skip",
    "speed",
    "swaps",
    "without",
    "wrong",
]


def skip(block: Block, x: Tensor) -> Tensor:
    """What `block` returns with its residual at zero; `x` is not written into.

    Shapes: (N, c_in, H, W) -> (N, c_out, H / stride, W / stride).
    """
    shortcut = block.shortcut
    if shortcut is None:  # a plain block: as if it had option A's
        shortcut = make_shortcut("A", *shape_of(block))
    if block.activation == "pre":
        # there a projection reads what BN and ReLU made of x, and nothing follows the addition
        return shortcut(block.before(x) if isinstance(shortcut, nn.Conv2d) else x)
    return F.relu(shortcut(x))


def run(net: ResNet, x: Tensor, plan: Plan, first: int = 0) -> Tensor:
    """Class scores from the input `x` of place `first`, on the way that `plan` says.

    Shapes: (N, C, h, w) -> (N, classes).
    """
    blocks = blocks_of(net)
    for place, block in list(enumerate(plan))[first:]:
        x = skip(blocks[place], x) if block is None else blocks[block](x)
    return net.classifier(F.adaptive_avg_pool2d(net.last(x), 1).flatten(1))


class Lesioned(nn.Module):
    """`net` with `plan` carried out: a module like any other, which shares the net's weights.

    Shapes: (N, 3, H, W) -> (N, classes).
    """

    def __init__(self, net: ResNet, plan: Plan) -> None:
        super().__init__()
        check(net, plan)
        self.net, self.plan = net, plan

    def forward(self, x: Tensor) -> Tensor:
        return run(self.net, self.net.stem(x), self.plan)


@contextmanager
def evaluating(net: nn.Module) -> Iterator[None]:
    """While open, `net` is in evaluation mode without gradients; then in its own modes again."""
    modes = {module: module.training for module in net.modules()}
    net.eval()
    try:
        with torch.no_grad(), true_float32():
            yield
    finally:
        for module, mode in modes.items():
            module.training = mode


class Inputs:
    """What goes into every block of the whole net, kept: a lesion is computed from its place on.

    Shapes: images float32 (N, 3, H, W), mean subtracted.
    """

    def __init__(self, net: ResNet, images: Tensor) -> None:
        self.net = net
        with evaluating(net):
            images = images.contiguous(memory_format=torch.channels_last)
            self.kept = [net.stem(images)]
            for block in blocks_of(net):
                self.kept.append(block(self.kept[-1]))

    def scores(self, plan: Plan) -> Tensor:
        """Class scores of the net with `plan` carried out. Shapes: -> (N, classes)."""
        check(self.net, plan)
        changed = [place for place, block in enumerate(plan) if block != place]
        first = changed[0] if changed else len(plan)
        with evaluating(self.net):
            return run(self.net, self.kept[first], plan, first)


def wrong(net: ResNet, view: SingleView, plans: Sequence[Plan]) -> Tensor:
    """Which images are classified wrongly with each plan. Shapes: -> bool (plans, N)."""
    parts = []
    pieces = zip(view.images.split(view.batch), view.labels.split(view.batch), strict=True)
    for x, y in pieces:
        inputs = Inputs(net, normalise(x, view.mean, view.std))
        parts.append(torch.stack([inputs.scores(plan).argmax(1) != y for plan in plans]))
    return torch.cat(parts, dim=1)


def errors(net: ResNet, view: SingleView, plans: Sequence[Plan]) -> list[float]:
    """Test error with each plan in percent, with the BN statistics that the net has.

    The same numbers as evaluating a `Lesioned` net for each plan, without computing again what
    lies before the lesion.

    Raises: InputError for a plan that does not fit.
    """
    if not plans:
        return []
    found = wrong(net, view, plans).sum(1)
    return [100 * int(count) / len(view.labels) for count in found]


def error_with_new_bn(
    net: ResNet, view: SingleView, plan: Plan, batches: Iterable[Tensor]
) -> float:
    """Test error in percent after BN's statistics were estimated anew *with* the lesion.

    The net gets its own statistics back. Shapes: each batch float32 (N, 3, H, W).
    """
    before = [(buffer, buffer.clone()) for buffer in net.buffers()]
    lesioned = Lesioned(net, plan)
    try:
        bn_statistics.estimate(lesioned, batches)
        return view(lesioned)
    finally:
        for buffer, value in before:
            buffer.copy_(value)


@dataclass(frozen=True, kw_only=True)
class Speed:
    """Seconds for every single lesion, from kept inputs and by whole passes, in turn."""

    kept: tuple[float, ...]
    whole: tuple[float, ...]

    @property
    def ratios(self) -> list[float]:
        """How many times as long the whole passes took, round by round."""
        return [w / k for w, k in zip(self.whole, self.kept, strict=True)]


def speed(net: ResNet, view: SingleView, rounds: int = 3) -> Speed:
    """Both ways to compute every single lesion, side by side. Raises: InputError for no rounds."""
    if rounds < 1:
        raise InputError(f"a speed takes at least one round, got {rounds}")
    plans, kept, whole = singles(net), [], []
    for _ in range(rounds):
        for way, times in ((errors, kept), (errors_by_whole_passes, whole)):
            began = time.perf_counter()
            way(net, view, plans)
            times.append(time.perf_counter() - began)
    return Speed(kept=tuple(kept), whole=tuple(whole))


def errors_by_whole_passes(net: ResNet, view: SingleView, plans: Sequence[Plan]) -> list[float]:
    """The same as `errors` the slow way: all of the net for every plan."""
    return [view(Lesioned(net, plan)) for plan in plans]
