"""How much memory a run takes on a GPU, before it is begun.

Paper: Section 4.2 (1202 layers, batch 128).
Notebook: notebooks/05_cifar.py. Tests: tests/test_memory.py.
"""

from functools import cache

import torch
from torch import Tensor

from resnet_lab.resnet import ResNet, ResNetConfig
from resnet_lab.runs import Run
from resnet_lab.train import Precision

ROOM = 1.5  # of what the backward pass needs: gradients on their way, workspaces, the allocator


@cache
def saved_values(config: ResNetConfig, batch: int, size: int) -> int:
    """Numbers that a forward pass of the net keeps for its backward pass.

    Counted on a pass without values, each tensor once however many operations keep it.
    """
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage._cdata] = storage.nbytes() // tensor.element_size()
        return tensor

    with torch.device("meta"), torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        net = ResNet(config)
        output = net(torch.empty(batch, 3, size, size))  # held, or storages could be used anew
    del output
    return sum(kept.values())


def needed(run: Run, precision: Precision) -> int:
    """Bytes that training `run` takes on a GPU, about: what backward keeps, and some room."""
    values = saved_values(run.net, run.recipe.batch, run.images.size)
    return int(ROOM * values * (2 if precision == "bfloat16" else 4))


def free(device: str | torch.device) -> int | None:
    """Bytes that can still be taken on a GPU; None on a processor, which has no such limit."""
    if torch.device(device).type != "cuda":
        return None
    unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + unused


def fits(run: Run, precision: Precision, device: str | torch.device) -> bool:
    """Whether `run` can be trained there now without computing anything twice."""
    left = free(device)
    return left is None or needed(run, precision) <= left
