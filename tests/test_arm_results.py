"""What runs say: every arm has a row, an order its interval, and what was not run says so."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from conftest import CONTENT, record_of
from matplotlib.figure import Figure

from resnet_lab import arm_figures, arm_results, experiments, tables
from resnet_lab.arms import Arm, recipe_of
from resnet_lab.errors import InputError

DATASET = SimpleNamespace(name="cifar10", content_hash=CONTENT)


def made_up(arm: Arm, seed: int, error: float):
    record = record_of(20, "A", seed=seed, train=error)
    recipe = recipe_of(arm, "quick", seed)
    net = arm.net("quick")
    times = recipe.steps // record.final.step
    return replace(
        record,
        run=replace(record.run, net=net, recipe=recipe),
        curve=tuple(replace(point, step=point.step * times) for point in record.curve),
    )


def runs(name: str, error, seeds=(0, 1, 2)):
    arms = experiments.get(name).arms
    records = [made_up(arm, seed, error(arm) + seed / 10) for arm in arms for seed in seeds]
    return arm_results.runs_of(name, records, DATASET)


def by_option(arm):
    return {"none": 60.0, "A": 40.0, "B": 40.0, "C": 35.0}[arm.shortcut]


@pytest.mark.parametrize("name", ["shortcuts", "bottlenecks", "longer"])
class TestWithAndWithoutRuns:
    def test_every_arm_finds_its_runs(self, name):
        assert {len(group) for group in runs(name, by_option).values()} == {3}

    def test_without_runs_every_row_says_not_run_and_nothing_breaks(self, name):
        found = arm_results.runs_of(name, [], DATASET)
        rows = arm_results.table(found).splitlines()[2:]
        assert len(rows) == len(found)
        assert all(row.count("not run") == 2 and "| 0 |" in row for row in rows)
        for draw in (arm_figures.dots, arm_figures.longer):
            assert draw(found).startswith("Not run")

    def test_runs_on_other_images_do_not_count(self, name):
        arm = experiments.get(name).arms[0]
        elsewhere = SimpleNamespace(name="cifar10", content_hash="00" * 32)
        found = arm_results.runs_of(name, [made_up(arm, 0, 40.0)], elsewhere)
        assert not any(found.values())


def test_an_experiment_that_there_is_not_is_named():
    with pytest.raises(InputError, match="no experiment 'shortcut'"):
        arm_results.runs_of("shortcut", [], DATASET)


def test_a_row_has_cost_mean_and_spread():
    table = arm_results.table(runs("shortcuts", by_option))
    # 40.0, 40.1 and 40.2: mean 40.1, std 0.1; test errors are 2 above
    assert "| ResNet-20 | 68,050 | 2.56e6 | 3 | 40.1 ± 0.1 | 42.1 ± 0.1 |" in table
    assert "± " not in arm_results.table(runs("shortcuts", by_option, seeds=(0,)))


def test_the_steps_of_table_3_are_judged_with_their_spread():
    found = runs("shortcuts", by_option)
    lines = arm_results.options_orders(found).splitlines()
    assert len(lines) == 9
    plain, same, lower = lines[:3]
    assert plain.startswith("plain-20 above ResNet-20 in test error: yes; 62.10 against 42.10")
    assert "undecided" in same and "95 % interval" in same
    assert lower.startswith("ResNet-20-B above ResNet-20-C in test error: yes")
    assert arm_results.options_summary(found).splitlines() == [
        "plain to A, 3 steps: 3 as in the paper",
        "A to B and B to C, 6 steps: 3 as in the paper, 3 undecided, within the spread of the runs",
    ]


def test_an_order_against_the_papers_is_said():
    found = runs("shortcuts", lambda arm: 100 - by_option(arm))
    assert "no, the reverse" in arm_results.options_orders(found)
    assert "3 the reverse of the paper" in arm_results.options_summary(found)


def test_an_order_with_a_net_that_was_not_run_names_it():
    found = runs("shortcuts", by_option)
    b, c = (Arm(depth=20, shortcut=option) for option in "BC")
    found[c] = []
    assert arm_results.order(found, b, c).endswith("not run (ResNet-20-C)")
    assert "1 not run" in arm_results.options_summary(found)


def test_table_3s_order_is_read_from_the_papers_numbers():
    assert "plain, A, B, C; the largest step is from plain to A." in (
        arm_results.paper_options_order()
    )


def test_footnote_4_plain_bottlenecks_and_designs_at_equal_n():
    found = runs("bottlenecks", lambda a: a.depth / 4 + 30 if a.shortcut == "none" else 30)
    lines = arm_results.design_orders(found).splitlines()
    assert len(lines) == 2 + 2 + 3
    assert lines[2].startswith("plain-83-bottleneck above plain-29-bottleneck in training error: y")
    assert lines[4].startswith("ResNet-20 above ResNet-29-bottleneck in test error: undecided")


def test_pairs_of_equal_n_have_about_equal_cost():
    rows = arm_results.table(runs("bottlenecks", by_option)).splitlines()[2:]
    work = [float(row.split(" | ")[2].removesuffix("e6")) for row in rows]
    assert all(0.9 < b / a < 1.1 for a, b in zip(work[0::4], work[2::4], strict=True))


def test_footnote_3_compares_the_longer_training_with_both():
    found = runs("longer", lambda a: 50.0 if a.variant else a.depth)
    lines = arm_results.three_times_longer(found).splitlines()
    assert [line.split(" in training")[0] for line in lines] == [
        "plain-56 above plain-20",
        "plain-56, 3x longer above plain-20",
        "plain-56 above plain-56, 3x longer",
    ]


def test_dots_draws_every_run_and_names_each_line_once():
    found = runs("bottlenecks", by_option)
    figure = arm_figures.dots(found, "train")
    assert isinstance(figure, Figure)
    (ax,) = figure.axes
    figure.canvas.draw()
    dots = [line for line in ax.get_lines() if line.get_marker() == "o"]
    assert sum(len(line.get_xdata()) for line in dots) == 36
    names = {text.get_text() for text in ax.texts}
    assert names == {"plain basic", "residual basic", "plain bottleneck", "residual bottleneck"}
    boxes = [text.get_window_extent() for text in ax.texts]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert "reduced scale" in ax.get_title()


def test_a_line_ends_where_its_runs_end():
    found = runs("shortcuts", by_option)
    for arm in found:
        if arm.shortcut == "C" and arm.depth > 20:
            found[arm] = []
    (ax,) = arm_figures.dots(found).axes
    lengths = sorted(len(x.get_xdata()) for x in ax.get_lines() if x.get_marker() != "o")
    assert lengths == [1, 3, 3, 3]


@pytest.mark.parametrize("name", ["shortcuts", "bottlenecks", "longer"])
def test_the_command_line_writes_figure_and_table_of_each_experiment(name, tmp_path):
    records = [record for group in runs(name, by_option).values() for record in group]
    written = tables.write_experiment(name, records, "quick", "cifar10", tmp_path)
    assert [path.suffix for path in written] == [".png", ".md"]


def test_a_figure_of_unequal_trainings_says_both_numbers_of_updates():
    (ax,) = arm_figures.longer(runs("longer", by_option)).axes
    assert "1,200 or 3,600 updates" in ax.get_title()


def test_longer_draws_a_curve_three_times_as_long():
    (ax,) = arm_figures.longer(runs("longer", by_option, seeds=(0,))).axes
    assert sorted(line.get_xdata()[-1] for line in ax.get_lines()) == [1200, 1200, 3600]
    assert [text.get_text() for text in ax.texts] == ["plain-20", "plain-56", "plain-56, 3x longer"]
