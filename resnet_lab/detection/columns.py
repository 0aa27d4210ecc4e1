"""Objects and detections of many images in one array each: what the evaluators compute on.

Numbers stay double here, in the corners of the format they came in, so that no rounding moves an
overlap across a threshold.

Paper: Section 4.3; Appendix A (the PASCAL VOC and the COCO metric).
Notebook: notebooks/07_detection.py. Tests: tests/test_detection_voc_evaluation.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from resnet_lab.detection.targets import Detections, Target
from resnet_lab.errors import InputError


@dataclass(frozen=True, kw_only=True, eq=False)
class Truth:
    """All objects of all images.

    Shapes: image, label int64 (K,); boxes float64 (K, 4); ignored, crowd bool (K,);
        area float64 (K,).
    """

    image: np.ndarray  # place of the image in the order of evaluation
    label: np.ndarray  # 1 ... classes
    boxes: np.ndarray  # as the evaluator wants them: see `to_voc` and `to_coco`
    ignored: np.ndarray  # neither wanted nor forbidden
    crowd: np.ndarray
    area: np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """All detections of all images, in the order in which equal scores are ranked.

    Shapes: image, label int64 (K,); boxes float64 (K, 4); scores float64 (K,).
    """

    image: np.ndarray
    label: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray


def truth(targets: Sequence[Target], boxes) -> Truth:
    """`targets` in columns; `boxes` turns half-open corners into what the evaluator wants."""
    flags = [joined([one.difficult for one in targets], bool)]
    flags.append(joined([one.crowd for one in targets], bool))
    return Truth(
        image=np.repeat(np.arange(len(targets)), [len(one) for one in targets]),
        label=joined([one.labels for one in targets], np.int64),
        boxes=boxes(joined([one.boxes for one in targets], np.float64).reshape(-1, 4)),
        ignored=flags[0] | flags[1],
        crowd=flags[1],
        area=joined([one.area for one in targets], np.float64),
    )


def found(detections: Sequence[Detections], targets: Sequence[Target], boxes) -> Found:
    """`detections` in columns.

    Raises: InputError if there is not one for each target, or a box or score is not a number.
    """
    if len(detections) != len(targets):
        raise InputError(
            f"there are detections for {len(detections)} images and targets for {len(targets)}; "
            "give one of each per image, empty where nothing was found"
        )
    for one, its in zip(detections, targets, strict=True):
        if not (one.scores.isfinite().all() and one.boxes.isfinite().all()):
            raise InputError(
                f"a box or score found in image {its.image_id} is not a finite number; "
                "leave it out or find out why the net made it"
            )
    return Found(
        image=np.repeat(np.arange(len(detections)), [len(one) for one in detections]),
        label=joined([one.labels for one in detections], np.int64),
        boxes=boxes(joined([one.boxes for one in detections], np.float64).reshape(-1, 4)),
        scores=joined([one.scores for one in detections], np.float64),
    )


def joined(parts: list, kind: type) -> np.ndarray:
    """Tensors one behind the other, as an array of `kind`; empty if there are none."""
    arrays = [
        (part.double() if part.is_floating_point() else part).detach().cpu().numpy().astype(kind)
        for part in parts
    ]
    return np.concatenate(arrays) if arrays else np.zeros(0, kind)


def to_voc(boxes: np.ndarray) -> np.ndarray:
    """Half-open corners as VOC counts them: first and last pixel, from 1; (K, 4)."""
    return boxes + np.array([1.0, 1.0, 0.0, 0.0])


def from_voc(boxes: np.ndarray) -> np.ndarray:
    """Undoes `to_voc`."""
    return boxes - np.array([1.0, 1.0, 0.0, 0.0])


def to_coco(boxes: np.ndarray) -> np.ndarray:
    """Half-open corners as COCO gives them: x, y, width, height; (K, 4)."""
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1)


def from_coco(boxes: np.ndarray) -> np.ndarray:
    """Undoes `to_coco`."""
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)


def in_form(boxes: np.ndarray, form: str, wanted: str) -> np.ndarray:
    """Boxes of `form` as `wanted`, each "voc", "coco" or "half-open"; untouched if they agree."""
    if form == wanted:
        return boxes
    corners = {"voc": from_voc, "coco": from_coco, "half-open": np.copy}[form](boxes)
    return {"voc": to_voc, "coco": to_coco, "half-open": np.copy}[wanted](corners)
