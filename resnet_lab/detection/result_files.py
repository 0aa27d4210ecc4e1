"""Result files as the VOC and COCO servers want them, written and read.

Coordinates are written by undoing exactly the rule by which annotations are read.

Paper: Section 4.3; Tables 8, 9 and 11 (results from the servers).
Notebook: notebooks/07_detection.py. Tests: tests/test_detection_results.py.
"""

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from resnet_lab.detection import coco, columns
from resnet_lab.detection.annotated import Annotations, as_tensor_boxes
from resnet_lab.detection.columns import Found
from resnet_lab.detection.targets import Detections, detections
from resnet_lab.errors import InputError
from resnet_lab.files import write_whole

Row = tuple[int, int, Sequence[float], float]  # image, label, box, score


def write_coco(path: Path, found: Sequence[Detections], annotations: Annotations) -> Path:
    """One JSON list for the COCO server; `found` has one entry for each image of `annotations`.

    Raises: InputError if it has not, a value is not finite, or the file cannot be written.
    """
    whole = checked(found, annotations, columns.to_coco)
    rows = [
        {
            "image_id": annotations.image_ids[image],
            "category_id": annotations.category_ids[label - 1],
            "bbox": box,
            "score": score,
        }
        for image, label, box, score in zip(
            whole.image.tolist(),
            whole.label.tolist(),
            whole.boxes.tolist(),
            whole.scores.tolist(),
            strict=True,
        )
    ]
    write_whole(Path(path), json.dumps(rows, allow_nan=False))
    return Path(path)


def write_voc(
    folder: Path, found: Sequence[Detections], annotations: Annotations, split: str = "test"
) -> list[Path]:
    """comp4_det_`split`_CLASS.txt for every class, empty ones too, for the VOC server.

    comp4 is the competition that allows data from elsewhere, here ImageNet.

    Raises: InputError as `write_coco`.
    """
    whole, paths = checked(found, annotations, columns.to_voc), []
    for label, name in enumerate(annotations.classes, start=1):
        mine = np.flatnonzero(whole.label == label)
        lines = [
            f"{annotations.image_ids[whole.image[j]]} "
            + " ".join(repr(v) for v in [whole.scores[j].item(), *whole.boxes[j].tolist()])
            for j in mine
        ]
        paths.append(Path(folder) / f"comp4_det_{split}_{name}.txt")
        write_whole(paths[-1], "".join(line + "\n" for line in lines))
    return paths


def checked(found: Sequence[Detections], annotations: Annotations, boxes) -> Found:
    """`found` in columns; labels that are no class are refused. Raises: InputError."""
    targets = [annotations.target(i) for i in range(len(annotations))]
    whole = columns.found(found, targets, boxes)
    if len(whole.label) and not 1 <= whole.label.min() <= whole.label.max() <= len(
        annotations.classes
    ):
        raise InputError(
            f"labels run from 1 to {len(annotations.classes)}, but {whole.label.min()} to "
            f"{whole.label.max()} were found"
        )
    return whole


def read(place: Path, annotations: Annotations) -> tuple[Found, str]:
    """All detections of a COCO JSON file or a folder of VOC files, and the form of their boxes.

    They keep the file's numbers and order.

    Raises: InputError, naming file and line, if something is missing, malformed or unknown.
    """
    place = Path(place)
    if place.is_dir():
        return in_columns(voc_rows(place, annotations)), "voc"
    return in_columns(coco_rows(place, annotations)), "coco"


def per_image(found: Found, form: str, images: int) -> list[Detections]:
    """What `read` returned as one `Detections` an image."""
    boxes, parts = as_tensor_boxes(found.boxes, form), []
    for i in range(images):
        mine = np.flatnonzero(found.image == i)
        parts.append(detections(boxes[mine], found.scores[mine], found.label[mine]))
    return parts


def in_columns(rows: list[Row]) -> Found:
    """`Found` from rows."""
    return Found(
        image=np.array([row[0] for row in rows], np.int64),
        label=np.array([row[1] for row in rows], np.int64),
        boxes=np.array([row[2] for row in rows], np.float64).reshape(-1, 4),
        scores=np.array([row[3] for row in rows], np.float64),
    )


def coco_rows(file: Path, annotations: Annotations) -> list[Row]:
    """The detections in a COCO result file, x, y, width, height."""
    whole = coco.parsed(file)[1]
    if not isinstance(whole, list):
        raise InputError(f"{file} is no COCO result file: a list of detections was expected")
    place = {one: i for i, one in enumerate(annotations.image_ids)}
    label = {one: k for k, one in enumerate(annotations.category_ids, start=1)}
    rows = []
    for k, one in enumerate(whole):
        where = f"detection {k + 1} of {file}"
        if not isinstance(one, dict):
            raise InputError(f"{where} is not an object; get the file again")
        image = coco.looked_up(place, one.get("image_id"))
        if image is None:
            raise InputError(
                f"{where} is of image {one.get('image_id')}, which {annotations.place} does not "
                "list; name the annotations that belong to these results"
            )
        kind = coco.looked_up(label, one.get("category_id"))
        if kind is None:
            raise InputError(
                f"{where} is of category {one.get('category_id')}, which {annotations.place} does "
                "not know"
            )
        if not coco.is_number(one.get("score")):
            raise InputError(f"{where} has no finite score; leave it out")
        rows.append((image, kind, coco.box_of(where, one), one["score"]))
    return rows


def voc_rows(folder: Path, annotations: Annotations) -> list[Row]:
    """The detections in comp?_det_SPLIT_CLASS.txt files, first and last pixel from 1.

    A class without a file has no detections, but there must be one file at least.
    """
    rows, found = [], 0
    for label, name in enumerate(annotations.classes, start=1):
        named = re.compile(rf"comp\d+_det_[^_]+_{re.escape(name)}\.txt")
        files = [path for path in sorted(folder.iterdir()) if named.fullmatch(path.name)]
        files = files or [p for p in [folder / f"{name}.txt"] if p.is_file()]
        if len(files) > 1:
            raise InputError(
                f"{folder} holds results of class {name} in {files[0].name} and {files[1].name}; "
                "leave one"
            )
        for file in files:
            found += 1
            rows += lines_of(file, label, annotations)
    if not found:
        raise InputError(
            f"{folder} holds no comp4_det_{{split}}_{{class}}.txt of any of the classes "
            f"({', '.join(annotations.classes[:3])} …)"
        )
    return rows


def lines_of(file: Path, label: int, annotations: Annotations) -> list[Row]:
    """The detections of one class: image, score, xmin, ymin, xmax, ymax in each line."""
    place = {str(one): i for i, one in enumerate(annotations.image_ids)}
    try:
        lines = file.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read ({error}); get it again") from error
    rows = []
    for number, line in enumerate(lines, start=1):
        if not (words := line.split()):
            continue
        where = f"line {number} of {file}"
        try:
            image, (score, *box) = words[0], map(float, words[1:])
        except ValueError:
            box = []
        if len(box) != 4 or not all(map(math.isfinite, [score, *box])):
            raise InputError(
                f"{where} is not an image, a score and four corners, all finite: {line.strip()!r}"
            )
        if image not in place:
            raise InputError(
                f"{where} is of image {image}, which {annotations.place} does not list; name the "
                "annotations that belong to these results"
            )
        if box[2] < box[0] - 1 or box[3] < box[1] - 1:  # - 1: a box of no area
            raise InputError(f"{where} has a box whose end lies before its beginning")
        rows.append((place[image], label, box, score))
    return rows
