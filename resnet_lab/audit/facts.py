"""Facts about a net of the paper's blocks, each decided or undecidable with its reason.

Paper: Tables 1, 3 and 6; Section 4.2.
Notebook: notebooks/03_bottlenecks.py. Tests: tests/test_audit.py.
"""

from collections.abc import Sequence
from math import prod

from resnet_lab.audit.blocks import Block
from resnet_lab.audit.evidence import Evidence
from resnet_lab.audit.layers import Layer
from resnet_lab.audit.report import UNDECIDABLE, Fact

A_OR_NONE = (
    "identity shortcuts have no weights: a plain net and a residual one with option A store the "
    "same tensors"
)
REUSED = "the run has no addition of two branches, but what enters a block is used again behind it"
STRIDE = "a filter's weights do not say at which stride it is applied"


def option(e: Evidence) -> Fact:
    """Which shortcut: "none", "A", "B" or "C", or a mixture in words."""
    n, projected = len(e.blocks), [block.projection is not None for block in e.blocks]
    changes = e.changes
    if e.tape is not None:
        kinds = [kind(found, block) for found, block in zip(e.shortcuts, e.blocks, strict=True)]
        missing = kinds.count("none")
        if missing == n and not any(e.shortcuts) and e.reused:
            return Fact(name="shortcut", value=UNDECIDABLE, why=REUSED)
        if missing == n:
            return Fact(name="shortcut", value="none", why="the run has no addition that bridges")
        if missing:
            words = f"mixed: {missing} of {n} blocks have no shortcut"
            return Fact(name="shortcut", value=words, why="seen in its run")
        if all(k == "identity" for k in kinds):
            return Fact(name="shortcut", value="A", why="identities only: no block changes shape")
    if any(projected):
        return by_projections(projected, changes, e.tape is not None)
    if e.tape is None:
        return Fact(name="shortcut", value=UNDECIDABLE, why=A_OR_NONE)
    if "pooled" in kinds:
        why = "no weights; where the shape changes the input is pooled, not subsampled"
        return Fact(name="shortcut", value="A", why=why)
    return Fact(name="shortcut", value="A", why="seen in its run: zeros in the new channels")


def kind(found, block: Block) -> str:
    """What one shortcut does, as its run showed."""
    if found is None or found.passes == "zeros":
        return "none"
    if found.beside:
        return "projection"
    return {"input": "identity", "padded": "pad"}.get(found.passes, "pooled")


def by_projections(projected: list[bool], changes: list[bool], ran: bool) -> Fact:
    """The option from where 1x1 projections stand."""
    n, many = len(projected), sum(projected)
    rest = "" if ran else "; identities have no weights and are taken for granted"
    if many == n:
        both = " (B would be the same: every block changes shape)" if all(changes) else ""
        return Fact(name="shortcut", value="B" if both else "C", why=f"all {n} blocks{both}")
    if projected == changes:
        why = f"{many} projections, where the shape changes{rest}"
        return Fact(name="shortcut", value="B", why=why)
    if all(p or not c for p, c in zip(projected, changes, strict=True)):
        extra = many - sum(changes)
        why = f"{many} projections, {extra} of them where the shape stays{rest}"
        return Fact(name="shortcut", value="B", why=why)
    words = f"mixed: {many} projections for {sum(changes)} changes of shape"
    return Fact(name="shortcut", value=words, why="")


def stride_in(e: Evidence) -> Fact | None:
    """Which convolution of a bottleneck strides."""
    if not e.bottleneck or not any(e.changes[1:]):
        return None
    if e.tape is None:
        return Fact(name="stride in", value=UNDECIDABLE, why=STRIDE)
    strided = [b for b, stride in zip(e.blocks, e.strides, strict=True) if stride > 1]
    places = {
        "1x1" if b.main[0].stride > 1 else "3x3" if b.main[1].stride > 1 else "last 1x1"
        for b in strided
    }
    value = " and ".join(sorted(places)) or "no convolution"
    return Fact(name="stride in", value=value, why="seen in its run")


def weight_cost(layer: Layer, side: int) -> int:
    """Multiply-adds of one convolution whose output map has that side."""
    return side ** len(layer.kernel) * layer.c_out * layer.c_in * prod(layer.kernel)


