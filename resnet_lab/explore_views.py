"""How one image becomes many views: where crops lie, and what maps the net makes of each scale.

Paper: Section 3.4 (scale augmentation, 10-crop, the fully-convolutional form at five scales).
Notebook: notebooks/04_imagenet.py. Tests: tests/test_explore_views.py.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from resnet_lab import augmentation, cost
from resnet_lab.claims.nets import weightless
from resnet_lab.errors import InputError
from resnet_lab.imagenet_evaluation import STRIDE, Protocol, score_map
from resnet_lab.imagenet_recipe import ImageNetRecipe
from resnet_lab.resnet import imagenet

SIDES = Protocol().sides  # shorter sides of Section 3.4
CROP = Protocol().crop
DEPTH = 50  # the net whose maps are shown; those of Table 1 all have the same sizes
PLACES = ("top left", "top right", "bottom left", "bottom right", "centre")


@dataclass(frozen=True, kw_only=True)
class Box:
    """A square crop of an image: its corner, its side, and whether it is shown mirrored.

    Units: pixels of the resized image that is not mirrored.
    """

    name: str
    top: int
    left: int
    side: int
    mirrored: bool

    def cut(self, image: Tensor) -> Tensor:
        """The view itself. Shapes: (C, H, W) -> (C, side, side)."""
        view = image[:, self.top : self.top + self.side, self.left : self.left + self.side]
        return view.flip(-1) if self.mirrored else view


def ten_boxes(height: int, width: int, crop: int = CROP) -> list[Box]:
    """Where the ten crops of an image lie, in the order of `imagenet_evaluation.ten_crop`.

    The last five are cut from the mirror image: its left corner is the right one of the image.

    Raises: InputError if the crop does not fit.
    """
    if not 1 <= crop <= min(height, width):
        raise InputError(f"a {crop} crop does not fit into {height}x{width}")
    below, right = height - crop, width - crop
    corners = [(0, 0), (0, right), (below, 0), (below, right)]
    # half pixels are rounded as torchvision's centre crop rounds them
    corners.append((round(below / 2), round(right / 2)))
    return [
        Box(
            name=f"{'mirrored, ' if mirrored else ''}{place}",
            top=top,
            left=right - left if mirrored else left,
            side=crop,
            mirrored=mirrored,
        )
        for mirrored in (False, True)
        for place, (top, left) in zip(PLACES, corners, strict=True)
    ]


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """What chance chose for one training view, and the view before its colours change."""

    short_side: int  # pixels of the resized image
    shape: tuple[int, int]  # height and width of the resized image
    box: Box
    colour: tuple[float, float, float]  # multiples of the colour components
    view: Tensor  # uint8 (3, crop, crop)

    def coloured(self) -> Tensor:
        """The view with its colour change, for the eye: no mean is subtracted.

        Shapes: -> uint8 (3, crop, crop).
        """
        known = augmentation.published(divide=False)
        shift = known.eigenvectors @ (torch.tensor(self.colour) * known.eigenvalues)
        return ((self.view / 255 + shift[:, None, None]).clamp(0, 1) * 255).round().byte()


def training_draw(image: Tensor, recipe: ImageNetRecipe, seed: int) -> Drawn:
    """`augmentation.training_view` with what it drew: the same numbers in the same order.

    Shapes: uint8 (3, H, W).
    """
    random = np.random.default_rng(seed)
    side = int(random.integers(recipe.short_side[0], recipe.short_side[1] + 1))
    height, width = augmentation.resize(image, side).shape[1:]
    top, left = (int(random.integers(n - recipe.crop + 1)) for n in (height, width))
    mirrored = bool(recipe.flip and random.random() < 0.5)
    view, colour = augmentation.training_view(image, recipe, np.random.default_rng(seed))
    return Drawn(
        short_side=side,
        shape=(height, width),
        box=Box(name=f"view {seed}", top=top, left=left, side=recipe.crop, mirrored=mirrored),
        colour=tuple(colour.tolist()),
        view=view,
    )


@dataclass(frozen=True, kw_only=True)
class Scale:
    """What the net makes of an image at one scale. Sizes are height and width."""

    side: int  # pixels; shorter side
    image: tuple[int, int]  # pixels
    map: tuple[int, int]  # of conv5_x
    windows: tuple[int, int]  # positions of the pool, each with class scores of its own
    multiply_adds: int  # of one pass

    @property
    def count(self) -> int:
        """Positions in all."""
        return self.windows[0] * self.windows[1]


@lru_cache(maxsize=64)  # sliders come back to the same five
def scale_of(image: tuple[int, int], side: int, depth: int = DEPTH) -> Scale:
    """The maps of the real net, run without numbers, for an image of that height and width."""
    shorter = min(image)
    # as torchvision resizes: the longer side is cut down to whole pixels
    shape = tuple(side if n == shorter else int(side * n / shorter) for n in image)
    net = weightless(imagenet(depth)).eval()
    with torch.no_grad():
        x = torch.zeros(1, 3, *shape, device="meta")
        maps, scores = net.maps(x).shape[-2:], score_map(net, x, CROP).shape[-2:]
    work = cost.multiply_adds(net, (3, *shape))
    return Scale(side=side, image=shape, map=tuple(maps), windows=tuple(scores), multiply_adds=work)


def window_box(row: int, column: int, crop: int = CROP) -> Box:
    """The part of the image under one window: a step of the map is 32 pixels.

    Layers see beyond it: neighbours of the window where there are some, else zeros.
    """
    return Box(
        name=f"window {row}, {column}",
        top=row * STRIDE,
        left=column * STRIDE,
        side=crop,
        mirrored=False,
    )


def scales_table(image: tuple[int, int], depth: int = DEPTH) -> str:
    """Scale, last map, windows and work, as Markdown, for an image of that height and width."""
    found = [scale_of(image, side, depth) for side in SIDES]
    one = scale_of((CROP, CROP), CROP, depth).multiply_adds
    rows = [
        "| shorter side | image | last map | windows | multiply-adds | in 224 crops |",
        "|---|---|---|---|---|---|",
    ]
    for s in found:
        sizes = [f"{a}x{b}" for a, b in (s.image, s.map, s.windows)]
        rows.append(
            f"| {s.side} | {sizes[0]} | {sizes[1]} | {sizes[2]} = {s.count} "
            f"| {s.multiply_adds / 1e9:.2f}e9 | {s.multiply_adds / one:.1f} |"
        )
    both = 2 * sum(s.multiply_adds for s in found)
    rows.append(
        f"| all five, each with its mirror image | | | {2 * sum(s.count for s in found)} "
        f"| {both / 1e9:.2f}e9 | {both / one:.1f} |"
    )
    rows.append(f"| ten crops of 224 | | | 10 | {10 * one / 1e9:.2f}e9 | 10.0 |")
    return "\n".join(rows)
