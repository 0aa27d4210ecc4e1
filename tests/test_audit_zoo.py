"""Nets of all kinds, as people write them: what an audit must not invent, and not choke on."""

import pytest
import torch
import torch.nn.functional as F
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


# --- what only looks like blocks ---


def pair(c_in, c_out):
    """Two convolutions, as every stage of a U-Net or a VGG has them."""
    layers = [conv(c_in, c_out), nn.BatchNorm2d(c_out), nn.ReLU()]
    return [*layers, conv(c_out, c_out), nn.BatchNorm2d(c_out), nn.ReLU()]


class UNet(nn.Module):
    """Two stages down, two up; what goes up is transposed or resized."""

    def __init__(self, transposed):
        super().__init__()

        def up(c):
            if transposed:
                return nn.ConvTranspose2d(c, c // 2, 2, 2)
            return nn.Sequential(nn.Upsample(scale_factor=2), conv(c, c // 2))

        self.down = nn.ModuleList([nn.Sequential(*pair(*c)) for c in [(3, 8), (8, 16), (16, 32)]])
        self.ups = nn.ModuleList([up(32), up(16)])
        self.after = nn.ModuleList([nn.Sequential(*pair(*c)) for c in [(32, 16), (16, 8)]])
        self.last = nn.Conv2d(8, 2, 1)

    def forward(self, x):
        maps = []
        for stage in self.down:
            maps.append(x := stage(F.max_pool2d(x, 2) if maps else x))
        for up, stage, beside in zip(self.ups, self.after, maps[-2::-1], strict=True):
            x = stage(torch.cat([up(x), beside], 1))
        return self.last(x)


def stack(*widths):
    layers = [nn.Sequential(conv(3, widths[0]), nn.BatchNorm2d(widths[0]), nn.ReLU())]
    for c_in, c_out in zip(widths, widths[1:], strict=False):
        layers.append(nn.Sequential(conv(c_in, c_out), nn.BatchNorm2d(c_out), nn.ReLU()))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(widths[-1], 10))


@pytest.mark.parametrize(
    "net",
    [UNet(True), UNet(False), stack(32, 64, 64, 128, 128), stack(32, 32, 32)],
    ids=["unet", "unet resized", "small", "all"],
)
def test_pairs_of_layers_are_no_blocks(net):
    assert not audit(net).is_resnet
    assert not audit(net.state_dict()).is_resnet