def multiply_adds(e: Evidence, first: bool) -> int:
    """Cost with the paper's strides; `first`: bottlenecks stride in their first 1x1."""
    side, total = e.side, 0
    for layer in e.chain.stem:
        side = -(-side // 2) if e.stem != "cifar" and layer is e.chain.stem[0] else side
        total += weight_cost(layer, side)
    side = -(-side // 2) if e.stem != "cifar" else side  # the max pool
    for s, stage in enumerate(e.stages):
        for i, block in enumerate(stage):
            before, side = side, -(-side // 2) if s and not i else side
            late = e.bottleneck and not first
            sides = (before, side, side) if late else (side,) * len(block.main)
            total += sum(map(weight_cost, block.main, sides))
            total += weight_cost(block.projection, side) if block.projection else 0
            total += sum(weight_cost(layer, 1) for layer in block.attention)
    return total + sum(layer.c_in * layer.c_out for layer in e.linear)


def cost(e: Evidence, measured: tuple[int, int] | None) -> Fact:
    """Multiply-adds, at a stated size; both of them if the stride is undecidable."""
    name = "multiply-adds"
    if measured:
        found, side = measured
        return Fact(name=name, value=found, why=f"counted in its run on {side}x{side} pixels")
    if e.tape is not None and e.learned is None:
        return Fact(name=name, value=UNDECIDABLE, why="it is a part of what ran")
    if e.rank != 4 or e.tape is not None:
        return Fact(name=name, value=UNDECIDABLE, why="no customary image size that it takes")
    one, other = multiply_adds(e, True), multiply_adds(e, False)
    at = f"at {e.side}x{e.side} pixels with the paper's strides"
    at += "" if e.stem == "cifar" else " and max pool"
    if one == other:
        return Fact(name=name, value=one, why=at)
    value = {"stride in 1x1": one, "stride in 3x3": other}
    return Fact(name=name, value=value, why=f"{at}: the weights do not say where it strides")


def norm(e: Evidence) -> Fact:
    """The normalisation."""
    if e.norm == "without statistics":
        why = "scales and offsets without running statistics: group norm, or a BN that keeps none"
        return Fact(name="norm", value=UNDECIDABLE, why=why)
    biased = e.norm == "none" and all(layer.bias for layer in e.convs)
    why = "every convolution has a bias: never there, or folded into the filters" if biased else ""
    return Fact(name="norm", value=e.norm, why=why)


def order(e: Evidence) -> Fact:
    """Whether activation follows the addition (the paper) or precedes the convolution."""
    words = {
        "post": "convolution, BN, ReLU (the paper's)",
        "pre": "pre-activation: BN, ReLU, convolution (arXiv 1603.05027)",
        "mixed": "norms before and after the convolutions",
    }
    if e.order is None:
        why = "no norm stands under the name of a block that changes its width"
        if e.norm == "none":
            why = "there are no norms whose sizes could tell, and activations have no weights"
        return Fact(name="order", value=UNDECIDABLE, why=why)
    return Fact(name="order", value=words[e.order])


def stem(e: Evidence) -> Fact:
    """The first layers, and what of them a file cannot say."""
    shown = " + ".join(f"{'x'.join(map(str, x.kernel))} ({x.c_out})" for x in e.chain.stem)
    named = {"imagenet": "ImageNet", "cifar": "CIFAR", "deep": "deep ImageNet"}[e.stem]
    why = ""
    if e.tape is None:
        why = "its stride and whether a pool follows have no weights: the usual ones are assumed"
    elif e.pooled and e.stem == "cifar":
        named, why = "small ImageNet", "a stride or a pool shrinks the image before the blocks"
    elif not e.pooled and e.stem != "cifar":
        why = "it does not shrink the image"
    return Fact(name="stem", value=f"{named}: {shown}", why=why)


def classifier(e: Evidence) -> Fact:
    """How many classes, or that there is no classifier."""
    last = e.linear[-1] if e.linear else None
    if last is None:
        return Fact(name="classes", value=None, why="there is no classifier: a backbone")
    many = f"the last of {len(e.linear)} linear layers" if len(e.linear) > 1 else ""
    return Fact(name="classes", value=last.c_out, why=many)


def parameters(layers: Sequence[Layer], learned: int | None = None) -> Fact:
    """Learned values; statistics of BN and other buffers are not."""
    counted = sum(layer.values for layer in layers)
    return Fact(name="parameters", value=counted if learned is None else learned)


def facts(e: Evidence, measured: tuple[int, int] | None) -> tuple[Fact, ...]:
    """Everything that is asked about a net of the paper's blocks."""
    deep = len(e.chain.stem) - 1
    why = f"{e.depth + deep} if each layer of the deep stem counts" if deep else ""
    found = [
        Fact(name="depth", value=e.depth, why=why or "weighted layers, without projections"),
        Fact(name="block", value="bottleneck" if e.bottleneck else "basic"),
        Fact(name="blocks", value=e.counts, why="per stage"),
        Fact(name="widths", value=e.widths, why="filters of the 3x3 convolutions, per stage"),
        Fact(name="outputs", value=e.outputs, why="channels, per stage"),
        option(e),
        Fact(name="projections", value=sum(b.projection is not None for b in e.blocks)),
        stem(e),
        stride_in(e),
        order(e),
        norm(e),
        Fact(name="groups", value=max(b.groups for b in e.blocks)),
        Fact(name="attention", value=e.gated, why="blocks that weigh their channels"),
        Fact(name="bias", value=sum(x.bias for x in e.convs), why="convolutions with a bias"),
        classifier(e),
        parameters(e.layers, e.learned),
        cost(e, measured),
    ]
    return tuple(fact for fact in found if fact is not None)
