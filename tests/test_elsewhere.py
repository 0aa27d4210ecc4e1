"""Counts against paper.yaml, and each reason for another number as what it is."""

import pytest
from conftest import record_of

from resnet_lab import elsewhere
from resnet_lab.recipe import Recipe, lr_at


@pytest.mark.parametrize("option", ["A", "B"])
def test_parameters_are_those_derived_by_hand_in_paper_yaml(paper, option):
    derived = paper["derived"][f"cifar_parameters_option_{option}"]
    for depth, leaf in derived.items():
        assert elsewhere.parameters(int(depth), option) == leaf["value"]


def test_option_b_adds_the_same_at_every_depth():
    """Two projections, 16 to 32 and 32 to 64 filters, each with a scale and an offset."""
    added = (16 * 32 + 2 * 32) + (32 * 64 + 2 * 64)
    rows = elsewhere.option_b_table().splitlines()[2:]
    assert len(rows) == 6 and all(f"| {added:,} |" in row for row in rows)


def test_the_cost_table_has_every_net_and_no_time_where_nothing_was_run():
    text = elsewhere.cost_table([record_of(20, "A", seed=s) for s in (0, 1)])
    rows = {row.split(" | ")[0]: row for row in text.splitlines()}
    assert rows["| ResNet-20"] == "| ResNet-20 | 269,722 | 0.27M | 40.6 | 1.0 | 1 (1 to 1; n=2) |"
    assert rows["| ResNet-1202"].endswith("| not run |") and "19,421,274" in rows["| ResNet-1202"]
    assert "| not run |" in elsewhere.cost_table([])


def test_multiply_adds_of_resnet_20_by_hand():
    """A stage has equal layers; the two first layers after a change see half the channels."""
    layer = 16 * 16 * 9 * 32 * 32  # also 32 * 32 * 9 * 16 * 16, and 64 * 64 * 9 * 8 * 8
    stem, classifier = 3 * 16 * 9 * 32 * 32, 64 * 10
    assert elsewhere.multiply_adds(20) == stem + 16 * layer + 2 * layer // 2 + classifier


def test_the_machines_of_the_runs_are_named():
    runs = [record_of(20, "A", seed=s) for s in (0, 1)]
    assert elsewhere.devices(runs) == "2 runs on cpu, 1 thread, products in float32"


def test_a_run_on_45000_images_has_another_name_and_hash():
    run = record_of(20, "A").run
    other = elsewhere.with_45k(run)
    assert other.images.held_out == 5_000 and other.hash != run.hash
    assert "held5000" in other.stem and "held" not in run.stem


def test_110_and_1202_layers_are_compared_with_the_mean_and_per_image():
    text = elsewhere.pair_table()
    assert "| ResNet-110 | 1,727,962 | 35 | 6.61 |" in text  # 1,727,962 / 50,000
    assert "| ResNet-1202 | 19,421,274 | 388 | 7.93 |" in text


def test_the_warm_up_without_end_is_a_tenth_of_the_rate_all_along():
    figure = elsewhere.endless_warm_up()
    ours, endless = (line.get_ydata() for line in figure.axes[0].get_lines())
    recipe = Recipe(warm_up=True)
    for step in (0, 399, 400, 31_999, 32_000, 48_000, 63_999):
        assert ours[step] == lr_at(step, recipe, warming=step < 400)
        assert endless[step] == pytest.approx(min(0.01, lr_at(step, Recipe()) / 10))
    assert "not runs" in figure.get_suptitle()
