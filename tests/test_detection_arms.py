"""What is compared differs in one thing, and old or foreign records are left out."""

from dataclasses import replace

import pytest
from detection_records import fake

from resnet_lab import cost
from resnet_lab.detection import arms, backbones
from resnet_lab.detection.arms import ARMS, EXPERIMENTS, Task
from resnet_lab.errors import InputError


def test_every_arm_is_trained_by_the_experiment_of_all():
    assert set(EXPERIMENTS["detection"].arms) == set(ARMS)
    assert all(set(found.arms) <= set(ARMS) for found in EXPERIMENTS.values())


def test_one_seed_of_everything_comes_before_the_next():
    found = arms.tasks(["detection_improvements", "detection_backbones"])
    assert len(found) == len(set(found)) == 3 * 6
    assert [task.seed for task in found] == sorted(task.seed for task in found)
    assert found[0] == Task(arm="residual", seed=0) and found[0].label == "ResNet-16, seed 0"
    assert len(arms.tasks(["detection"], seeds=1)) == len(ARMS)


def test_another_name_lists_the_choices():
    with pytest.raises(InputError, match="no experiment 'table_7'.*detection_training"):
        arms.tasks(["table_7"])


@pytest.mark.parametrize("depth", ["", "deep-"])
def test_a_plain_twin_has_the_weights_of_its_residual_net(depth):
    """Option A has no parameters (Section 3.3), so the pair differs in nothing else."""
    plain, residual = f"{depth}plain", f"{depth}residual"
    nets = [backbones.classifier(ARMS[key].config) for key in (plain, residual)]
    assert cost.parameters(nets[0]) == cost.parameters(nets[1])
    assert ARMS[plain].recipe(1) == ARMS[residual].recipe(1)


@pytest.mark.parametrize(
    "key, field", [("context", "context"), ("roi-pool", "pooling"), ("live-bn", "frozen_bn")]
)
def test_an_arm_changes_one_field_of_the_residual_detector(key, field):
    one, usual = ARMS[key].config, ARMS["residual"].config
    assert one != usual and replace(one, **{field: getattr(usual, field)}) == usual


@pytest.mark.parametrize("key", ARMS)
def test_a_record_is_known_as_its_arm(key):
    assert arms.arm_of(fake(key, 2)) == key


def test_another_recipe_start_or_data_set_is_no_arm():
    found = fake("residual", 0)
    shorter = replace(found.run, recipe=replace(found.run.recipe, steps=9, drops=()))
    elsewhere = replace(found.run, images=replace(found.run.images, name="voc07"))
    odd = replace(found.run, start="random")
    for run in (shorter, elsewhere, odd):
        assert arms.arm_of(replace(found, run=run)) is None
    assert arms.arm_of(replace(found, testing=replace(found.testing, vote=True))) is None


def test_runs_on_two_sets_of_scenes_never_stand_side_by_side():
    whole = [fake(key, seed) for key in ("residual", "plain") for seed in (1, 0)]
    others = [fake("residual", seed, train="other") for seed in range(3)]
    found = arms.comparable([*others, *whole])
    assert {key: list(runs) for key, runs in found.items()} == {
        "residual": [0, 1],
        "plain": [0, 1],
    }
    assert arms.comparable([]) == {}
