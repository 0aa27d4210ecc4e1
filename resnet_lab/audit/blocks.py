"""One block found by shape: convolutions that a shortcut can bridge, in whatever order.

Paper: Figure 5 (basic and bottleneck blocks); Section 4.1 (projections).
Notebook: notebooks/03_bottlenecks.py. Tests: tests/test_audit.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

from resnet_lab.audit.layers import Layer, tokens


@dataclass(frozen=True, kw_only=True)
class Block:
    """Convolutions of one residual function, and what stands beside them."""

    main: tuple[Layer, ...]
    projection: Layer | None
    attention: tuple[Layer, ...]  # two 1x1 convolutions that weigh channels
    c_in: int

    @property
    def c_out(self) -> int:
        """Channels of the block's output."""
        return self.main[-1].c_out

    @property
    def width(self) -> int:
        """Filters of the 3x3 convolution."""
        return self.main[-2].c_out if len(self.main) == 3 else self.main[0].c_out

    @property
    def groups(self) -> int:
        """Groups of the 3x3 convolution."""
        before = self.main[0].c_out if len(self.main) == 3 else self.c_in
        spatial = self.main[1] if len(self.main) == 3 else self.main[0]
        return before // spatial.c_in

    @property
    def prefix(self) -> tuple[str, ...]:
        """Words and numbers that the names of its convolutions begin with, and nothing else's.

        By the dots if there are any; else without the word that numbers the convolutions, so that
        res2a_branch2b gives res 2 a.
        """
        names = [layer.name.split(".") for layer in self.main]
        if dotted := common(names):
            return tokens(".".join(dotted))
        found = common([tokens(layer.name) for layer in self.main])
        return found if not found or found[-1].isdigit() else found[:-1]

    @property
    def stage(self) -> tuple[str, ...]:
        """What its name begins with before its number within the stage."""
        numbers = [i for i, word in enumerate(self.prefix) if word.isdigit()]
        return self.prefix[: numbers[-1]] if numbers else ()


def common(names: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The beginning that all of the names share."""
    same = 0
    while all(len(name) > same and name[same] == names[0][same] for name in names):
        same += 1
    return tuple(names[0][:same])


def fits(c: int, window: Sequence[Layer], length: int) -> Block | None:
    """A block of `length` convolutions on `c` channels, in whatever order they are listed."""
    role = bottleneck if length == 3 else basic
    if block := role(c, window, None):
        return block
    # projections wider than a pixel are rare, and only sure where they widen; an even kernel is a
    # decoder's transposed convolution
    wide = [x for x in window if set(x.kernel) <= {1, 3} and x.spatial and x.c_in == c < x.c_out]
    found = (role(c, [x for x in window if x is not layer], layer) for layer in wide)
    return next((block for block in found if block and block.c_out == block.projection.c_out), None)


def bottleneck(c: int, window: Sequence[Layer], projection: Layer | None) -> Block | None:
    """1x1, 3x3, 1x1 on `c` channels; around them a projection and channel attention, or not."""
    spatial = [layer for layer in window if layer.spatial]
    small = [layer for layer in window if not layer.spatial]
    if len(spatial) != 1 or len(small) < 2:
        return None
    middle = spatial[0]
    for reduce, expand in permutations(small, 2):
        inside, out = reduce.c_out, expand.c_out
        if reduce.c_in != c or inside % middle.c_in or expand.c_in not in (inside, middle.c_out):
            continue
        if middle.c_out % inside or (middle.c_in == 1 and inside > 1):  # depthwise: a MobileNet's
            continue
        rest = [layer for layer in small if layer is not reduce and layer is not expand]
        beside = around(c, out, (out, middle.c_out), rest, projection)
        if beside is not None:
            return Block(main=(reduce, middle, expand), c_in=c, **beside)
    return None


def basic(c: int, window: Sequence[Layer], projection: Layer | None) -> Block | None:
    """3x3, 3x3 on `c` channels; around them a projection and channel attention, or not."""
    spatial = [layer for layer in window if layer.spatial]
    if len(spatial) != 2:
        return None
    first, second = spatial
    if c % first.c_in or first.c_out % second.c_in or first.c_out != second.c_out:
        return None
    if set(first.kernel) == {2} or set(second.kernel) == {2}:  # a decoder's transposed ones
        return None
    if first.c_in != c and second.c_in == first.c_out:  # grouped both or not at all
        return None
    rest = [layer for layer in window if not layer.spatial]
    beside = around(c, second.c_out, (second.c_out,), rest, projection)
    return beside and Block(main=(first, second), c_in=c, **beside)


def around(
    c: int, out: int, weighed: tuple[int, ...], rest: list[Layer], projection: Layer | None
) -> dict | None:
    """Roles of the other 1x1 convolutions of a block; None if one of them has none."""
    for order in permutations(rest):
        projected, pair = (order[0], order[1:]) if len(order) % 2 else (None, order)
        if projected and (projection or (projected.c_in, projected.c_out) != (c, out)):
            continue
        if pair:
            squeeze, excite = pair[0], pair[1]
            if squeeze.c_in not in weighed or excite.c_out != squeeze.c_in:
                continue
            if not squeeze.c_out == excite.c_in < squeeze.c_in:
                continue
        return {"projection": projected or projection, "attention": tuple(pair)}
    return None
