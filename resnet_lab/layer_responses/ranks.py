"""A rank test over layers and seeds in which the nets, not their layers, are the sample.

Paper: Section 4.2, on Figure 7: whose responses are "generally smaller".
Notebook: notebooks/06_layer_responses.py. Tests: tests/test_responses_ranks.py.

The layers of one net share its weights, its training and its seed: 55 of them are no 55 witnesses.
So each net gets one score, its mean rank over the layers, and what is shuffled are the nets.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, lcm

import numpy as np

from resnet_lab.errors import InputError

Profile = Sequence[float]  # one number a layer, of one net
Stratum = tuple[Sequence[Profile], Sequence[Profile]]  # nets said to be high, nets said to be low


@dataclass(frozen=True, kw_only=True)
class Ordered:
    """Of all ways to share out the names, how many put the high side as high, or as low."""

    p_high: float  # share with a rank sum of the high side at least as large as the one seen
    p_low: float  # at least as small
    higher: tuple[
        float, ...
    ]  # of each stratum: share of layers whose median is higher on the high side
    nets: tuple[tuple[int, int], ...]  # of each stratum: nets on the high side and on the low


def ranks(values: Sequence[float]) -> list[int]:
    """Twice the rank of each value, 2 for the smallest; equal values share theirs."""
    return [sum(2 * (other < v) + (other == v) for other in values) + 1 for v in values]


def scores(profiles: Sequence[Profile]) -> list[int]:
    """Twice the sum, over layers, of the rank of each net among all nets.

    Shapes: K profiles of (L,) -> K numbers.
    Raises: InputError if the profiles have different lengths, or none has a layer.
    """
    lengths = {len(profile) for profile in profiles}
    if len(lengths) != 1 or 0 in lengths:
        raise InputError(
            f"ranks compare nets layer by layer, so all need as many; got {sorted(lengths)} layers"
        )
    return [sum(net) for net in zip(*map(ranks, zip(*profiles, strict=True)), strict=True)]


def order(strata: Sequence[Stratum]) -> Ordered:
    """Are the first nets of each stratum higher than the second? An exact permutation test.

    Within a stratum all nets are ranked at every layer, and a net's score is its mean rank. The
    statistic is the sum of the high side's scores over all strata: a deeper pair counts no more.
    If the names "high" and "low" meant nothing, every way to give them to the nets of a stratum
    would be equally likely; all of them are counted.

    Raises: InputError if a side has no net.
    """
    if not strata or any(not high or not low for high, low in strata):
        raise InputError("an order needs at least one net on either side")
    whole = lcm(*(len(high[0]) for high, _ in strata))
    seen, ways = 0, Counter({0: 1})
    for high, low in strata:
        found = scores([*high, *low])
        weights = [score * (whole // len(high[0])) for score in found]
        seen += sum(weights[: len(high)])
        ways = convolve(ways, sums(weights, len(high)))
    total = sum(ways.values())
    return Ordered(
        p_high=sum(n for value, n in ways.items() if value >= seen) / total,
        p_low=sum(n for value, n in ways.items() if value <= seen) / total,
        higher=tuple(share_higher(*stratum) for stratum in strata),
        nets=tuple((len(high), len(low)) for high, low in strata),
    )


def sums(weights: Sequence[int], k: int) -> Counter[int]:
    """Sum -> in how many ways `k` of the weights have it."""
    chosen = [Counter() for _ in range(k + 1)]
    chosen[0][0] = 1
    for weight in weights:
        for size in range(k, 0, -1):
            for value, ways in chosen[size - 1].items():
                chosen[size][value + weight] += ways
    assert sum(chosen[k].values()) == comb(len(weights), k)
    return chosen[k]


def convolve(a: Counter[int], b: Counter[int]) -> Counter[int]:
    """Sum -> in how many ways one of `a` and one of `b` have it."""
    found: Counter[int] = Counter()
    for x, m in a.items():
        for y, n in b.items():
            found[x + y] += m * n
    return found


def share_higher(high: Sequence[Profile], low: Sequence[Profile]) -> float:
    """Share of the layers at which the median over the high nets is above that over the low."""
    medians = [np.median(np.asarray(side, float), axis=0) for side in (high, low)]
    return float((medians[0] > medians[1]).mean())


def by_share(profile: Profile, points: int) -> list[float]:
    """A net's responses, largest first, at `points` equal shares of its layers.

    This is how nets of different depth are compared: the largest tenth with the largest tenth. In
    the paper's sorted panel the axis counts layers, so there the deeper net has more large ones.

    Shapes: (L,) -> (points,), each in the middle of its share; between layers linear.
    """
    falling = np.sort(np.asarray(profile, float))[::-1]
    at = (np.arange(points) + 0.5) / points * len(falling) - 0.5
    return [float(v) for v in np.interp(at, np.arange(len(falling)), falling)]
