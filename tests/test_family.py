"""Counts from the two smallest nets are those of the net itself, counted whole."""

import pytest
import torch

from resnet_lab import cost, family
from resnet_lab.errors import InputError
from resnet_lab.resnet import ResNet, cifar


@pytest.mark.parametrize("option", ["none", "A", "B", "C"])
@pytest.mark.parametrize("depth, width", [(8, 16), (14, 4), (20, 16), (56, 8)])
def test_every_depth_is_counted_as_if_built(depth, option, width):
    with torch.device("meta"):
        net = ResNet(cifar(depth, shortcut=option, width=width))
    whole = cost.parameters(net), cost.multiply_adds(net, (3, 32, 32))
    assert family.counts(depth, option, width) == whole


def test_table_6_prints_19_4_million_parameters_for_1202_layers():
    assert family.counts(1202)[0] == 19_421_274


def test_a_depth_that_there_is_not_is_said():
    with pytest.raises(InputError, match="6n"):
        family.counts(21)
