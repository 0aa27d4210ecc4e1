"""What is known about one net: its layers, its blocks, and its run if there was one.

Paper: Section 4.1 (options), Table 1 (stages), Section 3.4 (BN right after each convolution).
Notebook: notebooks/03_bottlenecks.py. Tests: tests/test_audit.py.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

from resnet_lab.audit.blocks import Block
from resnet_lab.audit.chain import Chain
from resnet_lab.audit.layers import Layer, tokens
from resnet_lab.audit.trace import ACTIVATIONS, NORMS, Shortcut, Tape

INSTANCE = "instance norm, or a BN without statistics"  # on one image they are the same


@dataclass(frozen=True)
class Evidence:
    """A net that is made of the paper's blocks."""

    chain: Chain
    layers: Sequence[Layer]  # all with weights, from the state dict
    tape: Tape | None = None
    claim: str = ""
    learned: int | None = None  # parameters of a module, which knows them from buffers

    @property
    def blocks(self) -> tuple[Block, ...]:
        """Its blocks, stem side first."""
        return self.chain.blocks

    @property
    def bottleneck(self) -> bool:
        """Whether a block has three convolutions."""
        return len(self.blocks[0].main) == 3

    @cached_property
    def shortcuts(self) -> list[Shortcut | None]:
        """The addition that bridges each block, as the run showed it."""
        by_convs: dict[frozenset[int], Shortcut] = {}
        for found in self.tape.shortcuts if self.tape else ():
            by_convs.setdefault(frozenset(x.place for x in found.main if x.spatial), found)
        return [
            by_convs.get(frozenset(x.place for x in block.main if x.spatial))
            for block in self.blocks
        ]

    @cached_property
    def reused(self) -> bool:
        """Whether what enters a block is used again behind it: perhaps added in another way."""
        nodes = self.tape.nodes if self.tape else ()
        for block in self.blocks if nodes else ():
            # what reaches the end of the run past the block, not through it
            place, past = block.main[0].place, nodes[-1].seen & ~nodes[block.main[-1].place].seen
            while nodes[place].parents:
                place = nodes[place].parents[0]
                users = [i for i, n in enumerate(nodes) if i > place and place in n.parents]
                if any(past >> user & 1 for user in users):
                    return True
                if nodes[place].conv:
                    break
        return False

    @cached_property
    def stages(self) -> tuple[tuple[Block, ...], ...]:
        """Blocks by stage: a new one where channels change, a run shows a stride, or names say."""
        parents = [block.stage for block in self.blocks]
        # a parent for every single block says nothing about stages
        named = all(parents) and len(set(parents)) < len(parents)
        found: list[list[Block]] = []
        for i, block in enumerate(self.blocks):
            new = not found or block.c_out != self.blocks[i - 1].c_out or self.strides[i] > 1
            if new or (named and parents[i] != parents[i - 1]):
                found.append([])
            found[-1].append(block)
        return tuple(map(tuple, found))

    @cached_property
    def strides(self) -> list[int]:
        """Stride of each block's convolutions; 1 where there was no run."""
        return [prod(layer.stride or 1 for layer in block.main) for block in self.blocks]

    @cached_property
    def changes(self) -> list[bool]:
        """Blocks whose output has another shape than their input, as far as is known."""
        first = [i == 0 for stage in self.stages for i in range(len(stage))]
        starts = zip(self.blocks, [False, *first[1:]], strict=True)  # the net's own first is none
        return [b.c_in != b.c_out or start for b, start in starts]

    @property
    def depth(self) -> int:
        """Weighted layers as names count them: a stem, the blocks, a classifier."""
        return 2 + sum(len(block.main) for block in self.blocks)

    @property
    def widths(self) -> tuple[int, ...]:
        """Filters of the 3x3 convolutions, by stage."""
        return tuple(stage[0].width for stage in self.stages)

    @property
    def outputs(self) -> tuple[int, ...]:
        """Channels of each stage's output."""
        return tuple(stage[-1].c_out for stage in self.stages)

    @property
    def counts(self) -> tuple[int, ...]:
        """Blocks per stage."""
        return tuple(map(len, self.stages))

    @property
    def convs(self) -> list[Layer]:
        """Every convolution of stem and blocks."""
        projections = [b.projection for b in self.blocks if b.projection]
        return [*self.chain.stem, *(x for b in self.blocks for x in b.main), *projections]

    @property
    def rank(self) -> int:
        """Dimensions of a filter bank: 4 for images."""
        return 2 + len(self.chain.stem[0].kernel)

    @cached_property
    def stem(self) -> str:
        """Which stem: "imagenet", "cifar" or "deep" (three 3x3)."""
        if len(self.chain.stem) > 1:
            return "deep"
        return "imagenet" if max(self.chain.stem[0].kernel) > 3 else "cifar"

    @property
    def pooled(self) -> bool | None:
        """Whether the stem shrinks the image; None if only a run could tell."""
        if self.tape is None:
            return None
        first = self.blocks[0].main[0].place
        pools = any("pool" in node.op for node in self.tape.nodes[:first])
        return pools or prod(x.stride for x in self.chain.stem) > 1

    @cached_property
    def side(self) -> int:
        """Pixels of the image at which the cost is given."""
        return 32 if self.stem == "cifar" and not self.pooled else 224

    @cached_property
    def under(self) -> dict[tuple[str, ...], list[Layer]]:
        """Every beginning of a name -> the layers whose names begin so."""
        found: dict[tuple[str, ...], list[Layer]] = {}
        for layer in self.layers:
            words = tokens(layer.name)
            for size in range(1, len(words) + 1):
                found.setdefault(words[:size], []).append(layer)
        return found

    @cached_property
    def owners(self) -> dict[str, int]:
        """Name of a convolution -> number of its block."""
        return {x.name: i for i, block in enumerate(self.blocks) for x in block.main}

    def inside(self, block: Block) -> list[Layer]:
        """Layers under a block's name; none if its name is not its own.

        That is the longest name its convolutions share, or a shorter one that no other block
        has: a pre-activation block may keep its first norm beside its residual.
        """
        prefix, found = block.prefix, []
        while own := self.under.get(prefix):
            if len({self.owners[x.name] for x in own if x.name in self.owners}) != 1:
                break
            prefix, found = prefix[:-1], own
        return found

    @cached_property
    def linear(self) -> list[Layer]:
        """Linear layers that are in no block."""
        held = {layer.name for block in self.blocks for layer in self.inside(block)}
        head = [self.chain.head] if self.chain.head else []
        return [x for x in self.layers if x.kind == "linear" and x.name not in held] + head

    @cached_property
    def gated(self) -> int:
        """Blocks with channel attention."""
        if self.tape is not None:
            return sum(bool(found and found.gates) for found in self.shortcuts)
        small = [
            any(x.kind == "linear" or (x.kind == "other" and x.kernel) for x in self.inside(b))
            for b in self.blocks
        ]
        return sum(bool(b.attention) or s for b, s in zip(self.blocks, small, strict=True))

    @cached_property
    def norm(self) -> str:
        """ "BN", "group norm", "none", or "without statistics" if the file cannot say which."""
        if self.tape is not None:
            ops = Counter(n for node in self.tape.nodes for n in NORMS if n in node.op)
            kind = max(ops, key=ops.get, default="none")
            shown = {"batch_norm": "BN", "instance_norm": INSTANCE}
            return shown.get(kind, kind.replace("_", " "))
        norms = [layer for layer in self.layers if layer.kind == "norm"]
        if len(norms) < len(self.blocks):
            return "none"
        return "BN" if any(layer.running for layer in norms) else "without statistics"

    @cached_property
    def order(self) -> str | None:
        """ "post" (the paper's), "pre" (norm before convolution), "mixed", None if unknown."""
        if self.tape is not None and any(self.shortcuts[:-1]):
            ends = [found.end for found in self.shortcuts[:-1] if found]
            after = [self.tape.after(end) for end in ends]
            post = sum(len(a) == 1 and any(w in a[0] for w in ACTIVATIONS) for a in after)
            pre = sum(
                any(n in op for op in self.tape.before(b.main[0]) for n in NORMS)
                for b in self.blocks[1:]
            )
            if post and not pre:
                return "post"
            return "mixed" if post else "pre"
        votes = Counter(filter(None, map(self.order_of, self.blocks)))
        return votes.most_common(1)[0][0] if len(votes) == 1 else "mixed" if votes else None

    def order_of(self, block: Block) -> str | None:
        """Order by the sizes of a block's norms: they fit what goes in, or what comes out."""
        sizes = Counter(layer.c_out for layer in self.inside(block) if layer.kind == "norm")
        if not sizes:
            return None
        c = block.c_in
        inputs = Counter([c, *(layer.c_out for layer in block.main[:-1])])
        results = Counter(layer.c_out for layer in block.main)
        beside = Counter([block.c_out])  # the projection's own
        pre = sizes in (inputs, inputs + beside)
        post = sizes in (results, results + beside)
        if pre and post:
            return None
        return "pre" if pre else "post" if post else "mixed" if sizes > results else None
