"""From proposals to detections, with Appendix B's improvements as options of the one path.

None of them changes a weight: box refinement and voting, testing at several scales, ensembles.
(Global context is trained, so it belongs to the detector's config.)

Paper: Appendix B; Table 9.
Notebook: notebooks/04_imagenet.py. Tests: tests/test_detection_improvements.py.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torchvision import ops

from resnet_lab.detection import boxes as geometry
from resnet_lab.detection.config import Inference
from resnet_lab.detection.images import Batch
from resnet_lab.detection.proposals import AnchorScores, Proposals
from resnet_lab.detection.scales import Pyramid, pyramid
from resnet_lab.detection.targets import Detections
from resnet_lab.errors import InputError

if TYPE_CHECKING:
    from resnet_lab.detection.faster_rcnn import FasterRCNN


@dataclass(frozen=True, kw_only=True, eq=False)
class Predictions:
    """For each region and class: how likely, and where."""

    scores: Tensor  # (K, classes + 1), background first; rows sum to 1
    boxes: Tensor  # (K, classes, 4), pixels of the resized image, inside it


@dataclass(frozen=True, kw_only=True, eq=False)
class Trace:
    """Every step's result for one image; boxes in pixels of the resized image.

    Of an ensemble, batch, map and anchor scores are the first net's.
    """

    batch: Batch
    maps: Tensor  # (1, C, H, W)
    anchors: Tensor  # (M, 4)
    anchor_scores: AnchorScores
    proposals: Proposals  # of an ensemble: the union
    first: Predictions  # for the proposals
    refined: Predictions | None  # for the boxes they were moved to
    found: Detections  # after NMS and voting, pixels of the resized image
    detections: Detections  # the same in pixels of the image as stored


@torch.no_grad()
def detect(
    nets: Sequence["FasterRCNN"], image: Tensor, testing: Inference, *, trace: bool = False
) -> Detections | Trace:
    """What one net, or an ensemble, finds in `image`.

    Each net proposes; all judge the union of the proposals; scores and boxes are averaged.

    Shapes: uint8 (3, H, W).
    Raises: InputError if the nets do not see the same classes at the same size.
    """
    check(nets)
    seen = nets[0].prepare([image])
    (size,), (stored,) = seen.sizes, seen.stored
    refined = None
    with testing_mode(nets):
        looks = [Look.at(net, image, testing) for net in nets]
        proposals = union([look.proposals for look in looks])
        first = average([look.predict(proposals.boxes) for look in looks])
        if testing.refine:
            refined = average([look.predict(regressed(first)) for look in looks])
    found = suppress(first if refined is None else join(first, refined), testing)
    boxes = geometry.clip(geometry.rescale(found.boxes, size, stored), stored)
    detections = Detections(boxes=boxes.cpu(), scores=found.scores.cpu(), labels=found.labels.cpu())
    if not trace:
        return detections
    return Trace(
        batch=seen,
        maps=looks[0].maps,
        anchors=looks[0].anchors,
        anchor_scores=looks[0].anchor_scores,
        proposals=proposals,
        first=first,
        refined=refined,
        found=found,
        detections=detections,
    )


@contextmanager
def testing_mode(nets: Sequence["FasterRCNN"]) -> Iterator[None]:
    """No dropout, and BN with its stored statistics; then each net's own mode again."""
    modes = [net.training for net in nets]
    for net in nets:
        net.eval()
    try:
        yield
    finally:
        for net, mode in zip(nets, modes, strict=True):
            net.train(mode)


def check(nets: Sequence["FasterRCNN"]) -> None:
    """Raises: InputError if these nets cannot judge the same regions."""
    if not nets:
        raise InputError("an ensemble needs one net or more")
    for net in nets[1:]:
        for name in ("classes", "short_side", "long_side"):
            ours, theirs = getattr(nets[0].config, name), getattr(net.config, name)
            if ours != theirs:
                raise InputError(
                    f"nets of an ensemble must agree in {name}: one has {ours}, another {theirs}"
                )


