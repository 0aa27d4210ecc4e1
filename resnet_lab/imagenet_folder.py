"""ImageNet on disk: a folder a class, or the original tar files, read without unpacking.

Paper: Section 4.1 (1.28 million training and 50k validation images of 1000 classes).
Notebook: notebooks/04_imagenet.py. Tests: tests/test_imagenet_folder.py.
"""

import hashlib
import io
import json
import os
import pickle
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import torch
from torch import Tensor

from resnet_lab import cache, imagenet_devkit
from resnet_lab.errors import InputError
from resnet_lab.files import write_whole

ENDINGS = (".jpeg", ".jpg", ".png", ".bmp", ".ppm", ".pgm", ".tif", ".tiff", ".webp")
FORMAT = "imagenet list 1"  # part of the cache's key


@dataclass(frozen=True, kw_only=True, eq=False)
class Files:
    """The labelled images of one split, as tensors: worker processes share them, no list is copied.

    Image i is `size[i]` bytes (0: all) of its container's file from `offset[i]` on. In a folder a
    container is a class's folder and the file lies in it; else it is a tar file.
    """

    split: str
    place: str
    layout: str  # "folder" or "tar"
    classes: tuple[str, ...]  # in the order of the labels
    containers: tuple[str, ...]
    names: Tensor  # uint8: all names, one behind the other
    ends: Tensor  # int64 (N,): where each name ends
    container: Tensor  # int64 (N,)
    offset: Tensor  # int64 (N,)
    size: Tensor  # int64 (N,)
    labels: Tensor  # int64 (N,)
    others: int = 0  # files that were left out: they have no image's ending

    def __len__(self) -> int:
        return len(self.labels)

    def name(self, i: int) -> str:
        """Split, container and name of the image, for messages."""
        folder = Path(self.containers[self.container[i]]).name
        parts = (self.split, "" if folder == self.split else folder, self._own_name(i))
        return "/".join(part for part in parts if part)

    def _own_name(self, i: int) -> str:
        begin = int(self.ends[i - 1]) if i else 0
        return os.fsdecode(bytes(self.names[begin : int(self.ends[i])].numpy()))

    def read(self, i: int) -> bytes:
        """The bytes of the image's file. Raises: OSError."""
        path = self.containers[self.container[i]]
        if self.layout == "folder":
            path = os.path.join(path, self._own_name(i))
        with open(path, "rb") as file:
            file.seek(int(self.offset[i]))
            return file.read(int(self.size[i]) or -1)

    @property
    def hash(self) -> str:
        """Names the list: classes, file names and labels, not the bytes of the images."""
        text = json.dumps(self.classes).encode()
        parts = (text, self.names.numpy().tobytes(), self.labels.numpy().tobytes())
        return hashlib.sha256(b"\0".join(parts)).hexdigest()


Row = tuple[int, str, int, int, int]  # container, name, offset, size, label


def find(root: Path, split: str, classes: Sequence[str] | None = None) -> Files:
    """The images of `split` ("train" or "val") under `root`; labels by `classes`, else sorted.

    Takes root/split/CLASS/image, root/ILSVRC2012_img_{split}.tar, and a flat root/val; the last
    two need the devkit's labels for "val". The list is kept in the cache folder.

    Raises: InputError if nothing fits, a class is empty, or a class is not in `classes`.
    """
    root = Path(root).expanduser()
    folder, tar = root / split, root / f"ILSVRC2012_img_{split}.tar"
    if not root.is_dir():
        raise InputError(f"there is no folder {root}; --data names the one that holds ImageNet")
    if folder.is_dir():
        inside = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())
        state = [[name, (folder / name).stat().st_mtime_ns] for name in inside]
        state = state or [["", folder.stat().st_mtime_ns]]
        build = (lambda: from_folders(folder, inside)) if inside else (lambda: flat(root, folder))
    elif tar.is_file():
        state = [tar.stat().st_size, tar.stat().st_mtime_ns]
        build = (lambda: train_tar(tar)) if split == "train" else (lambda: val_tar(root, tar))
    else:
        raise InputError(
            f"{root} has no {split} images: neither a folder {split} with a folder for each class, "
            f"nor {tar.name}"
        )
    files = cached([FORMAT, str(root.resolve()), split, state], build)
    return files if classes is None else relabelled(files, classes)


def relabelled(files: Files, classes: Sequence[str]) -> Files:
    """`files` with labels counted in `classes`. Raises: InputError for a class not in it."""
    unknown = [name for name in files.classes if name not in set(classes)]
    if unknown:
        raise InputError(
            f"{files.place} has classes that are not among the {len(classes)} known ones: "
            f"{', '.join(unknown[:3])}{' …' if len(unknown) > 3 else ''}"
        )
    place = {name: i for i, name in enumerate(classes)}
    own = torch.tensor([place[name] for name in files.classes])
    values = {field.name: getattr(files, field.name) for field in fields(Files)}
    return Files(**values | {"classes": tuple(classes), "labels": own[files.labels]})


