"""MS COCO: images of many objects, with crowds, in one JSON file a split.

Paper: Section 4.3; Appendix A (80k images to train on, 40k to evaluate); Tables 8 and 9.
Notebook: notebooks/07_detection.py. Tests: tests/test_detection_coco.py.
"""

import hashlib
import json
import math
import os
from collections.abc import Sequence
from pathlib import Path

from resnet_lab.detection import annotated
from resnet_lab.detection.annotated import AnnotatedImages, Annotations
from resnet_lab.detection.columns import Truth
from resnet_lab.errors import InputError


def load(root: Path, split: str) -> AnnotatedImages:
    """root/`split` with root/annotations/instances_`split`.json, as train2014 or val2017.

    Raises: InputError if an image is missing, or the file is missing or malformed.
    Paper: Appendix A, which trains on train2014 and tests on val2014.
    """
    root = Path(root).expanduser()
    file = root / "annotations" / f"instances_{split}.json"
    tested = root / "annotations" / f"image_info_{split}.json"
    return folder(tested if tested.is_file() and not file.is_file() else file, root / split)


def folder(file: Path, images: Path) -> AnnotatedImages:
    """The images in a folder that a COCO JSON file speaks of.

    Raises: InputError if an image is missing, or the file is missing or malformed.
    """
    whole, images = read(file), Path(images)
    try:
        there = set(os.listdir(images))
    except OSError as error:
        raise InputError(f"there is no folder {images} with the images") from error
    for image_id, name, size in zip(whole.image_ids, whole.files, whole.sizes, strict=True):
        if not name or min(size) < 1:
            lacks = "file_name" if not name else "width and height above 0"
            raise InputError(f"image {image_id} of {file} has no {lacks}; add it or take it out")
        if os.path.isabs(name) or Path(os.path.normpath(name)).parts[:1] == ("..",):
            raise InputError(
                f"image {image_id} of {file} has the file_name {name}, which leads out of "
                f"{images}; name a file inside that folder"
            )
        if name not in there and not (images / name).is_file():
            raise InputError(
                f"the image {images / name} is missing; add it or take it out of {file}"
            )
    name = Path(file).stem.removeprefix("instances_").removeprefix("image_info_")
    return AnnotatedImages(f"coco-{name}", whole, [images / name for name in whole.files])


def read(file: Path, *, outside: bool = False) -> Annotations:
    """What a COCO JSON file says; images in the order of their ids, classes of theirs.

    A file of images alone (image_info_test-dev2017.json) has no annotations: its targets are
    empty. With `outside` boxes may leave their image.

    Raises: InputError, naming the file, if it is missing or malformed.
    """
    content, whole = parsed(file)
    if not isinstance(whole, dict):
        raise InputError(f"{file} is no COCO annotation file: it does not hold an object")
    images, categories = (rows_of(file, whole, name) for name in ("images", "categories"))
    objects = []
    if "annotations" in whole or not Path(file).name.startswith("image_info"):
        objects = rows_of(file, whole, "annotations")
    images = by_id(file, images, "images")
    categories = by_id(file, categories, "categories")
    if not images or not categories:
        raise InputError(f"{file} lists no {'category' if images else 'image'}; get it again")
    sizes = tuple((whole_number(row, "height"), whole_number(row, "width")) for row in images)
    truth = truth_of(file, objects, images, categories)
    bad = None if outside else annotated.first_outside(truth, "coco", sizes)
    if bad is not None:
        i = int(truth.image[bad])
        where = f"image {images[i]['id']} of {file}"
        raise InputError(annotated.outside_message(where, truth.boxes[bad], "coco", sizes[i]))
    return Annotations(
        place=str(file),
        form="coco",
        classes=names_of(file, categories),
        category_ids=tuple(row["id"] for row in categories),
        image_ids=tuple(row["id"] for row in images),
        files=tuple(str(row.get("file_name", "")) for row in images),
        sizes=sizes,
        truth=truth,
        begin=annotated.begins(truth, len(images)),
        content_hash=hashlib.sha256(content).hexdigest(),
    )


def names_of(file: Path, categories: list[dict]) -> tuple[str, ...]:
    """What the categories are called; by their ids where they have no name.

    Raises: InputError if two have one name: no table, result file or net could tell them apart.
    """
    found: dict[str, object] = {}
    for row in categories:
        name = str(row.get("name") or row["id"])
        if name in found:
            raise InputError(
                f"categories {found[name]} and {row['id']} of {file} are both called {name!r}; "
                "give each a name of its own"
            )
        found[name] = row["id"]
    return tuple(found)


