"""Average precision and recall as COCO defines them: ten overlaps, three sizes, crowds.

Paper: Section 4.3; Tables 8 and 9 (mAP@.5 and mAP@[.5, .95]).
Notebook: notebooks/07_detection.py. Tests: tests/test_detection_coco_evaluation.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from resnet_lab.detection import columns
from resnet_lab.detection.coco_matching import AREAS, Match, match
from resnet_lab.detection.columns import Found, Truth
from resnet_lab.detection.targets import Detections, Target

IOUS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0, 1, 101)
MOST = (1, 10, 100)  # detections of a class and image that count


@dataclass(frozen=True, kw_only=True, eq=False)
class CocoResult:
    """Precision at 101 recalls, and the recall reached, for every class, overlap, size and limit.

    Where a class has no object of a size to find, its entries are -1 and left out of every mean.

    Shapes: precision (ious, 101, classes, sizes, limits), recall (ious, classes, sizes, limits);
        sizes are all, small, medium, large; limits are 1, 10 and 100 detections.
    Units: 0 to 1; what the methods return is in percent, nan if nothing is to be found.
    """

    classes: tuple[str, ...]
    ious: np.ndarray
    precision: np.ndarray
    recall: np.ndarray

    @property
    def mean_ap(self) -> float:
        """mAP@[.5, .95]."""
        return self.ap()

    def ap(self, iou: float | None = None, size: str = "all") -> float:
        """Mean over classes, recalls and overlaps, or at the overlap nearest to `iou`."""
        values = self.precision[self._at(iou), :, :, list(AREAS).index(size), -1]
        return mean(values)

    def ar(self, size: str = "all", most: int = 100) -> float:
        """Mean over classes and overlaps of the recall with `most` detections an image."""
        return mean(self.recall[:, :, list(AREAS).index(size), MOST.index(most)])

    def class_ap(self, name: str, iou: float | None = None) -> float:
        """`ap` of one class."""
        return mean(self.precision[self._at(iou), :, self.classes.index(name), 0, -1])

    def _at(self, iou: float | None) -> slice:
        if iou is None:
            return slice(None)
        nearest = int(abs(self.ious - iou).argmin())  # 0.9 is 0.8999... in the list
        return slice(nearest, nearest + 1)

    def summary(self) -> dict[str, float]:
        """The twelve numbers of the COCO server, in its order, in percent."""
        return {
            "AP": self.ap(),
            "AP50": self.ap(0.5),
            "AP75": self.ap(0.75),
            "AP small": self.ap(size="small"),
            "AP medium": self.ap(size="medium"),
            "AP large": self.ap(size="large"),
            "AR 1": self.ar(most=1),
            "AR 10": self.ar(most=10),
            "AR 100": self.ar(),
            "AR small": self.ar("small"),
            "AR medium": self.ar("medium"),
            "AR large": self.ar("large"),
        }


def mean(values: np.ndarray) -> float:
    """Of the entries above -1, in percent; nan if there are none."""
    known = values[values > -1]
    return 100 * float(known.mean()) if known.size else float("nan")


def coco_map(
    detections: Sequence[Detections], targets: Sequence[Target], classes: Sequence[str]
) -> CocoResult:
    """COCO's metrics of `detections`, one for each of `targets`.

    COCO knows no difficult objects: they are treated as crowds, neither wanted nor forbidden.

    Raises: InputError if the lists do not fit, or a box or score is not a finite number.
    Paper: Tables 8 and 9.
    """
    truth = columns.truth(targets, columns.to_coco)
    truth = Truth(**{**vars(truth), "crowd": truth.ignored})
    return evaluate(truth, columns.found(detections, targets, columns.to_coco), classes)


def evaluate(truth: Truth, found: Found, classes: Sequence[str]) -> CocoResult:
    """`coco_map` of columns whose boxes are x, y, width, height."""
    shape = len(classes), len(AREAS), len(MOST)
    precision = -np.ones((len(IOUS), len(RECALLS), *shape))
    recall = -np.ones((len(IOUS), *shape))
    for k in range(len(classes)):
        matched = match(truth, found, k + 1, IOUS, MOST[-1])
        for a in range(len(AREAS)):
            if matched.objects[a]:
                for m, most in enumerate(MOST):
                    precision[:, :, k, a, m], recall[:, k, a, m] = curve(matched, a, most)
    return CocoResult(classes=tuple(classes), ious=IOUS, precision=precision, recall=recall)


def curve(matched: Match, area: int, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Precision at each of RECALLS and the recall reached, from the `most` best of each image.

    The precision at a recall is the best at that recall or any higher one.

    Shapes: -> (ious, 101), (ious,).
    """
    kept = matched.rank < most
    counted = ~matched.ignored[area][:, kept]
    right = (matched.right[area][:, kept] & counted).cumsum(1).astype(float)
    wrong = (~matched.right[area][:, kept] & counted).cumsum(1)
    precision, reached = np.zeros((len(right), len(RECALLS))), np.zeros(len(right))
    if not right.shape[1]:
        return precision, reached
    recall = right / matched.objects[area]
    raised = np.maximum.accumulate((right / (right + wrong + np.spacing(1)))[:, ::-1], 1)[:, ::-1]
    for t in range(len(right)):
        place = np.searchsorted(recall[t], RECALLS, side="left")
        inside = place < right.shape[1]
        precision[t, inside] = raised[t, place[inside]]
    return precision, recall[:, -1]
