"""PASCAL VOC 2007 and 2012 as the paper uses them: 07+12 for the 2007 test, 07++12 for 2012.

Paper: Section 4.3; Appendix A; Tables 7, 10 and 11.
Notebook: notebooks/07_detection.py. Tests: tests/test_detection_voc.py.
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from resnet_lab.detection import annotated, voc_xml
from resnet_lab.detection.annotated import AnnotatedImages, Annotations
from resnet_lab.detection.columns import Truth
from resnet_lab.errors import InputError

CLASSES = (
    "aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog horse motorbike "
    "person pottedplant sheep sofa train tvmonitor"
)
CLASSES = tuple(CLASSES.split())

# name -> part -> year and list of each folder; Appendix A
UNIONS = {
    "voc07": {"train": ((2007, "trainval"),), "test": ((2007, "test"),)},
    "voc12": {"train": ((2012, "trainval"),), "test": ((2012, "test"),)},
    "voc07+12": {"train": ((2007, "trainval"), (2012, "trainval")), "test": ((2007, "test"),)},
    "voc07++12": {
        "train": ((2007, "trainval"), (2007, "test"), (2012, "trainval")),
        "test": ((2012, "test"),),
    },
}
ENDINGS = (".jpg", ".jpeg", ".png", ".bmp")


def load(root: Path, name: str, part: str, classes: Sequence[str] = CLASSES) -> AnnotatedImages:
    """The "train" or "test" part of voc07, voc12, voc07+12 or voc07++12 under `root`.

    `root` holds VOCdevkit, or is it. The 2012 test images come without annotations: their targets
    are empty, and the evaluation server wants `results.write_voc`.

    Raises: InputError if the name is unknown, or a folder, list, annotation or image is missing.
    Paper: Appendix A.
    """
    if name not in UNIONS or part not in UNIONS[name]:
        raise InputError(
            f"there is no {part!r} part of {name!r}; choose train or test of {', '.join(UNIONS)}"
        )
    parts = [
        folder(year_folder(Path(root), year), split, classes) for year, split in UNIONS[name][part]
    ]
    whole = annotated.joined([one.annotations for one in parts])
    return AnnotatedImages(name, whole, [path for one in parts for path in one.paths])


def year_folder(root: Path, year: int) -> Path:
    """Where VOC2007 or VOC2012 lies under `root`. Raises: InputError if nowhere."""
    root = root.expanduser()
    for place in (root / "VOCdevkit" / f"VOC{year}", root / f"VOC{year}"):
        if place.is_dir():
            return place
    if root.name == f"VOC{year}" and root.is_dir():
        return root
    raise InputError(
        f"{root} holds no VOCdevkit/VOC{year}; --root names the folder that does, or fetch it with "
        f"`resnet-lab data get voc{year % 100:02d}`"
    )


def folder(
    place: Path, split: str, classes: Sequence[str] | None = CLASSES, *, outside: bool = False
) -> AnnotatedImages:
    """The images that ImageSets/Main/`split`.txt lists in one VOC-style folder.

    Without `classes`: the names that occur, sorted. With `outside` boxes may leave their image.

    Raises: InputError if a list, annotation or image is missing or malformed.
    """
    place = Path(place)
    ids = listed(place / "ImageSets" / "Main" / f"{split}.txt")
    files = images_in(place / "JPEGImages")
    missing = next((one for one in ids if one not in files), None)
    if missing is not None:
        raise InputError(
            f"the image {place / 'JPEGImages' / missing}.jpg is missing; add it or take {missing} "
            f"out of ImageSets/Main/{split}.txt"
        )
    paths = [place / "JPEGImages" / files[one] for one in ids]
    notes = [place / "Annotations" / f"{one}.xml" for one in ids]
    if not any(note.is_file() for note in notes) and split == "test":
        notes = [None] * len(ids)
    whole = read(f"{place} ({split})", ids, notes, paths, classes, outside=outside)
    return AnnotatedImages(f"{place.name}-{split}", whole, paths)


def pages(place: Path, classes: Sequence[str] | None = None, *, outside: bool = False):
    """`Annotations` of all XML files in a folder, without any image.

    Raises: InputError if there is none, or one is malformed.
    """
    notes = sorted(path for path in Path(place).glob("*.xml"))
    if not notes:
        raise InputError(f"{place} holds no .xml file; name the folder with the annotations")
    ids = [path.stem for path in notes]
    return read(str(place), ids, notes, [None] * len(notes), classes, outside=outside)


def read(
    place: str,
    ids: Sequence[str],
    notes: Sequence[Path | None],
    images: Sequence[Path | None],
    classes: Sequence[str] | None,
    *,
    outside: bool,
) -> Annotations:
    """`Annotations` from one XML file an image; None where there is none."""
    digest = hashlib.sha256("\n".join(ids).encode())
    found = []
    for note, image in zip(notes, images, strict=True):
        page = voc_xml.Page((), (0, 0))
        if note is not None:
            content = content_of(note)
            digest.update(content)
            page = voc_xml.parse(note, content)
        size = size_of(image) if page.size == (0, 0) and image is not None else page.size
        found.append(voc_xml.Page(page.things, size))
    if classes is None:
        classes = sorted({one.name for page in found for one in page.things})
    sizes = tuple(page.size for page in found)
    truth = truth_of(found, notes, classes, outside)
    return Annotations(
        place=place,
        form="voc",
        classes=tuple(classes),
        category_ids=tuple(range(1, len(classes) + 1)),
        image_ids=tuple(ids),
        files=tuple("" if image is None else image.name for image in images),
        sizes=sizes,
        truth=truth,
        begin=annotated.begins(truth, len(ids)),
        content_hash=digest.hexdigest(),
    )


def truth_of(
    found: Sequence[voc_xml.Page], notes: Sequence[Path | None], classes: Sequence[str], outside
) -> Truth:
    """All objects in columns. Raises: InputError for an unknown class, or a box outside."""
    label = {name: k for k, name in enumerate(classes, start=1)}
    rows = []
    for i, page in enumerate(found):
        for one in page.things:
            if one.name not in label:
                raise InputError(unknown(notes[i], one.name, classes))
            rows.append((i, label[one.name], one.box, one.difficult, False, None))
    truth, sizes = annotated.packed(rows, "voc"), [page.size for page in found]
    bad = None if outside else annotated.first_outside(truth, "voc", sizes)
    if bad is not None:
        i = int(truth.image[bad])
        raise InputError(
            annotated.outside_message(str(notes[i]), truth.boxes[bad], "voc", sizes[i])
        )
    return truth


def unknown(note: Path, name: str, classes: Sequence[str]) -> str:
    """One sentence on a class that is not known."""
    some = ", ".join(classes[:3]) + (" …" if len(classes) > 3 else "")
    remedy = "take it out" if tuple(classes) == CLASSES else "name it among the classes"
    return (
        f"{note} has an object of class {name!r}, which is none of the {len(classes)} known ones "
        f"({some}); correct it or {remedy}"
    )


def listed(path: Path) -> list[str]:
    """The image names in a list: the first word of each line. Raises: InputError."""
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"the list of images {path} cannot be read ({getattr(error, 'strerror', error)}); "
            "choose a split that has one"
        ) from error
    ids = [words[0] for line in lines if (words := line.split())]
    if not ids:
        raise InputError(f"the list of images {path} is empty; get it again")
    if len(set(ids)) < len(ids):
        raise InputError(f"the list of images {path} names an image twice; get it again")
    return ids


def images_in(place: Path) -> dict[str, str]:
    """Name without ending -> file name. Raises: InputError if there is no such folder."""
    try:
        names = sorted(os.listdir(place))
    except OSError as error:
        raise InputError(f"there is no folder {place} with the images") from error
    return {Path(name).stem: name for name in names if name.lower().endswith(ENDINGS)}


def content_of(note: Path) -> bytes:
    """The bytes of an annotation. Raises: InputError if it is missing."""
    try:
        return note.read_bytes()
    except OSError as error:
        raise InputError(
            f"the annotation {note} cannot be read ({error.strerror}); get it again or take its "
            "image out of the list"
        ) from error


def size_of(path: Path) -> tuple[int, int]:
    """Height and width, from the head of the file. Raises: InputError."""
    try:
        with Image.open(path) as image:
            return image.height, image.width
    except (OSError, UnidentifiedImageError) as error:
        raise InputError(f"{path} cannot be read as an image; get that file again") from error


def download(root: Path, year: int, split: str) -> None:
    """Fetch VOC `year` into root/VOCdevkit through torchvision; nothing calls this unasked.

    Raises: InputError if there is no such split, or the server does not give it.
    """
    from torchvision.datasets import VOCDetection

    try:
        VOCDetection(str(Path(root).expanduser()), str(year), split, download=True)
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(
            f"VOC {year} ({split}) could not be fetched ({error}); unpack VOCdevkit into {root} "
            "by hand"
        ) from error
