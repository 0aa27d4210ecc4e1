"""What a block or a net consists of, read off the module as an image passes through it.

Paper: Section 3.2, Eqn. 1 and 2; Figures 2, 3 and 5.
Notebook: notebooks/02_shortcuts.py, notebooks/03_bottlenecks.py. Tests: tests/test_anatomy.py.
"""

from dataclasses import dataclass
from math import prod
from typing import Literal

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from resnet_lab.blocks import Block, PadShortcut
from resnet_lab.claims.nets import layers
from resnet_lab.errors import InputError
from resnet_lab.resnet import ResNet

Branch = Literal["residual", "shortcut", "joined"]
Shape = tuple[int, int, int]  # C, H, W


@dataclass(frozen=True, kw_only=True)
class Part:
    """One step of a block, in the order in which an image meets it."""

    branch: Branch
    kind: str  # "convolution", "BN", "ReLU", "identity", "zero padding" or "addition"
    words: str  # "3x3, 128, /2": as the paper writes it
    shape: Shape  # of what comes out
    parameters: int = 0
    multiply_adds: int = 0
    zeros: tuple[int, int] = (0, 0)  # empty channels before and after those that are carried


@dataclass(frozen=True, kw_only=True)
class Anatomy:
    """A block taken apart: what goes in, and every step to what comes out."""

    shape: Shape  # of what goes in
    parts: tuple[Part, ...]

    def branch(self, name: Branch) -> list[Part]:
        """The steps of one branch; none for the shortcut of a plain block."""
        return [part for part in self.parts if part.branch == name]

    @property
    def parameters(self) -> int:
        """Learned values of the block."""
        return sum(part.parameters for part in self.parts)

    @property
    def multiply_adds(self) -> int:
        """As `cost.multiply_adds` counts them: convolutions only."""
        return sum(part.multiply_adds for part in self.parts)


class _Joins(TorchFunctionMode):
    """Notes the additions and ReLUs that are no modules; skips work that changes no shape."""

    def __init__(self, parts: list[Part]) -> None:
        super().__init__()
        self.parts, self.inside = parts, 0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        name = getattr(function, "__name__", "")
        if name in ("add", "relu", "relu_") and not self.inside:
            kind = "addition" if name == "add" else "ReLU"
            self.parts.append(
                Part(branch="joined", kind=kind, words=kind, shape=tuple(args[0].shape[1:]))
            )
        if name in ("add", "batch_norm"):  # on the meta device an addition imports the compiler
            return args[0]
        return function(*args, **(kwargs or {}))


def describe(name: str, module: nn.Module, output: Tensor) -> Part:
    """The part that a module without modules inside is. Raises: InputError for an unknown one."""
    shape = tuple(output.shape[1:])
    own = sum(p.numel() for p in module.parameters())
    work, zeros = 0, (0, 0)
    match module:
        case nn.Conv2d():
            stride = f", /{module.stride[0]}" if module.stride[0] > 1 else ""
            kind = "convolution"
            words = "{}x{}, {}".format(*module.kernel_size, module.out_channels) + stride
            work = output.numel() * prod(module.weight.shape[1:])
        case nn.BatchNorm2d():
            kind = words = "BN"
        case nn.ReLU():
            kind = words = "ReLU"
        case nn.Identity():
            kind = words = "identity"
        case PadShortcut():
            kind, zeros = "zero padding", (module.before, module.after)
            every = f"every {module.stride}nd pixel, " if module.stride > 1 else ""
            words = f"{every}{sum(zeros)} zero channels"
        case _:
            raise InputError(f"a block is not made of {type(module).__name__}")
    branch = "shortcut" if name.startswith("shortcut") else "residual"
    return Part(
        branch=branch,
        kind=kind,
        words=words,
        shape=shape,
        parameters=own,
        multiply_adds=work,
        zeros=zeros,
    )


