"""RoI pooling: from a region of any size to a small map of one size.

Paper: Section 4.3; Appendix A ("RoI pooling is performed before conv5_1"). RoIAlign is later
(He et al. 2017) and a named deviation.
Notebook: notebooks/04_imagenet.py. Tests: tests/test_detection_pooling.py.
"""

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torchvision import ops

from resnet_lab.errors import InputError

Pooling = Literal["pool", "align"]


def roi_features(
    maps: Tensor,
    rois: Sequence[Tensor],
    *,
    stride: int,
    size: int,
    pooling: Pooling = "pool",
    samples: int = 0,
) -> Tensor:
    """The feature map under each region, image after image, brought to `size` x `size` cells.

    "pool" rounds a region to whole cells of the map and takes each cell's largest value; "align"
    interpolates `samples` x `samples` points a cell (0: as many as fall on the map) and averages.

    Shapes: (N, C, H, W), N times (K_i, 4) -> (K, C, size, size), K the sum of all K_i.
    Units: regions in pixels of the resized image.
    Raises: InputError for another kind of pooling.
    """
    rois = [boxes.float() for boxes in rois]  # pixels in bfloat16 would be off by some of them
    if pooling == "pool":
        return ops.roi_pool(maps.float(), rois, size, 1 / stride).to(maps.dtype)
    if pooling == "align":
        found = ops.roi_align(
            maps.float(), rois, size, 1 / stride, sampling_ratio=samples or -1, aligned=True
        )
        return found.to(maps.dtype)
    raise InputError(f"pooling must be pool or align, got {pooling!r}")


def roi_pool_by_hand(feature_map: Tensor, box: Tensor, *, stride: int, size: int) -> Tensor:
    """RoI pooling of one region in plain steps: the same numbers as torchvision's, slowly.

    Both corners are rounded to cells of the map and the last cell counts, so that a region is at
    least one cell wide. Its bins may overlap; one outside the map gives 0.

    Shapes: (C, H, W), (4,) -> (C, size, size).
    """
    channels, height, width = feature_map.shape
    # halves round away from zero, as C does; Python's and torch's round go to even
    x0, y0, x1, y1 = (math.floor(value / stride + 0.5) for value in box.tolist())
    bin_height, bin_width = max(y1 - y0 + 1, 1) / size, max(x1 - x0 + 1, 1) / size
    pooled = feature_map.new_zeros(channels, size, size)
    for i in range(size):
        rows = span(y0, i, bin_height, height)
        for j in range(size):
            columns = span(x0, j, bin_width, width)
            if rows and columns:
                part = feature_map[:, rows.start : rows.stop, columns.start : columns.stop]
                pooled[:, i, j] = part.amax((1, 2))
    return pooled


def span(start: int, index: int, length: float, limit: int) -> range:
    """Cells of the map that bin `index` of a region beginning at `start` covers; maybe none."""
    first = start + math.floor(index * length)
    last = start + math.ceil((index + 1) * length)
    return range(min(max(first, 0), limit), min(max(last, 0), limit))


def whole_image(size: tuple[int, int], device: torch.device | str = "cpu") -> Tensor:
    """The image as one region: what global context pools (Appendix B).

    Shapes: -> (1, 4).
    """
    return torch.tensor([[0.0, 0.0, size[1], size[0]]], device=device)