def is_image(name: str) -> bool:
    """Whether `name` has an image's ending; hidden files have not."""
    return name.lower().endswith(ENDINGS) and not name.startswith(".")


def pack(
    split: str, place: Path, layout: str, classes, containers, rows: list[Row], others
) -> Files:
    """`Files` from rows. Raises: InputError if there are none."""
    if not rows:
        raise InputError(f"{place} holds no image")
    encoded = [os.fsencode(row[1]) for row in rows]
    blob = bytearray(b"".join(encoded))
    column = lambda k: torch.tensor([row[k] for row in rows], dtype=torch.int64)  # noqa: E731
    return Files(
        split=split,
        place=str(place),
        layout=layout,
        classes=tuple(classes),
        containers=tuple(map(str, containers)),
        names=torch.frombuffer(blob, dtype=torch.uint8),
        ends=torch.tensor([len(name) for name in encoded]).cumsum(0),
        container=column(0),
        offset=column(2),
        size=column(3),
        labels=column(4),
        others=others,
    )


def from_folders(folder: Path, classes: list[str]) -> Files:
    """A folder for each class, the images right in it; labels in the order of sorted names."""
    rows: list[Row] = []
    others = sum(entry.is_file() for entry in os.scandir(folder))
    for label, name in enumerate(classes):
        inside = sorted(entry.name for entry in os.scandir(folder / name) if entry.is_file())
        images = [one for one in inside if is_image(one)]
        if not images:
            raise InputError(f"the class folder {folder / name} holds no image; remove it")
        others += len(inside) - len(images)
        rows += [(label, one, 0, 0, label) for one in images]
    return pack(folder.name, folder, "folder", classes, [folder / c for c in classes], rows, others)


def flat(root: Path, folder: Path) -> Files:
    """ILSVRC2012_val_00000001.JPEG and so on in one folder, labelled by the devkit."""
    names = sorted(entry.name for entry in os.scandir(folder) if entry.is_file())
    images = [name for name in names if is_image(name)]
    if not images:
        raise InputError(f"{folder} holds no image and no folder with images")
    classes, labels = imagenet_devkit.read(root)
    rows = [(0, name, 0, 0, imagenet_devkit.label(name, labels)) for name in images]
    return pack(folder.name, folder, "folder", classes, [folder], rows, len(names) - len(images))


def train_tar(path: Path) -> Files:
    """ILSVRC2012_img_train.tar: one tar file a class, within a tar file."""
    rows: list[Row] = []
    with opened(path) as whole:
        members = sorted((m for m in whole if m.name.endswith(".tar")), key=lambda m: m.name)
        for label, member in enumerate(members):
            with tarfile.open(fileobj=whole.extractfile(member), mode="r:") as inner:
                for image in inner:
                    if image.isfile() and is_image(Path(image.name).name):
                        start = member.offset_data + image.offset_data
                        rows.append((0, image.name, start, image.size, label))
    classes = [Path(member.name).stem for member in members]
    return pack("train", path, "tar", classes, [path], rows, 0)


def val_tar(root: Path, path: Path) -> Files:
    """ILSVRC2012_img_val.tar: all images in one tar file, labelled by the devkit."""
    classes, labels = imagenet_devkit.read(root)
    with opened(path) as whole:
        images = sorted(
            (m for m in whole if m.isfile() and is_image(Path(m.name).name)), key=lambda m: m.name
        )
    rows = [
        (0, m.name, m.offset_data, m.size, imagenet_devkit.label(m.name, labels)) for m in images
    ]
    return pack("val", path, "tar", classes, [path], rows, 0)


def opened(path: Path) -> tarfile.TarFile:
    """The tar file, for reading in place. Raises: InputError if it is none."""
    try:
        return tarfile.open(path, mode="r:")  # uncompressed, so that images can be read in place
    except (tarfile.TarError, OSError) as error:
        raise InputError(f"{path} is not a whole tar file ({error})") from error


def cached(key: list, build: Callable[[], Files]) -> Files:
    """What `build` returns, from the cache folder if it was built before under the same key."""
    name = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:16]
    path = cache.folder() / f"imagenet-{name}.pt"
    try:
        return Files(**torch.load(path, weights_only=True))
    except (OSError, RuntimeError, pickle.UnpicklingError, TypeError, EOFError):
        files = build()
    buffer = io.BytesIO()
    torch.save({field.name: getattr(files, field.name) for field in fields(Files)}, buffer)
    try:
        write_whole(path, buffer.getvalue())
    except InputError:
        pass  # a cache that cannot be written costs time at the next start, nothing else
    return files
