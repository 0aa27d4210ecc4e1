"""What a localiser sees of an image, and where a box of a view lies in the image.

Paper: Appendix C (random 224 crops; centre crop, or fully convolutional at several scales).
Notebook: notebooks/09_localisation.py. Tests: tests/test_localisation_views.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor
from torchvision import ops

from resnet_lab.detection import boxes as geometry
from resnet_lab.detection.images import resize, resized_size
from resnet_lab.errors import InputError
from resnet_lab.explore_views import ten_boxes
from resnet_lab.localisation.config import LocaliserConfig

Protocol = Literal["centre", "10-crop", "dense"]
PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)
TRIES = 10  # crops drawn for a training view until one shows enough of a box


@dataclass(frozen=True, kw_only=True)
class View:
    """A window of a resized image, maybe mirrored."""

    resized: tuple[int, int]  # height, width of the whole image
    top: int
    left: int
    height: int
    width: int
    mirrored: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the window."""
        return self.height, self.width


def normalised(image: Tensor, config: LocaliserConfig) -> Tensor:
    """The image as nets want it, at its own size.

    Shapes: uint8 or float (3, H, W) of 0..255 -> float32 (3, H, W).
    """
    mean, std = (image.new_tensor(v, dtype=torch.float32) for v in (config.mean, config.std))
    return (image.float() / 255 - mean.view(3, 1, 1)) / std.view(3, 1, 1)


def see(image: Tensor, view: View, config: LocaliserConfig) -> Tensor:
    """The view's pixels. Shapes: uint8 (3, H, W) -> float32 (3, height, width)."""
    whole = resize(image, view.resized)
    rows, columns = (
        slice(view.top, view.top + view.height),
        slice(view.left, view.left + view.width),
    )
    part = whole[:, rows, columns]
    return normalised(part.flip(2) if view.mirrored else part, config)


def into(boxes: Tensor, size: tuple[int, int], view: View) -> Tensor:
    """Boxes of an image of `size` where they lie in the view, not cut; undone by `back`.

    Shapes: (..., 4) -> (..., 4).
    """
    moved = geometry.rescale(boxes, size, view.resized)
    moved = moved - moved.new_tensor([view.left, view.top] * 2)
    return geometry.flip(moved, view.width) if view.mirrored else moved


def back(boxes: Tensor, size: tuple[int, int], view: View) -> Tensor:
    """Boxes of the view where they lie in its image of `size`; undoes `into`.

    Shapes: (..., 4) -> (..., 4).
    """
    moved = geometry.flip(boxes, view.width) if view.mirrored else boxes
    moved = moved + moved.new_tensor([view.left, view.top] * 2)
    return geometry.rescale(moved, view.resized, size)


def training_view(
    boxes: Tensor, size: tuple[int, int], config: LocaliserConfig, random: torch.Generator
) -> View:
    """A random crop at a random scale, drawn again if it shows too little of every box.

    After some tries it stays as it is: there is then nothing in it to find.

    Shapes: boxes (K, 4), pixels of the image of `size`.
    """
    for _ in range(TRIES):
        side = draw(*config.sides, random)
        resized = resized_size(size, side, 10**9)
        view = View(
            resized=resized,
            top=draw(0, resized[0] - config.crop, random),
            left=draw(0, resized[1] - config.crop, random),
            height=config.crop,
            width=config.crop,
            mirrored=config.mirror and bool(draw(0, 1, random)),
        )
        if len(seen_boxes(boxes, size, view, config)):
            break
    return view


def draw(low: int, high: int, random: torch.Generator) -> int:
    """A whole number from `low` to `high`, both included."""
    return int(torch.randint(low, high + 1, (), generator=random))


def seen_boxes(boxes: Tensor, size: tuple[int, int], view: View, config: LocaliserConfig) -> Tensor:
    """The boxes of which the view shows enough, cut at its border.

    Shapes: (K, 4) -> at most (K, 4).
    """
    whole = into(boxes, size, view)
    shown = geometry.clip(whole, view.size)
    enough = geometry.areas(shown) >= config.visible * geometry.areas(whole)
    return shown[enough & (geometry.sides(shown) > 0).all(1)]


def test_views(size: tuple[int, int], config: LocaliserConfig, protocol: Protocol) -> list[View]:
    """What is looked at of an image of `size` in a test, under one of `PROTOCOLS`.

    Raises: InputError for another protocol.
    """
    if protocol not in PROTOCOLS:
        raise InputError(f"protocol must be one of {', '.join(PROTOCOLS)}, got {protocol!r}")
    if protocol == "dense":
        whole = [resized_size(size, side, 10**9) for side in config.scales]
        return [View(resized=one, top=0, left=0, height=one[0], width=one[1]) for one in whole]
    resized = resized_size(size, config.test_side, 10**9)
    crops = ten_boxes(*resized, config.crop)
    return [
        View(
            resized=resized,
            top=one.top,
            left=one.left,
            height=config.crop,
            width=config.crop,
            mirrored=one.mirrored,
        )
        for one in (crops if protocol == "10-crop" else crops[4:5])
    ]


def warp(image: Tensor, boxes: Tensor, config: LocaliserConfig) -> Tensor:
    """Each region at the net's input size, whatever its shape, with a border of surroundings.

    Outside the image there is the mean colour, which is 0. Where a region shrinks, its pixels are
    averaged.

    Shapes: normalised float32 (3, H, W), (K, 4) -> (K, 3, crop, crop).
    Paper: Appendix C, through R-CNN (Girshick et al. 2014), its appendix A.
    """
    inner = config.crop - 2 * config.warp_border
    reach = geometry.sides(boxes) * (config.crop / inner) / 2
    middle = geometry.centres(boxes)
    grown = torch.cat([middle - reach, middle + reach], 1)
    return ops.roi_align(image[None], [grown], config.crop, 1.0, sampling_ratio=-1, aligned=True)


def stacked(images: Sequence[Tensor], views: Sequence[View], config: LocaliserConfig) -> Tensor:
    """Views of the same size in one tensor. Shapes: N times (3, H, W) -> (N, 3, crop, crop)."""
    pairs = zip(images, views, strict=True)
    return torch.stack([see(image, view, config) for image, view in pairs])
