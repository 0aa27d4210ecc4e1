"""Anchors: the boxes of fixed shapes, at every place of the feature map, that the RPN judges.

Paper: Appendix A, through Faster R-CNN (Ren et al. 2015), Section 3.1.1: 3 scales x 3 ratios.
Notebook: notebooks/04_imagenet.py. Tests: tests/test_detection_anchors.py.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from resnet_lab.errors import InputError


def cell_anchors(sizes: Sequence[float], ratios: Sequence[float]) -> Tensor:
    """The anchors of one place, around the origin: for each ratio, every size.

    An anchor of size s and ratio r has about the area s * s and is r times as high as wide; its
    corners are whole pixels.

    Shapes: -> (A, 4), A = len(ratios) * len(sizes).
    Units: pixels of the resized image.
    Raises: InputError if there are none, or one is not above 0.
    """
    if not sizes or not ratios or min(*sizes, *ratios, 1) <= 0:
        raise InputError(f"anchors need sizes and ratios above 0, got {sizes} and {ratios}")
    ratio = torch.tensor(ratios, dtype=torch.float32)[:, None]
    size = torch.tensor(sizes, dtype=torch.float32)
    half_width, half_height = size / ratio.sqrt() / 2, size * ratio.sqrt() / 2
    corners = torch.stack([-half_width, -half_height, half_width, half_height], dim=-1)
    return corners.flatten(0, 1).round()


def grid_anchors(cell: Tensor, map_size: tuple[int, int], stride: int) -> Tensor:
    """The anchors of `cell` at every place of a feature map: row by row, place by place.

    Their centre is the place's index times `stride`. That is where the place looks in a ResNet,
    whose strided convolutions are centred on every second pixel.

    Shapes: (A, 4) -> (H * W * A, 4).
    """
    height, width = map_size
    y = torch.arange(height, device=cell.device) * stride
    x = torch.arange(width, device=cell.device) * stride
    y, x = torch.meshgrid(y, x, indexing="ij")
    places = torch.stack([x, y, x, y], dim=-1)  # (H, W, 4)
    return (places[:, :, None] + cell).reshape(-1, 4)
