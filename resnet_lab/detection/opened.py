"""One image opened up: every step's tensors kept, so that a slider redraws without the net.

Paper: Section 4.3; Appendix A.
Notebook: notebooks/07_detection.py, notebooks/08_detection_improvements.py.
Tests: tests/test_detection_opened.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torchvision import ops

from resnet_lab import records as cifar_records
from resnet_lab.detection import arms, record, run
from resnet_lab.detection import boxes as geometry
from resnet_lab.detection.config import Inference
from resnet_lab.detection.faster_rcnn import FasterRCNN
from resnet_lab.detection.improvements import Predictions, Trace, suppress
from resnet_lab.detection.proposals import Proposals, propose
from resnet_lab.detection.record import DetectionRecord
from resnet_lab.detection.targets import DetectionData, Detections, Target
from resnet_lab.errors import InputError

FOUND = 0.5  # overlap from which an object counts as found (VOC)


@dataclass(frozen=True, kw_only=True, eq=False)
class Opened:
    """A detector, an image, and what each step made of it."""

    net: FasterRCNN
    image: Tensor  # uint8 (3, H, W)
    target: Target
    classes: tuple[str, ...]
    trace: Trace

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the image as the net sees it."""
        return self.trace.batch.sizes[0]

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of the feature map."""
        return tuple(self.trace.maps.shape[-2:])

    @property
    def truth(self) -> Tensor:
        """Boxes to be found, in pixels of the image as the net sees it. Shapes: -> (K, 4)."""
        return geometry.rescale(self.target.boxes, self.target.size, self.size)

    @property
    def shapes(self) -> list[tuple[int, float]]:
        """Size and ratio of each anchor of a place, in the anchors' order."""
        config = self.net.config
        return [(size, ratio) for ratio in config.anchor_ratios for size in config.anchor_sizes]


def open_image(
    net: FasterRCNN, data: DetectionData, i: int, testing: Inference | None = None
) -> Opened:
    """Image `i` of `data` through `net`, every step kept."""
    image, target = data[i]
    trace = net.detect(image, testing or arms.TESTING, trace=True)
    return Opened(net=net, image=image, target=target, classes=tuple(data.classes), trace=trace)


def folders(runs_folder: str | Path | None = None) -> list[Path]:
    """Where detectors' results lie: beside your own runs, then with the package."""
    own = [] if runs_folder is None else [Path(runs_folder), Path(runs_folder).parent]
    return [*own, cifar_records.SHIPPED]


def recorded(places: Sequence[Path]) -> list[DetectionRecord]:
    """Every detector's record in `places`. Raises: InputError for a damaged one."""
    return record.load_all(*(place / "detection" for place in places))


def detector(places: Sequence[Path], arm: str = "residual") -> FasterRCNN:
    """The trained detector of `arm` with the lowest seed whose weights lie in `places`.

    Raises: InputError if there is none.
    """
    found = []
    for place in places:
        for path in sorted(place.glob("detection/*/record.json")):
            if (path.parent / "weights.safetensors").is_file():
                one = record.load(path)
                if arms.arm_of(one) == arm:
                    found.append((one.run.recipe.seed, len(found), path.parent))
    if not found:
        raise InputError(
            f"there are no weights of {arms.ARMS[arm].label!r} here; `resnet-lab reproduce "
            "detection_improvements` trains them in minutes"
        )
    return run.trained(min(found)[2])


def best_overlap(boxes: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """For each box the largest overlap with an object, and with which; 0 and -1 without objects.

    Shapes: (K, 4), (T, 4) -> (K,), (K,).
    """
    if not len(truth):
        return boxes.new_zeros(len(boxes)), boxes.new_full((len(boxes),), -1, dtype=torch.int64)
    best = ops.box_iou(boxes, truth).max(1)
    return best.values, best.indices


def covered(boxes: Tensor, truth: Tensor, least: float = FOUND) -> int:
    """How many objects have a box that overlaps them by `least` or more."""
    if not len(boxes) or not len(truth):
        return 0
    return int((ops.box_iou(truth, boxes).amax(1) >= least).sum())


def covered_so_far(boxes: Tensor, truth: Tensor, least: float = FOUND) -> list[int]:
    """`covered` by the first box, by the first two, and so on. Shapes: (K, 4), (T, 4) -> K."""
    near = (ops.box_iou(truth, boxes) >= least).to(torch.uint8)
    return near.cummax(1).values.sum(0).tolist() if near.numel() else [0] * len(boxes)


def proposals_at(opened: Opened, nms: float, kept: int) -> Proposals:
    """Proposals anew from the stored scores of the anchors: no layer runs."""
    scores, config = opened.trace.anchor_scores, opened.net.config
    return propose(
        scores.logits[0],
        scores.offsets[0],
        opened.trace.anchors,
        opened.size,
        candidates=arms.TESTING.candidates,
        kept=kept,
        nms=nms,
        min_side=config.min_side,
    )


def detections_at(opened: Opened, score: float, nms: float, **changes: object) -> Detections:
    """Detections anew from the stored predictions, in pixels of the image as the net sees it."""
    return suppress(opened.trace.first, Inference(score=score, nms=nms, **changes))


@torch.no_grad()
def judged(net: FasterRCNN, maps: Tensor, regions: Tensor, size: tuple[int, int]) -> Predictions:
    """What the head of `net` says of any regions of a stored map.

    Shapes: (1, C, H, W), (K, 4).
    """
    found = net.judge(net.describe(maps, [regions], [size]))
    weights = net.config.box_weights
    boxes = geometry.decode(found.offsets, regions[:, None].float(), weights)
    return Predictions(scores=found.probabilities, boxes=geometry.clip(boxes, size))


def right(found: Detections, opened: Opened, least: float = FOUND) -> Tensor:
    """Which detections are right: class and place, and no better one took the object before.

    Difficult objects are counted like others here; the evaluators leave them out.

    Shapes: -> (K,) bool.
    """
    hits, taken = torch.zeros(len(found), dtype=torch.bool), set()
    overlap, which = best_overlap(found.boxes, opened.truth)
    for i in found.scores.argsort(descending=True, stable=True).tolist():
        j = int(which[i])
        good = overlap[i] >= least and j not in taken
        if good and found.labels[i] == opened.target.labels[j]:
            hits[i] = True
            taken.add(j)
    return hits
