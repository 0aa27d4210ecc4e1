"""What the sliders show, at both ends and in the middle."""

import pytest
from conftest import record_of

from resnet_lab import explore
from resnet_lab.errors import InputError


@pytest.mark.parametrize("kind", ["plain", "residual"])
@pytest.mark.parametrize("depth", [explore.DEPTHS[0], 20, explore.DEPTHS[-1]])
def test_the_net_explorer_at_both_ends_of_its_slider(depth, kind):
    text = explore.describe_net(depth, kind)
    assert f"6n + 2 = {depth}" in text
    assert ("identity" in text) == (kind == "residual")


def test_section_4_2_the_table_of_stages():
    """The paper's table: maps 32, 16, 8; filters 16, 32, 64; layers 1+2n, 2n, 2n; here n = 9."""
    text = explore.describe_net(56, "residual")
    assert "| stem | 32x32 | 16 | 1 |" in text
    for stage, (size, filters) in enumerate([(32, 16), (16, 32), (8, 64)], 1):
        assert f"| stage {stage} | {size}x{size} | {filters} | 18 | 9 identity |" in text
    assert "853,018 parameters" in text and "125.5 million" in text


def test_every_depth_of_the_slider_is_6n_plus_2_up_to_110():
    assert all((depth - 2) % 6 == 0 for depth in explore.DEPTHS)
    assert 20 in explore.DEPTHS and explore.DEPTHS[-1] == 110


def test_the_curve_slider_offers_the_depths_that_were_trained_both_ways():
    runs = [record_of(d, s) for d, s in [(20, "none"), (20, "A"), (56, "none"), (32, "A")]]
    assert explore.trained_depths(runs) == [20]
    assert explore.trained_depths(runs[:1]) == [20]


def test_errors_table_gives_mean_spread_and_number_of_runs():
    runs = [record_of(20, "none", seed=s, train=t) for s, t in enumerate((40.0, 42.0, 44.0))]
    row = explore.errors_table(runs).splitlines()[-1]
    assert row.startswith("| plain-20 | 3 | 42.0 ± 2.0 |")  # std of 40, 42, 44 is 2


def test_the_difference_is_a_sentence_with_its_sign_and_seeds():
    runs = [record_of(20, "none", seed=s, train=40.0) for s in range(3)]
    runs += [record_of(56, "none", seed=s, train=t) for s, t in enumerate((60.0, 62.0, 39.0))]
    sentence = explore.difference(runs, "plain-56", "plain-20")
    assert sentence.startswith("plain-56 ends 13.7 points above plain-20 in training error")
    assert "2 of 3 seeds" in sentence
    with pytest.raises(InputError, match="no run of ResNet-56"):
        explore.difference(runs, "ResNet-56", "plain-20")


def test_runs_are_listed_by_scale_and_images():
    text = explore.runs_table([record_of(20, "none"), record_of(56, "A", seed=1)])
    assert "| quick | CIFAR-10, 16x16 | 1,200 | plain-20 (1), ResNet-56 (1) |" in text
    assert "make reproduce" in explore.runs_table([])


def test_the_gaps_are_given_half_way_and_at_the_end():
    """By construction every curve falls by the same 40 points, so the gap stays where it ends."""
    runs = [record_of(20, s, seed=n, train=40.0) for s in ("none", "A") for n in (0, 1)]
    runs += [record_of(56, "none", seed=n, train=60.0 + 2 * n) for n in (0, 1)]
    runs += [record_of(56, "A", seed=n, train=41.0) for n in (0, 1)]
    plain, residual = explore.gaps(runs).splitlines()
    # gaps of 20 and 22 points: mean 21, std sqrt(2)
    gap = "+21.0 ± 1.4 points after"
    assert plain == f"plain pair: {gap} 600 updates, {gap} 1,200 updates (n=2)"
    assert "+1.0 ± 0.0 points after 1,200" in residual
