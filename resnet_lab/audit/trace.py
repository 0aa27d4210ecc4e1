"""A net's own run, operation by operation: strides, additions, and what passes a shortcut.

Paper: Figure 2 and Equation 1 (the addition); Section 4.1 (options A, B, C).
Notebook: notebooks/03_bottlenecks.py. Tests: tests/test_audit_module.py.
"""

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from resnet_lab.audit.layers import Layer
from resnet_lab.audit.passing import passes

NORMS = ("batch_norm", "group_norm", "layer_norm", "instance_norm")
ACTIVATIONS = ("relu", "silu", "gelu", "hardswish", "leaky_relu", "elu", "prelu", "mish", "tanh")
SIZES = (32, 64, 224, 28, 96, 112, 128, 299)


@dataclass
class Node:
    """One operation on something that depends on the image."""

    op: str
    parents: tuple[int, ...]
    shape: tuple[int, ...]
    conv: Layer | None = None
    seen: int = 0  # bits: the operations this one depends on, itself included


@dataclass(frozen=True, kw_only=True)
class Shortcut:
    """One addition of two branches that part at `start` and meet at `end`."""

    start: int
    end: int
    main: tuple[Layer, ...]
    beside: tuple[Layer, ...]  # convolutions on the shortcut itself
    passes: str  # "input", "zeros", "padded", "other": what the shortcut adds, by value
    ops: tuple[str, ...]  # operations on the shortcut
    gates: bool  # the residual branch is multiplied by what depends on it, as attention does
    scaled: bool  # it is multiplied by one constant


@dataclass
class Tape(TorchDispatchMode):
    """Notes every operation while it is the current mode."""

    names: dict[int, str]  # address of a weight -> its name
    counting: bool = False  # multiply-adds only
    nodes: list[Node] = field(default_factory=list)
    shortcuts: list[Shortcut] = field(default_factory=list)
    multiply_adds: int = 0

    def __post_init__(self) -> None:
        super().__init__()
        self.of: dict[int, int] = {}  # id of a tensor -> its node
        self.kept: list[Tensor] = []  # so that no id is used twice

    def start(self, image: Tensor) -> None:
        """The image is what everything is traced from."""
        self.note("image", (), image)

    def note(self, op: str, parents: tuple[int, ...], out: Tensor, **more: object) -> None:
        """Adds a node, and says that `out` is what it made."""
        place = len(self.nodes)
        seen = 1 << place
        for parent in parents:
            seen |= self.nodes[parent].seen
        self.nodes.append(Node(op=op, parents=parents, shape=tuple(out.shape), seen=seen, **more))
        self.of[id(out)] = place
        self.kept.append(out)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        """Runs the operation and notes it."""
        op = func.overloadpacket.__name__.rstrip("_")
        if self.counting:
            out = func(*args, **(kwargs or {}))
            self.count(op, list(tensors_in(args)), out)
            return out
        flat = list(tensors_in(args)) + list(tensors_in((kwargs or {}).values()))
        parents = tuple(dict.fromkeys(self.of[id(t)] for t in flat if id(t) in self.of))
        op = known(op, args, len(parents), flat)
        if op == "add" and len(parents) == 2 and len(flat) == 2 and flat[0].dim() > 2:
            self.addition(flat, parents, (kwargs or {}).get("alpha", 1) != 1)
        out = func(*args, **(kwargs or {}))
        first = next(iter(tensors_in((out,))), None)
        if first is None or not parents:
            return out
        conv = None
        if op == "convolution":
            op = self.kind(args[1])
            conv = self.conv(args, first) if op == "convolution" else None
        self.note(op, parents, first, conv=conv)
        return out

    def count(self, op: str, inputs: list[Tensor], out: object) -> None:
        """Adds the multiply-adds of one operation: outputs times what each is a product of."""
        if op == "convolution":
            self.multiply_adds += out.numel() * prod(inputs[1].shape[1:])
        elif op in ("addmm", "mm"):
            self.multiply_adds += out.numel() * inputs[-1].shape[0]

    def kind(self, weight: Tensor) -> str:
        """A convolution, or something else that is computed as one."""
        if weight.dim() < len(self.nodes[0].shape):
            return "attention"  # over the channels (ECA-Net), not over the image
        fixed = weight.data_ptr() not in self.names and weight.shape[1] == 1 < weight.shape[0]
        if fixed and torch.equal(weight, weight[:1].expand_as(weight)):
            return "blur_pool"  # every channel through the same filter, which is not learned
        return "convolution"

    def conv(self, args: tuple, out: Tensor) -> Layer:
        """The convolution just run."""
        weight, bias, stride, dilation = args[1], args[2], args[3], args[5]
        return Layer(
            name=self.names.get(weight.data_ptr(), f"convolution {len(self.nodes)}"),
            kind="conv",
            c_out=weight.shape[0],
            c_in=weight.shape[1],
            kernel=tuple(weight.shape[2:]),
            bias=bias is not None,
            values=weight.numel(),
            stride=max(stride),
            dilation=max(dilation),
            place=len(self.nodes),
        )

    def convs(self, bits: int) -> tuple[Layer, ...]:
        """Convolutions among a set of operations."""
        return tuple(n.conv for n in self.among(bits) if n.conv)

    def among(self, bits: int) -> list[Node]:
        """Operations of a set of bits, in the order of the run."""
        found = []
        while bits:
            found.append(self.nodes[(bits & -bits).bit_length() - 1])
            bits &= bits - 1
        return found

    def addition(self, operands: list[Tensor], parents: tuple[int, ...], scaled: bool) -> None:
        """Notes an addition if it closes a residual block; `scaled`: it weighs one of the two."""
        seen = [self.nodes[self.of[id(t)]].seen for t in operands]
        start = (seen[0] & seen[1]).bit_length() - 1  # the last thing both depend on
        branches = [bits & ~self.nodes[start].seen for bits in seen]
        convs = [self.convs(bits) for bits in branches]
        weight = [(sum(c.spatial for c in b), len(b)) for b in convs]
        if weight[0] == weight[1] or not max(weight)[1]:
            return  # two branches of one kind, or no convolution at all
        side = 0 if weight[0] < weight[1] else 1
        inner = self.among(branches[1 - side])
        self.shortcuts.append(
            Shortcut(
                start=start,
                end=len(self.nodes),
                main=convs[1 - side],
                beside=convs[side],
                passes=passes(operands[side], self.kept[start]),
                ops=tuple(node.op for node in self.among(branches[side])),
                gates=any(node.op == "mul" and len(node.parents) > 1 for node in inner),
                scaled=scaled or any(node.op == "scale" for node in inner),
            )
        )

    def after(self, place: int) -> list[str]:
        """Operations that take the result of the one at `place`."""
        return [n.op for n in self.nodes[place + 1 :] if place in n.parents]

    def before(self, conv: Layer) -> list[str]:
        """Operations between the last addition and a convolution, on the way to it."""
        found: list[str] = []
        place = conv.place
        while self.nodes[place].parents:
            place = self.nodes[place].parents[0]
            if self.nodes[place].op in ("add", "convolution"):
                break
            found.append(self.nodes[place].op)
        return found[::-1]


