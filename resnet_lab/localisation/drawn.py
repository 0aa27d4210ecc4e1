"""An embedded set for localisation: one textured shape on clutter, with its class and its box.

Paper: nowhere; it stands in for ImageNet's localisation set, so that all runs with no download.
Notebook: notebooks/09_localisation.py. Tests: tests/test_localisation_drawn.py.
"""

import hashlib
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from resnet_lab.detection import scene_drawing
from resnet_lab.detection.shapes import CLASSES
from resnet_lab.detection.targets import Target, target
from resnet_lab.errors import InputError

VERSION = "1"  # change it whenever a byte changes
SPLITS = {"train": 5, "val": 6}  # each a random stream; the scenes use 1 to 4
IMAGES = {"train": 3_000, "val": 400}  # where no number is given
SIDE = 72  # pixels: what 256 is to a crop of 224, this is to one of 64, about
RADIUS = (144, 336)  # of the object, in 1/16 pixel at SIDE
CLUTTER = (1, 3)  # pieces


class Drawn:
    """A split of drawn images; all are drawn when the first is asked for.

    Image i depends on the split, the seed and i alone: a shorter set is the head of a longer one.
    """

    name = "embedded"
    classes = CLASSES

    def __init__(self, split: str, n: int, seed: int) -> None:
        self.split, self.n, self._stream = split, n, seed * 8 + SPLITS[split]

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, i: int) -> tuple[Tensor, Target]:
        """Image i and its target. Raises: IndexError.

        Shapes: uint8 (3, SIDE, SIDE).
        """
        return self._all[range(self.n)[i]]

    @cached_property
    def _all(self) -> list[tuple[Tensor, Target]]:
        return [one(self._stream, i) for i in range(self.n)]

    def targets(self) -> list[Target]:
        """The object of each image."""
        return [found for _, found in self._all]

    @cached_property
    def content_hash(self) -> str:
        """Of all pixels, boxes and labels."""
        digest = hashlib.sha256()
        for image, found in self._all:
            digest.update(image.numpy())
            digest.update(found.boxes.numpy().astype("<i4"))
            digest.update(found.labels.numpy().astype("<i4"))
        return digest.hexdigest()


def one(stream: int, number: int) -> tuple[Tensor, Target]:
    """An image and its target: ground, clutter, then one object that lies on top."""
    dice = scene_drawing.Dice(stream, number)
    canvas = scene_drawing.Canvas(SIDE, 256, dice)
    canvas.ground(dice.roll(0, 1))
    for _ in range(dice.roll(*CLUTTER)):
        scene_drawing.clutter(canvas, *(dice.roll(0, 16 * SIDE) for _ in range(2)))
    label, radius = dice.roll(0, len(CLASSES) - 1), canvas.length(*RADIUS)
    x, y = (dice.roll(radius, 16 * SIDE - radius) for _ in range(2))
    canvas.paint(label, x, y, radius, *dice.pose(scene_drawing.OBJECT_TURN), 0)
    seen = scene_drawing.seen(canvas, 0, (label, x, y, radius))
    found = target([seen.box], [label + 1], image_id=f"{number:06d}", size=(SIDE, SIDE))
    return torch.from_numpy(scene_drawing.finished(canvas)), found


def load(split: str, n: int | None = None, *, seed: int = 0) -> Drawn:
    """`n` images of "train" or "val"; 3,000 and 400 if it is left out.

    Raises: InputError unless the split exists, n >= 1 and seed >= 0.
    """
    if split not in SPLITS:
        raise InputError(f"the embedded set has no split {split!r}; choose {', '.join(SPLITS)}")
    n = IMAGES[split] if n is None else n
    if n < 1 or seed < 0:
        raise InputError(f"at least one image and a seed of 0 or more, not {n} and {seed}")
    return Drawn(split, n, seed)


def tensors(data: Drawn) -> tuple[Tensor, Tensor]:
    """All images and their classes, for a classifier.

    Shapes: uint8 (N, 3, SIDE, SIDE), int64 (N,) counted from 0.
    """
    images, targets = zip(*(data[i] for i in range(len(data))), strict=True)
    labels = np.array([int(found.labels[0]) - 1 for found in targets])
    return torch.stack(images), torch.from_numpy(labels)
