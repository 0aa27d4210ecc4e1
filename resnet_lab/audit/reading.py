"""What an audit is asked about: a file of weights, or a module from a factory.

Paper: nowhere; files of weights say little about what is in them.
Notebook: notebooks/03_bottlenecks.py. Tests: tests/test_audit_reading.py.
"""

import argparse
import contextlib
import importlib
import pickle
import re
import sys
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy._core.multiarray import scalar
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from resnet_lab import checkpoint
from resnet_lab.errors import InputError

FIRST = ("state_dict", "model", "model_state_dict", "net", "state_dict_ema", "model_ema", "ema")
NEVER = re.compile(r"optim|sched|scaler|momentum|rng", re.IGNORECASE)
WRAPPERS = ("module.", "_orig_mod.", "model.", "net.", "params.", "batch_stats.")
# what training scripts save beside their weights: it holds values and runs nothing
HOLDERS = [
    argparse.Namespace,
    scalar,
    np.dtype,
    *map(type, map(np.dtype, ("f4", "f8", "i4", "i8"))),
]
CLAIMS = ("arch", "architecture", "model_name", "name", "model")


@dataclass(frozen=True, kw_only=True)
class Found:
    """Tensors by name, in the order of their file, and what the file says of itself."""

    tensors: dict[str, Tensor]
    claim: str = ""  # what it is called, by its file name or in it
    notes: tuple[str, ...] = ()


def read(path: Path) -> Found:
    """The state dict in a file, wherever it is nested. No code in the file is run.

    Raises: InputError if the file is missing, unreadable, or holds no tensors under names.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder; name the file with the weights in it")
    if not path.is_file():
        raise InputError(f"there is no file {path}, and it is no package.module:factory either")
    if is_safetensors(path):
        return unwrap(checkpoint.read_weights(path), path.stem, str(path))
    try:
        holders = torch.serialization.safe_globals(HOLDERS)
        with holders, warnings.catch_warnings(), path.open("rb") as file:
            warnings.simplefilter("ignore")  # what is wrong is said in one sentence
            held = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises whatever a damaged file leads it to
        raise InputError(f"{path} {why_unreadable(path, error)}") from error
    return unwrap(held, path.stem, str(path))


def is_safetensors(path: Path) -> bool:
    """By what is in the file; by its suffix where that says nothing."""
    try:
        with path.open("rb") as file:
            head = file.read(9)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})") from error
    return head[8:] == b"{" or (path.suffix == ".safetensors" and head[:2] != b"PK")


def why_unreadable(path: Path, error: Exception) -> str:
    """What is wrong with a file that torch does not read with weights_only."""
    refused = re.search(r"(?:GLOBAL|[Uu]nsupported class|class) ([\w.]+)", str(error))
    if "TorchScript" in str(error):
        return "is a TorchScript archive, which is code; save its state_dict() and audit that"
    if isinstance(error, pickle.UnpicklingError) and refused:
        return (
            f"holds Python objects ({refused.group(1)}) beside or instead of tensors, and reading "
            "them would run code: nothing was run; save the state_dict() alone and audit that"
        )
    if not zipfile.is_zipfile(path) and path.read_bytes()[:2] == b"PK":
        return "is cut short or damaged"
    return "is no safetensors file and no state dict saved by torch, or it is damaged"


def unwrap(held: object, claim: str, source: str) -> Found:
    """The best state dict among what a file holds.

    Raises: InputError if there are no tensors under names.
    """
    if isinstance(held, Mapping) and all(isinstance(k, str) for k in held):
        for key in CLAIMS:
            if isinstance(held.get(key), str):
                claim = f"{claim} {held[key]}"
    found = sorted(state_dicts(held), key=lambda place: rank(place[0]))
    if not found:
        raise InputError(f"{source} holds no state dict: tensors under names were expected")
    where, tensors = found[0]
    notes = []
    if len(found) > 1:
        others = ", ".join("/".join(place) or "the top" for place, _ in found[1:4])
        notes.append(f"the file also holds tensors under {others}; audited is {'/'.join(where)}")
    return Found(tensors=bare(tensors), claim=claim, notes=tuple(notes))


def rank(place: tuple[str, ...]) -> tuple[int, int]:
    """Weights before their moving average, the top before what is nested."""
    key = place[-1] if place else ""
    return FIRST.index(key) if key in FIRST else len(FIRST) * bool(place), len(place)


def state_dicts(held: object) -> Iterator[tuple[tuple[str, ...], dict[str, Tensor]]]:
    """Every dict of tensors inside `held`, with its place."""
    found = list(flat_dicts(held, ()))
    yield from found
    if not found and isinstance(held, Mapping):  # a dict for every layer, as Flax writes
        place = next(((k,) for k in FIRST if isinstance(held.get(k), Mapping)), ())
        tree = dict(flatten(held[place[0]] if place else held))
        if any(tensor.dim() > 1 for tensor in tree.values()):
            yield place, tree


def flat_dicts(held: object, place: tuple[str, ...]) -> Iterator[tuple[tuple, dict]]:
    """Dicts with tensors under names, also below `place`; those of optimizers are left out."""
    if not isinstance(held, Mapping) or len(place) > 4:
        return
    own = {n: t for n, t in held.items() if isinstance(n, str) and isinstance(t, Tensor)}
    if sum(len(s) > 1 for s in shapes(own).values()) > 1 or any("." in n for n in own):
        yield place, own
        return
    for key, value in held.items():
        if isinstance(key, str) and not NEVER.search(key):
            yield from flat_dicts(value, (*place, key))


def shapes(held: Mapping[str, object]) -> dict[str, tuple[int, ...]]:
    """Name -> shape of every tensor; quantized layers also keep dtypes and packed weights there.

    Raises: InputError for a layer that waits for its first image to get a shape.
    """
    tensors = {name: value for name, value in held.items() if isinstance(value, Tensor)}
    for name, tensor in tensors.items():
        if is_lazy(tensor):
            raise InputError(f"{name}: a lazy layer has no shape yet; run the net once")
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def flatten(held: Mapping, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    """Tensors of nested dicts under names joined by dots."""
    for key, value in held.items():
        if isinstance(value, Mapping) and not NEVER.search(str(key)):
            yield from flatten(value, f"{prefix}{key}.")
        elif isinstance(value, Tensor):
            yield f"{prefix}{key}", value


def bare(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Names without what wrappers put before all of them: `module.` and its like."""
    named = {
        re.sub(r"^(params|batch_stats)[./]", "", name): tensor for name, tensor in tensors.items()
    }
    for _ in range(4):
        for wrapper in WRAPPERS:
            if all(n.startswith(wrapper) or n.startswith("n_averaged") for n in named):
                named = {n.removeprefix(wrapper): t for n, t in named.items()}
    return named


