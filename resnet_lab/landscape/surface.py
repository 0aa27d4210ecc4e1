"""Loss and error of a net at points around its weights; the net itself stays as it is.

Paper: beyond it; Li et al. 2018 (arXiv 1712.09913).
Notebook: notebooks/10_why_it_works.py. Tests: tests/test_landscape.py.

There are three ways to go through the points: to load each point's weights into a net, to call the
net with them (`functional_call`), or to call it with those of several points at once (`vmap`).
`resnet-lab bench landscape` times them side by side. `at_points` takes the second: it leaves the
net alone, and vmap, which makes one convolution with k groups of those of k points, is no faster on
a processor.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, vmap

from resnet_lab.errors import InputError
from resnet_lab.landscape.directions import Direction, filters
from resnet_lab.train import true_float32

BN = Literal["running", "recomputed"]
BATCH = 500  # images at once where each image stands for itself
Point = tuple[float, ...]  # a step along each direction


def at_points(
    net: nn.Module,
    directions: Sequence[Direction],
    points: Iterable[Point],
    images: Tensor,
    labels: Tensor,
    *,
    bn: BN = "running",
) -> Iterator[tuple[float, float]]:
    """Mean loss and error in percent at each of `points`, one by one.

    With `bn` "running" every BN keeps the statistics that it has, as at test time, though the
    weights in front of it have moved. With "recomputed" all `images` go through as one batch and
    every BN normalises by their own mean and variance, at every point anew.

    Shapes: images as the net takes them, float32 (N, ...); labels int64 (N,).
    Raises: InputError for another `bn`.
    """
    weights = filters(net)
    for point in points:
        with torch.no_grad(), bn_mode(net, bn), true_float32():
            moved = step(weights, directions, point)
            yield score(lambda x, w=moved: functional_call(net, w, (x,)), images, labels, bn)


def step(weights: Direction, directions: Sequence[Direction], point: Point) -> Direction:
    """weights + point[0] * directions[0] + point[1] * directions[1], parameter by parameter.

    Raises: InputError unless `point` has a number for each direction.
    """
    if len(point) != len(directions):
        raise InputError(f"a point has a step for each of {len(directions)} directions")
    moved = dict(weights)
    for amount, direction in zip(point, directions, strict=True):
        moved = {name: moved[name] + amount * direction[name] for name in moved}
    return moved


def pieces(images: Tensor, labels: Tensor, bn: BN) -> Iterator[tuple[Tensor, Tensor]]:
    """The images as they go through the net: all at once where they make the BN statistics."""
    size = len(images) if bn == "recomputed" else BATCH
    return zip(images.split(size), labels.split(size), strict=True)


def score(net, images: Tensor, labels: Tensor, bn: BN) -> tuple[float, float]:
    """Mean loss and error in percent of what `net` makes of the images."""
    total, wrong = 0.0, 0
    for x, y in pieces(images, labels, bn):
        logits = net(x).double()  # far from the weights logits are huge
        total += F.cross_entropy(logits, y, reduction="sum").item()
        wrong += int((logits.argmax(1) != y).sum())
    return total / len(labels), 100 * wrong / len(labels)


def at_points_vmapped(
    net: nn.Module,
    directions: Sequence[Direction],
    points: Sequence[Point],
    images: Tensor,
    labels: Tensor,
    *,
    bn: BN = "running",
    at_once: int = 4,
) -> Iterator[tuple[float, float]]:
    """`at_points`, with the nets of `at_once` points called as one; equal within rounding."""
    weights = filters(net)
    for first in range(0, len(points), at_once):
        group = [step(weights, directions, p) for p in points[first : first + at_once]]
        stacked = {name: torch.stack([moved[name] for moved in group]) for name in weights}
        total = torch.zeros(len(group), dtype=torch.float64, device=images.device)
        wrong = torch.zeros(len(group), dtype=torch.int64, device=images.device)
        with torch.no_grad(), bn_mode(net, bn), true_float32():
            call = vmap(lambda w, x: functional_call(net, w, (x,)), in_dims=(0, None))
            for x, y in pieces(images, labels, bn):
                logits = call(stacked, x).double()  # (points, N, classes)
                losses = F.cross_entropy(
                    logits.movedim(0, 2), y[:, None].expand(-1, len(group)), reduction="none"
                )
                total += losses.sum(0)
                wrong += (logits.argmax(2) != y).sum(1)
        n = len(labels)
        yield from zip((total / n).tolist(), (100 * wrong / n).tolist(), strict=True)


@contextmanager
def bn_mode(net: nn.Module, bn: BN) -> Iterator[None]:
    """`net` in evaluation mode, its BNs as `bn` says; no statistic is written, modes come back.

    Raises: InputError for another `bn`.
    """
    if bn not in get_args(BN):
        raise InputError(f"bn must be running or recomputed, got {bn!r}")
    layers = [m for m in net.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    modes = {module: module.training for module in net.modules()}
    tracked = [layer.track_running_stats for layer in layers]
    net.eval()
    try:
        if bn == "recomputed":
            for layer in layers:
                layer.training = True
                # torch's way to say: normalise by the batch and write no average of it
                layer.track_running_stats = False
        yield
    finally:
        for layer, value in zip(layers, tracked, strict=True):
            layer.track_running_stats = value
        for module, mode in modes.items():
            module.training = mode
