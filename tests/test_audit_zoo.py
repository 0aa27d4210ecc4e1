"""Nets of all kinds, as people write them: what an audit must not invent, and not choke on."""

import pytest
import torch
from torch import nn

from resnet_lab import audit
from resnet_lab.errors import InputError
from resnet_lab.resnet import ResNet, cifar


def says(report, words):
    return any(words in difference for difference in report.differences)


def conv(c_in, c_out, stride=1, **more):
    return nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False, **more)


@pytest.mark.parametrize("look_at", [lambda net: net, lambda net: net.state_dict()])
def test_a_lazy_layer_is_a_sentence(look_at):
    with pytest.raises(InputError, match="run the net once"):
        audit(look_at(nn.Sequential(nn.LazyConv2d(16, 3), nn.ReLU(), nn.LazyLinear(10))))


def test_what_is_no_tensor_in_a_state_dict_is_left_out():
    """Quantized layers keep a dtype and packed weights beside their tensors."""

    class Quantized(nn.Linear):
        def _save_to_state_dict(self, destination, prefix, keep_vars):
            super()._save_to_state_dict(destination, prefix, keep_vars)
            destination[f"{prefix}_packed_params.dtype"] = torch.qint8

    net = ResNet(cifar(8, width=4))
    before = audit(net)
    net.classifier = Quantized(net.classifier.in_features, 10)
    assert audit(net) == before
