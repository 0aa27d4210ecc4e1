"""Batches of ImageNet from worker processes: every view is a function of seed and position.

Paper: Section 3.4.
Notebook: notebooks/04_imagenet.py. Tests: tests/test_imagenet_loader.py.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from resnet_lab import augmentation
from resnet_lab.augmentation import BrokenImage, Statistics, Sums
from resnet_lab.errors import InputError
from resnet_lab.imagenet_folder import Files
from resnet_lab.imagenet_recipe import ImageNetRecipe, micro_batches, positions

MOST_IN_A_ROW = 100  # broken files, after which looking for a whole one is given up
NO_LABEL = -100  # F.cross_entropy leaves such images out


def order(files: int, seed: int, epoch: int) -> np.ndarray:
    """The images in the order of pass `epoch` over them, reshuffled for every pass."""
    return np.random.default_rng([seed, epoch, 0]).permutation(files)


class TrainingViews(Dataset):
    """Position in the endless order -> view, label, colour and the broken files met on the way.

    A broken file's place is taken by the next whole one in the order, so that every batch is full.
    """

    def __init__(self, files: Files, recipe: ImageNetRecipe) -> None:
        self.files, self.recipe = files, recipe
        self.epoch, self.order = -1, np.zeros(0)

    def __getitem__(self, position: int) -> tuple[Tensor, int, Tensor, list[str]]:
        epoch, index = divmod(position, len(self.files))
        if epoch != self.epoch:
            self.epoch, self.order = epoch, order(len(self.files), self.recipe.seed, epoch)
        random = np.random.default_rng([self.recipe.seed, epoch, 1, index])
        broken = []
        for further in range(min(MOST_IN_A_ROW, len(self.files))):
            i = int(self.order[(index + further) % len(self.files)])
            try:
                image = augmentation.decode(self.files.read(i))
            except (BrokenImage, OSError) as error:
                broken.append(f"{self.files.name(i)} ({error})")
                continue
            view, colour = augmentation.training_view(image, self.recipe, random)
            return view, int(self.files.labels[i]), colour, broken
        crop = self.recipe.crop
        return torch.zeros(3, crop, crop, dtype=torch.uint8), NO_LABEL, torch.zeros(3), broken


class TestViews(Dataset):
    """Index of a file -> what `views` makes of its image, its label, and its name if it is broken.

    `views` takes uint8 (3, H, W) and returns a list of uint8 tensors.
    """

    __test__ = False  # the name is not for pytest

    def __init__(self, files: Files, views) -> None:
        self.files, self.views = files, views

    def __getitem__(self, i: int) -> tuple[list[Tensor], int, list[str]]:
        try:
            image = augmentation.decode(self.files.read(i))
        except (BrokenImage, OSError) as error:
            return [], NO_LABEL, [f"{self.files.name(i)} ({error})"]
        return self.views(image), int(self.files.labels[i]), []


@dataclass
class Broken:
    """Broken files by name, and what to do about them."""

    policy: str  # "fail" or "skip"
    names: dict[str, None]  # in the order they were met; a dict, since a set has none

    def meet(self, names: Iterable[str], of: int) -> list[str]:
        """The new names. Raises: InputError if the policy is to fail, or all files are broken."""
        new = [name for name in dict.fromkeys(names) if name not in self.names]
        if new and self.policy == "fail":
            raise InputError(f"broken image {new[0]}; --broken skip leaves such files out")
        self.names.update(dict.fromkeys(new))
        if len(self.names) >= of:
            raise InputError(f"all {of} images are broken, the first is {next(iter(self.names))}")
        return new


def broken_policy(policy: str) -> Broken:
    """Nothing met so far. Raises: InputError unless the policy is fail or skip."""
    if policy not in ("fail", "skip"):
        raise InputError(f"--broken must be fail or skip, got {policy!r}")
    return Broken(policy=policy, names={})


def collate(rows: list) -> tuple[Tensor, Tensor, Tensor, list[str]]:
    """One micro-batch; its tensors reach the training process through shared memory."""
    views, labels, colours, broken = zip(*rows, strict=True)
    return torch.stack(views), torch.tensor(labels), torch.stack(colours), sum(broken, [])


def loader(
    dataset: Dataset, batches: Iterable, workers: int, collate_fn, device: str, ahead: int = 4
) -> DataLoader:
    """A DataLoader over explicit batches of indices that leaves the global random state alone."""
    return DataLoader(
        dataset,
        batch_sampler=batches,
        num_workers=workers,
        collate_fn=collate_fn,
        pin_memory=device.startswith("cuda"),
        generator=torch.Generator(),
        prefetch_factor=ahead if workers else None,
    )


def training_batches(
    files: Files,
    recipe: ImageNetRecipe,
    *,
    start: int,
    rank: int,
    world_size: int,
    per_device: int,
    workers: int,
    device: str,
) -> Iterator[tuple[Tensor, Tensor, Tensor, list[str]]]:
    """The micro-batches of this process from update `start` to the last.

    Shapes: uint8 (per_device, 3, crop, crop), int64 (per_device,), float32 (per_device, 3), names.
    """
    parts = micro_batches(recipe, world_size, per_device)
    lazy = Positions(start, recipe, rank, world_size, per_device, parts)
    return iter(loader(TrainingViews(files, recipe), lazy, workers, collate, device))


@dataclass
class Positions:
    """The positions of every micro-batch from update `start` on, made as they are asked for."""

    start: int
    recipe: ImageNetRecipe
    rank: int
    world_size: int
    per_device: int
    parts: int

    def __iter__(self) -> Iterator[list[int]]:
        for step in range(self.start, self.recipe.steps):
            for part in range(self.parts):
                yield list(
                    positions(step, part, self.recipe, self.rank, self.world_size, self.per_device)
                )

    def __len__(self) -> int:
        return (self.recipe.steps - self.start) * self.parts


Rows = tuple[list[list[Tensor]], list[int], list[str]]


def test_batches(
    files: Files, views, indices: list[int], *, batch: int, workers: int, device: str
) -> Iterator[Rows]:
    """`views` of the images at `indices`: lists of views, labels and the names of broken files.

    Broken files take no place in the first two.
    """
    batches = [indices[i : i + batch] for i in range(0, len(indices), batch)]
    dataset = TestViews(files, views)
    for blob, shapes, labels, broken in loader(dataset, batches, workers, pack, device, ahead=2):
        yield unpack(blob, shapes), labels, broken


def pack(rows: list) -> tuple[Tensor, list[list[torch.Size]], list[int], list[str]]:
    """All views of a batch in one tensor, with their shapes; `unpack` undoes it.

    One tensor is one open file between processes; a tensor a view would exceed the usual limit.
    """
    whole = [row for row in rows if row[0]]
    flat = [view.flatten() for row in whole for view in row[0]]
    blob = torch.cat(flat) if flat else torch.zeros(0, dtype=torch.uint8)
    shapes = [[view.shape for view in row[0]] for row in whole]
    return blob, shapes, [row[1] for row in whole], sum((row[2] for row in rows), [])


def unpack(blob: Tensor, shapes: list[list[torch.Size]]) -> list[list[Tensor]]:
    """The views of each image; they share the memory of `blob`."""
    pieces = iter(blob.split([math.prod(shape) for views in shapes for shape in views]))
    return [[next(pieces).view(torch.Size(shape)) for shape in views] for views in shapes]


@dataclass(frozen=True)
class CentreCrop:
    """The only view of an image in Figure 4's validation: the centre of the resized image."""

    side: int
    crop: int

    def __call__(self, image: Tensor) -> list[Tensor]:
        return [augmentation.centre_crop(augmentation.resize(image, self.side), self.crop)]


def image_statistics(
    files: Files, recipe: ImageNetRecipe, workers: int, broken: Broken
) -> Statistics:
    """Mean and colour components as the recipe asks for; from centre crops of training images."""
    if recipe.statistics == "published":
        return augmentation.published(divide=False)
    n = min(recipe.statistics_images, len(files))
    chosen = np.random.default_rng([recipe.seed, 2]).permutation(len(files))[:n].tolist()
    sums, views = Sums(), CentreCrop(recipe.test_side, recipe.crop)
    for images, _, names in test_batches(
        files, views, chosen, batch=64, workers=workers, device="cpu"
    ):
        broken.meet(names, len(files))
        if images:
            sums.add(torch.stack([one[0] for one in images]))
    if not sums.n:
        raise InputError(f"none of the first {n} images of {files.place} can be read")
    return sums.statistics(recipe.mean == "pixel", f"centre crops of {sums.n} training images")
