"""Boxes as corners, and the four offsets by which a net moves them.

Every box is (x0, y0, x1, y1) in float pixels, half-open: a box from 0 to 10 is 10 wide, and its
right edge lies between pixels 9 and 10. No step of the detector adds 1 to a width.

Paper: Appendix A, through Faster R-CNN (Ren et al. 2015), Section 3.1.2.
Notebook: notebooks/04_imagenet.py. Tests: tests/test_detection_boxes.py.
"""

import math

import torch
from torch import Tensor

from resnet_lab.errors import InputError

LARGEST_GROWTH = math.log(1000 / 16)  # of the log of a side: an untrained net must not overflow
Weights = tuple[float, float, float, float]


def sides(boxes: Tensor) -> Tensor:
    """Widths and heights.

    Shapes: (..., 4) -> (..., 2).
    """
    return boxes[..., 2:] - boxes[..., :2]


def centres(boxes: Tensor) -> Tensor:
    """Middles, x before y.

    Shapes: (..., 4) -> (..., 2).
    """
    return boxes[..., :2] + sides(boxes) / 2


def areas(boxes: Tensor) -> Tensor:
    """Areas in square pixels; 0 for a box whose corners are swapped.

    Shapes: (..., 4) -> (...).
    """
    return sides(boxes).clamp(min=0).prod(-1)


def encode(boxes: Tensor, anchors: Tensor, weights: Weights = (1.0, 1.0, 1.0, 1.0)) -> Tensor:
    """Offsets (tx, ty, tw, th), times `weights`, that `decode` turns back into `boxes`.

    Shapes: (K, 4), (K, 4) -> (K, 4).
    Units: boxes in pixels of the resized image; offsets have none.
    Raises: InputError (a ValueError) if a box or an anchor has no area.
    Paper: Appendix A, through Faster R-CNN, Section 3.1.2.
    """
    box_sides, anchor_sides = sides(boxes), sides(anchors)
    if not ((anchor_sides > 0).all() and (box_sides > 0).all()):
        raise InputError("every box and anchor needs x1 > x0 and y1 > y0; leave the others out")
    moves = (centres(boxes) - centres(anchors)) / anchor_sides
    growths = (box_sides / anchor_sides).log()
    return torch.cat([moves, growths], dim=-1) * boxes.new_tensor(weights)


def decode(offsets: Tensor, anchors: Tensor, weights: Weights = (1.0, 1.0, 1.0, 1.0)) -> Tensor:
    """Boxes that lie at `offsets` from `anchors`; undoes `encode`.

    No side grows by more than 1000/16 at once, so that no offset gives an infinite box.

    Shapes: (..., 4), (..., 4) -> (..., 4), broadcast.
    Units: as `encode`.
    """
    offsets = offsets.float() / offsets.new_tensor(weights, dtype=torch.float32)
    middles = centres(anchors) + offsets[..., :2] * sides(anchors)
    halves = sides(anchors) * offsets[..., 2:].clamp(max=LARGEST_GROWTH).exp() / 2
    return torch.cat([middles - halves, middles + halves], dim=-1)


def clip(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """The parts of `boxes` inside an image of `size` (height, width); none may be left.

    Shapes: (..., 4) -> (..., 4).
    """
    height, width = size
    x, y = boxes[..., 0::2].clamp(0, width), boxes[..., 1::2].clamp(0, height)
    return torch.stack([x, y], dim=-1).flatten(-2)


def inside(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Which boxes lie in an image of `size` (height, width) as a whole.

    Shapes: (K, 4) -> (K,) bool.
    """
    height, width = size
    limit = boxes.new_tensor([width, height])
    return ((boxes[:, :2] >= 0) & (boxes[:, 2:] <= limit)).all(1)


def flip(boxes: Tensor, width: int) -> Tensor:
    """Boxes in the mirrored image; its own inverse.

    Shapes: (K, 4) -> (K, 4).
    """
    x0, y0, x1, y1 = boxes.unbind(-1)
    return torch.stack([width - x1, y0, width - x0, y1], dim=-1)


def rescale(boxes: Tensor, before: tuple[int, int], after: tuple[int, int]) -> Tensor:
    """Boxes of an image of size `before` in the same image resized to `after` (height, width).

    Shapes: (..., 4) -> (..., 4).
    """
    factor = boxes.new_tensor([after[1] / before[1], after[0] / before[0]])
    return boxes * factor.repeat(2)
