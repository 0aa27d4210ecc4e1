"""What the sliders show, at both ends and in the middle."""

from dataclasses import replace

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


def test_one_run_says_its_final_errors_or_that_there_is_none():
    runs = [record_of(20, "none", seed=s, train=40.0, test=42.5) for s in (0, 2)]
    runs.append(record_of(56, "A"))
    title = explore.run_of(runs, 20, "plain", 2).get_suptitle()
    assert title.startswith("plain-20, seed 2: ends at 40.0 % training and 42.5 % test error")
    assert "reduced scale" in title
    title = explore.run_of(runs, 20, "plain", 1).get_suptitle()
    assert title.startswith("plain-20: not run with seed 1, only with 0, 2")
    assert explore.run_of(runs, 56, "plain", 0).get_suptitle().startswith("plain-56: not run\n")


def with_curve(record, errors, which="test", every=100):
    """`record` with these errors, the last of them its final one."""
    other = "train" if which == "test" else "test"
    points = tuple(
        replace(record.curve[0], step=every * i, **{f"{which}_error": e, f"{other}_error": 50.0})
        for i, e in enumerate(errors, 1)
    )
    final = replace(record.final, step=points[-1].step, **{f"{which}_error": errors[-1]})
    return replace(record, curve=points, final=final)


def test_picking_the_best_point_and_the_best_run_is_what_it_gains():
    """By hand: last 40 and 42, best 39 and 38; gains -1 and -4, mean -2.5, std 3/sqrt(2)."""
    runs = [
        with_curve(record_of(20, "A", seed=0), [60.0, 39.0, 40.0], every=400),
        with_curve(record_of(20, "A", seed=1), [38.0, 50.0, 42.0], every=400),
    ]
    row = explore.best_point_table(runs).splitlines()[-1]
    # measured after 400, 800, 1200 updates; the rate drops after 1000
    assert row == (
        "| ResNet-20 | 2 | 3, 1 after the last drop | 41.00 ± 1.41 | 38.50 ± 0.71 "
        "| -2.50 ± 2.12 | 40.00 |"
    )


def test_a_last_point_that_is_the_best_gains_nothing_and_one_run_has_no_best():
    run = with_curve(record_of(20, "A"), [60.0, 39.0])
    assert explore.best_point_table([run]).endswith("| 39.00 | 39.00 | 0.00 | – |")


def test_the_start_is_told_run_by_run_and_a_run_that_never_learns_says_so():
    runs = [
        with_curve(record_of(110, "A", seed=0), [91.0, 89.0, 79.0], "train"),
        with_curve(record_of(110, "A", seed=1), [92.0, 91.0, 90.0], "train"),
    ]
    head, _, row = explore.start_table(runs).splitlines()
    assert "below 90 %" in head and "below 80 %" in head
    assert row.startswith("| ResNet-110 | 2 | 200, never | 300, never |")
    assert "**not run**" in explore.start_table([]) and "warm_up" in explore.start_table([])


def test_seeds_are_those_that_were_run():
    assert explore.trained_seeds([record_of(20, "A", seed=s) for s in (3, 0, 3)]) == [0, 3]


@pytest.mark.parametrize(("depth", "option"), [(20, "none"), (110, "A"), (110, "B")])
def test_panels_stay_in_place_and_no_word_is_cut_off_or_meets_the_next_panel(depth, option):
    runs = [record_of(20, "none"), record_of(110, "A"), record_of(110, "B")]
    figure, other = explore.run_of(runs, depth, option), explore.run_of(runs, 56, "none")
    left, right = (ax.get_tightbbox() for ax in figure.axes)
    assert left.x0 >= 0 and left.y0 >= 0
    assert left.x1 <= right.x0 and right.x1 <= figure.bbox.x1
    for mine, theirs in zip(figure.axes, other.axes, strict=True):
        assert mine.get_position().bounds == theirs.get_position().bounds
