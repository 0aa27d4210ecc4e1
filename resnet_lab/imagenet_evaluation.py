"""Test protocols of ImageNet: centre crop, 10-crop, fully-convolutional at several scales.

Paper: Section 3.4; Tables 2 to 5.
Notebook: notebooks/04_imagenet.py. Tests: tests/test_imagenet_evaluation.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnet_lab import augmentation, train
from resnet_lab.augmentation import Statistics
from resnet_lab.errors import InputError

STRIDE = 32  # pixels of the image for one step on the last map (Table 1)
PROTOCOLS = ("centre", "10-crop", "multi-scale")


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How an image is shown to the nets. Defaults: Section 3.4."""

    name: str = "10-crop"
    side: int = 256  # pixels; shorter side for centre and 10-crop
    crop: int = 224  # pixels
    sides: tuple[int, ...] = (224, 256, 384, 480, 640)  # pixels; shorter sides of multi-scale
    # what is averaged over the positions of a map. [41], which Section 3.4 follows, averages the
    # map of class scores and takes the softmax of the mean; "softmax" takes it at each position
    positions: Literal["scores", "softmax"] = "scores"

    def __post_init__(self) -> None:
        if self.name not in PROTOCOLS:
            raise InputError(f"protocol must be one of {', '.join(PROTOCOLS)}, got {self.name!r}")
        if not 1 <= self.crop <= self.side:
            raise InputError(f"a {self.crop} crop does not fit into a side of {self.side}")
        if not self.sides or min(self.sides) < 32:
            raise InputError(f"sides must be 32 pixels or more, got {self.sides}")
        if self.positions not in ("scores", "softmax"):
            raise InputError(f"positions must be scores or softmax, got {self.positions!r}")

    def __call__(self, image: Tensor) -> list[Tensor]:
        """What the nets see of `image`: one tensor for each size, before `mirrored`.

        Shapes: uint8 (3, H, W) -> uint8 (views, 3, h, w) each.
        """
        if self.name == "multi-scale":
            return [augmentation.resize(image, side)[None] for side in self.sides]
        image = augmentation.resize(image, self.side)
        if self.name == "10-crop":
            return [ten_crop(image, self.crop)]
        return [augmentation.centre_crop(image, self.crop)[None]]

    def mirrored(self, views: Tensor) -> Tensor:
        """The views, with the mirror image of each for multi-scale: made where the net is.

        Shapes: (N, views, 3, h, w) -> (N, views or 2 * views, 3, h, w).
        """
        if self.name != "multi-scale":
            return views
        return torch.cat([views, views.flip(-1)], dim=1)


def ten_crop(image: Tensor, crop: int) -> Tensor:
    """Four corners and the centre, then those of the mirror image, as torchvision orders them.

    Shapes: (3, H, W) -> (10, 3, crop, crop).
    Paper: Section 3.4, "the standard 10-crop testing [21]".
    """
    views = []
    for one in (image, image.flip(-1)):
        below, right = (side - crop for side in one.shape[1:])
        for top, left in ((0, 0), (0, right), (below, 0), (below, right)):
            views.append(one[:, top : top + crop, left : left + crop])
        views.append(augmentation.centre_crop(one, crop))
    return torch.stack(views)


def score_map(net: nn.Module, x: Tensor, crop: int = 224) -> Tensor:
    """Class scores at every position of the global pool's window, before the softmax.

    The net on a whole image: its global pool, over the 7x7 map of a 224 crop, becomes a pool of
    that size and stride 1, its classifier a 1x1 convolution. One step is 32 pixels of the image.
    The last map has ceil(side / 32) positions a side: where 32 does not divide the side, the
    convolutions' zero padding fills the last one. A map smaller than the window is one window.

    Shapes: (N, 3, H, W) -> (N, classes, ceil(H / 32) - 6, ceil(W / 32) - 6).
    Paper: Section 3.4, "the fully-convolutional form as in [41, 13]".
    """
    maps = net.maps(x)
    window = [min(-(-crop // STRIDE), side) for side in maps.shape[-2:]]
    pooled = F.avg_pool2d(maps, window, stride=1)
    layer = net.classifier
    return F.conv2d(pooled, layer.weight[:, :, None, None], layer.bias)


@torch.no_grad()
def probabilities(
    net: nn.Module,
    views: Sequence[Tensor],
    protocol: Protocol,
    precision: train.Precision = "float32",
) -> Tensor:
    """Mean over views (crops, mirror images, scales) of the softmax, for a batch of images.

    Shapes: float32 (N, views, 3, h, w), one for each size -> float32 (N, classes).
    """
    found = []
    for batch in views:
        x = batch.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        with (
            train.true_float32(),
            torch.autocast(x.device.type, torch.bfloat16, precision == "bfloat16"),
        ):
            if protocol.name != "multi-scale":
                scores = net(x).float()
            elif protocol.positions == "scores":
                scores = score_map(net, x, protocol.crop).float().mean((2, 3))
            else:
                scores = score_map(net, x, protocol.crop).float().softmax(1).mean((2, 3)).log()
        found.append(scores.softmax(1).unflatten(0, batch.shape[:2]))
    # the mean over crops, then over scales: every scale counts the same
    return torch.stack([one.mean(1) for one in found]).mean(0)


def by_shape(images: Sequence[Sequence[Tensor]]) -> list[list[int]]:
    """Indices of images whose views have equal shapes, so that they can go through together."""
    groups: dict[tuple, list[int]] = {}
    for i, views in enumerate(images):
        groups.setdefault(tuple(view.shape for view in views), []).append(i)
    return list(groups.values())


def ensemble(
    nets: Sequence[nn.Module],
    statistics: Sequence[Statistics],
    images: Sequence[Sequence[Tensor]],
    protocol: Protocol,
    device: str = "cpu",
    precision: train.Precision = "float32",
) -> Tensor:
    """Mean over nets of their probabilities; every net sees images normalised its own way.

    Shapes: for each image a list of uint8 (views, 3, h, w) -> float32 (N, classes).
    Paper: Table 5.
    """
    found: dict[int, Tensor] = {}
    for group in by_shape(images):
        stacked = [
            protocol.mirrored(torch.stack(size).to(device, non_blocking=True))
            for size in zip(*(images[i] for i in group), strict=True)
        ]
        total = 0.0
        for net, own in zip(nets, statistics, strict=True):
            shown = [
                own.normalise(size.flatten(0, 1)).unflatten(0, size.shape[:2]) for size in stacked
            ]
            total = total + probabilities(net, shown, protocol, precision)
        found |= dict(zip(group, total / len(nets), strict=True))
    return torch.stack([found[i] for i in range(len(images))])


def mistakes(scores: Tensor, labels: Tensor) -> tuple[int, int]:
    """How many images have their label not first, and not among the first five (or all).

    Shapes: (N, classes), (N,).
    """
    first = scores.topk(min(5, scores.shape[1])).indices == labels[:, None]
    return int((~first[:, 0]).sum()), int((~first.any(1)).sum())
