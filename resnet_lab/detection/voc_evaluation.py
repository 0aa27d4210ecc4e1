"""Average precision as PASCAL VOC defines it, by 11 points (2007) or by area (2010 and later).

Paper: Section 4.3; Tables 7, 10 and 11 (mAP in percent).
Notebook: notebooks/07_detection.py. Tests: tests/test_detection_voc_evaluation.py.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from resnet_lab.detection import columns
from resnet_lab.detection.columns import Found, Truth
from resnet_lab.detection.targets import Detections, Target


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """Precision against recall of one class, one point a ranked detection.

    Detections whose best object is difficult are in no point.

    Shapes: recall, precision, scores float64 (K,).
    Units: `ap` in percent; recall and precision 0 to 1.
    """

    name: str
    objects: int  # to be found; difficult ones do not count
    ap: float  # nan if there is no object to find
    recall: np.ndarray
    precision: np.ndarray
    scores: np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class VocResult:
    """Average precision of each class and their mean, in percent."""

    curves: tuple[Curve, ...]
    iou: float
    eleven_points: bool

    @property
    def mean_ap(self) -> float:
        """Over the classes with an object to find; nan if there is none."""
        known = [curve.ap for curve in self.curves if curve.objects]
        return sum(known) / len(known) if known else math.nan


def voc_map(
    detections: Sequence[Detections],
    targets: Sequence[Target],
    classes: Sequence[str],
    *,
    iou: float = 0.5,
    eleven_points: bool = False,
    strict: bool = False,
) -> VocResult:
    """Average precision of `detections`, one for each of `targets`.

    Of equal scores the one listed first ranks first. VOC 2007 is reported with `eleven_points`.
    With `strict` an overlap of exactly `iou` is a miss, as in py-faster-rcnn and detectron2; the
    devkit counts it. Crowds are treated as difficult.

    Units: `iou` 0 to 1; results in percent.
    Raises: InputError if the lists do not fit, or a box or score is not a finite number.
    Paper: Tables 7, 10 and 11.
    """
    truth = columns.truth(targets, columns.to_voc)
    found = columns.found(detections, targets, columns.to_voc)
    return evaluate(truth, found, classes, iou=iou, eleven_points=eleven_points, strict=strict)


def evaluate(
    truth: Truth,
    found: Found,
    classes: Sequence[str],
    *,
    iou: float = 0.5,
    eleven_points: bool = False,
    strict: bool = False,
) -> VocResult:
    """`voc_map` of columns whose boxes are first and last pixel, counted from 1."""
    curves = []
    for label, name in enumerate(classes, start=1):
        mine = np.flatnonzero(found.label == label)
        mine = mine[np.argsort(-found.scores[mine], kind="stable")]
        theirs = np.flatnonzero(truth.label == label)
        verdict = judged(truth, theirs, found, mine, iou, strict)
        objects = int((~truth.ignored[theirs]).sum())
        counted = verdict >= 0
        right = np.cumsum(verdict[counted])
        recall = right / max(objects, 1)
        precision = right / np.arange(1, len(right) + 1)
        ap = average_precision(recall, precision, eleven_points) if objects else math.nan
        curves.append(
            Curve(
                name=name,
                objects=objects,
                ap=100 * ap,
                recall=recall,
                precision=precision,
                scores=found.scores[mine][counted],
            )
        )
    return VocResult(curves=tuple(curves), iou=iou, eleven_points=eleven_points)


def judged(
    truth: Truth, theirs: np.ndarray, found: Found, mine: np.ndarray, iou: float, strict: bool
) -> np.ndarray:
    """1 for right, 0 for wrong, -1 for neither; (K,) in the order of `mine`, best score first.

    Each detection is held against the object it overlaps most, taken or not; the first one that
    reaches `iou` takes it, later ones are wrong. A difficult object is never taken.
    """
    best, overlap = np.full(len(mine), -1), np.zeros(len(mine))
    place_of = images_of(truth.image[theirs])
    for image, places in images_of(found.image[mine]).items():
        if image in place_of:
            own = theirs[place_of[image]]
            overlaps = overlap_of(found.boxes[mine[places]], truth.boxes[own])
            first = overlaps.argmax(1)
            best[places], overlap[places] = own[first], overlaps.max(1)
    enough = (overlap > iou if strict else overlap >= iou) & (overlap > 0)
    verdict = np.zeros(len(mine), np.int64)
    verdict[enough & (truth.ignored[best] if len(truth.ignored) else False)] = -1
    hits = np.flatnonzero(enough & (verdict == 0))
    _, earliest = np.unique(best[hits], return_index=True)
    verdict[hits[earliest]] = 1
    return verdict


def images_of(image: np.ndarray) -> dict[int, np.ndarray]:
    """The places at which each image occurs, in their order."""
    order = np.argsort(image, kind="stable")
    starts = np.flatnonzero(np.diff(image[order], prepend=-1))
    return dict(zip(image[order][starts].tolist(), np.split(order, starts[1:]), strict=False))


def overlap_of(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union where a box includes its last pixel: widths are x1 - x0 + 1.

    Shapes: (K, 4), (M, 4) -> (K, M).
    """
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = (high - low + 1).clip(min=0).prod(2)
    areas = [(box[:, 2:] - box[:, :2] + 1).prod(1) for box in (a, b)]
    union = areas[0][:, None] + areas[1] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=shared > 0)


def average_precision(recall: np.ndarray, precision: np.ndarray, eleven_points: bool) -> float:
    """One number for a curve; 0 for an empty one.

    11 points: the mean, over recalls of 0, 0.1 ... 1, of the best precision at that recall or
    beyond. 0.1 * 3 is a little more than 3 / 10 in doubles, so recall 3/10 falls short of the
    fourth point: the public evaluators do it like this, and so do we. Area: under the curve after
    each precision is raised to the best one at any higher recall.

    Shapes: (K,), (K,).
    Units: 0 to 1.
    """
    if eleven_points:
        best = [precision[recall >= 0.1 * point].max(initial=0) for point in range(11)]
        return float(sum(best) / 11)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float((np.diff(recall, prepend=0) * envelope).sum())
