"""Three ways through the points of a slice, timed side by side.

Paper: beyond it; Li et al. 2018 (arXiv 1712.09913).
Notebook: notebooks/10_why_it_works.py. Tests: tests/test_landscape_methods.py.
"""

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

import torch
from torch import Tensor, nn

from resnet_lab.landscape import directions, surface
from resnet_lab.landscape.directions import Direction
from resnet_lab.landscape.surface import BN, Point
from resnet_lab.train import true_float32

NAMES = ("load the weights", "functional_call", "vmap, 4 points", "vmap, 8 points")


def loaded(
    net: nn.Module,
    along: Sequence[Direction],
    points: Sequence[Point],
    images: Tensor,
    labels: Tensor,
    *,
    bn: BN = "running",
) -> Iterator[tuple[float, float]]:
    """`surface.at_points` as one would first write it: each point's weights copied into a net."""
    mine = copy.deepcopy(net)
    weights, parameters = directions.filters(net), dict(mine.named_parameters())
    for point in points:
        with torch.no_grad(), surface.bn_mode(mine, bn), true_float32():
            for name, value in surface.step(weights, along, point).items():
                parameters[name].copy_(value)
            yield surface.score(mine, images, labels, bn)


def contestants() -> dict[str, Callable]:
    """The ways by name, each with the arguments of `surface.at_points`."""

    def vmapped(at_once: int) -> Callable:
        return lambda *given, **how: surface.at_points_vmapped(*given, **how, at_once=at_once)

    ways = (loaded, surface.at_points, vmapped(4), vmapped(8))
    return dict(zip(NAMES, ways, strict=True))


@dataclass(frozen=True, kw_only=True)
class Times:
    """What was measured: seconds a point, one number a round, and how far the losses differ."""

    points: int  # a round
    images: int
    threads: int
    seconds: dict[str, list[float]]
    difference: dict[str, float]  # the largest |loss / loss of `functional_call` - 1|

    def table(self) -> str:
        """Markdown: median seconds a point with its range, ratio to `functional_call` by round."""
        lines = [
            f"{self.points} points on {self.images:,} images, {self.threads} threads, "
            f"n={len(self.seconds[NAMES[1]])} rounds in turn.",
            "",
            "| way | s a point (median, range) | of functional_call | largest difference |",
            "|---|---|---|---|",
        ]
        for name, seconds in self.seconds.items():
            ratios = [a / b for a, b in zip(seconds, self.seconds[NAMES[1]], strict=True)]
            lines.append(
                f"| {name} | {median(seconds):.3f} ({min(seconds):.3f} to {max(seconds):.3f}) "
                f"| {median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) "
                f"| {self.difference[name]:.0e} |"
            )
        return "\n".join(lines)


def compare(
    net: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    bn: BN = "running",
    points: int = 8,
    rounds: int = 5,
) -> Times:
    """Every way over the same points, one after the other and `rounds` times.

    The order turns from round to round; a first round is not counted.
    """
    along = directions.directions(net, dimensions=1)
    chosen = [(i / points / 2,) for i in range(points)]
    ways = contestants()
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    losses: dict[str, list[float]] = {}
    for turn in range(rounds + 1):
        order = list(ways)[turn % len(ways) :] + list(ways)[: turn % len(ways)]
        for name in order:
            waited(images)
            began = time.perf_counter()
            found = list(ways[name](net, along, chosen, images, labels, bn=bn))
            took = (time.perf_counter() - began) / points
            losses[name] = [loss for loss, _ in found]
            if turn:
                seconds[name].append(took)
    return Times(
        points=points,
        images=len(labels),
        threads=torch.get_num_threads(),
        seconds=seconds,
        difference={
            name: max(abs(a / b - 1) for a, b in zip(mine, losses[NAMES[1]], strict=True))
            for name, mine in losses.items()
        },
    )


def waited(images: Tensor) -> None:
    """Nothing is queued on the device of `images` any more."""
    if images.is_cuda:
        torch.cuda.synchronize()
