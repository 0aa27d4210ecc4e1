"""A whole net found by shape: a stem, then nothing but blocks.

Paper: Table 1 and Section 4.2 (stems and stages of the nets).
Notebook: notebooks/03_bottlenecks.py. Tests: tests/test_audit.py.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from resnet_lab.audit.blocks import Block, common, fits
from resnet_lab.audit.layers import Layer, natural, tokens


@dataclass(frozen=True, kw_only=True)
class Chain:
    """A whole net: stem, blocks, and a classifier that is a 1x1 convolution, if it is one."""

    stem: tuple[Layer, ...]
    blocks: tuple[Block, ...]
    head: Layer | None
    left_over: tuple[Layer, ...]  # convolutions after the last block

    @property
    def grows(self) -> bool:
        """Whether no block gives fewer channels than one before it, as a decoder's do."""
        given = [block.c_out for block in self.blocks]
        return given == sorted(given)


KINDS = {"bottleneck": (3, (3, 4, 5, 6)), "basic": (2, (2, 3, 4, 5))}  # length, window sizes


def cover(convs: Sequence[Layer], c: int, kind: str) -> tuple[list[Block], int]:
    """Blocks of one kind from the first convolution on, and how many convolutions they cover.

    Blocks are windows of neighbours whose shapes fit; within a window the order is free, since
    files sorted by name put a projection anywhere.
    """
    length, sizes = KINDS[kind]
    before: dict[tuple[int, int], tuple[tuple[int, int], Block] | None] = {(0, c): None}
    reached = {0: [c]}
    for i in range(len(convs)):
        for channels in reached.get(i, ()):
            for size in sizes:
                window = convs[i : i + size]
                block = fits(channels, window, length) if len(window) == size else None
                if block and (i + size, block.c_out) not in before:
                    before[i + size, block.c_out] = ((i, channels), block)
                    reached.setdefault(i + size, []).append(block.c_out)
    end = state = max(before)
    blocks = []
    while before[state] is not None:
        state, block = before[state]
        blocks.append(block)
    return blocks[::-1], end[0]


def orders(convs: list[Layer], in_order: bool) -> Iterator[list[Layer]]:
    """Orders in which the convolutions may follow each other, the likeliest first."""
    yield convs
    if in_order:  # a run has shown it
        return
    yield sorted(convs, key=lambda layer: natural(layer.name))
    # stages with names that do not sort: by how wide they are
    names = {layer.name: layer.name.split(".") for layer in convs}
    shared = len(common(list(names.values()))) if convs else 0
    for size in (shared + 1, shared + 2):
        widest: dict[tuple[str, ...], int] = {}
        for layer in convs:
            top = tuple(names[layer.name][:size])
            widest[top] = max(widest.get(top, 0), layer.c_out)
        yield sorted(
            convs, key=lambda x, w=widest, n=size: (w[tuple(names[x.name][:n])], natural(x.name))
        )


def first_layers(convs: list[Layer]) -> list[Layer]:
    """Convolutions that may see the image: few channels, three before all."""
    few = [layer for layer in convs if layer.spatial and layer.c_in <= 16]
    rank = {3: 0, 1: 1, 4: 2, 2: 3}
    few.sort(key=lambda layer: (rank.get(layer.c_in, 4), layer.c_in))
    return [*few[:3], *(layer for layer in convs[:1] if layer not in few[:3])]


def stems(first: Layer, convs: list[Layer]) -> Iterator[list[Layer]]:
    """Stems that begin with `first`: what stands under its parent, else one or three layers."""
    parent = first.name.rpartition(".")[0]
    same = [x for x in convs if parent and x.name.rpartition(".")[0] == parent]
    if 1 < len(same) <= 4:
        yield sorted(same, key=lambda layer: (layer is not first, natural(layer.name)))
    rest = [layer for layer in convs if layer is not first]
    for length in (1, 3):
        yield [first, *rest[: length - 1]]


def is_chain(stem: list[Layer]) -> bool:
    """Whether each layer takes what the one before gives; a deep stem is made of 3x3s."""
    deep = len(stem) == 1 or all(max(layer.kernel) == 3 for layer in stem)
    return deep and all(a.c_out == b.c_in for a, b in zip(stem, stem[1:], strict=False))


def find(layers: Sequence[Layer], *, in_order: bool = False) -> tuple[Chain | None, Chain | None]:
    """The net that uses every convolution, if there is one; and the longest beginning of one."""
    found = [layer for layer in layers if layer.kind == "conv"]
    best: Chain | None = None
    for convs in orders(found, in_order):
        for first in first_layers(convs) if not in_order else convs[:1]:
            for stem in stems(first, convs):
                if not is_chain(stem):
                    continue
                rest = [x for x in convs if x not in stem]
                for kind in KINDS:
                    chain = complete(stem, rest, kind)
                    if not chain.left_over and chain.blocks and chain.grows:
                        return chain, chain
                    if best is None or len(chain.blocks) > len(best.blocks):
                        best = chain
    return None, best


def complete(stem: list[Layer], rest: list[Layer], kind: str) -> Chain:
    """Stem, then blocks as far as they go, with a 1x1 classifier wherever it is listed."""
    heads = [None]
    for x in rest:  # by its bias and its place beside or behind the blocks
        if not x.spatial and x.bias and (x is rest[-1] or x is rest[0]):
            heads.append(x)
    heads += [x for x in rest if not x.spatial and is_head(x.name) and x not in heads]
    best = None
    for head in heads:
        body = [x for x in rest if x is not head]
        blocks, used = cover(body, stem[-1].c_out, kind)
        if head is not None and blocks and head.c_in != blocks[-1].c_out:
            continue
        chain = Chain(
            stem=tuple(stem), blocks=tuple(blocks), head=head, left_over=tuple(body[used:])
        )
        if best is None or len(chain.left_over) < len(best.left_over):
            best = chain
        if not best.left_over:
            break
    return best


def is_head(name: str) -> bool:
    """Whether a name is that of a classifier."""
    words = {"head", "fc", "classifier", "logits", "linear", "output", "predictions", "cls"}
    return bool(words & {word.lower() for word in tokens(name)})
