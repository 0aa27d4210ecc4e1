"""The ImageNet recipe is the paper's; the plateau rule and the cut of a batch are pure."""

import pytest

from resnet_lab.errors import InputError
from resnet_lab.imagenet_recipe import (
    ImageNetRecipe,
    drops_so_far,
    lr_at,
    micro_batches,
    positions,
)


def test_the_defaults_are_those_of_section_3_4(paper):
    printed, recipe = paper["recipes"]["imagenet"], ImageNetRecipe()
    pairs = {"batch": "batch_size", "lr": "lr_start", "steps": "max_iterations"}
    for ours, theirs in (pairs | {"weight_decay": "weight_decay", "momentum": "momentum"}).items():
        assert getattr(recipe, ours) == printed[theirs]["value"]
    assert "[256, 480]" in printed["scale_augmentation"]["value"]
    assert recipe.short_side == (256, 480)
    assert "224x224" in printed["crop"]["value"] and recipe.crop == 224
    assert "per-pixel" in printed["mean"]["value"] and recipe.mean == "pixel"


RULE = ImageNetRecipe(patience=2, min_gain=0.5, drops=2)


@pytest.mark.parametrize(
    "errors, drops",
    [
        ([], 0),
        ([60, 50, 40], 0),
        ([60, 59.6], 0),
        ([60, 59.6, 59.55], 1),  # two tests without a gain of half a point
        ([60, 59.6, 59.5], 0),  # 0.5 below the best that counted: a gain
        ([60, 60, 60, 60, 60], 2),
        ([60, 60, 60, 50, 50, 50], 2),
        ([60, 60, 60, 60, 60, 60, 60, 60], 2),  # no third drop
        ([60, 60, 60, 50, 40, 40], 1),  # counting starts again after a drop and after a gain
    ],
)
def test_the_rate_drops_when_the_error_plateaus(errors, drops):
    assert drops_so_far(errors, RULE) == drops
    assert lr_at(0, errors, RULE) == pytest.approx(0.1 / 10**drops)


def test_a_drop_once_made_is_never_taken_back():
    errors = [60, 60, 60, 50, 49.9, 49.8, 30, 30, 31, 32]
    counts = [drops_so_far(errors[:k], RULE) for k in range(len(errors) + 1)]
    assert counts == sorted(counts)


def test_fixed_updates_take_the_rules_place():
    recipe = ImageNetRecipe(drop_at=(150_000, 300_000))
    assert lr_at(149_999, [60] * 99, recipe) == 0.1
    assert lr_at(150_000, [], recipe) == pytest.approx(0.01)
    assert lr_at(300_000, [], recipe) == pytest.approx(0.001)


@pytest.mark.parametrize("world, per_device, parts", [(1, 256, 1), (8, 32, 1), (2, 32, 4)])
def test_a_batch_of_256_stays_256(world, per_device, parts):
    recipe = ImageNetRecipe()
    assert micro_batches(recipe, world, per_device) == parts
    seen = [
        p
        for part in range(parts)
        for rank in range(world)
        for p in positions(7, part, recipe, rank, world, per_device)
    ]
    assert sorted(seen) == list(range(7 * 256, 8 * 256))


def test_two_devices_see_the_groups_that_one_sees_in_twice_as_many_parts():
    recipe = ImageNetRecipe(batch=16)
    one = [positions(3, part, recipe, 0, 1, 4) for part in range(4)]
    two = [positions(3, part, recipe, rank, 2, 4) for part in range(2) for rank in range(2)]
    assert one == two


@pytest.mark.parametrize("world, per_device", [(3, 32), (1, 100), (512, 1), (1, 0)])
def test_a_batch_that_cannot_be_cut_is_refused(world, per_device):
    with pytest.raises(InputError, match="256"):
        micro_batches(ImageNetRecipe(), world, per_device)


@pytest.mark.parametrize(
    "wrong",
    [
        {"lr": 0},
        {"lr": float("nan")},
        {"momentum": 1},
        {"batch": 0},
        {"drop_at": (5, 3)},
        {"short_side": (480, 256)},
        {"short_side": (100, 480)},
        {"test_side": 200},
        {"test_every": 150},
        {"mean": "median"},
        {"statistics": "published"},
        {"statistics_images": 1},
        {"seed": -1},
    ],
    ids=str,
)
def test_values_that_cannot_be_trained_with_are_refused(wrong):
    with pytest.raises(InputError):
        ImageNetRecipe(**wrong)
