"""CIFAR-10 from the network: from several mirrors in turn, checked, unpacked, read once.

Paper: Section 4.2 (the data set; Krizhevsky 2009).
Notebook: notebooks/01_degradation.py. Tests: tests/test_download.py.
"""

import errno
import gzip
import os
import shutil
import sys
import tarfile
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from filelock import FileLock, Timeout

from . import cache, layouts
from .errors import InputError
from .mirrors import BINARY, MIRRORS, PYTHON, Mirror, MirrorError, RemoteFile, digest, fetch

Progress = Callable[[int, int], None]  # bytes done, bytes in all
PARTIAL = "partial"  # the folder for what is on its way
LOCK = ".lock"  # freed by the system even after a kill; the empty file stays


def get_cifar10(
    folder: str | Path | None = None,
    mirrors: tuple[Mirror, ...] = MIRRORS,
    *,
    progress: Progress | None = None,
    timeout: float = 30.0,
    complete: bool = True,
) -> Path:
    """The folder, with CIFAR-10 in it; downloaded unless it, or its archive, is already there.

    Mirrors are tried in turn, each where the last one stopped: what has arrived is kept, also
    for the next call. `complete` is False only for the miniature sets of our tests.

    Units: `timeout` in seconds without a byte; `progress` gets bytes done and bytes in all.
    Raises: InputError if every mirror fails, a file in the folder is not what its name says, or
        the disk is full.
    """
    place = cache.folder() / "cifar10" if folder is None else Path(folder).expanduser()
    try:
        place.mkdir(parents=True, exist_ok=True)
        if (found := layouts.detect(place)) is not None:
            _check_present(found, complete)
            return place
        with FileLock(place / LOCK).acquire(timeout=0):
            return _get(place, mirrors, progress, timeout, complete)
    except Timeout as error:  # is an OSError too, so it comes first
        raise InputError(
            f"another download works in {place}; wait for it or name another folder with --to"
        ) from error
    except OSError as error:
        advice = "check the path and its rights"
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            advice = "free about 400 MB there or name another folder; what has arrived is kept"
        reason = error.strerror or error
        raise InputError(f"{place} cannot be written ({reason}); {advice}") from error


def _get(
    place: Path,
    mirrors: tuple[Mirror, ...],
    progress: Progress | None,
    timeout: float,
    complete: bool,
) -> Path:
    """`get_cifar10` in a folder that no other call works in."""
    if layouts.detect(place) is not None:
        return place  # another call was just before us
    if (archive := _by_hand(place, mirrors)) is not None:
        _install(place, [archive], complete)
        return place
    files = _from_mirrors(place, mirrors, progress, timeout)
    _install(place, files, complete)
    shutil.rmtree(place / PARTIAL, ignore_errors=True)
    return place


def printer(stream: TextIO | None = None) -> Progress:
    """A `progress` for people: one moving line on a terminal, a line per 10 % elsewhere."""
    out = sys.stderr if stream is None else stream
    step, end = (1, "\r") if out.isatty() else (10, "\n")
    last = -1

    def show(done: int, total: int) -> None:
        nonlocal last
        if (now := 100 * done // total // step) != last:
            last = now
            ending = "\n" if done == total else end
            print(f"{done / 1e6:.1f} of {total / 1e6:.1f} MB", end=ending, file=out, flush=True)

    return show


def _check_present(found: layouts.Found, complete: bool) -> None:
    try:
        layouts.read(found, complete=complete)
    except InputError as error:
        raise InputError(f"{error}, after removing what is in {found.folder}") from error


def _is_archive(file: RemoteFile) -> bool:
    return file.name.endswith(".tar.gz")


def _by_hand(place: Path, mirrors: tuple[Mirror, ...]) -> Path | None:
    """An archive that somebody put into the folder; checked, and never deleted, since not ours."""
    known = [file for mirror in mirrors for file in mirror.files if _is_archive(file)]
    for file in (*known, BINARY):
        path = place / file.name
        if path.exists():
            if (actual := digest(path, file)) != file.digest:
                said = f"has {path.stat().st_size:,} bytes and {actual}"
                expected = f"{file.size:,} and {file.digest}"
                raise InputError(f"{path} {said}, not {expected}; remove it and run this again")
            return path
    return None


def _from_mirrors(
    place: Path, mirrors: tuple[Mirror, ...], progress: Progress | None, timeout: float
) -> list[Path]:
    """The files of the first mirror that serves all of its own whole and right."""
    problems = []
    for mirror in mirrors:
        total, before = sum(file.size for file in mirror.files), 0
        parts = []
        try:
            for file in mirror.files:
                part = place / PARTIAL / file.name
                report = _reporter(progress, before, total)
                fetch(mirror.base + file.name, file, part, timeout, report)
                parts.append(part)
                before += file.size
            return parts
        except MirrorError as error:
            problems.append(f"{mirror.host}: {error}")
    happened = "; ".join(problems) or "no mirror was named"
    raise InputError(
        f"CIFAR-10 could not be downloaded to {place} ({happened}); try again later (what has "
        f"arrived is kept) or put {PYTHON.name} there by hand and run this again"
    )


def _reporter(progress: Progress | None, before: int, total: int) -> Callable[[int], None]:
    return lambda done: progress(before + done, total) if progress else None


def _install(place: Path, files: list[Path], complete: bool) -> None:
    """Unpack or move the files beside their place, read them, and only then rename."""
    staging = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=place))
    try:
        for path in files:
            if path.name.endswith(".tar.gz"):
                _unpack(path, staging)
            else:
                target = staging / path.parent.name / path.name
                target.parent.mkdir(exist_ok=True)
                os.replace(path, target)
        found = layouts.detect(staging)
        if found is None:
            raise InputError(f"{files[0]} holds no CIFAR-10; remove it and run this again")
        layouts.read(found, complete=complete)
        for child in staging.iterdir():
            os.replace(child, place / child.name)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _unpack(archive: Path, folder: Path) -> None:
    try:
        with tarfile.open(archive) as tar:
            _extract(tar, folder)
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        what = f"{archive} cannot be unpacked ({error})"
        raise InputError(f"{what}; remove it and run this again") from error


def _extract(tar: tarfile.TarFile, folder: Path) -> None:
    """Everything in `tar`, but nothing outside the folder and no devices."""
    if hasattr(tarfile, "data_filter"):
        tar.extractall(folder, filter="data")
        return
    for member in tar:  # Python before 3.11.4 has no filter: regular files and folders only
        target = folder / member.name.lstrip("/" + os.sep)
        if not target.resolve().is_relative_to(folder.resolve()):
            raise tarfile.TarError(f"{member.name!r} would lie outside")
        if member.isdir():
            target.mkdir(parents=True, exist_ok=True)
        elif member.isfile():
            target.parent.mkdir(parents=True, exist_ok=True)
            with tar.extractfile(member) as source, open(target, "wb") as out:
                shutil.copyfileobj(source, out)
