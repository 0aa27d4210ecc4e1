"""Classification before detection: it learns, it is the same twice, its BN is measured anew."""

from dataclasses import replace

import pytest
import torch

from resnet_lab.detection import scenes
from resnet_lab.detection.config import toy
from resnet_lab.detection.faster_rcnn import FasterRCNN
from resnet_lab.detection.pretraining import normalised, pretrain
from resnet_lab.detection.recipe import Pretraining
from resnet_lab.errors import InputError

SHORT = Pretraining(epochs=4, crops=320, batch=16, bn_crops=160)


@pytest.fixture(scope="module")
def crops():
    return scenes.crops(SHORT.crops)


@pytest.fixture(scope="module")
def trained(crops):
    said = []
    net = pretrain(
        toy((1, 1, 1, 1)), SHORT, *crops, seed=0, report=lambda step, error: said.append(error)
    )
    return net, said


def test_the_training_error_falls_well_below_chance(trained):
    net, said = trained
    assert len(said) == SHORT.epochs and said[-1] < said[0] and said[-1] < 75
    assert not net.training and net.classifier.out_features == 8


def test_the_same_seed_gives_the_same_weights_and_leaves_global_randomness_alone(crops, trained):
    state = torch.get_rng_state()
    again = pretrain(toy((1, 1, 1, 1)), SHORT, *crops, seed=0)
    assert torch.equal(state, torch.get_rng_state())
    for (name, one), other in zip(
        trained[0].state_dict().items(), again.state_dict().values(), strict=True
    ):
        assert torch.equal(one, other), name


def test_bn_statistics_are_those_of_the_crops(crops, trained):
    x = normalised(crops[0][: SHORT.bn_crops], toy())
    bn = trained[0].stem[1]
    mean = trained[0].stem[0](x).mean((0, 2, 3))
    assert torch.allclose(bn.running_mean, mean, atol=1e-3)
    assert not torch.allclose(bn.running_mean, torch.zeros(16), atol=1e-3)


def test_a_detector_begins_where_the_classifier_ended(trained):
    detector = FasterRCNN(toy((1, 1, 1, 1)), trained[0])
    assert torch.equal(detector.shared.conv1[0].weight, trained[0].stem[0].weight)
    assert torch.equal(detector.shared.conv1[1].running_mean, trained[0].stem[1].running_mean)


def test_too_few_crops_are_a_sentence(crops):
    with pytest.raises(InputError, match="do not fill a batch"):
        pretrain(toy(), replace(SHORT, batch=400), *crops, seed=0)
