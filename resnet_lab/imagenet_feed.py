"""What a run does with its images: batches on the device, validation errors, BN statistics.

Paper: Section 3.4; Figure 4 (centre crops).
Notebook: notebooks/04_imagenet.py. Tests: tests/test_imagenet_run.py.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from resnet_lab import augmentation, bn_statistics, distributed, train
from resnet_lab.augmentation import Statistics
from resnet_lab.distributed import World
from resnet_lab.errors import InputError
from resnet_lab.files import write_whole
from resnet_lab.imagenet_evaluation import Protocol
from resnet_lab.imagenet_folder import Files
from resnet_lab.imagenet_loader import (
    Broken,
    CentreCrop,
    broken_policy,
    image_statistics,
    test_batches,
    training_batches,
)
from resnet_lab.imagenet_recipe import ImageNetRecipe
from resnet_lab.imagenet_weights import Source


def own_statistics(
    path: Path, files: Files, recipe: ImageNetRecipe, workers: int, met: Broken, here: World
) -> Statistics:
    """The run's statistics of its training images: measured once, by the first process."""
    if here.first and not path.is_file():
        write_whole(path, image_statistics(files, recipe, workers, met).as_bytes())
    content = distributed.from_first(path.read_bytes() if here.first else None, here)
    return augmentation.parse_statistics(content, path.name).to(here.device)


@dataclass(frozen=True, kw_only=True, eq=False)
class Feed:
    """How one process of a run reads its share of the images."""

    recipe: ImageNetRecipe
    per_device: int  # images of a micro-batch
    workers: int
    statistics: Statistics
    met: Broken
    here: World

    def batches(self, files: Files, start: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """This process's micro-batches from update `start` on, normalised and coloured.

        Shapes: float32 (per_device, 3, crop, crop), int64 (per_device,), on the device.
        """
        for images, labels, colour, names in training_batches(
            files,
            self.recipe,
            start=start,
            rank=self.here.rank,
            world_size=self.here.size,
            per_device=self.per_device,
            workers=self.workers,
            device=self.here.device,
        ):
            self.met.meet(names, len(files))
            x, y, multiples = (
                one.to(self.here.device, non_blocking=True) for one in (images, labels, colour)
            )
            yield self.statistics.normalise(x, multiples if self.recipe.colour else None), y

    @torch.no_grad()
    def centre_error(self, net: nn.Module, files: Files) -> float:
        """Validation error in percent on centre crops (Figure 4); every process takes its share.

        NaN if no image can be read.
        """
        device, views = self.here.device, CentreCrop(self.recipe.test_side, self.recipe.crop)
        sums = torch.zeros(2, dtype=torch.float64, device=device)  # wrong, images
        mine = list(range(self.here.rank, len(files), self.here.size))
        net.eval()
        for images, labels, names in test_batches(
            files, views, mine, batch=self.per_device, workers=self.workers, device=device
        ):
            self.met.meet(names, len(files))
            if images:
                x = self.statistics.normalise(torch.stack([one[0] for one in images]).to(device))
                with train.true_float32():
                    wrong = (net(x).argmax(1) != torch.tensor(labels, device=device)).sum()
                sums[0] += wrong
                sums[1] += len(labels)
        wrong, count = distributed.total(sums, self.here).tolist()
        return 100 * wrong / count if count else math.nan

    def bn_batches(self, files: Files) -> int:
        """Batches that each process measures BN statistics on.

        Raises: InputError if there is not one batch of images.
        """
        together = self.here.size * self.per_device
        images = min(self.recipe.bn_images, len(files))
        if images < together:
            raise InputError(
                f"BN statistics take at least one batch of {together} images; there are "
                f"{len(files):,}, and --bn-images is {self.recipe.bn_images:,}"
            )
        return images // together

    def measure_bn(self, net: nn.Module, files: Files) -> int:
        """Replace BN's moving averages by plain ones over training views; over how many images.

        The views are those of the run's first pass: every image at most once.

        Raises: InputError as `bn_batches`.
        """
        each, together = self.bn_batches(files), self.here.size * self.per_device
        enough = max(self.recipe.steps, each * together // self.recipe.batch + 1)
        feed = replace(self, recipe=replace(self.recipe, steps=enough))
        source = feed.batches(files)
        bn_statistics.estimate(net, (next(source)[0] for _ in range(each)))
        distributed.average_bn(net, self.here)
        return each * together


def recipe_for_bn(protocol: Protocol, images: int, batch: int) -> ImageNetRecipe:
    """The augmentation of Section 3.4, scaled to the protocol's sizes, for BN statistics only."""
    return ImageNetRecipe(
        batch=batch,
        crop=protocol.crop,
        short_side=(protocol.side, protocol.side * 480 // 256),
        test_side=protocol.side,
        bn_images=images,
    )


def measure_bn_of(
    source: Source, files: Files, recipe: ImageNetRecipe, workers: int, broken: str, here: World
) -> int:
    """Replace the BN statistics of stored weights, as `Feed.measure_bn` does."""
    source.net.to(here.device, memory_format=torch.channels_last)
    feed = Feed(
        recipe=recipe,
        per_device=recipe.batch // here.size,
        workers=workers,
        statistics=source.statistics.to(here.device),
        met=broken_policy(broken),
        here=here,
    )
    return feed.measure_bn(source.net, files)
