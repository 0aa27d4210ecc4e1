"""The region proposal network: which anchors hold an object, and where exactly it lies.

Paper: Appendix A, through Faster R-CNN (Ren et al. 2015), Section 3.1.
Notebook: notebooks/04_imagenet.py. Tests: tests/test_detection_proposals.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision import ops

from resnet_lab.detection import boxes as geometry
from resnet_lab.detection.backbones import initialise
from resnet_lab.detection.matching import Sample


@dataclass(frozen=True, kw_only=True, eq=False)
class AnchorScores:
    """What the RPN says of each anchor of each image, in the anchors' order."""

    logits: Tensor  # (N, M): above 0 where an object is more likely than none
    offsets: Tensor  # (N, M, 4)


@dataclass(frozen=True, kw_only=True, eq=False)
class Proposals:
    """Regions of one image that may hold an object, the best first."""

    boxes: Tensor  # (K, 4), pixels of the resized image
    scores: Tensor  # (K,), 0..1


class RPN(nn.Module):
    """A 3x3 convolution, and from it two 1x1: is there an object, and where.

    Shapes: (N, channels, H, W) -> AnchorScores of M = H * W * anchors.
    """

    def __init__(self, channels: int, width: int, anchors: int, std: float) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, width, 3, padding=1)
        self.objectness = nn.Conv2d(width, anchors, 1)
        self.offsets = nn.Conv2d(width, 4 * anchors, 1)
        for layer in (self.conv, self.objectness, self.offsets):
            initialise(layer, std)

    def forward(self, maps: Tensor) -> AnchorScores:
        x = F.relu(self.conv(maps))
        # (N, A, H, W) and (N, A * 4, H, W) -> place by place, as the anchors lie
        logits = self.objectness(x).permute(0, 2, 3, 1).flatten(1)
        offsets = self.offsets(x).permute(0, 2, 3, 1).reshape(len(x), -1, 4)
        return AnchorScores(logits=logits.float(), offsets=offsets.float())


@torch.no_grad()
def propose(
    logits: Tensor,
    offsets: Tensor,
    anchors: Tensor,
    size: tuple[int, int],
    *,
    candidates: int,
    kept: int,
    nms: float,
    min_side: float,
) -> Proposals:
    """Proposals of one image: the best anchors moved, cut at the border, without near doubles.

    Nothing is learned through them: the head takes its regions as given.

    Shapes: (M,), (M, 4), (M, 4) -> at most `kept`.
    """
    scores, best = logits.topk(min(candidates, len(logits)))
    boxes = geometry.clip(geometry.decode(offsets[best], anchors[best]), size)
    large = (geometry.sides(boxes) >= min_side).all(1) & (geometry.sides(boxes) > 0).all(1)
    boxes, scores = boxes[large], scores[large].sigmoid()
    first = ops.nms(boxes, scores, nms)[:kept]
    return Proposals(boxes=boxes[first], scores=scores[first])


def rpn_losses(
    scores: AnchorScores, anchors: Tensor, samples: Sequence[Sample], beta: float
) -> tuple[Tensor, Tensor]:
    """Class and box loss: means over the sampled anchors of an image, then over the images.

    The original weighs the box term with 10 / places, 1/240 for a 600 x 1000 image; one over the
    sample, 1/256, is that for any image. An image without sampled anchors adds 0.
    """
    classes, boxes = [], []
    for logits, offsets, sample in zip(scores.logits, scores.offsets, samples, strict=True):
        seen, positive = logits[sample.index], sample.index[: len(sample.truth)]
        labels, count = sample.labels.to(seen.dtype), max(1, len(sample.index))
        loss = F.binary_cross_entropy_with_logits(seen, labels, reduction="sum")
        classes.append(loss / count)
        wanted = geometry.encode(sample.truth, anchors[positive])
        loss = F.smooth_l1_loss(offsets[positive], wanted, beta=beta, reduction="sum")
        boxes.append(loss / count)
    return torch.stack(classes).mean(), torch.stack(boxes).mean()
