"""Which blocks run, at which places: one left out, several at random, some swapped.

Paper: Sections 3.1 to 3.3 (blocks and their shapes); the lesions are those of Veit et al. 2016.
Notebook: notebooks/10_why_it_works.py. Tests: tests/test_lesion.py.
"""

import random
from collections.abc import Iterable
from itertools import combinations

from torch import nn

from resnet_lab.blocks import Block
from resnet_lab.errors import InputError
from resnet_lab.resnet import ResNet

# which block runs at each place, in the order of the net; None: none does
Plan = tuple[int | None, ...]


def blocks_of(net: ResNet) -> list[Block]:
    """All blocks of `net` in their order."""
    return [block for stage in net.stages for block in stage]


def changes_shape(block: Block) -> bool:
    """Whether what comes out of `block` has another shape than what goes in."""
    c_in, c_out, stride = shape_of(block)
    return c_in != c_out or stride != 1


def shape_of(block: Block) -> tuple[int, int, int]:
    """Channels in, channels out, stride."""
    layers = [m for m in block.residual.modules() if isinstance(m, nn.Conv2d)]
    stride = 1
    for layer in layers:
        stride *= layer.stride[0]
    return layers[0].in_channels, layers[-1].out_channels, stride


def check(net: ResNet, plan: Plan) -> None:
    """Raises: InputError if `plan` does not fit `net`, place by place."""
    blocks = blocks_of(net)
    if len(plan) != len(blocks):
        raise InputError(
            f"{net.config.name} has {len(blocks)} blocks, the plan has {len(plan)}; name each place"
        )
    for place, block in enumerate(plan):
        if block is not None and not 0 <= block < len(blocks):
            raise InputError(f"there is no block {block}; choose 0 to {len(blocks) - 1}")
        if block is not None and shape_of(blocks[block]) != shape_of(blocks[place]):
            raise InputError(
                f"block {block} does not fit at place {place}: its shapes are others; "
                "swap blocks of one stage, and none that changes the shape"
            )


def without(net: ResNet, blocks: Iterable[int]) -> Plan:
    """The plan that leaves out `blocks`. Raises: InputError for one that there is not."""
    n, gone = len(blocks_of(net)), set(blocks)
    wrong = sorted(gone - set(range(n)))
    if wrong:
        raise InputError(f"there is no block {wrong[0]} in {net.config.name}; choose 0 to {n - 1}")
    return tuple(None if k in gone else k for k in range(n))


def singles(net: ResNet) -> list[Plan]:
    """Each block left out alone."""
    return [without(net, [k]) for k in range(len(blocks_of(net)))]


def same_shape(net: ResNet) -> list[int]:
    """The blocks that keep the shape: a plain one of them is skipped by the identity itself."""
    return [k for k, block in enumerate(blocks_of(net)) if not changes_shape(block)]


def draws(net: ResNet, k: int, n: int, seed: int = 0) -> list[Plan]:
    """`n` plans that each leave out `k` blocks at random, of those that keep the shape.

    Raises: InputError if there are not so many.
    """
    able = same_shape(net)
    if not 0 <= k <= len(able):
        raise InputError(f"{k} of {len(able)} blocks cannot be left out; choose at most that many")
    rng = random.Random(f"{seed} {k}")
    return [without(net, rng.sample(able, k)) for _ in range(n)]


def swaps(net: ResNet, k: int, n: int, seed: int = 0) -> list[Plan]:
    """`n` plans that each swap `k` random pairs, one after the other, of blocks of equal shape.

    Raises: InputError if no two blocks have one shape.
    """
    blocks = blocks_of(net)
    pairs = [
        (a, b)
        for a, b in combinations(same_shape(net), 2)
        if shape_of(blocks[a]) == shape_of(blocks[b])
    ]
    if not pairs:
        raise InputError(f"no two blocks of {net.config.name} have one shape; take a deeper net")
    rng = random.Random(f"{seed} swaps {k}")
    found = []
    for _ in range(n):
        order = list(range(len(blocks)))
        for a, b in rng.choices(pairs, k=k):
            order[a], order[b] = order[b], order[a]
        found.append(tuple(order))
    return found


def kendall_tau(plan: Plan) -> float:
    """Rank correlation of an order of blocks with that of the net: 1 unchanged, -1 reversed.

    Raises: InputError if a block is left out.
    """
    if None in plan or len(plan) < 2:
        raise InputError("Kendall's tau compares orders of two or more blocks; leave none out")
    pairs = list(combinations(plan, 2))
    return 1 - 2 * sum(a > b for a, b in pairs) / len(pairs)
