"""Which anchor or region stands for which object, and which of them a loss sees.

Paper: Appendix A, through Faster R-CNN (Ren et al. 2015), Sections 3.1.2 and 3.1.3.
Notebook: notebooks/04_imagenet.py. Tests: tests/test_detection_matching.py.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision import ops

from resnet_lab.detection import boxes as geometry
from resnet_lab.detection.config import DetectorConfig
from resnet_lab.detection.targets import Target, for_training

BACKGROUND, IGNORED = -1, -2


@dataclass(frozen=True, kw_only=True)
class Objects:
    """What one image teaches: boxes with an area, in pixels of the resized image."""

    boxes: Tensor  # (K, 4)
    labels: Tensor  # (K,) int64, 1..classes


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Anchors or regions that a loss sees, positives first."""

    index: Tensor  # (S,) which of them
    labels: Tensor  # (S,) int64; 0 is background
    truth: Tensor  # (P, 4) the boxes that the P positives should become


def objects(
    target: Target, size: tuple[int, int], config: DetectorConfig, device: torch.device | str
) -> Objects:
    """What `target` teaches in its image resized to `size`; maybe nothing.

    Boxes are cut at the border. Crowds are left out, difficult boxes too unless the config keeps
    them, and boxes with nothing inside the image.
    """
    wanted = for_training(target, difficult=config.difficult)
    scaled = geometry.clip(geometry.rescale(wanted.boxes, target.size, size), size)
    left = (geometry.sides(scaled) > 0).all(1)
    return Objects(boxes=scaled[left].to(device), labels=wanted.labels[left].to(device))


def match(iou: Tensor, positive: float, negative: float, *, keep_best: bool) -> Tensor:
    """For each of M candidates the index of its object, or BACKGROUND, or IGNORED.

    A candidate takes the object it overlaps most, from IoU `positive` on; below `negative` it is
    background, and ignored in between. With `keep_best` each object also keeps the candidates
    that overlap it most, however little, unless it overlaps none.

    Shapes: (K, M) -> (M,) int64.
    """
    if not len(iou):
        return torch.full((iou.shape[1],), BACKGROUND, device=iou.device)
    best, owner = iou.max(0)
    matched = torch.where(best >= positive, owner, IGNORED)
    matched[best < negative] = BACKGROUND
    if keep_best and iou.shape[1]:
        record = iou.amax(1, keepdim=True)
        holds = ((iou == record) & (record > 0)).any(0)
        matched[holds] = owner[holds]
    return matched


def sample(
    matched: Tensor, count: int, share: float, random: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Up to `count` candidates drawn at random: at most `share` positives, the rest background.

    Shapes: (M,) -> (P,), (B,) indices, P + B <= count.
    """
    positives, negatives = (matched >= 0).nonzero()[:, 0], (matched == BACKGROUND).nonzero()[:, 0]
    positives = draw(positives, int(count * share), random)
    return positives, draw(negatives, count - len(positives), random)


def draw(index: Tensor, count: int, random: torch.Generator) -> Tensor:
    """`count` of them, or all; drawn on the processor, so that a device changes nothing."""
    chosen = torch.randperm(len(index), generator=random)[:count]
    return index[chosen.to(index.device)]


def sample_anchors(
    anchors: Tensor,
    found: Objects,
    size: tuple[int, int],
    config: DetectorConfig,
    random: torch.Generator,
) -> Sample:
    """The anchors that the RPN's loss sees in one image; none if all of them cross its border.

    Labels are 1 for an object of any class and 0 for background.
    """
    allowed = torch.ones(len(anchors), dtype=torch.bool, device=anchors.device)
    if not config.border_anchors:
        allowed = geometry.inside(anchors, size)
    matched = torch.full(allowed.shape, IGNORED, device=anchors.device)
    matched[allowed] = match(
        ops.box_iou(found.boxes, anchors[allowed]),
        config.rpn_positive_iou,
        config.rpn_negative_iou,
        keep_best=True,
    )
    positives, negatives = sample(matched, config.rpn_sample, config.rpn_positive_share, random)
    index = torch.cat([positives, negatives])
    labels = torch.zeros_like(index)
    labels[: len(positives)] = 1
    return Sample(index=index, labels=labels, truth=found.boxes[matched[positives]])


def sample_regions(
    proposals: Tensor, found: Objects, config: DetectorConfig, random: torch.Generator
) -> tuple[Tensor, Sample]:
    """The regions that the head's loss sees, of the proposals and the objects' own boxes.

    Shapes: (K, 4) -> (S, 4) and their Sample, positives first.
    """
    regions = torch.cat([proposals, found.boxes])
    matched = match(
        ops.box_iou(found.boxes, regions),
        config.roi_positive_iou,
        config.roi_positive_iou,
        keep_best=False,
    )
    positives, negatives = sample(matched, config.rois, config.roi_positive_share, random)
    owner = matched[positives]
    labels = torch.cat([found.labels[owner], torch.zeros_like(negatives)])
    index = torch.cat([positives, negatives])
    return regions[index], Sample(index=index, labels=labels, truth=found.boxes[owner])
