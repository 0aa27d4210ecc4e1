"""Twins of a net: the same tensors, another way to compute its blocks.

A twin is trained in the place of its net, which stays as readable as it was and sees every update.

Paper: Section 4.2 (nets of 20 to 1202 layers).
Notebook: notebooks/05_cifar.py. Tests: tests/test_twins.py.
"""

import copy
import itertools
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from importlib.util import find_spec

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from resnet_lab.blocks import Block
from resnet_lab.resnet import ResNet

VARIANTS = 64  # kinds of blocks compiled in one process: widths, strides, plain, residual, modes


def twin(net: ResNet) -> ResNet:
    """A copy of `net` that shares every parameter and buffer with it."""
    tensors = itertools.chain(net.parameters(), net.buffers())
    return copy.deepcopy(net, memo={id(tensor): tensor for tensor in tensors})


@cache
def can_compile(device: str) -> bool:
    """Whether torch.compile can make kernels for `device`, tried on a tiny one: some seconds.

    It takes Triton, a C compiler and Python's headers, and a machine for computing may lack any.
    """
    if torch.device(device).type != "cuda" or not find_spec("triton"):
        return False  # on two cores measured: no gain, and up to 43 s to compile
    try:
        x = torch.ones(8, device=device, requires_grad=True)
        torch.compile(lambda x: (x + 1).relu().sum(), dynamic=False)(x).backward()
    except Exception:  # whatever it is: without compiled blocks everything still works
        return False
    return True


def compiled(net: ResNet, backend: str = "inductor") -> ResNet:
    """A twin whose blocks are compiled: BN, ReLU and addition become one kernel.

    The blocks are compiled one by one and not the net as a whole: equal blocks share their
    kernels, so that 110 layers compile as fast as 20.
    """
    import torch._dynamo

    torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, VARIANTS)
    fast = twin(net)
    for block in blocks(fast):
        block.compile(backend=backend, dynamic=False)
    return fast


def recomputed(net: ResNet) -> ResNet:
    """A twin that keeps only what goes in and out of each block, and computes the inside again.

    Costs one more forward pass and saves most of the memory of a deep net.
    """
    thrifty = twin(net)
    for block in blocks(thrifty):
        block.forward = RecomputedForward(block)
    return thrifty


class RecomputedForward:
    """The forward pass of `block`, repeated in the backward pass instead of remembered."""

    def __init__(self, block: Block) -> None:
        self.block = block
        self.once = type(block).forward  # the block's own attribute is this object

    def __call__(self, x: Tensor) -> Tensor:
        again = lambda: (nullcontext(), statistics_at_rest(self.block))  # noqa: E731
        return checkpoint(
            self.once,
            self.block,
            x,
            use_reentrant=False,
            context_fn=again,
            preserve_rng_state=False,
        )


@contextmanager
def statistics_at_rest(block: nn.Module) -> Iterator[None]:
    """BN normalises with its batch as in training, and its running mean and variance stay."""
    norms = [module for module in block.modules() if isinstance(module, nn.BatchNorm2d)]
    before = [(norm.momentum, norm.num_batches_tracked.clone()) for norm in norms]
    try:
        for norm in norms:
            norm.momentum = 0.0
        yield
    finally:
        for norm, (momentum, batches) in zip(norms, before, strict=True):
            norm.momentum = momentum
            norm.num_batches_tracked.copy_(batches)


def blocks(net: nn.Module) -> Iterator[Block]:
    """The blocks of `net` in their order."""
    return (module for module in net.modules() if isinstance(module, Block))