@dataclass(frozen=True, kw_only=True, eq=False)
class Look:
    """What one net makes of one image before any region is judged."""

    net: "FasterRCNN"
    maps: Tensor
    size: tuple[int, int]  # of the resized image
    anchors: Tensor
    anchor_scores: AnchorScores
    proposals: Proposals
    pyramid: Pyramid | None  # for testing at several scales

    @classmethod
    def at(cls, net: "FasterRCNN", image: Tensor, testing: Inference) -> "Look":
        """The map, what the RPN says, and its proposals: at one scale, always (Appendix B)."""
        seen = net.prepare([image])
        maps = net.features(seen.pixels)
        anchors, scores = net.anchors(maps), net.score_anchors(maps)
        (proposals,) = net.propose(
            scores, anchors, seen.sizes, testing.candidates, testing.proposals
        )
        return cls(
            net=net,
            maps=maps,
            size=seen.sizes[0],
            anchors=anchors,
            anchor_scores=scores,
            proposals=proposals,
            pyramid=pyramid(net, image, testing) if testing.scales else None,
        )

    def predict(self, regions: Tensor) -> Predictions:
        """What the head says of `regions`, from the one map or from two scales of the pyramid.

        Shapes: (K, 4).
        """
        if self.pyramid is None:
            features = self.net.describe(self.maps, [regions], [self.size])
        else:
            features = self.pyramid.describe(regions, self.size)
        judged = self.net.judge(features)
        weights = self.net.config.box_weights
        boxes = geometry.decode(judged.offsets, regions[:, None].float(), weights)
        return Predictions(scores=judged.probabilities, boxes=geometry.clip(boxes, self.size))


def union(parts: Sequence[Proposals]) -> Proposals:
    """The proposals of all nets, the best first."""
    if len(parts) == 1:
        return parts[0]
    scores, order = torch.cat([part.scores for part in parts]).sort(descending=True, stable=True)
    return Proposals(boxes=torch.cat([part.boxes for part in parts])[order], scores=scores)


def average(parts: Sequence[Predictions]) -> Predictions:
    """Mean scores and mean boxes; the paper does not say how its ensemble's answers are joined."""
    return Predictions(
        scores=torch.stack([part.scores for part in parts]).mean(0),
        boxes=torch.stack([part.boxes for part in parts]).mean(0),
    )


def regressed(predictions: Predictions) -> Tensor:
    """The box to which each region moved, for its most likely class other than background.

    Shapes: -> (K, 4).
    """
    best = predictions.scores[:, 1:].argmax(1)
    return predictions.boxes[torch.arange(len(best), device=best.device), best]


def join(first: Predictions, second: Predictions) -> Predictions:
    """Both, one behind the other: 300 + 300."""
    return Predictions(
        scores=torch.cat([first.scores, second.scores]),
        boxes=torch.cat([first.boxes, second.boxes]),
    )


def suppress(predictions: Predictions, testing: Inference) -> Detections:
    """Class by class the best boxes without their near doubles, which may vote first.

    The best first; at most `testing.kept`.
    """
    regions, labels = (predictions.scores[:, 1:] > testing.score).nonzero(as_tuple=True)
    boxes = predictions.boxes[regions, labels]
    scores = predictions.scores[regions, labels + 1]
    wide = (geometry.sides(boxes) > 0).all(1)
    boxes, scores, labels = boxes[wide], scores[wide], labels[wide]
    kept = ops.batched_nms(boxes, scores, labels, testing.nms)[: testing.kept]
    final = boxes[kept]
    if testing.vote:
        final = vote(final, labels[kept], boxes, scores, labels, testing.vote_iou)
    return Detections(boxes=final, scores=scores[kept], labels=labels[kept] + 1)


def vote(
    kept: Tensor, kept_labels: Tensor, boxes: Tensor, scores: Tensor, labels: Tensor, iou: float
) -> Tensor:
    """Each kept box as the mean of all boxes of its class that overlap it, weighted by score.

    Shapes: (D, 4), (D,), (K, 4), (K,), (K,) -> (D, 4).
    Paper: Appendix B, through Gidaris and Komodakis 2015 (reference [6]).
    """
    near = (ops.box_iou(kept, boxes) >= iou) & (kept_labels[:, None] == labels)
    weights = (near * scores)[:, :, None]  # (D, K, 1)
    return (weights * boxes).sum(1) / weights.sum(1)  # no product of matrices: it may be bfloat16
