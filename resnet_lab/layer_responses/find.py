"""Which outputs of a net are layer responses, found by running it once, not by its names.

Paper: Figure 7 ("the outputs of each 3x3 layer, after BN and before the other nonlinearity
(ReLU/addition)").
Notebook: notebooks/06_layer_responses.py. Tests: tests/test_responses_find.py.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from resnet_lab.audit.layers import Layer as Convolution
from resnet_lab.audit.reading import one_line
from resnet_lab.audit.trace import Node, Tape
from resnet_lab.errors import InputError

Role = Literal["plain", "stem", "inside", "end", "shortcut", "unknown"]
After = Literal["bn", "conv"]
Kernels = Literal["3x3", "all"]
BN = nn.modules.batchnorm._BatchNorm
# operations that hand on the values they get
SAME = {"clone", "alias", "detach", "_to_copy", "view", "_unsafe_view", "contiguous", "to"}
OWN_OUTPUTS = 'ask for the convolutions\' own outputs instead (after="conv", --after conv)'


@dataclass(frozen=True)
class Site:
    """One response: the convolution that makes it, its role, and where a hook finds it."""

    name: str  # of the convolution
    kernel: tuple[int, ...]
    role: Role
    module: nn.Module  # its output is the response
    call: int  # at which of its calls within one forward, from 0


@dataclass(frozen=True)
class Found:
    """What there is to measure, in the order of the run, and what cannot be reached."""

    sites: tuple[Site, ...]
    missed: tuple[str, ...]  # sentences


def find(net: nn.Module, image: Tensor, *, kernels: Kernels = "3x3", after: After = "bn") -> Found:
    """The responses of `net`, from a run on `image` in evaluation mode.

    A 3x3 convolution counts if a BN reads its output, whatever either is called. Its role: "end"
    if what is measured goes straight into the addition that closes a residual branch, "inside"
    elsewhere on such a branch, "stem" before the first, "shortcut" on a projection, "plain" in a
    net without additions, else "unknown".

    Shapes: (N, C, H, W), one image or a few.
    Raises: InputError if there is nothing to measure; it says what is missing.
    """
    tape, outputs = watch(net, image)
    convs = {n: node.conv for n, node in enumerate(tape.nodes) if node.conv}
    asked = {n: c for n, c in convs.items() if kernels == "all" or c.kernel == (3, 3)}
    if not asked:
        what = "convolution" if kernels == "all" else "3x3 convolution"
        raise InputError(f'{name_of(net)} runs no {what}; kernels="all" takes those of any size')
    if after == "bn":
        check_bn(net, tape, outputs)
    sites, missed = [], []
    for n, conv in asked.items():
        place = n if after == "conv" else normalised(tape, outputs, n)
        if place is None or place not in outputs:
            missed.append(f"{conv.name}: {why_missed(tape, n, place)}")
            continue
        module, call = outputs[place]
        sites.append(Site(conv.name, conv.kernel, role(tape, conv, place), module, call))
    if not sites:
        raise InputError(
            f"no response of {name_of(net)} can be reached: {missed[0]}; {OWN_OUTPUTS}"
        )
    return Found(tuple(sites), tuple(missed))


def watch(net: nn.Module, image: Tensor) -> tuple[Tape, dict[int, tuple[nn.Module, int]]]:
    """The operations of one forward; and for those whose result a module returns, which module.

    Of nested modules that return the same tensor it is the innermost.
    """
    names = {p.data_ptr(): n.rpartition(".")[0] for n, p in net.named_parameters()}
    tape = Tape(names=names)
    outputs: dict[int, tuple[nn.Module, int]] = {}
    calls: dict[nn.Module, int] = {}

    def note(module: nn.Module, inputs: object, output: object) -> None:
        call = calls[module] = calls.get(module, -1) + 1
        if isinstance(output, Tensor) and id(output) in tape.of:
            outputs.setdefault(tape.of[id(output)], (module, call))

    hooks = [module.register_forward_hook(note) for module in net.modules()]
    try:
        tape.start(image)
        with torch.no_grad(), tape:
            net(image)
    except Exception as error:  # it may be anybody's net, which may raise anything
        raise InputError(
            f"{name_of(net)} does not run on images of {tuple(image.shape[1:])}: "
            f"{type(error).__name__}: {one_line(error)}"
        ) from error
    finally:
        for hook in hooks:
            hook.remove()
    return tape, outputs


def is_bn(node: Node, module: nn.Module | None) -> bool:
    """Whether an operation is batch normalisation; without running statistics a module tells."""
    return "batch_norm" in node.op or (node.op == "instance_norm" and isinstance(module, BN))


def readers(tape: Tape, place: int) -> list[int]:
    """Operations that read the values made at `place`, also through those that only pass them."""
    found = []
    for n in range(place + 1, len(tape.nodes)):
        node = tape.nodes[n]
        if place in node.parents:
            found += readers(tape, n) if node.op in SAME else [n]
    return found


def normalised(tape: Tape, outputs: dict, conv: int) -> int | None:
    """The BN that reads the convolution at `conv`; None if none does."""
    for n in readers(tape, conv):
        if is_bn(tape.nodes[n], outputs.get(n, (None,))[0]):
            return n
    return None


def role(tape: Tape, conv: Convolution, place: int) -> Role:
    """What the response at `place` of a convolution is in its net, by the additions of the run."""
    blocks = tape.shortcuts
    if not blocks:
        joins = any(n.op in ("add", "cat") and len(n.parents) > 1 for n in tape.nodes)
        return "unknown" if joins else "plain"
    for block in blocks:
        if conv in block.beside:
            return "shortcut"
        if conv in block.main[:-1]:
            return "inside"
        if conv == block.main[-1]:
            return "end" if block.end in readers(tape, place) else "unknown"
    return "stem" if place <= min(block.start for block in blocks) else "unknown"


def check_bn(net: nn.Module, tape: Tape, outputs: dict) -> None:
    """Raises: InputError for a net without BN, and for one with BN before its convolutions."""
    nodes = tape.nodes
    norms = [n for n, node in enumerate(nodes) if is_bn(node, outputs.get(n, (None,))[0])]
    if not norms:
        others = sorted({n.op.removeprefix("native_") for n in nodes if "norm" in n.op})
        instead = f" (it has {' and '.join(others)})" if others else ""
        raise InputError(
            f"{name_of(net)} runs no BN{instead}, so there is no output after BN; {OWN_OUTPUTS}"
        )
    ends = [(b.main[-1], b.end) for b in tape.shortcuts]
    bare = [conv for conv, end in ends if end in readers(tape, conv.place)]
    before = [conv for conv in bare if any("batch_norm" in op for op in tape.before(conv))]
    if before:
        raise InputError(
            f"{name_of(net)} is a pre-activation net: BN stands before its convolutions, and what "
            f"{before[0].name} adds to the shortcut has no BN behind it, so Figure 7's \"after "
            f'BN" does not exist there; {OWN_OUTPUTS}'
        )


def why_missed(tape: Tape, conv: int, bn: int | None) -> str:
    """Why the response of the convolution at `conv` cannot be measured."""
    if bn is not None:
        return (
            "a BN reads it, but no module returns what that BN makes (it is a function, or one "
            "module with the activation), so no hook can see it"
        )
    after = sorted({tape.nodes[n].op for n in readers(tape, conv)})
    return f"no BN that we know reads it, but {', '.join(after) or 'nothing'}"


def name_of(net: nn.Module) -> str:
    """What a sentence calls the net."""
    config = getattr(net, "config", None)
    return getattr(config, "name", None) or type(net).__name__


def count(sites: Iterable[Site]) -> dict[Role, int]:
    """How many of each role."""
    found: dict[Role, int] = {}
    for site in sites:
        found[site.role] = found.get(site.role, 0) + 1
    return found
