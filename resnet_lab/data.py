"""CIFAR-10 as tensors, from any layout, cached; and the embedded set where CIFAR-10 is absent.

Paper: Section 4.2 (the data, the per-pixel mean, the 45k/5k split).
Notebook: notebooks/01_degradation.py. Tests: tests/test_data.py.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from . import cache, layouts
from .errors import InputError
from .layouts import CLASSES

__all__ = ["CLASSES", "Dataset", "cifar10", "find", "hold_out", "load", "per_pixel_mean", "shrink"]

NAMES = ("cifar10", "embedded")
GET = "run `resnet-lab data get cifar10` or name a folder with --data DIR"
CHUNK = 5_000  # images; a wider integer type is only ever held for so many


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """Both splits as tensors, with what a record needs to name them.

    Shapes: images uint8 (N, 3, 32, 32); labels int64 (N,).
    """

    name: str  # "cifar10" or "embedded"
    classes: tuple[str, ...]
    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    content_hash: str  # of the set of images and labels, whatever their order and layout
    place: str  # where they came from, for display
    layout: str  # binary, python, png, parquet or embedded

    @property
    def label(self) -> str:
        """What figures and tables call the data."""
        return "CIFAR-10" if self.name == "cifar10" else "embedded data"


def cifar10(root: str | Path | None = None, split: str = "train") -> tuple[Tensor, Tensor]:
    """Images and labels of one split of CIFAR-10, in the order of the files.

    Shapes: uint8 (50000, 3, 32, 32) and int64 (50000,); 10000 for "test".
    Raises: InputError if CIFAR-10 is not there or not whole, or there is no such split.
    Paper: Section 4.2.
    """
    if split not in layouts.COUNTS:
        raise InputError(f"there is no split {split!r} in CIFAR-10; choose train or test")
    whole = load(root, name="cifar10")
    if split == "train":
        return whole.train_images, whole.train_labels
    return whole.test_images, whole.test_labels


def find(root: str | Path | None = None) -> Path | None:
    """The folder that holds CIFAR-10; None if no `root` is given and it is nowhere.

    Without `root`: $RESNET_LAB_DATA, then ./data, then where `resnet-lab data get` puts it.

    Raises: InputError if `root` (or $RESNET_LAB_DATA) is missing or holds no known layout, or if
        a place holds CIFAR-10 more than once.
    """
    found = _find(root)
    return None if found is None else found.folder


def _find(root: str | Path | None) -> layouts.Found | None:
    named = os.environ.get("RESNET_LAB_DATA")
    if root is not None or named:
        place = Path(named if root is None else root).expanduser()
        source = " ($RESNET_LAB_DATA)" if root is None else ""
        if not place.is_dir():
            raise InputError(f"{place}{source} is not a folder; {GET}")
        found = layouts.detect(place)
        if found is None:
            raise InputError(
                f"{place}{source} holds no CIFAR-10 that we can read ({layouts.KNOWN}); {GET}"
            )
        return found
    # the folder beside the package too: a notebook's own folder is notebooks/
    clone = Path(__file__).resolve().parents[1] / "data"
    for place in (Path("data"), clone, cache.folder() / "cifar10"):
        found = layouts.detect(place)
        # a nameless parquet in ./data may be anybody's; given as `root` it is read
        if found and not (found.layout == "parquet" and found.folder.name != "plain_text"):
            return found
    return None


def load(root: str | Path | None = None, *, name: str | None = None) -> Dataset:
    """CIFAR-10 if `root` is given or it is found, else the embedded set; `name` insists on one.

    The first call reads and checks every file and writes a cache; later ones take under 0.5 s.

    Raises: InputError if `name` is unknown, or CIFAR-10 is asked for and missing or not whole.
    """
    if name not in (None, *NAMES):
        raise InputError(f"there is no data set {name!r}; choose {' or '.join(NAMES)}")
    if name == "embedded":
        if root is not None:
            raise InputError(f"the embedded data set needs no folder; leave out {root}")
        return _embedded()
    found = _find(root)
    if found is None and name == "cifar10":
        raise InputError(f"CIFAR-10 is not in ./data nor in {cache.folder() / 'cifar10'}; {GET}")
    return _embedded() if found is None else _cifar10(found)


def _cifar10(found: layouts.Found) -> Dataset:
    where = hashlib.sha256(os.fsencode(found.folder.resolve())).hexdigest()[:12]
    splits, digest = cache.load(
        f"cifar10-{found.layout}-{where}", layouts.fingerprint(found), lambda: layouts.read(found)
    )
    return _dataset("cifar10", CLASSES, splits, digest, str(found.folder), found.layout)


def _embedded() -> Dataset:
    from . import embedded  # generating it imports what reading CIFAR-10 does not need

    def build() -> layouts.Splits:
        return {split: embedded.images(split) for split in ("train", "test")}

    version = str(embedded.VERSION)
    splits, digest = cache.load("embedded", version, build)
    place = f"generated, version {version}"
    return _dataset("embedded", tuple(embedded.CLASSES), splits, digest, place, "embedded")


def _dataset(name, classes, splits: layouts.Splits, digest: str, place: str, layout: str):
    train, test = (tuple(map(torch.from_numpy, splits[s])) for s in ("train", "test"))
    return Dataset(
        name=name,
        classes=classes,
        train_images=train[0],
        train_labels=train[1],
        test_images=test[0],
        test_labels=test[1],
        content_hash=digest,
        place=place,
        layout=layout,
    )


def canonical_order(images: Tensor, labels: Tensor) -> Tensor:
    """An order of the images that depends on nothing but the images and labels themselves.

    Layouts hold the same images in different orders; runs put them in this one first, so that
    the same run sees the same batches whatever the layout.

    Shapes: (N, 3, H, W), (N,) -> int64 (N,), a permutation.
    """
    digests = cache.image_digests(images.numpy(), labels.numpy())
    return torch.tensor(sorted(range(len(digests)), key=digests.__getitem__), dtype=torch.int64)


def shrink(images: Tensor, size: int) -> Tensor:
    """The images at `size` x `size`: the mean of each k x k square, halves rounded up.

    Shapes: uint8 (N, 3, 32, 32) -> (N, 3, size, size), k = 32 / size.
    Raises: InputError unless `size` divides 32.
    """
    if size < 1 or 32 % size:
        raise InputError(f"images shrink to 1, 2, 4, 8, 16 or 32 pixels, not to {size}")
    k = 32 // size
    small = images.new_empty(len(images), 3, size, size)
    for i in range(0, len(images), CHUNK):
        squares = images[i : i + CHUNK].reshape(-1, 3, size, k, size, k)
        total = squares.sum((3, 5), dtype=torch.int32)
        # integers throughout, so every machine gets the same image
        small[i : i + CHUNK] = (2 * total + k * k) // (2 * k * k)
    return small


def per_pixel_mean(images: Tensor) -> Tensor:
    """The mean image, which Section 4.2 subtracts from every image.

    Shapes: uint8 (N, 3, H, W) -> float32 (3, H, W).
    Units: 0 to 1, that is images / 255.
    Raises: InputError if there are no images.
    Paper: Section 4.2.
    """
    if len(images) == 0:
        raise InputError("the mean of no images does not exist; give at least one")
    # chunks, because sum() of bytes first copies its input into the wider type
    total = sum(chunk.sum(0, dtype=torch.int64) for chunk in images.split(CHUNK))
    return (total.double() / (255 * len(images))).float()


def hold_out(
    images: Tensor, labels: Tensor, n: int = 5_000, seed: int = 0
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Training images and labels, then `n` validation images and labels, split at random.

    The same `seed` and order of images always give the same split. Classes are not balanced:
    the paper says 45k/5k and no more. Runs put the images in `canonical_order` first, so that every
    layout gives the same split.

    Shapes: (N, 3, H, W), (N,) -> (N - n, 3, H, W), (N - n,), (n, 3, H, W), (n,).
    Raises: InputError unless 0 < n < N.
    Paper: Section 4.2.
    """
    if not 0 < n < len(images):
        raise InputError(f"{n:,} of {len(images):,} images cannot be held out; choose fewer")
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    held, kept = (part.sort().values.to(images.device) for part in (order[:n], order[n:]))
    return images[kept], labels[kept], images[held], labels[held]
