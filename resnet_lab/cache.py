"""One memory-mapped file per data set, so that the second start takes a moment.

Paper: nowhere; Section 4.2's images are read, decoded and hashed once instead of at every run.
Notebook: notebooks/01_degradation.py. Tests: tests/test_cache.py.
"""

import hashlib
import json
import os
import secrets
import time
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from .layouts import PIXELS, Splits

MAGIC = b"resnet-lab cache 1\n"
HEADER = 4_096  # bytes; a page, so that the arrays behind it are aligned
PER_IMAGE = PIXELS + 8  # bytes: the pixels and an int64 label


def folder() -> Path:
    """Where cache files lie: $RESNET_LAB_CACHE, else the user's cache folder for resnet-lab."""
    if named := os.environ.get("RESNET_LAB_CACHE"):
        return Path(named).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "resnet-lab"


def image_digests(images: np.ndarray, labels: np.ndarray) -> list[bytes]:
    """A hash of each image with its label: what names it, wherever it stands.

    Shapes: uint8 (N, 3, H, W) and int64 (N,) -> N hashes of 16 bytes.
    """
    rows = np.ascontiguousarray(images).reshape(len(images), -1)
    return [
        # the label goes in as salt, so that the pixels need not be copied behind it
        hashlib.blake2b(row, digest_size=16, salt=label.to_bytes(8, "little")).digest()
        for row, label in zip(rows, labels.tolist(), strict=True)
    ]


def content_hash(splits: Splits) -> str:
    """A hash of the set of (split, label, image): the same in any order and from any layout.

    Shapes: uint8 (N, 3, 32, 32) and int64 (N,) per split -> 64 hexadecimal digits.
    """
    whole = hashlib.sha256()
    for split in sorted(splits):
        digests = sorted(image_digests(*splits[split]))
        whole.update(f"{split} {len(digests)}\n".encode() + b"".join(digests))
    return whole.hexdigest()


def load(name: str, key: str, build: Callable[[], Splits]) -> tuple[Splits, str]:
    """The splits that `build` returns, and their content hash; from the cache where it holds them.

    The cache file `name` is used if it was written for `key` and its checksum over every byte is
    right; otherwise it is written again. The arrays are copy-on-write: changing them in memory
    never changes the file. If the file cannot be written, one warning says so and the data
    stay in memory.

    Shapes: uint8 (N, 3, 32, 32) and int64 (N,) per split.
    Raises: whatever `build` raises.
    """
    path = folder() / f"{name}.cache"
    if (hit := _open(path, key)) is not None:
        return hit
    splits = build()
    digest = content_hash(splits)
    try:
        _write(path, key, digest, splits)
    except OSError as error:
        warnings.warn(
            f"{path} cannot be written ({error.strerror or error}), so the data stay in memory and "
            "are read again next time; free some space there or set RESNET_LAB_CACHE",
            stacklevel=2,
        )
        return splits, digest
    return _open(path, key) or (splits, digest)


def _header(key: str, digest: str, counts: dict[str, int], checksum: int) -> bytes:
    fields = {"key": key, "content_hash": digest, "counts": counts, "crc32": checksum}
    text = json.dumps(fields, sort_keys=True).encode()
    header = MAGIC + b"%08x\n" % zlib.crc32(text) + text
    if len(header) > HEADER:
        raise ValueError("the cache key is too long for the header")
    return header.ljust(HEADER)


def _open(path: Path, key: str) -> tuple[Splits, str] | None:
    """The splits in the cache file, or None if it is not there, not ours, stale or damaged."""
    try:
        with open(path, "rb") as file:
            header = file.read(HEADER)
        checksum, text = header.removeprefix(MAGIC).rstrip().split(b"\n")
        if not header.startswith(MAGIC) or int(checksum, 16) != zlib.crc32(text):
            return None
        fields = json.loads(text)
        n = sum(fields["counts"].values())
        if fields["key"] != key or path.stat().st_size != HEADER + n * PER_IMAGE:
            return None
        body = np.memmap(path, np.uint8, "c", offset=HEADER)
    except (OSError, ValueError, KeyError):
        return None
    # all 184 MB in 0.06 s: cheap enough to leave no damaged byte unnoticed
    if zlib.crc32(body) != fields["crc32"]:
        return None
    return _split(np.asarray(body), fields["counts"]), fields["content_hash"]


def _split(body: np.ndarray, counts: dict[str, int]) -> Splits:
    splits, at = {}, 0
    for split, n in counts.items():
        images = body[at : at + n * PIXELS].reshape(n, 3, 32, 32)
        labels = body[at + n * PIXELS : at + n * PER_IMAGE].view(np.int64)
        splits[split] = (images, labels)
        at += n * PER_IMAGE
    return splits


def _write(path: Path, key: str, digest: str, splits: Splits) -> None:
    """Write beside the place and rename, so that a reader sees the old file, the new, or none."""
    ordered = sorted(splits.items())  # the header's JSON is sorted too
    parts = [np.ascontiguousarray(a) for _, arrays in ordered for a in arrays]
    checksum = 0
    for part in parts:
        checksum = zlib.crc32(part.reshape(-1).view(np.uint8), checksum)
    header = _header(key, digest, {s: len(a[1]) for s, a in ordered}, checksum)
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path)
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")  # two may write at once
    try:
        with open(temporary, "xb") as file:
            file.write(header)
            for part in parts:
                file.write(part)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _sweep(path: Path) -> None:
    """Remove what a process killed while writing left; a younger file may still be growing."""
    for old in path.parent.glob(f"{path.name}.*.tmp"):
        try:
            if time.time() - old.stat().st_mtime > 3_600:
                old.unlink()
        except OSError:  # another process was faster
            continue
