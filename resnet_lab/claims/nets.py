"""The paper's nets without weights, and what each of their layers does.

Paper: Sections 3.3 and 4.2; Tables 1 and 6.
Notebook: notebooks/00_start_here.py. Tests: tests/test_claims.py.
"""

from dataclasses import dataclass
from functools import cache
from math import prod

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from resnet_lab.resnet import ResNet, ResNetConfig
from resnet_lab.vgg import vgg


class _ShapesOnly(TorchFunctionMode):
    """Skips work that changes values but no shapes.

    On the meta device that work is for nothing, and the first addition, mean or linear layer
    imports torch's compiler, which takes longer than all claims about architecture together.
    """

    SKIPPED = ("normal_", "uniform_", "kaiming_uniform_", "batch_norm", "add")

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = getattr(function, "__name__", "")
        if name in self.SKIPPED:
            return args[0] if args else kwargs["tensor"]  # nn.init passes its tensor by name
        if name == "adaptive_avg_pool2d":  # only ever to 1x1 here
            return args[0][:, :, :1, :1]
        if name == "linear":
            return args[0].new_empty(*args[0].shape[:-1], args[1].shape[0])
        return function(*args, **kwargs)


@cache
def weightless(config: ResNetConfig) -> ResNet:
    """The net on the meta device: shapes and counts, no numbers."""
    with torch.device("meta"), _ShapesOnly():
        return ResNet(config)


@cache
def weightless_vgg(depth: int) -> nn.Sequential:
    """VGG on the meta device."""
    with torch.device("meta"), _ShapesOnly():
        return vgg(depth)


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer with weights. `size` is the side of its output map, 1 for a linear layer."""

    name: str
    kind: str  # "conv" or "linear"
    c_in: int
    c_out: int
    kernel: int
    stride: int
    size: int
    multiply_adds: int
    in_shortcut: bool  # a projection, which the paper does not count as depth


def weighted(net: nn.Module) -> dict[str, nn.Module]:
    """Name -> module of every layer that counts as depth: no projection shortcuts."""
    return {
        name: module
        for name, module in net.named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear) and ".shortcut" not in name
    }


@cache
def layers(net: nn.Module, size: int) -> tuple[Layer, ...]:
    """Every layer with weights, in the order in which an image of side `size` meets them."""
    found: list[Layer] = []

    def note(name: str, module: nn.Module, output: Tensor) -> None:
        conv = isinstance(module, nn.Conv2d)
        found.append(
            Layer(
                name=name,
                kind="conv" if conv else "linear",
                c_in=module.in_channels if conv else module.in_features,
                c_out=output.shape[1],
                kernel=module.kernel_size[0] if conv else 1,
                stride=module.stride[0] if conv else 1,
                size=output.shape[2] if conv else 1,
                multiply_adds=output.numel() * prod(module.weight.shape[1:]),
                in_shortcut=".shortcut" in name,
            )
        )

    hooks = [
        module.register_forward_hook(lambda m, _, output, name=name: note(name, m, output))
        for name, module in net.named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear)
    ]
    try:
        with torch.no_grad(), _ShapesOnly():
            net.eval()(torch.zeros(1, 3, size, size, device=next(net.parameters()).device))
    finally:
        for hook in hooks:
            hook.remove()
    return tuple(found)


def body(net: nn.Module, size: int) -> list[Layer]:
    """The convolutions of the blocks: no stem, no classifier, no projections."""
    return [
        layer
        for layer in layers(net, size)
        if layer.kind == "conv" and layer.name.startswith("stages") and not layer.in_shortcut
    ]


def total(net: nn.Module, size: int) -> int:
    """Multiply-adds of one image of side `size`, as `cost.multiply_adds` counts them."""
    return sum(layer.multiply_adds for layer in layers(net, size))


def by_size(convolutions: list[Layer]) -> dict[int, list[Layer]]:
    """Side of the output map -> its convolutions."""
    found: dict[int, list[Layer]] = {}
    for layer in convolutions:
        found.setdefault(layer.size, []).append(layer)
    return found