def truth_of(file: Path, objects: list, images: list, categories: list) -> Truth:
    """All objects in columns, sorted by image. Raises: InputError, naming the object."""
    place = {row["id"]: i for i, row in enumerate(images)}
    label = {row["id"]: k for k, row in enumerate(categories, start=1)}
    rows = []
    for k, one in enumerate(objects):
        where = f"annotation {one.get('id', k) if isinstance(one, dict) else k} of {file}"
        if not isinstance(one, dict):
            raise InputError(f"{where} is not an object; get the file again")
        image = looked_up(place, one.get("image_id"))
        kind = looked_up(label, one.get("category_id"))
        if image is None:
            raise InputError(f"{where} is of image {one.get('image_id')}, which is not listed")
        if kind is None:
            raise InputError(f"{where} is of category {one.get('category_id')}, which is unknown")
        box, area = box_of(where, one), one.get("area")
        if area is not None and not (is_number(area) and area >= 0):
            raise InputError(f"{where} has an area of {area}; a number from 0 on was expected")
        if (crowd := one.get("iscrowd", 0)) not in (0, 1):
            raise InputError(f"{where} has iscrowd {crowd!r}; the numbers 0 and 1 are known")
        rows.append((image, kind, box, False, bool(crowd), area))
    rows.sort(key=lambda row: row[0])  # stable: within an image the file's order stays
    return annotated.packed(rows, "coco")


def box_of(where: str, row: dict) -> Sequence[float]:
    """x, y, width, height of an object or a detection. Raises: InputError."""
    box = row.get("bbox")
    if not isinstance(box, list) or len(box) != 4 or not all(map(is_number, box)):
        raise InputError(
            f"{where} has no bbox of four finite numbers (x, y, width, height); correct it or take "
            "it out"
        )
    if box[2] < 0 or box[3] < 0:
        raise InputError(f"{where} has a box of negative width or height; correct it")
    return box


def looked_up(table: dict, key: object) -> int | None:
    """`table[key]`, where 7, 7.0 and "7" are one key; None if it is not there.

    Some programs write the ids of images as words in one list and as numbers in another.
    """
    key = id_of(key)
    if key is None:
        return None
    other = str(key) if isinstance(key, int) else int(key) if key.isdecimal() else key
    return table.get(key, table.get(other))


def id_of(value: object) -> int | str | None:
    """`value` as an id: a word or a whole number, which 7.0 is too; None if it is neither."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int | str) and not isinstance(value, bool) else None


def is_number(value: object) -> bool:
    """Whether `value` is a finite number, and no truth value."""
    kind = isinstance(value, int | float) and not isinstance(value, bool)
    try:
        return kind and math.isfinite(value)
    except OverflowError:  # a whole number beyond every double
        return False


def whole_number(row: dict, name: str) -> int:
    """`row[name]` if it is a whole number, else 0."""
    value = row.get(name)
    return int(value) if is_number(value) and value == int(value) else 0


def parsed(file: Path) -> tuple[bytes, object]:
    """A JSON file's bytes and what they say. Raises: InputError, naming the file."""
    try:
        content = Path(file).read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error.strerror}); name another file") from error
    if not content.strip():
        raise InputError(f"{file} is empty; get it again")
    try:
        return content, json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file} is not whole JSON ({error}); get it again") from error


def rows_of(file: Path, whole: dict, name: str) -> list:
    """The list `name`. Raises: InputError if there is none."""
    rows = whole.get(name)
    if not isinstance(rows, list):
        raise InputError(f"{file} is no COCO annotation file: it has no list {name!r}")
    return rows


def by_id(file: Path, rows: list, name: str) -> list[dict]:
    """`rows` in the order of their ids. Raises: InputError if ids are missing or not unique."""
    ids = [id_of(row.get("id")) if isinstance(row, dict) else None for row in rows]
    if None in ids or len(set(ids)) < len(ids):
        raise InputError(f"{file}: not every entry of {name!r} has an id of its own; get it again")
    rows = [row | {"id": own} for row, own in zip(rows, ids, strict=True)]
    # numbers by value and before words
    return sorted(rows, key=lambda row: (isinstance(row["id"], str), row["id"]))
