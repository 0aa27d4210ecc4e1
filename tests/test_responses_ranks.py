"""The rank test against hand arithmetic and against shuffling by brute force."""

from itertools import combinations
from statistics import mean

import numpy as np
import pytest

from resnet_lab.errors import InputError
from resnet_lab.layer_responses.ranks import by_share, order, ranks, scores


def test_ranks_are_doubled_and_shared_by_equals():
    assert ranks([5.0, 1.0, 3.0]) == [6, 2, 4]
    assert ranks([1.0, 1.0, 2.0]) == [3, 3, 6]  # (1 + 2) / 2 = 1.5, doubled


def test_a_score_is_the_sum_of_ranks_over_layers():
    assert scores([[1.0, 9.0, 1.0], [2.0, 8.0, 1.0]]) == [2 + 4 + 3, 4 + 2 + 3]


def test_three_against_three_by_hand():
    """One of 20 ways to choose three of six nets puts the three largest on one side."""
    found = order([([[3.0]] * 3, [[1.0]] * 3)])
    assert found.p_high == pytest.approx(1 / 20) and found.p_low == 1.0
    assert found.higher == (1.0,) and found.nets == ((3, 3),)


def test_many_layers_of_one_net_each_prove_nothing():
    """Pseudo-replication: 55 layers, all higher, but one net a side: one way of two."""
    assert order([([[2.0] * 55], [[1.0] * 55])]).p_high == 0.5


def test_exact_against_brute_force_over_two_strata():
    random = np.random.default_rng(0)
    strata = [
        (random.normal(0.4, 1, (3, 7)).tolist(), random.normal(0, 1, (2, 7)).tolist()),
        (random.normal(0.2, 1, (2, 4)).tolist(), random.normal(0, 1, (3, 4)).tolist()),
    ]
    values = []
    for high, low in strata:
        every = np.argsort(np.argsort(np.array([*high, *low]), axis=0), axis=0) + 1
        score = every.mean(1)
        values.append(
            [score[list(chosen)].sum() for chosen in combinations(range(len(score)), len(high))]
        )
    seen = values[0][0] + values[1][0]  # combinations begin with the sides as they are
    every = [a + b for a in values[0] for b in values[1]]
    found = order(strata)
    assert found.p_high == pytest.approx(np.mean(np.array(every) >= seen - 1e-9))
    assert found.p_low == pytest.approx(np.mean(np.array(every) <= seen + 1e-9))


def test_swapping_the_sides_swaps_the_shares():
    a, b = [[1.0, 5.0], [2.0, 2.0]], [[3.0, 1.0], [4.0, 4.0]]
    one, other = order([(a, b)]), order([(b, a)])
    assert (one.p_high, one.p_low) == (other.p_low, other.p_high)


def test_without_a_difference_few_tests_find_one():
    """Over 200 made-up sets of nets without a difference at most about 5 % come out as seen."""
    random = np.random.default_rng(1)
    found = [
        order([(random.normal(size=(4, 9)).tolist(), random.normal(size=(4, 9)).tolist())])
        for _ in range(200)
    ]
    assert mean(min(f.p_high, f.p_low) <= 0.025 for f in found) < 0.1


def test_many_seeds_stay_exact_and_quick():
    high, low = [[float(i)] for i in range(30, 60)], [[float(i)] for i in range(30)]
    assert order([(high, low)]).p_high < 1e-16


@pytest.mark.parametrize("strata", [[], [([], [[1.0]])], [([[1.0]], [])]])
def test_a_side_without_nets_is_refused(strata):
    with pytest.raises(InputError, match="at least one net"):
        order(strata)


def test_nets_of_unequal_depth_are_refused():
    with pytest.raises(InputError, match=r"all need as many; got \[1, 2\]"):
        scores([[1.0], [1.0, 2.0]])


def test_equal_shares_of_a_sorted_net():
    assert by_share([1.0, 3.0, 2.0], 3) == [3.0, 2.0, 1.0]
    # six layers at three shares: the middle of each pair
    assert by_share([6.0, 5.0, 4.0, 3.0, 2.0, 1.0], 3) == pytest.approx([5.5, 3.5, 1.5])
    # the same layers twice over are the same net
    net = [0.3, 0.9, 0.5, 0.7]
    assert by_share(net * 3, 4) == pytest.approx(by_share(net, 4))
