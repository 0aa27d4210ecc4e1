"""Images scaled to a shorter side of 600, mirrored and padded, and their boxes with them.

Paper: Section 4.3; Appendix A, through Faster R-CNN (Ren et al. 2015): shorter side 600.
Notebook: notebooks/07_detection.py. Tests: tests/test_detection_resizing.py.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as v2

from resnet_lab.detection.targets import Detections, Target

SHORT, LONG = 600, 1000  # pixels


def new_size(size: tuple[int, int], short: int = SHORT, long: int = LONG) -> tuple[int, int]:
    """Height and width with the shorter side `short`, or less so that the longer is within `long`.

    Units: pixels; rounded, at least 1.
    """
    scale = min(short / min(size), long / max(size))
    return tuple(max(1, round(side * scale)) for side in size)


def resized(
    image: Tensor, target: Target, *, short: int = SHORT, long: int = LONG
) -> tuple[Tensor, Target]:
    """The image and its target at the new size; boxes are clipped to the image.

    Bilinear, with the pixels in between averaged where it shrinks. Areas stay those of the image
    as stored: COCO's sizes are measured there.

    Shapes: uint8 (3, H, W) -> uint8 (3, H', W').
    Paper: Appendix A, through Faster R-CNN, Section 3.3.
    """
    height, width = image.shape[1:]
    size = new_size((height, width), short, long)
    smaller = v2.resize(image, list(size), interpolation=InterpolationMode.BILINEAR, antialias=True)
    boxes = clipped(scaled(target.boxes, (height, width), size), size)
    return smaller, replace(target, boxes=boxes, size=size)


def restored(found: Detections, size: tuple[int, int], stored: tuple[int, int]) -> Detections:
    """Detections in an image of `size`, in pixels of the image as `stored`; undoes `resized`.

    Units: height and width, before padding.
    """
    return replace(found, boxes=clipped(scaled(found.boxes, size, stored), stored))


def scaled(boxes: Tensor, size: tuple[int, int], new: tuple[int, int]) -> Tensor:
    """Boxes of an image of `size` in one of size `new`, each axis by its own ratio; (K, 4)."""
    down, across = new[0] / size[0], new[1] / size[1]
    return boxes * boxes.new_tensor([across, down, across, down])


def clipped(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Boxes within 0 and the height and width of `size`; (K, 4)."""
    height, width = size
    return torch.minimum(boxes, boxes.new_tensor([width, height, width, height])).clamp(min=0)


def flipped(image: Tensor, target: Target) -> tuple[Tensor, Target]:
    """The mirror image and its boxes; twice is nothing.

    Corners are half-open, so a corner x goes to W - x; counted as pixels it were W - 1 - x.

    Shapes: (3, H, W) -> (3, H, W).
    """
    x0, y0, x1, y1 = target.boxes.unbind(1)
    width = image.shape[2]
    return image.flip(2), replace(target, boxes=torch.stack([width - x1, y0, width - x0, y1], 1))


def padded(images: Sequence[Tensor], stride: int) -> Tensor:
    """The images in one batch, zeros to their right and below, sides a multiple of `stride`.

    Pad after the mean is subtracted, so that zero is the mean colour. With such sides every map is
    exactly 1 / `stride` of the image and an anchor's place is a whole multiple of `stride`.

    Shapes: (3, H, W) each -> (N, 3, H', W').
    """
    height, width = (
        -(-max(image.shape[axis] for image in images) // stride) * stride for axis in (1, 2)
    )
    return torch.stack(
        [F.pad(image, (0, width - image.shape[2], 0, height - image.shape[1])) for image in images]
    )
