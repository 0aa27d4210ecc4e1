"""The labels of ImageNet's validation images, from the development kit's own files.

Paper: Section 4.1 (the ILSVRC 2012 classification set).
Notebook: notebooks/04_imagenet.py. Tests: tests/test_imagenet_folder.py.
"""

import io
import re
import struct
import tarfile
import zlib
from pathlib import Path

from resnet_lab.errors import InputError

KIT = "ILSVRC2012_devkit_t12"
META = "data/meta.mat"
TRUTH = "data/ILSVRC2012_validation_ground_truth.txt"

# MATLAB 5 files: tags of the elements that meta.mat is made of
COMPRESSED, MATRIX = 15, 14
STRUCT, CHAR = 2, 4  # classes of a matrix
NUMBERS = {1: "b", 2: "B", 3: "h", 4: "H", 5: "i", 6: "I", 7: "f", 9: "d", 12: "q", 13: "Q"}
TEXTS = {1: "utf-8", 2: "utf-8", 4: "utf-16", 16: "utf-8", 17: "utf-16"}


def read(root: Path) -> tuple[list[str], list[int]]:
    """Classes in sorted order, and the label of each validation image in the order of their names.

    Raises: InputError if the kit is not in `root`, as a folder or as its .tar.gz, or is damaged.
    """
    meta, truth = (find(root, name) for name in (META, TRUTH))
    try:
        ids = {int(one["ILSVRC2012_ID"]): one["WNID"] for one in leaves(meta)}
        classes = sorted(ids.values())
        place = {wnid: label for label, wnid in enumerate(classes)}
        return classes, [place[ids[int(line)]] for line in truth.split()]
    except (KeyError, ValueError, TypeError, struct.error, zlib.error, IndexError) as error:
        raise InputError(f"the files of {KIT} in {root} cannot be read ({error!r})") from error


def label(name: str, labels: list[int]) -> int:
    """The label of ILSVRC2012_val_00000001.JPEG: the number in its name counts from 1.

    Raises: InputError if it has no such number, or one beyond the labels.
    """
    found = re.search(r"(\d+)\.\w+$", name)
    number = int(found[1]) if found else 0
    if not 1 <= number <= len(labels):
        raise InputError(f"{name} is none of the {len(labels)} validation images of {KIT}")
    return labels[number - 1]


def find(root: Path, name: str) -> bytes:
    """The kit's file `name`. Raises: InputError if there is no kit with it in `root`."""
    for folder in (root / KIT, root):
        if (folder / name).is_file():
            return (folder / name).read_bytes()
    archive = root / f"{KIT}.tar.gz"
    try:
        with tarfile.open(archive) as kit:
            return kit.extractfile(f"{KIT}/{name}").read()
    except (OSError, tarfile.TarError, KeyError, AttributeError, EOFError, zlib.error) as error:
        raise InputError(
            f"the validation images have no class folders, and their labels are missing: put "
            f"{archive.name} into {root}, or the images into a folder for each class"
        ) from error


def leaves(content: bytes) -> list[dict]:
    """The synsets of meta.mat that have no children: the classes that images are of."""
    # 128 bytes of header end in the version and the byte order: "IM" was written little-endian
    order = "<" if content[126:128] == b"IM" else ">"
    stream = io.BytesIO(content[128:])
    while tag := element(stream, order):
        kind, payload = tag
        if kind == COMPRESSED:
            kind, payload = element(io.BytesIO(zlib.decompress(payload)), order)
        if kind == MATRIX and isinstance(found := matrix(payload, order), list):
            return [one for one in found if not one["num_children"]]
    raise ValueError("no structure in meta.mat")


def element(stream: io.BytesIO, order: str) -> tuple[int, bytes] | None:
    """Kind and content of the next element; None at the end."""
    head = stream.read(8)
    if len(head) < 8:
        return None
    kind, size = struct.unpack(f"{order}II", head)
    if kind >> 16:  # a small element: size and kind in four bytes, the content in the others
        return kind & 0xFFFF, head[4 : 4 + (kind >> 16)]
    payload = stream.read(size)
    if kind != COMPRESSED:
        stream.read(-size % 8)
    return kind, payload


def matrix(payload: bytes, order: str) -> object:
    """A structure as a list of dicts, a text as str, numbers as their first; else None."""
    stream = io.BytesIO(payload)
    flags, shape, _name = (element(stream, order)[1] for _ in range(3))
    kind = struct.unpack(f"{order}I", flags[:4])[0] & 0xFF
    if kind == STRUCT:
        length = struct.unpack(f"{order}i", element(stream, order)[1])[0]
        names = element(stream, order)[1]
        keys = [
            names[i : i + length].split(b"\0")[0].decode() for i in range(0, len(names), length)
        ]
        rows, columns = struct.unpack(f"{order}ii", shape[:8])
        return [
            {key: matrix(element(stream, order)[1], order) for key in keys}
            for _ in range(rows * columns)
        ]
    part = element(stream, order)
    if part is None or not part[1]:
        return None
    if kind == CHAR:
        suffix = {"<": "-le", ">": "-be"}[order] if part[0] in (4, 17) else ""
        return part[1].decode(TEXTS[part[0]] + suffix)
    letter = NUMBERS.get(part[0])
    return struct.unpack_from(order + letter, part[1])[0] if letter else None
