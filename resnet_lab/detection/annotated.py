"""Images in a folder with what files say is in them, the same for VOC and COCO.

Paper: Section 4.3; Appendix A (PASCAL VOC 2007 and 2012, MS COCO).
Notebook: notebooks/07_detection.py. Tests: tests/test_detection_voc.py.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from resnet_lab.augmentation import BrokenImage, decode
from resnet_lab.detection import columns
from resnet_lab.detection.columns import Truth
from resnet_lab.detection.targets import Target, target
from resnet_lab.errors import InputError

TOLERANCE = 1  # pixels by which a box may leave its image: real annotations are rounded


@dataclass(frozen=True, kw_only=True, eq=False)
class Annotations:
    """What files say is in the images of a split, in the numbers of the files.

    Objects are sorted by image; those of image i are `begin[i]` up to `begin[i + 1]`.

    Shapes: begin int64 (N + 1,).
    """

    place: str  # file or folder, for messages
    form: str  # of the boxes: "voc" or "coco"
    classes: tuple[str, ...]
    category_ids: tuple[int, ...]  # what the files call label 1, 2, ...
    image_ids: tuple[str | int, ...]
    files: tuple[str, ...]  # the images
    sizes: tuple[tuple[int, int], ...]  # height, width; (0, 0) where nobody says
    truth: Truth
    begin: np.ndarray
    content_hash: str

    def __len__(self) -> int:
        return len(self.image_ids)

    def target(self, i: int) -> Target:
        """What is to be found in image i."""
        mine = slice(self.begin[i], self.begin[i + 1])
        truth = self.truth
        return target(
            columns.in_form(truth.boxes[mine], self.form, "half-open"),
            truth.label[mine],
            difficult=truth.ignored[mine] & ~truth.crowd[mine],
            crowd=truth.crowd[mine],
            area=truth.area[mine],
            image_id=str(self.image_ids[i]),
            size=self.sizes[i],
        )


class AnnotatedImages:
    """A data set for detection from `Annotations` and image files."""

    def __init__(self, name: str, annotations: Annotations, paths: Sequence[Path]) -> None:
        self.name, self.annotations = name, annotations
        self.classes = annotations.classes
        self.paths = tuple(paths)

    @property
    def content_hash(self) -> str:
        """Of the annotations and the names of the images, not of their pixels."""
        return self.annotations.content_hash

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, i: int) -> tuple[Tensor, Target]:
        """The image, uint8 (3, H, W), and its target.

        Raises: InputError if the file cannot be decoded, or its size is not the annotated one.
        """
        path, found = self.paths[i], self.annotations.target(i)
        image = read_image(path)
        height, width = image.shape[1:]
        if found.size != (height, width):
            raise InputError(
                f"{path} has {width} x {height} pixels, but {self.annotations.place} says "
                f"{found.size[1]} x {found.size[0]}; the boxes belong to another image"
            )
        return image, found

    def targets(self) -> list[Target]:
        """What is to be found in each image."""
        return [self.annotations.target(i) for i in range(len(self))]


def read_image(path: Path) -> Tensor:
    """The image at `path` as RGB, uint8 (3, H, W). Raises: InputError if it cannot be decoded."""
    try:
        return decode(path.read_bytes())
    except (BrokenImage, OSError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"{path} cannot be read as an image ({reason}); get that file again"
        ) from error


def packed(
    rows: Sequence[tuple[int, int, Sequence[float], bool, bool, float | None]], form: str
) -> Truth:
    """`Truth` from (image, label, box, ignored, crowd, area) rows sorted by image.

    Without an area, that of the box.
    """
    boxes = np.array([row[2] for row in rows], np.float64).reshape(-1, 4)
    sides = columns.in_form(boxes, form, "coco")[:, 2:]
    own = sides[:, 0] * sides[:, 1]
    given = np.array([np.nan if row[5] is None else row[5] for row in rows], np.float64)
    return Truth(
        image=np.array([row[0] for row in rows], np.int64),
        label=np.array([row[1] for row in rows], np.int64),
        boxes=boxes,
        ignored=np.array([row[3] or row[4] for row in rows], bool),
        crowd=np.array([row[4] for row in rows], bool),
        area=np.where(np.isnan(given), own, given),
    )


def begins(truth: Truth, images: int) -> np.ndarray:
    """Where the objects of each image begin; int64 (images + 1,)."""
    return np.searchsorted(truth.image, np.arange(images + 1))


def first_outside(truth: Truth, form: str, sizes: Sequence[tuple[int, int]]) -> int | None:
    """The first object that leaves its image by more than TOLERANCE; None if all stay inside."""
    if not len(truth.image):
        return None
    corners = columns.in_form(truth.boxes, form, "half-open")
    limits = np.array(sizes)[truth.image][:, ::-1]  # width, height
    outside = (corners[:, :2] < -TOLERANCE).any(1) | (corners[:, 2:] > limits + TOLERANCE).any(1)
    outside &= limits.min(1) > 0
    return int(outside.argmax()) if outside.any() else None


def outside_message(where: str, box: np.ndarray, form: str, size: tuple[int, int]) -> str:
    """One sentence on a box outside its image."""
    x0, y0, x1, y1 = columns.in_form(box[None], form, "half-open")[0]
    return (
        f"{where} has a box from ({x0:g}, {y0:g}) to ({x1:g}, {y1:g}) in an image of {size[1]} x "
        f"{size[0]} pixels; correct the box or the size (`evaluate result-files` takes it with "
        "--any-box)"
    )


def joined(parts: Sequence[Annotations]) -> Annotations:
    """The images of all `parts`, which must agree in classes and form, one behind the other.

    Raises: InputError if an image occurs twice.
    """
    ids = [image_id for part in parts for image_id in part.image_ids]
    if len(set(ids)) < len(ids):
        twice = next(one for k, one in enumerate(ids) if one in ids[:k])
        raise InputError(f"image {twice} occurs twice in {' and '.join(p.place for p in parts)}")
    starts = np.cumsum([0] + [len(part) for part in parts])
    fields = {
        name: np.concatenate([getattr(part.truth, name) for part in parts])
        for name in ("label", "boxes", "ignored", "crowd", "area")
    }
    image = [part.truth.image + start for part, start in zip(parts, starts, strict=False)]
    truth = Truth(image=np.concatenate(image), **fields)
    hashes = "".join(part.content_hash for part in parts)
    return Annotations(
        place=" and ".join(part.place for part in parts),
        form=parts[0].form,
        classes=parts[0].classes,
        category_ids=parts[0].category_ids,
        image_ids=tuple(ids),
        files=tuple(name for part in parts for name in part.files),
        sizes=tuple(size for part in parts for size in part.sizes),
        truth=truth,
        begin=begins(truth, len(ids)),
        content_hash=hashlib.sha256(hashes.encode()).hexdigest(),
    )


def as_tensor_boxes(boxes: np.ndarray, form: str) -> Tensor:
    """Boxes of `form` as this package holds them: half-open corners, float32 (K, 4)."""
    return torch.from_numpy(columns.in_form(boxes, form, "half-open")).float()
