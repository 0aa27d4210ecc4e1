"""The part of a file that is a net of the paper's blocks: all of it, or what stands under a name.

Paper: Section 4.3 (detectors are built around the same nets).
Notebook: notebooks/03_bottlenecks.py. Tests: tests/test_audit.py.
"""

from collections.abc import Sequence
from dataclasses import replace

from resnet_lab.audit.blocks import common
from resnet_lab.audit.chain import Chain, find
from resnet_lab.audit.layers import Layer

FEW = 6  # linear layers that may belong to a classifier
ENOUGH = 4  # blocks that make a backbone of what begins a larger net


def part(layers: list[Layer]) -> tuple[Chain | None, Chain | None, list[Layer]]:
    """The net, or the longest beginning of one, and the layers that it is judged by."""
    chain, longest = find(layers)
    if chain is not None:
        return chain, longest, narrowed(layers, chain)
    for prefix in prefixes(layers):
        held = [layer for layer in layers if layer.name.startswith(prefix)]
        inner, _ = find(held)
        if inner is not None and len(inner.blocks) >= ENOUGH:
            return inner, longest, held
    if longest is not None and len(longest.blocks) >= ENOUGH and longest.grows:
        used = {top(layer) for block in longest.blocks for layer in block.main}
        used |= {top(layer) for layer in longest.stem}
        others = {top(layer) for layer in longest.left_over}
        if not used & others:  # a decoder that stands beside the stages, under names of its own
            held = [layer for layer in layers if top(layer) not in others]
            return replace(longest, left_over=()), longest, held
    return None, longest, layers


def top(layer: Layer) -> str:
    """The first part of a layer's name."""
    return layer.name.split(".")[0]


def prefixes(layers: Sequence[Layer]) -> list[str]:
    """Beginnings of the names of convolutions that may see an image, the shortest first."""
    found: dict[str, None] = {}
    for layer in layers:
        words = layer.name.split(".")
        if layer.kind == "conv" and layer.spatial and layer.c_in <= 4:
            found |= {".".join(words[:i]) + ".": None for i in range(1, len(words))}
    return sorted(found, key=lambda prefix: prefix.count("."))


def narrowed(layers: list[Layer], chain: Chain) -> list[Layer]:
    """Without what has too many linear layers to be a classifier: a text encoder, for example."""
    if sum(layer.kind == "linear" for layer in layers) <= FEW:
        return layers
    convs = [*chain.stem, *(layer for block in chain.blocks for layer in block.main)]
    shared = ".".join(common([layer.name.split(".") for layer in convs]))
    return [layer for layer in layers if layer.name.startswith(shared + ".")] or layers


def beside(layers: Sequence[Layer], held: Sequence[Layer]) -> tuple[str, ...]:
    """A sentence on what a file holds beside the net."""
    kept = {layer.name for layer in held}
    rest = [layer for layer in layers if layer.name not in kept]
    if not rest:
        return ()
    shared = ".".join(common([layer.name.split(".") for layer in held]))
    what = f"Only {shared}.* is judged" if shared else "A part is judged"
    tops = list(dict.fromkeys(top(layer) for layer in rest if layer.name))
    shown = ", ".join(tops[:4]) + (", ..." if len(tops) > 4 else "")
    return (
        f"{what}; {len(rest)} layers stand beside it ({shown}): it belongs to something larger.",
    )
