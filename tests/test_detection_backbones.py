"""Where a net is cut: shapes of the paper's detectors, and every layer in its half."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from resnet_lab.detection import backbones
from resnet_lab.detection.config import DetectorConfig, toy
from resnet_lab.detection.faster_rcnn import FasterRCNN
from resnet_lab.detection.frozen_bn import FrozenBN
from resnet_lab.resnet import cifar, imagenet


def halves(config):
    with torch.device("meta"):
        return backbones.split(backbones.classifier(config), config)


def convolutions(module):
    """On the way from image to output: no projections."""
    names = [n for n, m in module.named_modules() if isinstance(m, nn.Conv2d)]
    return len([name for name in names if "shortcut" not in name])


def test_resnet_101_at_600_x_1000():
    """Appendix A: conv1 to conv4_x, stride 16, 91 convolutions; conv5 and up per region."""
    found = halves(DetectorConfig())
    assert convolutions(found.shared) == 91 and convolutions(found.per_region) == 9
    maps = found.shared(torch.empty(1, 3, 600, 1000, device="meta"))
    assert maps.shape == (1, 1024, 38, 63) and found.stride == 16
    assert (found.channels, found.features, found.roi_size) == (1024, 2048, 14)
    pooled = torch.empty(5, 1024, 14, 14, device="meta")
    before_mean = nn.Sequential(*found.per_region)(pooled)
    assert before_mean.shape == (5, 2048, 7, 7)  # as in classification
    assert found.per_region(pooled).shape == (5, 2048)
    assert list(dict(found.shared.named_children())) == ["conv1", "conv2", "conv3", "conv4"]


def test_vgg_16_at_600_x_1000():
    found = halves(DetectorConfig(backbone="vgg16"))
    assert convolutions(found.shared) == 13 and found.stride == 16
    assert found.shared(torch.empty(1, 3, 608, 1008, device="meta")).shape == (1, 512, 38, 63)
    assert (found.channels, found.features, found.roi_size) == (512, 4096, 7)
    assert found.per_region(torch.empty(5, 512, 7, 7, device="meta")).shape == (5, 4096)
    assert len([m for m in found.per_region.modules() if isinstance(m, nn.Linear)]) == 2


@pytest.mark.parametrize("config", [DetectorConfig(), DetectorConfig(backbone="vgg16")])
def test_a_whole_detector_fits_together(config):
    with torch.device("meta"):
        net = FasterRCNN(config)
        maps = torch.empty(1, net.rpn.conv.in_channels, 38, 63)
        scores = net.score_anchors(maps)
        assert scores.logits.shape == (1, 38 * 63 * 9)
        assert scores.offsets.shape == (1, 38 * 63 * 9, 4)
        pooled = torch.empty(2, net.rpn.conv.in_channels, net.roi_size, net.roi_size)
        judged = net.judge(net.head.describe(pooled))
    assert judged.logits.shape == (2, 21) and judged.offsets.shape == (2, 20, 4)


@pytest.mark.parametrize(
    "net, stride, channels, features",
    [
        (imagenet(50), 16, 1024, 2048),
        (imagenet(34, shortcut="none"), 16, 256, 512),
        (cifar(20), 2, 32, 64),
        (cifar(20, shortcut="none"), 2, 32, 64),
    ],
)
def test_any_of_our_nets(net, stride, channels, features):
    found = halves(DetectorConfig(backbone=net))
    assert (found.stride, found.channels, found.features) == (stride, channels, features)
    maps = found.shared(torch.empty(1, 3, 64, 96, device="meta"))
    assert maps.shape == (1, channels, 64 // stride, 96 // stride)


def test_the_miniature_has_stride_8_and_its_twin_the_same_weights():
    found = halves(toy())
    assert found.stride == 8 and convolutions(found.shared) + convolutions(found.per_region) == 15
    residual, plain = (FasterRCNN(toy(shortcut=option)) for option in ("A", "none"))
    plain.load_state_dict(residual.state_dict())


def test_both_halves_are_the_classification_net():
    config = toy(frozen_bn=False)
    net = backbones.classifier(config).eval()
    x = torch.randn(2, 3, 32, 32)
    expected = net(x)
    found = backbones.split(net, config)
    assert torch.allclose(net.classifier(found.per_region.eval()(found.shared(x))), expected)


def test_what_is_fixed_does_not_learn():
    net = FasterRCNN(toy(frozen_parts=2))
    fixed = {
        name.split(".")[1]
        for name, p in net.shared.named_parameters("shared")
        if not p.requires_grad
    }
    assert fixed == {"conv1", "conv2"}
    assert not [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    assert [m for m in net.modules() if isinstance(m, FrozenBN)]
    live = FasterRCNN(toy(frozen_bn=False))
    assert [m for m in live.modules() if isinstance(m, nn.BatchNorm2d)]


def test_new_layers_begin_as_in_faster_rcnn():
    torch.manual_seed(0)
    net = FasterRCNN(replace(toy(), rpn_width=512))
    assert net.rpn.conv.weight.std().item() == pytest.approx(0.01, rel=0.05)
    assert net.head.boxes.weight.std().item() == pytest.approx(0.001, rel=0.1)
    assert net.head.classes.bias.abs().max() == net.rpn.objectness.bias.abs().max() == 0
