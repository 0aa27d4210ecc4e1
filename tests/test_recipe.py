"""Section 4.2: how a CIFAR-10 net is trained, and the rate at its corners."""

import math
from dataclasses import FrozenInstanceError, fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resnet_lab.recipe import WARM_UP_ERROR, WARM_UP_LR, Recipe, lr_at


def test_section_4_2_defaults_are_the_papers(paper):
    said = {name: entry["value"] for name, entry in paper["recipes"]["cifar10"].items()}
    recipe = Recipe()
    assert recipe.lr == said["lr_start"]
    assert list(recipe.drops) == said["lr_drops"]
    assert recipe.steps == said["iterations"]
    assert recipe.batch == said["batch_size"]
    assert recipe.momentum == said["momentum"]
    assert recipe.weight_decay == said["weight_decay"]
    assert f"pad {recipe.pad} pixels" in said["augmentation"]
    assert recipe.flip and "horizontal flip" in said["augmentation"]
    assert not recipe.warm_up and recipe.seed == 0
    assert f"learning rate {WARM_UP_LR} until" in said["warm_up_110"]
    assert f"below {WARM_UP_ERROR:.0f} percent" in said["warm_up_110"]


@pytest.mark.parametrize(
    "step, lr",
    [
        (0, 0.1),
        (31_999, 0.1),
        (32_000, 0.01),
        (47_999, 0.01),
        (48_000, 0.001),
        (63_999, 0.001),
    ],
)
def test_section_4_2_learning_rate(step, lr):
    assert lr_at(step, Recipe()) == pytest.approx(lr, rel=1e-15)


@pytest.mark.parametrize("step", [0, 399, 31_999])
def test_section_4_2_warm_up_replaces_the_rate(step):
    assert lr_at(step, Recipe(warm_up=True), warming=True) == 0.01


@pytest.mark.parametrize("step", [0, 400, 31_999, 32_000, 47_999, 48_000, 63_999])
def test_section_4_2_warm_up_does_not_restart_the_schedule(step):
    """ "The rest of the schedule is as done previously"."""
    assert lr_at(step, Recipe(warm_up=True)) == lr_at(step, Recipe())


def test_a_recipe_without_warm_up_never_warms():
    assert lr_at(0, Recipe(), warming=True) == 0.1


@settings(max_examples=25)
@given(st.lists(st.integers(1, 1_000), unique=True, max_size=5).map(sorted), st.floats(1e-3, 10))
def test_the_rate_falls_by_ten_at_each_drop_and_nowhere_else(drops, lr):
    recipe = Recipe(lr=lr, drops=tuple(drops), steps=1_001)
    expected = lr
    for step in range(1_001):
        if step in drops:
            expected /= 10
        assert lr_at(step, recipe) == pytest.approx(expected)


@pytest.mark.parametrize("name", ["lr", "steps", "batch", "log_every", "test_every"])
@pytest.mark.parametrize("value", [0, -1, math.nan])
def test_what_must_be_positive_is_refused_by_name(name, value):
    with pytest.raises(ValueError, match=f"{name} must be above 0, got {value}"):
        Recipe(**{name: value})


@pytest.mark.parametrize("name", ["momentum", "weight_decay", "pad", "seed"])
@pytest.mark.parametrize("value", [-1, math.nan])
def test_what_must_not_be_negative_is_refused_by_name(name, value):
    assert getattr(Recipe(**{name: 0}), name) == 0
    with pytest.raises(ValueError, match=f"{name} must be 0 or more, got {value}"):
        Recipe(**{name: value})


@pytest.mark.parametrize("drops", [(48_000, 32_000), (10, 10), (0, 10), (-1,)])
def test_drops_out_of_order_are_refused(drops):
    with pytest.raises(ValueError, match="drops must be updates above 0 in rising order"):
        Recipe(drops=drops)


def test_no_drops_and_late_drops_are_allowed():
    assert lr_at(63_999, Recipe(drops=())) == 0.1
    assert lr_at(63_999, Recipe(drops=(64_000,))) == 0.1


def test_the_test_error_is_measured_at_points_of_the_curve():
    with pytest.raises(ValueError, match="multiple of log_every, got 250 and 100"):
        Recipe(test_every=250)


def test_a_recipe_cannot_be_changed_in_place():
    with pytest.raises(FrozenInstanceError):
        Recipe().lr = 1.0
    assert replace(Recipe(), seed=3).seed == 3
    assert len(fields(Recipe)) == 13  # a new field renames every run: see records.FORMAT


@pytest.mark.parametrize(
    "changes", [dict(lr=math.inf), dict(steps=1.5), dict(batch=2.5), dict(momentum=1.0)]
)
def test_a_number_that_cannot_be_trained_with_is_refused(changes):
    with pytest.raises(ValueError, match=next(iter(changes))):
        Recipe(**changes)


def test_a_fixed_warm_up_is_the_same_for_every_net_and_does_not_move_the_drops():
    """The authors' later paper: 0.01 for the first updates of every net, whatever its error."""
    recipe = Recipe(warm_up_steps=100, steps=1_200, drops=(1_000,))
    rates = [lr_at(step, recipe) for step in (0, 99, 100, 999, 1_000)]
    assert rates == pytest.approx([0.01, 0.01, 0.1, 0.1, 0.01])
    assert [lr_at(step, recipe, warming=True) for step in (50, 150)] == pytest.approx([0.01, 0.1])


@pytest.mark.parametrize("changes", [dict(seed=2**63), dict(pad=33), dict(warm_up_steps=-1)])
def test_numbers_beyond_reason_are_refused(changes):
    with pytest.raises(ValueError, match=next(iter(changes))):
        Recipe(**changes)
