"""Several processes train one net: what torchrun says, sums over processes, BN's own averages.

Paper: Sections 3.4 and 4.1 (batches of 256; eight GPUs with 32 images each in the authors' notes).
Notebook: notebooks/04_imagenet.py. Tests: tests/test_distributed.py.
"""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn

from resnet_lab.errors import InputError


@dataclass(frozen=True, kw_only=True)
class World:
    """This process among those that train together; alone unless torchrun started it."""

    rank: int = 0
    size: int = 1
    device: str = "cpu"

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes files and talks."""
        return self.rank == 0


@contextmanager
def world(device: str | None = None) -> Iterator[World]:
    """Join the processes that torchrun started, each with a device of its own; leave at the end.

    Raises: InputError for a device that is not there, or more processes than GPUs on a machine.
    """
    kind = device or ("cuda" if torch.cuda.is_available() else "cpu")
    if kind not in ("cpu", "cuda"):
        raise InputError(f"device must be cpu or cuda, got {kind!r}")
    if kind == "cuda" and not torch.cuda.is_available():
        raise InputError("there is no CUDA device here; leave --device away to use the processor")
    if "RANK" not in os.environ:
        yield World(device=kind)
        return
    if kind == "cuda":
        local = int(os.environ.get("LOCAL_RANK", "0"))
        if local >= torch.cuda.device_count():
            raise InputError(
                f"process {local} of this machine has no GPU of its own: there are "
                f"{torch.cuda.device_count()}; give torchrun as many with --nproc-per-node"
            )
        torch.cuda.set_device(local)
        kind = f"cuda:{local}"
    # half an hour: the first look at a large folder takes some machines longer than others
    backend = "nccl" if kind.startswith("cuda") else "gloo"
    dist.init_process_group(backend, timeout=timedelta(minutes=30))
    try:
        yield World(rank=dist.get_rank(), size=dist.get_world_size(), device=kind)
    finally:
        dist.destroy_process_group()


def wrap(net: nn.Module, here: World) -> nn.Module:
    """`net` whose gradients are averaged over all processes; `net` itself if there is one.

    BN's running averages stay per process, as its statistics are: see `averaged_bn`.
    """
    if here.size == 1:
        return net
    devices = [torch.device(here.device)] if here.device.startswith("cuda") else None
    with warnings.catch_warnings():
        # torch 2.15 renames broadcast_buffers, and its new name would spread the first process's BN
        warnings.simplefilter("ignore", FutureWarning)
        # no exchange at the start either: weights are equal by seed or checkpoint, BN is not
        return nn.parallel.DistributedDataParallel(
            net, device_ids=devices, broadcast_buffers=False, init_sync=False
        )


def total(values: Tensor, here: World) -> Tensor:
    """The sum over all processes, in place."""
    if here.size > 1:
        dist.all_reduce(values)
    return values


def gathered(value: object, here: World) -> list:
    """What every process has, by rank."""
    if here.size == 1:
        return [value]
    found: list = [None] * here.size
    dist.all_gather_object(found, value)
    return found


def from_first(value: object, here: World) -> object:
    """What the first process passed: the others may have no access to its disk."""
    if here.size == 1:
        return value
    found = [value]
    dist.broadcast_object_list(found, src=0)
    return found[0]


def bn_buffers(net: nn.Module) -> dict[str, Tensor]:
    """BN's running averages by name, as they are: changing them changes the net."""
    return {name: value for name, value in net.named_buffers() if name.endswith(("_mean", "_var"))}


@torch.no_grad()
def average_bn(net: nn.Module, here: World) -> None:
    """Give every process the mean over processes of BN's running averages."""
    if here.size > 1:
        for value in bn_buffers(net).values():
            dist.all_reduce(value)
            value /= here.size


@contextmanager
def averaged_bn(net: nn.Module, here: World) -> Iterator[None]:
    """While it lasts all processes hold the same net; then each has its own averages again."""
    own = {name: value.clone() for name, value in bn_buffers(net).items()}
    average_bn(net, here)
    try:
        yield
    finally:
        for name, value in bn_buffers(net).items():
            value.copy_(own[name])
