"""Layers with weights, read off the names and shapes of a state dict.

Paper: Section 3.4 (convolutions, each with its BN) and Table 1.
Notebook: notebooks/03_bottlenecks.py. Tests: tests/test_audit.py.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from math import prod

SCALE = {
    "weight",
    "weights",
    "kernel",
    "gamma",
    "w",
    "weight_v",
    "weight_orig",
    "original1",
    "scale",
    "s",
}
STATISTICS = {"running_mean", "running_var", "moving_mean", "moving_variance", "mean", "var"} | {
    "num_batches_tracked",
    "rm",
    "riv",
}
BUFFERS = (
    STATISTICS
    | {"zero_point", "fake_quant_enabled", "observer_enabled", "min_val", "max_val", "eps"}
    | {"filt", "queue", "queue_ptr", "n_averaged", "anchors", "total_ops"}
    | {
        "total_params",
        "weight_u",  # of spectral normalisation, as the next two
        "_u",
        "_v",
        "weight_mask",  # of pruning
        "bias_mask",
    }
)
LEAF = re.compile(
    r"(?:^|[./_:])(weight_mask|bias_mask|_u|_v|zero_point|fake_quant_enabled|observer_enabled"
    r"|min_val|max_val|eps|weight_orig|weight_v|weight_g|weight_u|weights?|bias(?:es)?|kernel|gamma|beta"
    r"|running_mean|running_var|moving_mean|moving_variance|num_batches_tracked|n_averaged"
    r"|original[01]|gain|scale|offset|mean|var|filt|queue_ptr|queue|w|b|s|rm|riv)(?::0)?$"
)


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One convolution, linear layer or normalisation; what a run alone tells is None."""

    name: str
    kind: str  # "conv", "linear", "norm" or "other"
    c_out: int
    c_in: int = 0  # of one group, as the weights store it
    kernel: tuple[int, ...] = ()
    bias: bool = False
    running: bool = False  # a norm with running statistics
    values: int = 0  # learned ones
    stride: int | None = None
    dilation: int | None = None
    place: int = field(default=0, compare=False)  # in the order of a run

    @property
    def spatial(self) -> bool:
        """Wider than one pixel."""
        return max(self.kernel, default=1) > 1

    @property
    def shown(self) -> str:
        """As a sentence names it: "3x3, 64 -> 128"."""
        return f"{'x'.join(map(str, self.kernel))}, {self.c_in} -> {self.c_out}"


@cache
def tokens(name: str) -> tuple[str, ...]:
    """Words and numbers of a name: "layer1.0.conv2" -> layer 1 0 conv 2."""
    return tuple(re.findall(r"\d+|[a-zA-Z]+", name))


def natural(name: str) -> tuple:
    """Sorting key under which layer10 comes after layer9."""
    return tuple((0, int(t), "") if t.isdigit() else (1, 0, t) for t in tokens(name))


def split(name: str) -> tuple[str, str]:
    """Layer and leaf of a tensor's name: "layer1.0.conv1.weight" -> layer1.0.conv1, weight."""
    found = LEAF.search(name)
    return (name[: found.start()], found.group(1)) if found else (name, "")


def is_buffer(name: str) -> bool:
    """Whether a tensor is a statistic or a constant, not learned."""
    return split(name)[1] in BUFFERS


def channels_last(shapes: Iterable[tuple[int, ...]]) -> bool:
    """Whether filters are stored height x width x in x out, as TensorFlow does."""
    filters = [s for s in shapes if len(s) == 4]
    last = sum(s[0] == s[1] <= 11 and not s[2] == s[3] <= 11 for s in filters)
    first = sum(s[2] == s[3] <= 11 and not s[0] == s[1] <= 11 for s in filters)
    return last > first


def layers_of(shapes: Mapping[str, tuple[int, ...]]) -> list[Layer]:
    """Every layer with weights, in the order of `shapes`."""
    grouped: dict[str, dict[str, tuple[int, ...]]] = {}
    for name, shape in shapes.items():
        layer, leaf = split(name.replace("/", "."))
        grouped.setdefault(layer, {})[leaf] = tuple(shape)
    sizes = [s for leaves in grouped.values() for k, s in leaves.items() if k not in BUFFERS]
    dims = Counter(len(s) for s in sizes if len(s) in (3, 4, 5))
    rank = max(dims, key=dims.get, default=4)  # 4 for images, 5 for volumes, 3 for signals
    last = channels_last(sizes)
    return [layer_of(name, leaves, rank, last) for name, leaves in grouped.items()]


def layer_of(name: str, leaves: dict[str, tuple[int, ...]], rank: int, last: bool) -> Layer:
    """One layer from its tensors' shapes."""
    constants = BUFFERS | {"scale"} if "zero_point" in leaves else BUFFERS
    learned = {k: s for k, s in leaves.items() if k not in constants}
    largest = max(learned.values(), key=lambda s: (len(s), prod(s)), default=())
    values = sum(prod(s) for s in learned.values())
    if last and len(largest) == 4:
        largest = (largest[3], largest[2], *largest[:2])
    if last and len(largest) == 2:
        largest = largest[::-1]
    made = Layer(
        name=name,
        kind="other",
        c_out=largest[0] if largest else 0,
        bias=bool(leaves.keys() & {"bias", "biases", "b", "beta"}),
        running=bool(leaves.keys() & STATISTICS),
        values=values,
    )
    if len(largest) == rank and (sum(n > 1 for n in largest) > 1 or prod(largest) == 1):
        return replace(made, kind="conv", c_in=largest[1], kernel=largest[2:])
    if len(largest) == 2 and leaves.keys() & SCALE:
        return replace(made, kind="linear", c_in=largest[1], kernel=(1, 1))
    if len(largest) == 1 and (made.running or (made.bias and leaves.keys() & SCALE)):
        return replace(made, kind="norm")
    if len(largest) == 3 and largest[:2] == (1, 1) != largest[1:]:  # along the channels (ECA)
        return replace(made, kernel=largest[2:])
    return made
