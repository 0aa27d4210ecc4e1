"""From stored images to what the net sees: resized, normalised, several in one tensor.

Paper: Appendix B ("the image's shorter side is 600 pixels"); Faster R-CNN, Section 3.3.
Notebook: notebooks/07_detection.py. Tests: tests/test_detection_images.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from resnet_lab.detection.config import DetectorConfig
from resnet_lab.errors import InputError


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """Images that go through the net together."""

    pixels: Tensor  # float32 (N, 3, H, W), normalised; zeros beside and below smaller images
    sizes: tuple[tuple[int, int], ...]  # height, width of each resized image
    stored: tuple[tuple[int, int], ...]  # height, width of each image as stored


def resized_size(size: tuple[int, int], short_side: int, long_side: int) -> tuple[int, int]:
    """Height and width when the shorter side is `short_side`, the longer at most `long_side`."""
    short, long = min(size), max(size)
    if short < 1:
        raise InputError(f"an image needs a height and a width, got {size}")
    factor = min(short_side / short, long_side / long)
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def padded_size(sizes: Sequence[tuple[int, int]], stride: int) -> tuple[int, int]:
    """Height and width that hold images of all `sizes`, in whole places of `stride` pixels."""
    return tuple(-(-max(side) // stride) * stride for side in zip(*sizes, strict=True))


def resize(image: Tensor, size: tuple[int, int]) -> Tensor:
    """The image at `size`, bilinear, averaged where it shrinks; the same image if it has it.

    Shapes: uint8 or float (3, H, W) -> float32 (3, *size).
    Units: 0..255, as stored.
    """
    image = image.float()
    if image.shape[-2:] == size:
        return image
    return F.interpolate(image[None], size, mode="bilinear", antialias=True)[0]


def batch(
    images: Sequence[Tensor],
    config: DetectorConfig,
    *,
    stride: int,
    short_side: int | None = None,
    device: torch.device | str = "cpu",
) -> Batch:
    """What the net sees of `images`, padded so that its map has whole places of `stride` pixels.

    `short_side` is for other scales than the config's: the longer side's limit grows with it.

    Shapes: uint8 (3, H, W) each.
    Raises: InputError for anything else.
    """
    for image in images:
        if image.dim() != 3 or len(image) != 3:
            raise InputError(f"an image is (3, height, width), got {tuple(image.shape)}")
    short = short_side or config.short_side
    long = round(config.long_side * short / config.short_side)
    stored = tuple((image.shape[1], image.shape[2]) for image in images)
    sizes = tuple(resized_size(size, short, long) for size in stored)
    height, width = padded_size(sizes, stride)
    mean = torch.tensor(config.mean, device=device).view(3, 1, 1)
    std = torch.tensor(config.std, device=device).view(3, 1, 1)
    pixels = torch.zeros(len(images), 3, height, width, device=device)
    for row, image, size in zip(pixels, images, sizes, strict=True):
        seen = resize(image.to(device), size)
        row[:, : size[0], : size[1]] = (seen / 255 - mean) / std
    return Batch(pixels=pixels, sizes=sizes, stored=stored)
