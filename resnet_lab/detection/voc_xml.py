"""One VOC annotation: what an XML file says is in its image.

VOC counts pixels from 1 and a box includes its last pixel. Half-open from 0 that is
(xmin - 1, ymin - 1, xmax, ymax).

Paper: Section 4.3 (PASCAL VOC).
Notebook: notebooks/07_detection.py. Tests: tests/test_detection_voc.py.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from resnet_lab.errors import InputError

CORNERS = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True)
class Thing:
    """One object, in the numbers of the file: first and last pixel, counted from 1."""

    name: str
    box: tuple[float, float, float, float]
    difficult: bool


@dataclass(frozen=True)
class Page:
    """One file: its objects, and the image's height and width; (0, 0) if it does not say."""

    things: tuple[Thing, ...]
    size: tuple[int, int]


def parse(path: Path, content: bytes) -> Page:
    """The annotation in `content`, which was read from `path`.

    Raises: InputError, naming the file, if it is no VOC annotation.
    """
    if not content.strip():
        raise InputError(f"{path} is empty; get that annotation again")
    try:
        root = ElementTree.fromstring(content)
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # or an unknown encoding
        raise InputError(f"{path} is not whole XML ({error}); get that annotation again") from error
    if root.tag != "annotation":
        raise InputError(f"{path} is no VOC annotation: it holds <{root.tag}>, not <annotation>")
    things = tuple(thing(path, k, node) for k, node in enumerate(root.findall("object"), start=1))
    size = tuple(
        int(whole) if (whole := (root.findtext(f"size/{side}") or "").strip()).isdecimal() else 0
        for side in ("height", "width")
    )
    if not things and not all(size):
        raise InputError(
            f"{path} has neither an object nor the size of its image; get that annotation again"
        )
    return Page(things, size if all(size) else (0, 0))


def thing(path: Path, number: int, node: ElementTree.Element) -> Thing:
    """Object `number` of the file. Raises: InputError, naming the file."""
    where = f"object {number} of {path}"
    name = (node.findtext("name") or "").strip()
    if not name:
        raise InputError(f"{where} has no name; add it or take the object out")
    texts = [node.findtext(f"bndbox/{corner}") for corner in CORNERS]
    try:
        box = tuple(float(text) for text in texts)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{where} has no box of four numbers ({', '.join(CORNERS)}); add it or take it out"
        ) from error
    if not all(map(math.isfinite, box)):
        raise InputError(f"{where} has a box that is not finite; correct it or take it out")
    if box[2] < box[0] or box[3] < box[1]:
        raise InputError(f"{where} has a box whose end lies before its beginning; correct it")
    flag = (node.findtext("difficult") or "0").strip()
    if flag.lower() not in ("0", "1", "false", "true"):
        raise InputError(f"{where} is difficult by {flag!r}; 0 and 1 are known")
    return Thing(name, box, flag.lower() in ("1", "true"))


def write(
    things: Sequence[Thing], *, file: str, size: tuple[int, int], truncated: Sequence[bool]
) -> bytes:
    """The XML that `parse` reads; coordinates stay as they are."""
    root = ElementTree.Element("annotation")
    ElementTree.SubElement(root, "filename").text = file
    sides = ElementTree.SubElement(root, "size")
    for side, value in (("width", size[1]), ("height", size[0]), ("depth", 3)):
        ElementTree.SubElement(sides, side).text = str(value)
    ElementTree.SubElement(root, "segmented").text = "0"
    for one, cut in zip(things, truncated, strict=True):
        node = ElementTree.SubElement(root, "object")
        values = (("name", one.name), ("pose", "Unspecified"), ("truncated", int(cut)))
        for tag, value in (*values, ("difficult", int(one.difficult))):
            ElementTree.SubElement(node, tag).text = str(value)
        box = ElementTree.SubElement(node, "bndbox")
        for corner, value in zip(CORNERS, one.box, strict=True):
            ElementTree.SubElement(box, corner).text = f"{value:g}"
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8") + b"\n"
