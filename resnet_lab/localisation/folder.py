"""ImageNet's localisation set on disk: images by class, and a VOC-style XML file for each.

Paper: Appendix C ("the 1000-class ImageNet training set").
Notebook: notebooks/09_localisation.py. Tests: tests/test_localisation_folder.py.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from resnet_lab import imagenet_folder
from resnet_lab.augmentation import BrokenImage, decode
from resnet_lab.detection import columns, voc_xml
from resnet_lab.detection.annotated import TOLERANCE
from resnet_lab.detection.targets import Target, target
from resnet_lab.errors import InputError
from resnet_lab.imagenet_folder import Files

ANNOTATIONS = Path("Annotations") / "CLS-LOC"


@dataclass(frozen=True)
class Known:
    """Image `place` of the list, and what its XML file says."""

    place: int
    xml: Path
    boxes: np.ndarray  # (K, 4), half-open
    size: tuple[int, int]  # height, width; (0, 0) if the file does not say


class ClsLoc:
    """The images of a split that have boxes, each with its class and the boxes of that class.

    Files of boxes are read when the set is made, images when they are asked for.
    """

    name = "imagenet"

    def __init__(self, files: Files, known: Sequence[Known], *, outside: bool = False) -> None:
        self.files, self.known, self.outside = files, tuple(known), outside
        self.classes = files.classes

    def __len__(self) -> int:
        return len(self.known)

    def __getitem__(self, i: int) -> tuple[Tensor, Target]:
        """Image i, uint8 (3, H, W), and its boxes.

        Raises: InputError if the file cannot be decoded, has another size than its XML file says,
        or a box leaves it.
        """
        one = self.known[range(len(self))[i]]
        name = self.files.name(one.place)
        try:
            image = decode(self.files.read(one.place))
        except (BrokenImage, OSError) as error:
            reason = getattr(error, "strerror", None) or error
            raise InputError(
                f"{name} cannot be read as an image ({reason}); get that file again"
            ) from error
        size = (image.shape[1], image.shape[2])
        if one.size not in ((0, 0), size):
            raise InputError(
                f"{name} has {size[1]} x {size[0]} pixels, but {one.xml} says {one.size[1]} x "
                f"{one.size[0]}; the boxes belong to another image"
            )
        boxes = self.boxes(one, size)
        labels = [int(self.files.labels[one.place]) + 1] * len(boxes)
        return image, target(boxes, labels, image_id=name, size=size)

    def boxes(self, one: Known, size: tuple[int, int]) -> np.ndarray:
        """The boxes cut at the border of their image. Raises: InputError if one leaves it."""
        limit = np.array([size[1], size[0], size[1], size[0]])
        inside = np.clip(one.boxes, 0, limit)
        if (np.abs(inside - one.boxes) > TOLERANCE).any() and not self.outside:
            row = one.boxes[(np.abs(inside - one.boxes) > TOLERANCE).any(1).argmax()]
            raise InputError(
                f"{one.xml} has a box from ({row[0]:g}, {row[1]:g}) to ({row[2]:g}, {row[3]:g}) in "
                f"an image of {size[1]} x {size[0]} pixels; correct it or allow it with --any-box"
            )
        real = (inside[:, 2:] > inside[:, :2]).all(1)
        if not real.any():
            raise InputError(f"{one.xml} has no box with an area inside its image; correct it")
        return inside[real]

    @property
    def content_hash(self) -> str:
        """Of the list of images and the boxes, not of the pixels."""
        digest = hashlib.sha256(self.files.hash.encode())
        for one in self.known:
            digest.update(np.int64(one.place).astype("<i8").tobytes())
            digest.update(one.boxes.astype("<f8").tobytes())
        return digest.hexdigest()


def load(
    root: Path,
    split: str,
    *,
    classes: Sequence[str] | None = None,
    outside: bool = False,
    blacklist: Path | None = None,
) -> ClsLoc:
    """The "train" or "val" images under `root` with the boxes under root/Annotations/CLS-LOC.

    Images lie as for classification, under root or root/Data/CLS-LOC. The box file of
    CLASS/name.JPEG is split/CLASS/name.xml, or for "val" also split/name.xml. Training images
    without one are left out: more than half of ImageNet's have none. `blacklist` has a number
    (from 1) of a "val" image in each line, in the order of names, which the challenge leaves out.

    Raises: InputError for files that are missing or damaged, a class of which no image has boxes,
    and a "val" image without boxes of its class.
    """
    root = Path(root).expanduser()
    notes = root / ANNOTATIONS / split
    if not notes.is_dir():
        raise InputError(f"there is no folder {notes}; it holds the boxes of the {split} images")
    kaggle = root / "Data" / "CLS-LOC"
    files = imagenet_folder.find(kaggle if kaggle.is_dir() else root, split, classes)
    left_out = numbers(blacklist, files) if blacklist else set()
    known = []
    for i in range(len(files)):
        if i in left_out:
            continue
        xml = box_file(notes, files, i)
        if xml is not None:
            known.append(read(xml, files, i))
        elif split != "train":
            name = Path(files.name(i)).stem
            raise InputError(f"{notes / name}.xml is missing; every {split} image needs its boxes")
    empty = set(range(len(files.classes))) - {int(files.labels[one.place]) for one in known}
    if split == "train" and empty:
        name = files.classes[min(empty)]
        raise InputError(f"{notes / name} has boxes for no image of class {name}; get them")
    return ClsLoc(files, known, outside=outside)


def box_file(notes: Path, files: Files, i: int) -> Path | None:
    """Where the boxes of image i are, None if nowhere."""
    stem = Path(files.name(i)).stem
    places = (notes / files.classes[int(files.labels[i])] / f"{stem}.xml", notes / f"{stem}.xml")
    return next((path for path in places if path.is_file()), None)


def read(xml: Path, files: Files, i: int) -> Known:
    """What `xml` says of image i. Raises: InputError, naming the file."""
    try:
        content = xml.read_bytes()
    except OSError as error:
        raise InputError(f"{xml} cannot be read ({error.strerror})") from error
    page, name = voc_xml.parse(xml, content), files.classes[int(files.labels[i])]
    corners = [thing.box for thing in page.things if thing.name == name]
    if not corners:
        raise InputError(f"{xml} has no box of class {name}, which is the class of its image")
    boxes = columns.in_form(np.array(corners, np.float64), "voc", "half-open")
    return Known(i, xml, boxes, page.size)


def numbers(path: Path, files: Files) -> set[int]:
    """The images that the blacklist at `path` names, as places in `files`.

    Raises: InputError if it cannot be read, or has something else than numbers of images.
    """
    try:
        words = path.read_text(encoding="utf-8").split()
        chosen = {int(word) - 1 for word in words}
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise InputError(f"{path} has something else than one number a line") from error
    if not chosen <= set(range(len(files))):
        raise InputError(f"{path} numbers images that are not there: there are {len(files):,}")
    by_name = sorted(range(len(files)), key=lambda i: Path(files.name(i)).name)
    return {by_name[k] for k in chosen}
