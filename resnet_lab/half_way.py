"""A run half done, on disk: a line that says which and how far, then the tensors.

Paper: Section 3.4; Appendix A (600k and 320k updates are worth resuming).
Notebook: notebooks/04_imagenet.py. Tests: tests/test_half_way.py.
"""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from resnet_lab import distributed
from resnet_lab.distributed import World
from resnet_lab.errors import InputError
from resnet_lab.files import write_whole

REMEDY = "delete it to train this run from its start"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Whose checkpoints these are."""

    magic: str  # the first line says it
    what: str  # in a sentence: "a detector's checkpoint"
    point: type = dict  # of the curve


def save(
    kind: Kind,
    path: Path,
    run: str,
    how: dict,
    state: Any,
    *,
    head: Mapping[str, object] = {},  # noqa: B006 - never changed
    tensors: Mapping[str, object] = {},  # noqa: B006
) -> None:
    """Write `state` (net, optimizer, step, seconds, curve), with more for `head` and `tensors`.

    `how` is what must not change half-way. Raises: InputError if it cannot be written.
    """
    payload = io.BytesIO()
    own = {"net": state.net.state_dict(), "optimizer": state.optimizer.state_dict()}
    torch.save(own | dict(tensors), payload)
    reached = {"step": state.step, "seconds": state.seconds}
    curve = [asdict(point) for point in state.curve]
    head = {"is": kind.magic, "run": run, "how": how, **reached, **head, "curve": curve}
    write(path, head, payload.getvalue())


def write(path: Path, head: dict, payload: bytes) -> None:
    """`head` as one line with the hash of everything, then `payload`. Raises: InputError."""
    line = json.dumps(head | {"sha256": digest(head, payload)})
    write_whole(path, line.encode() + b"\n" + payload)


def digest(head: dict, payload: bytes) -> str:
    """Hash of a checkpoint's first line, without the hash itself, and of its tensors."""
    return hashlib.sha256(json.dumps(head).encode() + payload).hexdigest()


def read(path: Path, here: World) -> bytes | None:
    """The first process's checkpoint, for every process; None if there is none.

    Raises: InputError if it cannot be read.
    """
    try:
        content = path.read_bytes() if here.first and path.is_file() else None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})") from error
    return distributed.from_first(content, here)


def load(
    kind: Kind, content: bytes, path: Path, run: str, how: dict, state: Any
) -> tuple[dict, dict]:
    """Bring `state` (fresh) to where the checkpoint stands; its head and tensors, undoes `save`.

    Raises: InputError for content that is cut short, changed, foreign, or of another run.
    """
    head, payload = checked(kind, content, path, run)
    changed = [name for name in how if head["how"].get(name) != how[name]]
    if changed:
        was = ", ".join(f"{name} {head['how'].get(name)}" for name in changed)
        raise InputError(f"{path} was begun with {was}; go on with the same, or {REMEDY}")
    tensors = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
    state.net.load_state_dict(tensors["net"])
    state.optimizer.load_state_dict(tensors["optimizer"])
    state.step, state.seconds = head["step"], head["seconds"]
    state.curve = [kind.point(**point) for point in head["curve"]]
    return head, tensors


def checked(kind: Kind, content: bytes, path: Path, run: str) -> tuple[dict, bytes]:
    """First line and tensors of a checkpoint that is whole and of `run`. Raises: InputError."""
    line, _, payload = content.partition(b"\n")
    try:
        head = json.loads(line)
        known = head["is"] == kind.magic
    except (ValueError, KeyError, TypeError, RecursionError):
        known = False
    if not known:
        raise InputError(f"{path} is not {kind.what} of this program; {REMEDY}")
    if head.pop("sha256", None) != digest(head, payload):
        raise InputError(f"{path} is cut short or damaged; {REMEDY}")
    if head["run"] != run:
        raise InputError(f"{path} is the checkpoint of another run ({head['run']}); {REMEDY}")
    return head, payload
