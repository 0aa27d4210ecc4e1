"""Rates at their corners, schedules, and the rules by which they are scaled."""

import pytest

from resnet_lab.detection.recipe import (
    COCO,
    TOY,
    VOC,
    DetectionRecipe,
    Pretraining,
    lr_at,
    one_cycle,
    parts,
    scaled,
)
from resnet_lab.errors import InputError


def test_the_papers_schedules(paper):
    (first, lr), (second, low) = paper["inherited"]["faster_rcnn"]["voc_schedule"]["value"]
    assert (VOC.steps, VOC.drops, VOC.lr) == (first + second, (first,), lr)
    assert lr_at(first - 1, VOC) == lr and lr_at(first, VOC) == pytest.approx(low)
    assert VOC.momentum == paper["inherited"]["faster_rcnn"]["momentum"]["value"]
    assert VOC.weight_decay == paper["inherited"]["faster_rcnn"]["weight_decay"]["value"]
    coco = paper["recipes"]["detection_baseline"]["coco"]
    (first, lr), (second, low) = coco["schedule"]["value"]
    assert (COCO.steps, COCO.drops, COCO.lr) == (first + second, (first,), lr)
    assert COCO.batch == coco["rpn_batch"]["value"]
    assert lr_at(COCO.steps - 1, COCO) == pytest.approx(low)


def test_warm_up_rises_to_the_rate_and_ends():
    rates = [lr_at(step, TOY) for step in (0, 49, 99, 100, 1574, 1575, 2025)]
    assert rates == pytest.approx([0.0002, 0.01, 0.02, 0.02, 0.02, 0.002, 0.0002])
    assert lr_at(0, VOC) == VOC.lr


def test_the_linear_rule_keeps_images_and_the_rate_per_image():
    for batch in (1, 4, 16, 64):
        found = scaled(COCO, batch)
        assert found.steps * found.batch == COCO.steps * COCO.batch
        assert found.lr / found.batch == pytest.approx(COCO.lr / COCO.batch)
        assert found.drops[0] / found.steps == pytest.approx(0.75)
    assert scaled(COCO, 8) == COCO and scaled(COCO, 16).warm_up == 500
    assert scaled(COCO, 4).warm_up == 0
    with pytest.raises(InputError, match="batch must be at least 1"):
        scaled(COCO, 0)


def test_fewer_gpus_make_the_same_updates_in_more_parts():
    assert [parts(COCO, gpus, 1) for gpus in (8, 4, 1)] == [1, 2, 8]
    assert parts(COCO, 1, 4) == 2
    with pytest.raises(InputError, match="cannot be cut into parts of 1 on 3 processes"):
        parts(COCO, 3, 1)


@pytest.mark.parametrize(
    "changes, sentence",
    [
        (dict(lr=-1), "lr must be 0 or more"),
        (dict(lr=0), "lr must be above 0"),
        (dict(lr=float("nan")), "lr must be 0 or more"),
        (dict(steps=0), "steps must be above 0"),
        (dict(momentum=1), "below 1"),
        (dict(drops=(5, 3)), "rising order"),
        (dict(drops=(0,)), "above 0"),
        (dict(test_every=30), "multiple of log_every"),
    ],
)
def test_what_cannot_be_trained_with_is_a_sentence(changes, sentence):
    with pytest.raises(InputError, match=sentence):
        DetectionRecipe(**changes)


def test_one_cycle_rises_falls_and_ends_at_nothing():
    recipe = Pretraining(epochs=10, crops=320, batch=32, lr=0.1)
    rates = [one_cycle(step, recipe) for step in range(recipe.steps)]
    assert recipe.steps == 100 and max(rates) == rates[30] == pytest.approx(0.1)
    assert rates[0] == pytest.approx(0.004) and rates[-1] < 1e-4
    assert one_cycle(65, recipe) == pytest.approx(0.05)
    with pytest.raises(InputError, match="epochs must be above 0"):
        Pretraining(epochs=0)
