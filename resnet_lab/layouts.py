"""CIFAR-10 as it lies on disk: official binary, official Python, PNG folders, parquet.

Paper: Section 4.2 (50,000 training and 10,000 test images in 10 classes).
Notebook: notebooks/01_degradation.py. Tests: tests/test_layouts.py.
"""

import hashlib
import io
import os
import pickle
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import InputError

CLASSES = tuple("airplane automobile bird cat deer dog frog horse ship truck".split())
LABELS = {name: i % 10 for i, name in enumerate((*CLASSES, *"0123456789"))}  # of class folders
COUNTS = {"train": 50_000, "test": 10_000}
PER_FILE, PIXELS = 10_000, 3_072
RECORD = 1 + PIXELS  # bytes: the label, then red, green and blue planes
WHERE = {  # the folders below `root` in which each layout is looked for
    "binary": ("", "cifar-10-batches-bin"),
    "python": ("", "cifar-10-batches-py"),
    "png": ("", "cifar10", "cifar-10"),
    "parquet": ("", "plain_text", "data"),
}
KNOWN = (
    "data_batch_1.bin … test_batch.bin, data_batch_1 … test_batch, "
    "train/<class>/*.png with test/<class>/*.png, or train-*.parquet with test-*.parquet"
)
DAMAGE = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error)  # Pillow's words
AGAIN = "unpack or download the data again"

Splits = dict[str, tuple[np.ndarray, np.ndarray]]  # uint8 (N, 3, 32, 32), int64 (N,)


@dataclass(frozen=True)
class Found:
    """One CIFAR-10 on disk: its layout, its folder, and the files of each split in order."""

    layout: str
    folder: Path
    files: dict[str, tuple[Path, ...]]


def detect(root: Path) -> Found | None:
    """The CIFAR-10 in `root` or one folder below it; None if no known layout is there.

    Raises: InputError if `root` holds more than one layout, or cannot be read.
    """
    try:
        found = [
            Found(layout, root / sub, files)
            for layout, subs in WHERE.items()
            for sub in subs
            if (files := _files(layout, root / sub))
        ]
    except OSError as error:
        raise InputError(f"{root} cannot be read ({error.strerror}); check its rights") from error
    if len(found) > 1:
        places = " and ".join(f"{f.layout} in {f.folder}" for f in found)
        raise InputError(f"{root} holds CIFAR-10 more than once: {places}; name one of them")
    return found[0] if found else None


def read(found: Found, *, complete: bool = True) -> Splits:
    """Images and labels of both splits, in the order of the files.

    Shapes: uint8 (N, 3, 32, 32) and int64 (N,) for "train" and for "test".
    Raises: InputError naming the file that is missing, broken or of the wrong size; with
        `complete`, also unless there are 5,000 and 1,000 images of every class: a set that was
        unpacked in part must not pass for CIFAR-10.
    """
    splits: Splits = {}
    for split, paths in found.files.items():
        parts = [(np.empty((0, 3, 32, 32), np.uint8), np.empty(0, np.int64))]
        parts += [_read_one(found.layout, path, complete) for path in paths]
        images, labels = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        if complete:
            _check_counts(f"the {split} split in {found.folder}", labels, COUNTS[split])
        splits[split] = (images, labels)
    return splits


def _read_one(layout: str, path: Path, complete: bool) -> tuple[np.ndarray, np.ndarray]:
    reader = {"binary": _binary, "python": _python, "png": _png, "parquet": _parquet}[layout]
    try:
        images, labels = reader(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}); {AGAIN}") from error
    if complete and layout in ("binary", "python") and len(labels) != PER_FILE:
        raise InputError(f"{path} has {len(labels):,} images, not {PER_FILE:,}; {AGAIN}")
    if ((labels < 0) | (labels > 9)).any():
        raise InputError(f"{path} has labels outside 0 to 9, so it is not CIFAR-10; {AGAIN}")
    return images, labels


def _check_counts(where: str, labels: np.ndarray, expected: int) -> None:
    if len(labels) != expected:
        raise InputError(f"{where} has {len(labels):,} images, not {expected:,}; {AGAIN}")
    for name, n in zip(CLASSES, np.bincount(labels, minlength=10).tolist(), strict=True):
        if n != expected // 10:
            wrong = f"{n:,} images of class {name}, not {expected // 10:,}"
            raise InputError(f"{where} has {wrong} (unpacked in part?); {AGAIN}")


def fingerprint(found: Found) -> str:
    """A hash that changes when a file appears, goes, grows or is written again.

    It reads names, sizes and times, not contents: 60,000 PNGs take 0.3 s.
    """
    digest = hashlib.sha256(f"{found.layout} {found.folder.resolve()}".encode())
    for path in (path for paths in found.files.values() for path in paths):
        try:
            entries = os.scandir(path) if path.is_dir() else [path]
            lines = [f"{e.name} {(s := e.stat()).st_size} {s.st_mtime_ns}" for e in entries]
        except OSError as error:  # `read` says it better
            lines = [str(error.strerror)]
        digest.update("\n".join((str(path), *sorted(lines), "")).encode(errors="surrogateescape"))
    return digest.hexdigest()