def of_block(block: Block, size: int) -> Anatomy:
    """The steps of `block` on a map of `size` x `size`, found by passing one through it.

    The block may be on the meta device: shapes and counts need no numbers.
    Raises: InputError if the block holds a module that no block of the paper has.
    """
    parts: list[Part] = []
    joins = _Joins(parts)

    def enter(module: nn.Module, _) -> None:
        joins.inside += 1

    def leave(name: str, module: nn.Module, output: Tensor) -> None:
        joins.inside -= 1
        parts.append(describe(name, module, output))

    leaves = [(n, m) for n, m in block.named_modules() if not list(m.children())]
    hooks = [m.register_forward_pre_hook(enter) for _, m in leaves]
    hooks += [
        m.register_forward_hook(lambda m, _, output, name=n: leave(name, m, output))
        for n, m in leaves
    ]
    first = block.residual[0][0]
    shape = (first.in_channels, size, size)
    training = {module: module.training for module in block.modules()}
    try:
        with torch.no_grad(), joins:
            block.eval()(first.weight.new_zeros(1, *shape))
    finally:
        for module, mode in training.items():
            module.training = mode
        for hook in hooks:
            hook.remove()
    return Anatomy(shape=shape, parts=tuple(parts))


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A layer with weights or a pool of a whole net, in the order in which an image meets it."""

    words: str  # "3x3, 64"; "pool"; "fc 1000"
    channels: int
    size: int  # side of its output map; 1 for a linear layer
    multiply_adds: int = 0
    stride: int = 1


@dataclass(frozen=True, kw_only=True)
class Arc:
    """A shortcut of a whole net, from bar `start` to bar `end`."""

    start: int
    end: int
    kind: str  # "identity", "zero padding" or "projection"


def of_net(net: nn.Module, size: int) -> tuple[list[Bar], list[Arc]]:
    """Layers with weights and pools of a ResNet or a VGG, and the shortcuts between them.

    Projections are arcs, not bars: the paper does not count them as depth.
    """
    found = {layer.name: layer for layer in layers(net, size)}
    bars: list[Bar] = []
    arcs: list[Arc] = []
    for name, module in net.named_modules():
        if isinstance(module, nn.MaxPool2d):
            bars.append(Bar(words="pool", channels=bars[-1].channels, size=0))
        if name in found and not found[name].in_shortcut:
            layer = found[name]
            words = f"{layer.kernel}x{layer.kernel}, {layer.c_out}"
            if layer.kind == "linear":
                words = f"fc {layer.c_out}"
            bars.append(
                Bar(
                    words=words,
                    channels=layer.c_out,
                    size=layer.size,
                    multiply_adds=layer.multiply_adds,
                    stride=layer.stride,
                )
            )
        if isinstance(module, Block) and module.shortcut is not None:
            # the block's own layers follow: its input is the bar before them
            count = sum(isinstance(m, nn.Conv2d) for m in module.residual.modules())
            kind = {nn.Identity: "identity", PadShortcut: "zero padding"}
            arcs.append(
                Arc(
                    start=len(bars) - 1,
                    end=len(bars) - 1 + count,
                    kind=kind.get(type(module.shortcut), "projection"),
                )
            )
    return pooled_sizes(bars, isinstance(net, ResNet)), arcs


def pooled_sizes(bars: list[Bar], average: bool) -> list[Bar]:
    """`bars` with the map size of each pool, which is that of what follows it.

    With `average` the global pool before the classifier, which is no module, is added.
    """
    sized = []
    for number, bar in enumerate(bars):
        if average and number == len(bars) - 1:
            sized.append(Bar(words="avg pool", channels=bars[-2].channels, size=1))
        if bar.words == "pool":
            after = next((b.size for b in bars[number + 1 :] if b.words != "pool"), 1)
            size = after if after > 1 else sized[-1].size // 2
            bar = Bar(words="pool", channels=bar.channels, size=size)
        sized.append(bar)
    return sized
