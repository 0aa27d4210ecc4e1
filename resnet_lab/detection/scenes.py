"""A detection set made on the spot: textured shapes on clutter, of many sizes, hiding one another.

Paper: nowhere; it stands in for VOC and COCO, so that everything runs with no download.
Notebook: notebooks/07_detection.py. Tests: tests/test_detection_scenes.py.
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

__all__ = ["CLASSES", "LARGE", "Scenes", "crops", "load"]

VERSION = "1"  # change it whenever a byte changes
SPLITS = {"train": 1, "val": 2, "test": 3}  # each a random stream of its own
CROPS = 4
IMAGES = {"train": 1500, "val": 300, "test": 300}  # where no number is given
SIDE, LARGE = 96, 480  # pixels; on LARGE scenes an object has 25 times as many
PRIOR = 50  # how much likelier a scene's own four shapes are than the other four


class Scenes:
    """A split of drawn scenes; each is drawn when it is first asked for, and kept.

    Image i depends on the split, the seed and i alone: a shorter set is the head of a longer one.
    """

    name = "scenes"
    classes = CLASSES

    def __init__(self, split: str, n: int, *, side: int, prior: int, seed: int) -> None:
        self.split, self.side, self.prior, self.seed = split, side, prior, seed
        self._stream = seed * 8 + SPLITS[split]
        self._kept: list[tuple[Tensor, Target] | None] = [None] * n

    def __len__(self) -> int:
        return len(self._kept)

    def __getitem__(self, i: int) -> tuple[Tensor, Target]:
        """Image i and its target. Raises: IndexError.

        Shapes: uint8 (3, side, side).
        """
        i = range(len(self))[i]
        if self._kept[i] is None:
            self._kept[i] = self._drawn(i)
        return self._kept[i]

    def _drawn(self, i: int) -> tuple[Tensor, Target]:
        picture, objects = scene_drawing.scene(self.side, self.prior, self._stream, i)
        found = target(
            [one.box for one in objects],
            [one.label + 1 for one in objects],
            difficult=[one.difficult for one in objects],
            image_id=f"{i:06d}",
            size=(self.side, self.side),
        )
        return torch.from_numpy(picture), found

    def targets(self) -> list[Target]:
        """What is to be found in each image."""
        return [one for _, one in self]

    @cached_property
    def content_hash(self) -> str:
        """Of all pixels, boxes, labels and flags; draws what was not drawn yet."""
        digest = hashlib.sha256()
        for image, found in self:
            digest.update(image.numpy())
            digest.update(found.boxes.numpy().astype("<i4"))
            digest.update(found.labels.numpy().astype("<i4"))
            digest.update(found.difficult.numpy())
        return digest.hexdigest()


def load(
    split: str, n: int | None = None, *, side: int = SIDE, prior: int = PRIOR, seed: int = 0
) -> Scenes:
    """`n` scenes of "train", "val" or "test"; 1500, 300 and 300 if `n` is left out.

    A scene is a field or water; each has four shapes of its own that are `prior` times as likely
    in it as the other four. With a prior of 1 the ground says nothing of the objects.

    Raises: InputError unless the split exists, n >= 1, 64 <= side <= 1024, prior >= 1, seed >= 0.
    """
    if split not in SPLITS:
        raise InputError(f"the drawn scenes have no split {split!r}; choose {', '.join(SPLITS)}")
    n = IMAGES[split] if n is None else n
    if n < 1:
        raise InputError(f"at least one scene must be drawn, not {n}")
    if not 64 <= side <= 1024:
        raise InputError(f"scenes are 64 to 1024 pixels wide, not {side}")
    if prior < 1 or seed < 0:
        raise InputError(f"prior must be 1 or more and seed 0 or more, not {prior} and {seed}")
    return Scenes(split, n, side=side, prior=prior, seed=seed)


def crops(n: int, *, side: int = 32, seed: int = 0) -> tuple[Tensor, Tensor]:
    """`n` images of one centred object each, to train a classifier first; classes in turn.

    Labels count from 0, as a classifier has no background.

    Shapes: uint8 (n, 3, side, side), int64 (n,).
    Raises: InputError unless n >= 1, 24 <= side <= 512, seed >= 0.
    """
    if n < 1 or not 24 <= side <= 512 or seed < 0:
        raise InputError(
            f"crops need n of 1 or more, 24 to 512 pixels and a seed of 0 or more, "
            f"not {n}, {side} and {seed}"
        )
    stream, labels = seed * 8 + CROPS, torch.arange(n) % len(CLASSES)
    pictures = [scene_drawing.crop(side, i % len(CLASSES), stream, i) for i in range(n)]
    return torch.from_numpy(np.stack(pictures)), labels
