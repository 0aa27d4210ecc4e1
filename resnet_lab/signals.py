"""Signals in a net, layer by layer: variances on the way forward, gradient norms on the way back.

Paper: Section 4.1 (plain nets with BN: neither forward nor backward signals vanish).
Notebook: notebooks/10_why_it_works.py. Tests: tests/test_signals.py.
"""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnet_lab.errors import InputError
from resnet_lab.train import true_float32

BN = nn.modules.batchnorm._BatchNorm
Mode = Literal["batch", "running"]


@dataclass(frozen=True, kw_only=True)
class Signals:
    """What `measure` saw: a number for each weighted layer, in the order in which they ran.

    Shapes: every tuple (L,). Units: variances of the layer's output; gradients of the loss.
    """

    layers: tuple[str, ...]  # names of the convolutions and linear layers
    variance: tuple[float, ...]  # of the response: behind BN, or of what stands in its place
    raw_variance: tuple[float, ...]  # of the convolution itself, before BN
    activation_gradient: tuple[float, ...]  # norm with respect to the response, see `measure`
    weight_gradient: tuple[float, ...]  # norm with respect to the layer's weights
    loss: float


QUANTITIES = ("variance", "raw_variance", "activation_gradient", "weight_gradient")


class ChannelBias(nn.Module):
    """What is left of a BN that does not normalise: a number added to each channel, at first 0.

    Shapes: (N, C, ...) -> (N, C, ...).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.bias.view(-1, *(1,) * (x.dim() - 2))


def without_bn(net: nn.Module) -> nn.Module:
    """A copy of `net` with a `ChannelBias` for each BN; weights stay, so new ones stay He's.

    With its offset at 0 that is the identity: no scale is left that could keep a signal alive.

    Raises: InputError if the net has no BN.
    """
    net = copy.deepcopy(net)
    places = [
        (parent, name, child)
        for parent in net.modules()
        for name, child in parent.named_children()
        if isinstance(child, BN)
    ]
    if not places:
        raise InputError("this net has no BN that could be taken out; give one that has")
    for parent, name, bn in places:
        device = next(net.parameters()).device
        setattr(parent, name, ChannelBias(bn.num_features).to(device))
    return net


@dataclass
class _Layer:
    """A weighted layer while it is looked at."""

    name: str
    weight: Tensor
    out: Tensor | None  # held, so that no other tensor gets its identity
    raw_variance: float
    variance: float
    gradients: dict[str, Tensor] = field(default_factory=dict)

    def gradient(self) -> Tensor:
        """Of the response: behind BN if there is one."""
        return self.gradients.get("bn", self.gradients["raw"])


def channel_variance(x: Tensor) -> float:
    """Variance over images and positions, mean over channels: zero if no channel ever changes.

    Shapes: (N, C, ...) -> a number. Biased (divided by the count), as BN's own in training.
    """
    # sums as products with ones: five times as fast as `var`, and as exact in float64
    rows = x.detach().movedim(1, -1).reshape(-1, x.shape[1]).double()  # (N * positions, C)
    ones = rows.new_ones(len(rows))
    rows = rows - ones @ rows / len(rows)
    return (ones @ rows.square_() / len(rows)).mean().item()


def measure(
    net: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    bn: Mode = "batch",
    loss: Callable[[Tensor, Tensor], Tensor] = F.cross_entropy,
) -> Signals:
    """One pass forward and one back through `net`, which is left as it was.

    With `bn` "batch", the default, BN uses the statistics of these images, as it does in training:
    the paper speaks of signals while a net learns. "running" uses the stored ones.
    The activation gradient is sqrt(N) times the norm over all images, channels and positions of the
    gradient of the mean loss, so that it does not shrink with the number of images.

    Shapes: float32 (N, 3, H, W), int64 (N,).
    Raises: InputError for fewer than two images or a net without weighted layers;
    FloatingPointError if the loss is not finite.
    Paper: Section 4.1.
    """
    if bn not in ("batch", "running"):
        raise InputError(f"bn must be batch or running, got {bn!r}")
    if len(images) < 2:
        raise InputError("a variance needs at least two images; give more")
    layers: list[_Layer] = []
    with untouched(net, bn), hooked(net, layers), true_float32(), torch.enable_grad():
        value = loss(net(images), labels)
        if not layers:
            raise InputError("this net has no convolution and no linear layer to look at")
        if not torch.isfinite(value):
            raise FloatingPointError(f"the loss is {value.item()}: there are no gradients to see")
        weights = torch.autograd.grad(value, [layer.weight for layer in layers])
    scale = len(images) ** 0.5
    return Signals(
        layers=tuple(layer.name for layer in layers),
        variance=tuple(layer.variance for layer in layers),
        raw_variance=tuple(layer.raw_variance for layer in layers),
        activation_gradient=tuple(scale * norm(layer.gradient()) for layer in layers),
        weight_gradient=tuple(norm(gradient) for gradient in weights),
        loss=value.item(),
    )


def norm(x: Tensor) -> float:
    """Euclidean norm, summed in float64."""
    return x.detach().double().norm().item()


@contextmanager
def hooked(net: nn.Module, layers: list[_Layer]) -> Iterator[None]:
    """While open, every weighted layer that runs is appended to `layers`.

    A BN belongs to the layer whose very output it receives; no name is looked at.
    """
    owner: dict[int, _Layer] = {}
    names = {module: name for name, module in net.named_modules()}

    def after_layer(module: nn.Module, inputs: tuple, out: Tensor) -> None:
        seen = channel_variance(out)
        layer = _Layer(names[module], module.weight, out, seen, seen)
        layers.append(layer)
        owner[id(out)] = layer
        # a hook on the tensor sees the gradient of the value it has now: a ReLU that writes
        # into it afterwards does not matter
        out.register_hook(lambda g: layer.gradients.__setitem__("raw", g))

    def after_bn(module: nn.Module, inputs: tuple, out: Tensor) -> None:
        layer = owner.get(id(inputs[0]))
        if layer is not None:
            layer.variance = channel_variance(out)
            out.register_hook(lambda g: layer.gradients.__setitem__("bn", g))

    handles = []
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            handles.append(module.register_forward_hook(after_layer))
        elif isinstance(module, BN | ChannelBias):
            handles.append(module.register_forward_hook(after_bn))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def untouched(net: nn.Module, bn: Mode) -> Iterator[None]:
    """While open, `net` is in evaluation mode, its BN as `bn` says; then all is as before."""
    modes = {module: module.training for module in net.modules()}
    buffers = [(buffer, buffer.clone()) for buffer in net.buffers()]
    wanted = [(parameter, parameter.requires_grad) for parameter in net.parameters()]
    net.eval()  # nothing that draws random numbers, such as dropout, is on
    for module in net.modules():
        if isinstance(module, BN):
            module.train(bn == "batch")
    for parameter, _ in wanted:
        parameter.requires_grad_(True)
    try:
        yield
    finally:
        for parameter, before in wanted:
            parameter.requires_grad_(before)
        with torch.no_grad():
            for buffer, before in buffers:
                buffer.copy_(before)
        for module, mode in modes.items():
            module.training = mode
