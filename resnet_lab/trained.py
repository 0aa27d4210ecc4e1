"""From a record to the very net that it describes.

Paper: Section 4.2; Figure 7 looks into these nets.
Notebook: notebooks/04_imagenet.py. Tests: tests/test_trained.py.
"""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from resnet_lab import evaluation, records
from resnet_lab.errors import InputError
from resnet_lab.records import Record
from resnet_lab.resnet import ResNet


def weights_of(record: Record, folders: Sequence[Path] = (records.SHIPPED,)) -> Path | None:
    """The file in one of `folders` that holds the very weights of `record`; None if none does.

    A file of the right name with other weights in it does not count.
    """
    for folder in folders:
        path = records.path_of(folder, record.scale, record.run).with_suffix(".safetensors")
        if path.is_file() and digest(path) == record.weights_sha256:
            return path
    return None


def with_weights(
    recorded: Iterable[Record], folders: Sequence[Path] = (records.SHIPPED,)
) -> list[tuple[Record, Path]]:
    """Those of `recorded` whose weights lie in one of `folders`, with the files."""
    found = ((record, weights_of(record, folders)) for record in recorded)
    return [(record, path) for record, path in found if path]


def load(record: Record, folders: Sequence[Path] = (records.SHIPPED,)) -> ResNet:
    """The trained net of `record`, in evaluation mode.

    Raises: InputError if its weights are in none of `folders`.
    """
    path = weights_of(record, folders)
    if path is None:
        name = f"{record.run.stem}.safetensors"
        raise InputError(
            f"the weights of {record.run.stem} are not in {', '.join(map(str, folders))}: "
            f"copy {name} beside its record, or train it anew with `resnet-lab reproduce`"
        )
    return evaluation.load_net(path, record.run.net)


def digest(path: Path) -> str:
    """SHA-256 of the file at `path`."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
