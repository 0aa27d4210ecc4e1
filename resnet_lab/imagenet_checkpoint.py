"""An ImageNet run half done, on disk, written whole by the first of its processes.

Paper: Section 3.4 (600k updates are worth resuming).
Notebook: notebooks/04_imagenet.py. Tests: tests/test_imagenet_run.py.
"""

import io
import json
from dataclasses import asdict
from pathlib import Path

import torch

from resnet_lab import checkpoint, distributed
from resnet_lab.distributed import World
from resnet_lab.errors import InputError
from resnet_lab.files import write_whole
from resnet_lab.imagenet_training import State
from resnet_lab.records import Point

MAGIC = "resnet-lab imagenet checkpoint 1"


def save(path: Path, run: str, how: dict, state: State, broken: list[str], here: World) -> None:
    """Write `state` with the BN averages of every process; all processes must call this together.

    `how` is what must not change half-way. Raises: InputError if it cannot be written.
    """
    own = {name: value.cpu() for name, value in distributed.bn_buffers(state.net).items()}
    bn, names = distributed.gathered(own, here), distributed.gathered(broken, here)
    if not here.first:
        return
    buffer = io.BytesIO()
    tensors = {"net": state.net.state_dict(), "optimizer": state.optimizer.state_dict(), "bn": bn}
    torch.save(tensors, buffer)
    payload = buffer.getvalue()
    head = {
        "is": MAGIC,
        "run": run,
        "how": how,
        "step": state.step,
        "seconds": state.seconds,
        "broken": sorted(set(sum(names, []))),
        "curve": [asdict(point) for point in state.curve],
    }
    line = json.dumps(head | {"sha256": checkpoint.digest(head, payload)})
    write_whole(path, line.encode() + b"\n" + payload)


def read(path: Path, here: World) -> bytes | None:
    """The first process's checkpoint, for every process; None if there is none.

    Raises: InputError if it cannot be read.
    """
    try:
        content = path.read_bytes() if here.first and path.is_file() else None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})") from error
    return distributed.from_first(content, here)


def load(content: bytes, path: Path, run: str, how: dict, state: State, here: World) -> list[str]:
    """Bring `state` (fresh) to where the checkpoint stands; the broken files met so far.

    Every process gets its own BN averages back; if there are more or fewer processes than before,
    the mean of all.

    Raises: InputError for content that is cut short, changed, foreign, or of another run.
    """
    remedy = "delete it to train this run from its start"
    line, _, payload = content.partition(b"\n")
    try:
        head = json.loads(line)
        known = head["is"] == MAGIC
    except (ValueError, KeyError, TypeError, RecursionError):
        known = False
    if not known:
        raise InputError(f"{path} is not an ImageNet checkpoint of this program; {remedy}")
    if head.pop("sha256", None) != checkpoint.digest(head, payload):
        raise InputError(f"{path} is cut short or damaged; {remedy}")
    if head["run"] != run:
        raise InputError(f"{path} is the checkpoint of another run ({head['run']}); {remedy}")
    changed = [name for name in how if head["how"].get(name) != how[name]]
    if changed:
        was = ", ".join(f"{name} {head['how'].get(name)}" for name in changed)
        raise InputError(f"{path} was begun with {was}; go on with the same, or {remedy}")
    tensors = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
    state.net.load_state_dict(tensors["net"])
    state.optimizer.load_state_dict(tensors["optimizer"])
    bn = tensors["bn"]
    for name, value in distributed.bn_buffers(state.net).items():
        values = [one[name] for one in bn]
        value.copy_(values[here.rank] if len(bn) == here.size else torch.stack(values).mean(0))
    state.step, state.seconds = head["step"], head["seconds"]
    state.curve = [Point(**point) for point in head["curve"]]
    return head["broken"]
