"""A run half done, on disk, so that it goes on to bit-identical weights and records.

Paper: Section 4.2 (64k updates are worth resuming).
Notebook: notebooks/00_start_here.py. Tests: tests/test_checkpoint.py.
"""

import io
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from resnet_lab import half_way
from resnet_lab.errors import InputError
from resnet_lab.records import Point
from resnet_lab.runs import Run
from resnet_lab.train import State

KIND = half_way.Kind(magic="resnet-lab checkpoint 1", what="a checkpoint")
SCALARS = ("step", "warming", "loss_sum", "wrong", "seen", "seconds")


def save(path: Path, run: Run, state: State, how: dict[str, str | int]) -> None:
    """Write the whole of `state` to `path`: a line that says what it is, then the tensors.

    `how` is what must not change half-way (device, precision, threads).
    Raises: InputError if it cannot be written; an older checkpoint is then kept.
    """
    buffer = io.BytesIO()
    torch.save({"net": state.net.state_dict(), "optimizer": state.optimizer.state_dict()}, buffer)
    payload = buffer.getvalue()
    head = {
        "is": KIND.magic,
        "run": run.hash,
        "how": how,
        "curve": [asdict(point) for point in state.curve],
    } | {name: getattr(state, name) for name in SCALARS}
    half_way.write(path, head, payload)


def read_head(path: Path, run: Run) -> tuple[dict, bytes]:
    """First line and payload of the checkpoint at `path`, checked to be whole and of this run.

    Raises: InputError for a file that is cut short, changed, foreign, or of another run.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        remedy = half_way.REMEDY
        raise InputError(f"{path} cannot be read ({error.strerror}); {remedy}") from error
    return half_way.checked(KIND, content, path, run.hash)


def load(path: Path, run: Run, state: State) -> State:
    """`state` (fresh, from `train.begin`) brought to where the checkpoint at `path` stands.

    Raises: InputError for a file that is cut short, changed, foreign, or of another run.
    """
    head, payload = read_head(path, run)
    tensors = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
    state.net.load_state_dict(tensors["net"])
    state.optimizer.load_state_dict(tensors["optimizer"])
    state.curve = [Point(**point) for point in head["curve"]]
    for name in SCALARS:
        setattr(state, name, head[name])
    return state


def weights(net: nn.Module) -> bytes:
    """The net's state as safetensors; the same values always give the same bytes."""
    # contiguous: the memory order of the machine that trained must not show in the file
    tensors = {name: value.cpu().contiguous() for name, value in net.state_dict().items()}
    return save_tensors(tensors)


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors in a .safetensors file, by name.

    Raises: InputError if the file is missing or damaged.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})") from error
    return parse_weights(content, path)


def parse_weights(content: bytes, path: Path) -> dict[str, Tensor]:
    """The tensors in the bytes of the .safetensors file at `path`. Raises: InputError."""
    try:
        return load_tensors(content)
    except (SafetensorError, KeyError) as error:
        raise InputError(f"{path} is not a whole safetensors file ({error})") from error
