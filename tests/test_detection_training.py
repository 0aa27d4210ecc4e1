"""The loop's own promises: which parameters learn how, bfloat16, dropout, a loss that bursts."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from resnet_lab.detection import scenes, training
from resnet_lab.detection.config import toy
from resnet_lab.detection.recipe import DetectionRecipe

TINY = toy((1, 1, 1, 1), rois=8, rpn_sample=16, train_candidates=60, train_proposals=20)
RECIPE = DetectionRecipe(steps=4, drops=(), batch=2, lr=0.01, log_every=2)


@pytest.fixture(scope="module")
def data():
    return scenes.load("train", 4)


def test_biases_learn_twice_as_fast_and_do_not_decay():
    state = training.begin(TINY, None, RECIPE)
    weights, biases = state.optimizer.param_groups
    assert weights["weight_decay"] == 5e-4 and biases["weight_decay"] == 0
    assert (weights["factor"], biases["factor"]) == (1, 2)
    assert {p.dim() for p in biases["params"]} == {1}
    learned = sum(p.numel() for p in state.net.parameters() if p.requires_grad)
    assert sum(p.numel() for g in (weights, biases) for p in g["params"]) == learned


def test_rates_reach_the_optimizer(data):
    state = training.begin(TINY, None, replace(RECIPE, warm_up=8))
    points = list(training.train_net(state, data, replace(RECIPE, warm_up=8)))
    assert [point.lr for point in points] == pytest.approx([0.0025, 0.005])
    assert [g["lr"] for g in state.optimizer.param_groups] == pytest.approx([0.005, 0.01])
    assert points[-1].loss == pytest.approx(
        sum(getattr(points[-1], name) for name in training.TERMS)
    )


def test_frozen_bn_stays_and_live_bn_moves(data):
    for frozen in (True, False):
        state = training.begin(replace(TINY, frozen_bn=frozen), None, RECIPE)
        before = state.net.shared.conv1[1].running_mean.clone()
        list(training.train_net(state, data, RECIPE))
        assert torch.equal(before, state.net.shared.conv1[1].running_mean) == frozen


def test_tests_come_when_they_are_due(data):
    recipe = replace(RECIPE, steps=6, test_every=4)
    state = training.begin(TINY, None, recipe)
    points = list(training.train_net(state, data, recipe, test=lambda net: 12.5))
    assert [point.mean_ap for point in points] == [None, 12.5, 12.5]


def test_bfloat16_gives_nearly_the_same_losses(data):
    found = {}
    for precision in ("float32", "bfloat16"):
        state = training.begin(TINY, None, RECIPE)
        found[precision] = next(training.train_net(state, data, RECIPE, precision=precision))
        assert {p.dtype for p in state.net.parameters()} == {torch.float32}
    for name in training.TERMS:
        one, other = (getattr(point, name) for point in found.values())
        assert one == pytest.approx(other, rel=0.1, abs=0.02)


def test_a_loss_that_is_not_finite_stops_the_run(data):
    state = training.begin(TINY, None, replace(RECIPE, lr=1e12))
    with pytest.raises(FloatingPointError, match="the loss is"):
        list(training.train_net(state, data, replace(RECIPE, lr=1e12)))


def test_dropout_is_drawn_from_its_own_numbers():
    net, x = nn.Dropout(), torch.ones(20)
    net.weight = nn.Parameter(x)  # for its device
    state = torch.get_rng_state()
    drawn = []
    for entropy in ((0, 1), (0, 1), (0, 2)):
        with training.own_randomness(net, *entropy):
            drawn.append(net(x))
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])
    assert torch.equal(state, torch.get_rng_state())
