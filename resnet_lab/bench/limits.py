"""What a device can do at most, measured, and what one update of a net needs at least, counted.

Paper: Section 4.2; Section 3.3 counts the multiply-adds.
Notebook: notebooks/00_start_here.py. Tests: tests/test_limits.py.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from resnet_lab import cost, train
from resnet_lab.blocks import Block
from resnet_lab.resnet import ResNet, ResNetConfig

BYTES = {"float32": 4, "bfloat16": 2}  # of one value of a map


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a device reached on work that does nothing else."""

    bandwidth: float  # bytes read and written a second, of a large copy
    arithmetic: dict[str, float]  # precision -> operations a second, of a large matrix product


@dataclass(frozen=True, kw_only=True)
class Need:
    """What one update needs at least."""

    operations: int  # a multiply-add is two
    bytes: int


def synchronise(device: str | torch.device) -> None:
    """Wait for all work queued on `device`; a processor queues none."""
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize(device)


def best_seconds(
    work: Callable[[], object], device: str | torch.device, tries: int = 5, calls: int = 10
) -> float:
    """Seconds of one call of `work`: the least of `tries` means over `calls` calls."""
    found = []
    for _ in range(tries + 1):
        synchronise(device)
        began = time.perf_counter()
        for _ in range(calls):
            work()
        synchronise(device)
        found.append((time.perf_counter() - began) / calls)
    return min(found[1:])  # the first one also pays for memory and the choice of a kernel


def measure(device: str | torch.device = "cpu") -> Limits:
    """The limits of `device`; float32 is TF32 on a GPU, as in convolutions that do not ask."""
    kinds = dict.fromkeys(("float32", train.fast_precision(device)))
    large = torch.device(device).type == "cuda"
    return Limits(
        bandwidth=bandwidth(device, 2**30 if large else 2**26),
        arithmetic={kind: arithmetic(device, kind, 8192 if large else 1024) for kind in kinds},
    )


def bandwidth(device: str | torch.device, size: int) -> float:
    """Bytes a second that a copy of `size` bytes reads and writes; choose it beyond all caches."""
    source = torch.ones(size, dtype=torch.uint8, device=device)
    target = torch.ones_like(source)
    return 2 * size / best_seconds(lambda: target.copy_(source), device)


def arithmetic(device: str | torch.device, precision: train.Precision, n: int) -> float:
    """Operations a second of the product of two n x n matrices, 2 n^3 each."""
    # random: a GPU draws less power, and clocks higher, on zeros
    a, b = torch.randn(2, n, n, device=device).to(getattr(torch, precision))
    product = torch.empty_like(a)
    before = torch.backends.cuda.matmul.fp32_precision
    torch.backends.cuda.matmul.fp32_precision = "tf32"
    try:
        return 2 * n**3 / best_seconds(lambda: torch.mm(a, b, out=product), device)
    finally:
        torch.backends.cuda.matmul.fp32_precision = before


def need(config: ResNetConfig, size: int, batch: int, precision: train.Precision) -> Need:
    """The least that one update on `batch` images of `size` x `size` pixels computes and moves.

    Operations: the convolutions and the classifier three times (outputs, gradients of the inputs,
    gradients of the weights), without the gradient of the images. Bytes: the maps at the width of
    `precision` as `values_moved` counts them, and for each weight two reads at that width (forward
    and backward pass), its gradient written and read, and weight and momentum read and written, at
    4 bytes. A map that stays in the processor's cache need not be moved, so that small batches
    can exceed this limit.
    """
    net = train.new_net(config, seed=0)
    image = (3, size, size)
    forward, first = cost.multiply_adds(net, image), cost.multiply_adds(net.stem[0], image)
    width = BYTES[precision]
    return Need(
        operations=2 * batch * (3 * forward - first),
        bytes=batch * width * values_moved(net, image)
        + cost.parameters(net) * (2 * width + 2 * 4 + 4 * 4),
    )


def values_moved(net: ResNet, image: tuple[int, int, int]) -> int:
    """Values of maps that one update reads or writes for one image, if all that can be is fused.

    With `i` values in and `o` out, forward: a layer reads i and writes o; BN reads o for its
    statistics, then reads and writes o while it normalises, adds and rectifies; an addition
    reads the shortcut's o. Backward: BN reads gradient and input twice, for its sums and to write
    the gradient of its input, 5 o; an addition reads the gradient of its shortcut, o; a layer reads
    the gradient o and writes i, and reads o and i for its weights; the first one only the latter.
    The signs that ReLU remembers are bits and not counted. Pooling moves i + o each way.
    """
    moved = 0
    last = 0  # values of the last map, which the global pooling reads

    def layer(module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        nonlocal moved
        passes = 2 if module is net.stem[0] else 3
        moved += passes * (inputs[0].numel() + output.numel())

    def norm(module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        nonlocal moved
        moved += (1 + 2 + 5) * output.numel()

    def pool(module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        nonlocal moved
        moved += 2 * (inputs[0].numel() + output.numel())

    def block(module: Block, inputs: tuple[Tensor], output: Tensor) -> None:
        nonlocal moved, last
        last = output.numel()
        if module.shortcut is not None:
            moved += 2 * output.numel()

    def global_pool(module: nn.Module, inputs: tuple[Tensor]) -> None:
        nonlocal moved
        moved += 2 * (last + inputs[0].numel())

    kinds = {
        nn.Conv2d: layer,
        nn.Linear: layer,
        nn.BatchNorm2d: norm,
        nn.MaxPool2d: pool,
        Block: block,
    }
    for module in net.modules():
        if hook := kinds.get(type(module)):
            module.register_forward_hook(hook)
    net.classifier.register_forward_pre_hook(global_pool)
    with torch.no_grad():
        net.eval()(torch.zeros(1, *image))
    return moved
