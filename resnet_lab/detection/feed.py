"""The endless order of training images, mirrored or not, read ahead of the device.

Paper: Appendix A, through Faster R-CNN, whose only augmentation is the mirror image.
Notebook: notebooks/04_imagenet.py. Tests: tests/test_detection_feed.py.
"""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import count, islice

import numpy as np
import torch
from torch import Tensor

from resnet_lab.detection import boxes as geometry
from resnet_lab.detection.recipe import DetectionRecipe, parts
from resnet_lab.detection.targets import DetectionData, Target
from resnet_lab.distributed import World
from resnet_lab.errors import InputError


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """What one process puts through the net at once."""

    positions: range  # in the endless order
    images: list[Tensor]
    targets: list[Target]


def generator(*entropy: int) -> torch.Generator:
    """A stream of random numbers named by whole numbers: the same ones on every machine."""
    seed = np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(seed))


@lru_cache(maxsize=2)
def one_pass(n: int, seed: int, turn: int) -> tuple[list[int], list[bool]]:
    """Order of `n` images in pass number `turn`, and which places are mirrored."""
    random = generator(seed, 2, turn)
    order = torch.randperm(n, generator=random).tolist()
    return order, torch.randint(0, 2, (n,), generator=random).bool().tolist()


def example(data: DetectionData, position: int, recipe: DetectionRecipe) -> tuple[Tensor, Target]:
    """Image and target at `position` of the endless order of images, maybe mirrored."""
    turn, place = divmod(position, len(data))
    order, mirrored = one_pass(len(data), recipe.seed, turn)
    image, target = data[order[place]]
    if not (recipe.flip and mirrored[place]):
        return image, target
    boxes = geometry.flip(target.boxes, target.size[1])
    return image.flip(2), replace(target, boxes=boxes)


def part_at(data: DetectionData, recipe: DetectionRecipe, images: int, first: int) -> Part:
    """The `images` examples from position `first` on."""
    positions = range(first, first + images)
    pairs = [example(data, position, recipe) for position in positions]
    pictures, targets = map(list, zip(*pairs, strict=True))
    return Part(positions=positions, images=pictures, targets=targets)


def feed(
    data: DetectionData,
    recipe: DetectionRecipe,
    step: int,
    *,
    here: World,
    per_device: int,
    workers: int = 0,
) -> Iterator[Part]:
    """This process's parts from update `step` on, for ever; `workers` threads read ahead.

    Part by part, process by process: two processes with one part each see what one process with
    two parts sees.

    Raises: InputError if there are no images, or a file cannot be read.
    """
    if not len(data):
        raise InputError(f"there are no images to train on in {data.name}")
    each = parts(recipe, here.size, per_device)
    starts = (
        update * recipe.batch + (part * here.size + here.rank) * per_device
        for update in count(step)
        for part in range(each)
    )
    read = partial(part_at, data, recipe, per_device)
    if not workers:
        yield from map(read, starts)
        return
    with ThreadPoolExecutor(workers) as pool:
        ahead: deque[Future[Part]] = deque()
        try:
            while True:
                wanted = 2 * workers - len(ahead)
                ahead.extend(pool.submit(read, first) for first in islice(starts, wanted))
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()
