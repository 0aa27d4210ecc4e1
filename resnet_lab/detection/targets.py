"""What is to be found in an image, what was found, and what a data set for detection offers.

Paper: Section 4.3; Appendix A.
Notebook: notebooks/07_detection.py. Tests: tests/test_detection_targets.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Target:
    """What is to be found in one image.

    Boxes are half-open everywhere inside this package: a box that covers pixel 0 alone is
    (0, 0, 1, 1), and its width is x1 - x0. File formats that count otherwise are turned into this
    where they are read, and turned back where they are written.

    Shapes: boxes float32 (K, 4), corners x0, y0, x1, y1; labels int64 (K,); difficult and crowd
        bool (K,); area float32 (K,).
    Units: pixels of the image as stored.
    """

    boxes: Tensor
    labels: Tensor  # 1 ... classes; 0 is background
    difficult: Tensor  # VOC: neither wanted nor forbidden
    crowd: Tensor  # COCO: one box around many, neither wanted nor forbidden
    area: Tensor  # COCO: of the segment; else of the box
    image_id: str
    size: tuple[int, int]  # height, width

    def __len__(self) -> int:
        return len(self.boxes)


@dataclass(frozen=True, kw_only=True, eq=False)
class Detections:
    """What was found in one image, in any order.

    Shapes: boxes float32 (K, 4), corners x0, y0, x1, y1, half-open; scores float32 (K,); labels
        int64 (K,), 1 ... classes.
    Units: pixels of the image as stored; a higher score is more certain.
    """

    boxes: Tensor
    scores: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.boxes)


class DetectionData(Protocol):
    """A data set for detection: the drawn scenes, VOC and COCO all look like this."""

    name: str
    classes: tuple[str, ...]  # without background; label k is classes[k - 1]

    @property
    def content_hash(self) -> str:
        """Names the images and what is to be found in them."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, i: int) -> tuple[Tensor, Target]:
        """The image, uint8 (3, H, W), and its target."""
        ...


def target(
    boxes: Sequence[Sequence[float]],
    labels: Sequence[int],
    *,
    image_id: str,
    size: tuple[int, int],
    difficult: Sequence[bool] | None = None,
    crowd: Sequence[bool] | None = None,
    area: Sequence[float] | None = None,
) -> Target:
    """A `Target` from plain lists; what is left out is False, or the area of the box.

    Shapes: (K, 4) and (K,); K may be 0.
    """
    corners = torch.as_tensor(boxes, dtype=torch.float32).reshape(-1, 4)
    none = [False] * len(corners)
    own_area = (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1])
    return Target(
        boxes=corners,
        labels=torch.as_tensor(labels, dtype=torch.int64).reshape(-1),
        difficult=torch.as_tensor(none if difficult is None else difficult, dtype=torch.bool),
        crowd=torch.as_tensor(none if crowd is None else crowd, dtype=torch.bool),
        area=own_area if area is None else torch.as_tensor(area, dtype=torch.float32),
        image_id=image_id,
        size=size,
    )


def detections(
    boxes: Sequence[Sequence[float]], scores: Sequence[float], labels: Sequence[int]
) -> Detections:
    """`Detections` from plain lists.

    Shapes: (K, 4), (K,), (K,); K may be 0.
    """
    return Detections(
        boxes=torch.as_tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        scores=torch.as_tensor(scores, dtype=torch.float32).reshape(-1),
        labels=torch.as_tensor(labels, dtype=torch.int64).reshape(-1),
    )


def keep(whole: Target, mask: Tensor) -> Target:
    """The objects of `whole` where `mask` is true.

    Shapes: mask bool (K,).
    """
    names = ("boxes", "labels", "difficult", "crowd", "area")
    return replace(whole, **{name: getattr(whole, name)[mask] for name in names})


def for_training(whole: Target, *, difficult: bool = False) -> Target:
    """`whole` without crowds, boxes of no area and, unless asked for, difficult objects.

    py-faster-rcnn leaves difficult objects out, detectron2 keeps them; the paper does not say.
    """
    wide = (whole.boxes[:, 2:] > whole.boxes[:, :2]).all(1)
    wanted = ~whole.crowd & wide
    return keep(whole, wanted if difficult else wanted & ~whole.difficult)