def known(op: str, args: tuple, parents: int, flat: list[Tensor]) -> str:
    """The name of an operation, or of what it does with these arguments."""
    if op == "mul" and parents == 1 and sum(t.numel() > 1 for t in flat) < 2:
        return "scale"
    if "batch_norm" in op and len(args) > 3 and args[3] is None:  # no running mean
        return "instance_norm"
    return op


def tensors_in(values: object) -> Iterator[Tensor]:
    """Tensors among arguments, one level of lists down."""
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from (v for v in value if isinstance(v, Tensor))


def run(
    net: nn.Module,
    channels: int,
    rank: int,
    sizes: tuple[int, ...] = SIZES,
    counting: bool = False,
) -> Tape:
    """Runs `net` in evaluation mode on an image of noise, of the first size that it takes.

    Raises: whatever the net raises for the last of the sizes.
    """
    training = {module: module.training for module in net.modules()}
    failed: Exception | None = None
    parameter = next(net.parameters(), torch.zeros(()))
    random = torch.Generator().manual_seed(0)
    try:
        net.eval()
        for size in sizes:
            names = {p.data_ptr(): n.rpartition(".")[0] for n, p in net.named_parameters()}
            shape = (1, channels, *[size] * (rank - 2))
            image = torch.rand(shape, generator=random).to(parameter.device, parameter.dtype)
            tape = Tape(names=names, counting=counting)
            tape.start(image)
            try:
                with torch.no_grad(), tape, contextlib.redirect_stdout(sys.stderr):
                    net(image)
            except Exception as error:
                failed = error
                continue
            return tape
    finally:
        for module, mode in training.items():
            module.training = mode
    raise failed
