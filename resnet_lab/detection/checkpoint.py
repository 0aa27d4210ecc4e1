"""A detector half trained, on disk, so that it goes on to the same weights bit for bit.

Paper: Appendix A (320k updates are worth resuming).
Notebook: notebooks/04_imagenet.py. Tests: tests/test_detection_run.py.
"""

import io
import json
from dataclasses import asdict
from pathlib import Path

import torch

from resnet_lab import checkpoint, distributed
from resnet_lab.detection.training import Point, State
from resnet_lab.distributed import World
from resnet_lab.errors import InputError
from resnet_lab.files import write_whole

MAGIC = "resnet-lab detection checkpoint 1"


def save(path: Path, run: str, how: dict, state: State, here: World) -> None:
    """Write `state`, at a point of its curve, by the first process.

    `how` is what must not change half-way. Raises: InputError if it cannot be written.
    """
    if not here.first:
        return
    buffer = io.BytesIO()
    torch.save({"net": state.net.state_dict(), "optimizer": state.optimizer.state_dict()}, buffer)
    payload = buffer.getvalue()
    head = {
        "is": MAGIC,
        "run": run,
        "how": how,
        "step": state.step,
        "seconds": state.seconds,
        "curve": [asdict(point) for point in state.curve],
    }
    line = json.dumps(head | {"sha256": checkpoint.digest(head, payload)})
    write_whole(path, line.encode() + b"\n" + payload)


def load(path: Path, run: str, how: dict, state: State, here: World) -> bool:
    """Bring `state` (fresh) to where the first process's checkpoint stands; False without one.

    Raises: InputError for a file that is cut short, changed, foreign, or of another run.
    """
    try:
        content = path.read_bytes() if here.first and path.is_file() else None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})") from error
    content = distributed.from_first(content, here)
    if content is None:
        return False
    head, payload = checked(content, path, run, how)
    tensors = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
    state.net.load_state_dict(tensors["net"])
    state.optimizer.load_state_dict(tensors["optimizer"])
    state.step, state.seconds = head["step"], head["seconds"]
    state.curve = [Point(**point) for point in head["curve"]]
    return True


def checked(content: bytes, path: Path, run: str, how: dict) -> tuple[dict, bytes]:
    """First line and tensors of a checkpoint. Raises: InputError as `load`."""
    remedy = "delete it to train this run from its start"
    line, _, payload = content.partition(b"\n")
    try:
        head = json.loads(line)
        known = head["is"] == MAGIC
    except (ValueError, KeyError, TypeError, RecursionError):
        known = False
    if not known:
        raise InputError(f"{path} is not a detector's checkpoint of this program; {remedy}")
    if head.pop("sha256", None) != checkpoint.digest(head, payload):
        raise InputError(f"{path} is cut short or damaged; {remedy}")
    if head["run"] != run:
        raise InputError(f"{path} is the checkpoint of another run ({head['run']}); {remedy}")
    changed = [name for name in how if head["how"].get(name) != how[name]]
    if changed:
        was = ", ".join(f"{name} {head['how'].get(name)}" for name in changed)
        raise InputError(f"{path} was begun with {was}; go on with the same, or {remedy}")
    return head, payload
