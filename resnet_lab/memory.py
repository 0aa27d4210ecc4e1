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

FULL = ("out of memory", "alloc_failed", "unable to find an engine")
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
    """Bytes that can still be taken on a GPU; None on a processor, which has no such limit.

    Waits for the work queued there. What a captured update has freed is not free for others.
    """
    if torch.device(device).type != "cuda":
        return None
    torch.cuda.empty_cache()
    return torch.cuda.mem_get_info(device)[0]


def fits(run: Run, precision: Precision, device: str | torch.device) -> bool:
    """Whether `run` can be trained there now without computing anything twice."""
    left = free(device)
    return left is None or needed(run, precision) <= left


def ran_out(error: BaseException | None) -> bool:
    """Whether `error`, or one that led to it, says that a GPU's memory is full.

    The allocator has a class for it; graphs, cuBLAS and cuDNN say it in words only.
    """
    while error is not None:
        text = str(error).lower()
        if isinstance(error, torch.OutOfMemoryError) or any(words in text for words in FULL):
            return True
        error = error.__cause__ or error.__context__
    return False
