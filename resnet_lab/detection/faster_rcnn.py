"""Faster R-CNN as one path of named steps; each gives plain tensors to look at.

Paper: Section 4.3; Appendix A; Faster R-CNN (Ren et al. 2015).
Notebook: notebooks/04_imagenet.py. Tests: tests/test_detection_faster_rcnn.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from resnet_lab.detection import backbones, improvements, matching
from resnet_lab.detection.anchors import cell_anchors, grid_anchors
from resnet_lab.detection.config import DetectorConfig, Inference
from resnet_lab.detection.heads import RegionScores, RoIHead, head_losses
from resnet_lab.detection.images import Batch, batch
from resnet_lab.detection.improvements import Trace
from resnet_lab.detection.pooling import roi_features, whole_image
from resnet_lab.detection.proposals import RPN, AnchorScores, Proposals, propose, rpn_losses
from resnet_lab.detection.targets import Detections, Target


@dataclass(frozen=True, kw_only=True, eq=False)
class Losses:
    """The four terms, each a mean over images; their sum is what training lowers."""

    rpn_class: Tensor
    rpn_box: Tensor
    head_class: Tensor
    head_box: Tensor

    @property
    def total(self) -> Tensor:
        """Their plain sum."""
        return self.rpn_class + self.rpn_box + self.head_class + self.head_box


class FasterRCNN(nn.Module):
    """A detector made from a classification net.

    `net` is from `backbones.classifier(config)`, with the weights of its pre-training; the
    detector takes its layers over.
    """

    def __init__(self, config: DetectorConfig, net: nn.Module | None = None) -> None:
        super().__init__()
        self.config = config
        halves = backbones.split(backbones.classifier(config) if net is None else net, config)
        self.stride, self.roi_size = halves.stride, halves.roi_size
        self.shared = halves.shared
        cell = cell_anchors(config.anchor_sizes, config.anchor_ratios)
        self.register_buffer("cell", cell, persistent=False)
        self.rpn = RPN(halves.channels, config.rpn_width, len(cell), config.init_std)
        self.head = RoIHead(halves.per_region, halves.features, config)

    # the steps, in their order

    def prepare(self, images: Sequence[Tensor], short_side: int | None = None) -> Batch:
        """1. What the net sees: resized, normalised, padded."""
        device = self.cell.device
        return batch(images, self.config, stride=self.stride, short_side=short_side, device=device)

    def features(self, pixels: Tensor) -> Tensor:
        """2. The map that everything else shares.

        Shapes: (N, 3, H, W) -> (N, channels, H / stride, W / stride).
        """
        return self.shared(pixels)

    def anchors(self, maps: Tensor) -> Tensor:
        """3. Boxes of fixed shapes at every place of the map.

        Shapes: -> (M, 4), pixels of the resized image.
        """
        height, width = maps.shape[-2:]
        return grid_anchors(self.cell, (height, width), self.stride)

    def score_anchors(self, maps: Tensor) -> AnchorScores:
        """4. For each anchor: is there an object, and where exactly."""
        return self.rpn(maps)

    def propose(
        self,
        scores: AnchorScores,
        anchors: Tensor,
        sizes: Sequence[tuple[int, int]],
        candidates: int,
        kept: int,
    ) -> list[Proposals]:
        """5. The best anchors, moved, cut at the border and thinned, for each image."""
        limits = dict(nms=self.config.rpn_nms, min_side=self.config.min_side)
        return [
            propose(logits, offsets, anchors, size, candidates=candidates, kept=kept, **limits)
            for logits, offsets, size in zip(scores.logits, scores.offsets, sizes, strict=True)
        ]

    def pool(self, maps: Tensor, regions: Sequence[Tensor]) -> Tensor:
        """6. The map under each region, brought to one size.

        Shapes: (N, C, H, W), N times (K_i, 4) -> (K, C, roi_size, roi_size).
        """
        return roi_features(
            maps,
            regions,
            stride=self.stride,
            size=self.roi_size,
            pooling=self.config.pooling,
            samples=self.config.pool_samples,
        )

    def describe(
        self, maps: Tensor, regions: Sequence[Tensor], sizes: Sequence[tuple[int, int]]
    ) -> Tensor:
        """7. The feature of each region; with context, the whole image's feature beside it.

        Shapes: (N, C, H, W), N times (K_i, 4) -> (K, features) or (K, 2 * features).
        """
        own = self.head.describe(self.pool(maps, regions))
        if not self.config.context:
            return own
        wholes = [whole_image(size, maps.device) for size in sizes]
        around = self.head.describe(self.pool(maps, wholes))
        counts = torch.tensor([len(boxes) for boxes in regions], device=maps.device)
        return torch.cat([own, around.repeat_interleave(counts, 0)], 1)

    def judge(self, features: Tensor) -> RegionScores:
        """8. For each region: which class, and where exactly."""
        return self.head.judge(features)

    # all of them

    def forward(
        self,
        images: Sequence[Tensor],
        targets: Sequence[Target],
        random: Sequence[torch.Generator],
    ) -> Losses:
        """The losses of `images`; `random` draws each image's anchors and regions.

        Shapes: uint8 (3, H, W) each.
        Paper: Appendix A. RPN and head learn at once ("approximate joint training"), where the
        original alternates between them in four steps.
        """
        config, seen = self.config, self.prepare(images)
        found = [
            matching.objects(target, size, config, self.cell.device)
            for target, size in zip(targets, seen.sizes, strict=True)
        ]
        maps = self.features(seen.pixels)
        anchors, scores = self.anchors(maps), self.score_anchors(maps)
        chosen = [
            matching.sample_anchors(anchors, one, size, config, own)
            for one, size, own in zip(found, seen.sizes, random, strict=True)
        ]
        rpn_class, rpn_box = rpn_losses(scores, anchors, chosen, config.rpn_beta)
        limits = config.train_candidates, config.train_proposals
        proposals = self.propose(scores, anchors, seen.sizes, *limits)
        pairs = [
            matching.sample_regions(one.boxes, objects, config, own)
            for one, objects, own in zip(proposals, found, random, strict=True)
        ]
        regions, samples = map(list, zip(*pairs, strict=True))
        judged = self.judge(self.describe(maps, regions, seen.sizes))
        head_class, head_box = head_losses(judged, regions, samples, config)
        return Losses(
            rpn_class=rpn_class, rpn_box=rpn_box, head_class=head_class, head_box=head_box
        )

    def detect(
        self, image: Tensor, testing: Inference | None = None, *, trace: bool = False
    ) -> Detections | Trace:
        """What is in `image`, in pixels of the image as given; with `trace`, every step's result.

        Shapes: uint8 (3, H, W).
        """
        return improvements.detect([self], image, testing or Inference(), trace=trace)