def _files(layout: str, folder: Path) -> dict[str, tuple[Path, ...]] | None:
    """Files (PNG: class folders) of each split, or None if nothing here is of this layout."""
    if not folder.is_dir():
        return None
    if layout in ("binary", "python"):
        suffix = ".bin" if layout == "binary" else ""
        train = tuple(folder / f"data_batch_{i}{suffix}" for i in range(1, 6))
        files = {"train": train, "test": (folder / f"test_batch{suffix}",)}
        # all six are listed if one exists, so that `read` can name the missing ones
        return files if any(p.is_file() for paths in files.values() for p in paths) else None
    if layout == "png":
        files = {s: tuple(sorted(folder.glob(f"{s}/[!.]*/"))) for s in COUNTS}
        # cats against dogs, a common tree, shares two class names with CIFAR-10
        return files if sum(p.name in LABELS for p in files["train"]) >= 5 else None
    files = {s: tuple(sorted(folder.glob(f"{s}-*.parquet"))) for s in COUNTS}
    return files if any(files.values()) else None


def _binary(path: Path) -> tuple[np.ndarray, np.ndarray]:
    size = path.stat().st_size
    if size % RECORD:
        whole = f"{PER_FILE * RECORD:,} ({PER_FILE:,} records of {RECORD:,})"
        raise InputError(f"{path} has {size:,} bytes, not {whole}; {AGAIN}")
    records = np.fromfile(path, np.uint8).reshape(-1, RECORD)
    return records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0].astype(np.int64)


class _Array:
    """Stands in for a pickled array: keeps what it is given and runs no numpy code."""

    def __init__(self, *args: object) -> None:
        self.args, self.state = args, None

    def __setstate__(self, state: object) -> None:
        self.state = state


class _Unpickler(pickle.Unpickler):
    """Reads the official batches without running what a pickle asks to run.

    A pickle may name any function and have it called. Here a handful of names is known, and
    each gives an inert record, so nothing of numpy or Python is called with the file's words.
    """

    def find_class(self, module: str, name: str) -> object:
        numpy = module in ("numpy.core.multiarray", "numpy._core.multiarray", "numpy")
        if numpy and name in ("_reconstruct", "ndarray", "dtype"):
            return _Array
        if (module, name) == ("_codecs", "encode"):  # how Python 3 writes bytes in protocol 2
            return lambda text, codec: text.encode("latin1")
        raise InputError(f"asks to run {module}.{name}")


def _python(path: Path) -> tuple[np.ndarray, np.ndarray]:
    try:
        with open(path, "rb") as file:
            batch = _Unpickler(file, encoding="latin1").load()
        batch = {k.decode() if isinstance(k, bytes) else k: v for k, v in batch.items()}
        _, shape, dtype, fortran, raw = batch["data"].state
        raw = raw.encode("latin1") if isinstance(raw, str) else raw
        if dtype.args[0] not in ("u1", b"u1") or shape[1] != PIXELS:
            raise ValueError("its data are not rows of 3,072 bytes")
        rows = np.frombuffer(raw, np.uint8).reshape(shape, order="F" if fortran else "C")
        images = rows.reshape(-1, 3, 32, 32)
        labels = np.array([int(label) for label in batch["labels"]], np.int64)
        if len(labels) != len(images):
            raise ValueError(f"it has {len(images):,} images and {len(labels):,} labels")
    except InputError as error:
        raise InputError(f"{path} is refused: it {error}, and a data file never should") from None
    except OSError:
        raise
    except Exception as error:  # a damaged pickle can fail in any way
        reason = f"damaged or no CIFAR-10 batch ({type(error).__name__}: {error})"
        raise InputError(f"{path} is {reason}; {AGAIN}") from error
    return images, labels


def _decode(source: Path | io.BytesIO, name: str) -> np.ndarray:
    from PIL import Image

    try:
        with Image.open(source, formats=["PNG"]) as image:
            if (image.size, image.mode) == ((32, 32), "RGB"):
                return np.asarray(image).transpose(2, 0, 1)
            said = f"is {image.size[0]}x{image.size[1]} {image.mode}, not 32x32 RGB"
    except (*DAMAGE, Image.DecompressionBombError) as error:
        raise InputError(f"{name} is not a readable PNG ({error}); {AGAIN}") from error
    raise InputError(f"{name} {said}; convert it or {AGAIN}")


def _png(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    label = LABELS.get(folder.name)
    if label is None:
        raise InputError(f"{folder} is not named after a class ({', '.join(CLASSES)}) or a digit")
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() == ".png" and p.name[0] != ".")
    images = np.empty((len(paths), 3, 32, 32), np.uint8)
    for i, path in enumerate(paths):
        images[i] = _decode(path, str(path))
    return images, np.full(len(paths), label, np.int64)


def _parquet(path: Path) -> tuple[np.ndarray, np.ndarray]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        names = pq.read_schema(path).names
        column = "img" if "img" in names else "image"
        if column not in names or "label" not in names:
            raise InputError(f"{path} has columns {', '.join(names)}, not img (or image) and label")
        table = pq.read_table(path, columns=[column, "label"])
        labels = np.array(table["label"].to_pylist(), np.int64)
        encoded = table[column].combine_chunks().field("bytes").to_pylist()
    except (pa.ArrowException, AttributeError, KeyError, TypeError) as error:
        reason = f"no CIFAR-10 parquet file ({str(error).partition(chr(10))[0]})"
        raise InputError(f"{path} is {reason}; {AGAIN}") from error
    images = np.empty((len(encoded), 3, 32, 32), np.uint8)
    for i, png in enumerate(encoded):
        images[i] = _decode(io.BytesIO(png or b""), f"image {i} of {path}")
    return images, labels
