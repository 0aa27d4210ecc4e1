"""Testing at several scales: each region is judged at the two at which it looks its best.

Paper: Appendix B, "Multi-Scale Testing", through SPPnet and NoC (its references [12] and [33]).
Notebook: notebooks/04_imagenet.py. Tests: tests/test_detection_scales.py.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from resnet_lab.detection import boxes as geometry
from resnet_lab.detection.config import Inference
from resnet_lab.detection.pooling import whole_image

if TYPE_CHECKING:
    from resnet_lab.detection.faster_rcnn import FasterRCNN

Size = tuple[int, int]


@dataclass(frozen=True, kw_only=True, eq=False)
class Pyramid:
    """One net's maps of one image at every scale, the smallest first."""

    net: "FasterRCNN"
    maps: tuple[Tensor, ...]  # each (1, C, H, W)
    sizes: tuple[Size, ...]  # height, width of the image at each scale
    reference: float  # pixels a side that a region should have

    def describe(self, regions: Tensor, size: Size) -> Tensor:
        """Features of `regions`, given in an image of `size`; the larger of two scales' values.

        Shapes: (K, 4) -> (K, features), or (K, 2 * features) with context.
        """
        own = self.largest(regions, size)
        if not self.net.config.context:
            return own
        around = self.largest(whole_image(size, regions.device), size)
        return torch.cat([own, around.expand_as(own)], 1)

    def largest(self, regions: Tensor, size: Size) -> Tensor:
        """Pool and describe at both scales, then take the larger value of each feature."""
        lower = adjacent(regions, size, self.sizes, self.reference)
        found: list[Tensor | None] = [None, None]
        for place, (maps, scaled) in enumerate(zip(self.maps, self.sizes, strict=True)):
            for k in (0, 1):
                mine = (lower + k == place).nonzero()[:, 0]
                if len(mine):
                    boxes = geometry.rescale(regions[mine], size, scaled)
                    features = self.net.head.describe(self.net.pool(maps, [boxes]))
                    if found[k] is None:
                        found[k] = features.new_zeros(len(regions), features.shape[1])
                    found[k][mine] = features
        if found[0] is None:
            return self.net.head.describe(self.net.pool(self.maps[0], [regions]))  # of no region
        return torch.maximum(*found)


def pyramid(net: "FasterRCNN", image: Tensor, testing: Inference) -> Pyramid:
    """The maps of `image` with each of `testing.scales` as its shorter side."""
    batches = [net.prepare([image], short_side) for short_side in testing.scales]
    return Pyramid(
        net=net,
        maps=tuple(net.features(seen.pixels) for seen in batches),
        sizes=tuple(seen.sizes[0] for seen in batches),
        reference=testing.scale_reference,
    )


def adjacent(regions: Tensor, size: Size, sizes: tuple[Size, ...], reference: float) -> Tensor:
    """The lower of the two adjacent scales between which each region is `reference` a side.

    A region too large for the smallest scale gets the two smallest, one too small for the largest
    the two largest.

    Shapes: (K, 4) -> (K,) int64, at most len(sizes) - 2.
    """
    sides = geometry.areas(regions).sqrt()
    growth = sides.new_tensor([(h * w / (size[0] * size[1])) ** 0.5 for h, w in sizes])
    too_small = sides[:, None] * growth < reference  # (K, scales), true up to the ideal one
    return (too_small.sum(1) - 1).clamp(0, len(sizes) - 2)