def is_factory(words: str) -> bool:
    """Whether `words` look like package.module:factory rather than a file."""
    return bool(re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*", words))


def build(words: str) -> nn.Module:
    """The module that package.module:factory returns. This imports and runs that code.

    Raises: InputError if there is no such name, if it raises, or if it returns something else.
    """
    place, _, name = words.partition(":")
    sys.path.insert(0, str(Path.cwd()))  # as `python -m` does
    try:
        with contextlib.redirect_stdout(sys.stderr):  # what it prints is no part of the report
            made: object = importlib.import_module(place)
            for part in name.split("."):
                made = getattr(made, part)
            if not isinstance(made, nn.Module):
                made = made()
    except Exception as error:  # it is the user's code, which may raise anything
        kind = type(error).__name__
        raise InputError(f"{words} made no net: {kind}: {one_line(error)}") from error
    except SystemExit as error:
        raise InputError(f"{words} made no net: it ended the program") from error
    finally:
        sys.path.remove(str(Path.cwd()))
    if not isinstance(made, nn.Module):
        raise InputError(f"{words} returned a {type(made).__name__}, not a torch.nn.Module")
    return made


def one_line(error: BaseException) -> str:
    """An exception's message, its first line."""
    return (str(error).strip().splitlines() or ["no message"])[0][:200]


def of_module(module: nn.Module, claim: str) -> Found:
    """The state dict of a module, under the names it has there."""
    return replace(Found(tensors=dict(module.state_dict())), claim=claim)
