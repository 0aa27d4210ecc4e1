"""The per-region head: conv5 (or VGG's hidden layers), then a class and a box for each class.

Paper: Section 4.3; Appendix A ("sibling layers"); Appendix B (global context).
Notebook: notebooks/04_imagenet.py. Tests: tests/test_detection_heads.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnet_lab.detection import boxes as geometry
from resnet_lab.detection.backbones import initialise
from resnet_lab.detection.config import DetectorConfig
from resnet_lab.detection.matching import Sample


@dataclass(frozen=True, kw_only=True, eq=False)
class RegionScores:
    """What the head says of each region."""

    logits: Tensor  # (K, classes + 1), background first
    offsets: Tensor  # (K, classes, 4), from the region, for each class

    @property
    def probabilities(self) -> Tensor:
        """Softmax over background and classes.

        Shapes: -> (K, classes + 1).
        """
        return self.logits.softmax(1)


class RoIHead(nn.Module):
    """Two sibling linear layers behind the net's per-region half.

    With `context` they also see the whole image's feature, beside each region's.

    Shapes: (K, channels, size, size) -> RegionScores.
    """

    def __init__(self, per_region: nn.Module, features: int, config: DetectorConfig) -> None:
        super().__init__()
        self.per_region = per_region
        inputs = 2 * features if config.context else features
        self.classes = nn.Linear(inputs, config.classes + 1)
        self.boxes = nn.Linear(inputs, 4 * config.classes)
        initialise(self.classes, config.init_std)
        initialise(self.boxes, config.box_init_std)

    def describe(self, pooled: Tensor) -> Tensor:
        """The feature of each pooled region.

        Shapes: (K, channels, size, size) -> (K, features).
        """
        return self.per_region(pooled)

    def judge(self, features: Tensor) -> RegionScores:
        """Class and boxes from features, to which the image's are joined where there is context.

        Shapes: (K, inputs) -> RegionScores.
        """
        offsets = self.boxes(features).float()
        return RegionScores(
            logits=self.classes(features).float(),
            offsets=offsets.view(-1, self.boxes.out_features // 4, 4),
        )


def head_losses(
    scores: RegionScores,
    regions: Sequence[Tensor],
    samples: Sequence[Sample],
    config: DetectorConfig,
) -> tuple[Tensor, Tensor]:
    """Class and box loss: means over the regions of an image, then over the images.

    `regions` are the sampled ones, image after image, as in `scores`; an image with none adds 0.
    """
    classes, offsets = [], []
    counts = [len(boxes) for boxes in regions]
    parts = zip(scores.logits.split(counts), scores.offsets.split(counts), strict=True)
    for (logits, moves), boxes, sample in zip(parts, regions, samples, strict=True):
        count, positives = max(1, len(boxes)), torch.arange(len(sample.truth), device=boxes.device)
        classes.append(F.cross_entropy(logits, sample.labels, reduction="sum") / count)
        own = moves[positives, sample.labels[positives] - 1]  # the box of the true class
        wanted = geometry.encode(sample.truth, boxes[positives], config.box_weights)
        loss = F.smooth_l1_loss(own, wanted, beta=config.head_beta, reduction="sum")
        offsets.append(loss / count)
    return torch.stack(classes).mean(), torch.stack(offsets).mean()
