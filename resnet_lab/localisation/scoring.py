"""Localisation error: a guess is right if class and box fit, an image if one of its guesses is.

Paper: Appendix C; Tables 13 and 14, by the rule of ILSVRC: the class is the image's, and the box
overlaps one of the image's boxes of this class by an IoU of 0.5 or more.
Notebook: notebooks/09_localisation.py. Tests: tests/test_localisation_scoring.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision import ops

from resnet_lab.detection.targets import Target
from resnet_lab.errors import InputError

IOU = 0.5  # the devkit counts an overlap of exactly 0.5 as found
GUESSES = 5


@dataclass(frozen=True, kw_only=True, eq=False)
class Guesses:
    """Pairs of class and box for one image, the most certain first.

    Shapes: labels int64 (G,), counted from 1; boxes float (G, 4), half-open pixels as stored.
    """

    labels: Tensor
    boxes: Tensor


@dataclass(frozen=True, kw_only=True)
class Errors:
    """Percent of images that no guess gets right, with the number of images."""

    images: int
    top1: float
    top5: float


def fits(guesses: Guesses, target: Target, iou: float = IOU) -> Tensor:
    """Which guesses name an object's class and overlap an object of this class by `iou`.

    Double precision: a box rounded to single must not cross the threshold.

    Shapes: -> bool (G,).
    """
    same = guesses.labels[:, None] == target.labels[None]  # (G, K)
    overlap = ops.box_iou(guesses.boxes.double(), target.boxes.double())
    return (same & (overlap >= iou)).any(1)


def errors(found: Sequence[Guesses], targets: Sequence[Target], iou: float = IOU) -> Errors:
    """Top-1 and top-5 localisation error.

    Units: percent.
    Raises: InputError if there are no images, or not one list of guesses for each.
    """
    if len(found) != len(targets) or not targets:
        raise InputError(f"there are guesses for {len(found)} images and {len(targets)} targets")
    right = [fits(guesses, target, iou) for guesses, target in zip(found, targets, strict=True)]
    wrong = [sum(not bool(one[:count].any()) for one in right) for count in (1, GUESSES)]
    top1, top5 = (100 * count / len(targets) for count in wrong)
    return Errors(images=len(targets), top1=top1, top5=top5)


def true_class(boxes: Sequence[Tensor], targets: Sequence[Target]) -> list[Guesses]:
    """One guess an image, of the class that it has: what Table 13 calls "GT class".

    Shapes: N times (4,).
    """
    return [
        Guesses(labels=target.labels[:1], boxes=box[None])
        for box, target in zip(boxes, targets, strict=True)
    ]


def predicted_class(
    probabilities: Tensor, boxes: Sequence[Tensor], targets: Sequence[Target]
) -> list[Guesses]:
    """The five most probable classes of each image, with `boxes` for the one that is right.

    A guess of another class is wrong wherever its box lies, so it gets the empty box: the errors
    are those of a full list.

    Shapes: (N, classes), N times (4,).
    """
    best = probabilities.topk(min(GUESSES, probabilities.shape[1])).indices + 1
    return [
        Guesses(
            labels=labels,
            boxes=torch.where((labels == target.labels[0])[:, None], box, torch.zeros(4)),
        )
        for labels, box, target in zip(best, boxes, targets, strict=True)
    ]
