"""Result files held against annotation files, whichever of the two formats each has.

Paper: Section 4.3; Tables 7 to 11.
Notebook: notebooks/07_detection.py. Tests: tests/test_detection_results.py.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from resnet_lab.detection import coco, coco_evaluation, columns, result_files, voc, voc_evaluation
from resnet_lab.detection.annotated import Annotations
from resnet_lab.detection.coco_evaluation import CocoResult
from resnet_lab.detection.voc_evaluation import VocResult
from resnet_lab.errors import InputError

METRICS = ("voc", "coco")


def annotations_at(
    place: Path,
    *,
    split: str = "test",
    classes: Sequence[str] | None = None,
    outside: bool = False,
) -> Annotations:
    """What a COCO JSON file, a VOC folder or a folder of VOC XML files says.

    Raises: InputError if it is none of these, or is malformed.
    """
    place = Path(place).expanduser()
    if classes is not None and len(set(classes)) < len(classes):
        raise InputError(f"a class is named twice in {', '.join(classes)}; name each once")
    if place.is_file():
        if classes is not None:
            raise InputError(f"classes are for VOC annotations; {place} names its own")
        return coco.read(place, outside=outside)
    if not place.is_dir():
        raise InputError(f"there is no file or folder {place} with annotations")
    if (place / "ImageSets").is_dir():
        ids = voc.listed(place / "ImageSets" / "Main" / f"{split}.txt")
        notes = [place / "Annotations" / f"{one}.xml" for one in ids]
        where = f"{place} ({split})"
        return voc.read(where, ids, notes, [None] * len(ids), classes, outside=outside)
    inner = place / "Annotations"
    if not inner.is_dir() and (meant := below(place)) is not None:
        raise InputError(f"{place} holds no annotations by itself; name what does, as {meant}")
    return voc.pages(inner if inner.is_dir() else place, classes, outside=outside)


def below(place: Path) -> Path | None:
    """What was probably meant by a folder around annotations: COCO's file, or one year of VOC."""
    kinds = ("annotations/instances_*.json", "instances_*.json", "VOC20*", "VOCdevkit/VOC20*")
    return next((path for kind in kinds for path in sorted(place.glob(kind))), None)


def names(text: str) -> list[str]:
    """Class names with commas between them. Raises: InputError if one is empty."""
    found = [name.strip() for name in text.split(",")]
    if not all(found):
        raise InputError(f"class names with commas between were expected, got {text!r}")
    return found


def score(
    results: Path,
    annotations: Annotations,
    *,
    metric: str | None = None,
    iou: float | None = None,
    eleven_points: bool = False,
) -> VocResult | CocoResult:
    """The metric of `results`; that of the annotations' format unless named.

    The numbers of the files are used as they are, not rounded to our tensors. VOC's `iou` is 0.5
    unless given; COCO has overlaps of its own.

    Raises: InputError if something is missing, malformed or unknown, or an option of VOC's metric
        is given for COCO's.
    """
    metric = metric or annotations.form
    if metric not in METRICS:
        raise InputError(f"there is no metric {metric!r}; choose {' or '.join(METRICS)}")
    if metric == "coco" and (iou is not None or eleven_points):
        raise InputError(
            "an overlap and 11 points are of VOC's metric, not COCO's; add --metric voc"
        )
    iou = 0.5 if iou is None else iou
    if not 0 < iou <= 1:
        raise InputError(f"the overlap must be above 0 and at most 1, not {iou}")
    if not len(annotations.truth.label):
        raise InputError(f"{annotations.place} holds no object, so there is nothing to find")
    if (Path(results) / "record.json").is_file():
        raise InputError(f"{results} holds a detector; `resnet-lab evaluate detection` tests it")
    found, form = result_files.read(results, annotations)
    found = replace(found, boxes=columns.in_form(found.boxes, form, metric))
    truth = annotations.truth
    truth = replace(truth, boxes=columns.in_form(truth.boxes, annotations.form, metric))
    if metric == "voc":
        return voc_evaluation.evaluate(
            truth, found, annotations.classes, iou=iou, eleven_points=eleven_points
        )
    return coco_evaluation.evaluate(replace(truth, crowd=truth.ignored), found, annotations.classes)


def table(result: VocResult | CocoResult) -> list[tuple[str, float]]:
    """Rows of name and percent: each class and the mean, or COCO's twelve numbers."""
    if isinstance(result, CocoResult):
        return list(result.summary().items())
    rows = [(curve.name, curve.ap) for curve in result.curves]
    return [*rows, ("mean", result.mean_ap)]


def as_json(result: VocResult | CocoResult) -> str:
    """The table as a JSON object; null where there is nothing to find."""
    rows = {name: None if math.isnan(value) else value for name, value in table(result)}
    return json.dumps(rows, indent=1, allow_nan=False)
