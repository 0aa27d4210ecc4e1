"""The cut nets against Appendix A and hand arithmetic."""

import pytest
import torch

from resnet_lab.detection import c4
from resnet_lab.detection.config import DetectorConfig, toy
from resnet_lab.detection.images import batch

VGG = DetectorConfig(backbone="vgg16")


def by_name(config, size):
    return {part.name: part for part in c4.parts(config, size)}


def test_appendix_a_91_shared_convolutions():
    """1 + 3 x (3 + 4 + 23); projections are not counted, as in "101"."""
    assert c4.shared_layers(DetectorConfig()) == 1 + 3 * (3 + 4 + 23) == 91
    assert c4.shared_layers(VGG) == 13
    assert c4.detector(DetectorConfig()).stride == c4.detector(VGG).stride == 16


def test_shapes_of_resnet_101_at_600_by_1000():
    """Halved and rounded up four times: 600, 300, 150, 75, 38 and 1000, 500, 250, 125, 63."""
    found = by_name(DetectorConfig(), (600, 1000))
    assert found["conv4, shared"].shape == (1, 1024, 38, 63)
    assert found["RPN: objectness"].shape == (1, 9 * 38 * 63)
    assert found["RoI pooling"].shape == (300, 1024, 14, 14)
    assert found["conv5_x, then mean, per region"].shape == (300, 2048)
    assert found["class scores"].shape == (300, 21) and found["boxes"].shape == (300, 20, 4)
    assert found["conv5_x, then mean, per region"].convolutions == 9


@pytest.mark.parametrize("config", [DetectorConfig(), VGG, toy()], ids=["resnet", "vgg", "toy"])
def test_the_tables_map_is_the_one_that_a_real_image_gets(config):
    """The net without memory for its weights is given what `prepare` makes of an image."""
    net, size = c4.detector(config), c4.seen_size((375, 500), config)
    pixels = batch([torch.zeros(3, 375, 500, dtype=torch.uint8)], config, stride=net.stride).pixels
    maps = net.features(pixels.to("meta"))
    shown = [part.shape for part in c4.parts(config, size) if part.name.endswith("shared")][-1]
    assert shown == tuple(maps.shape)
    assert "padded to 608x1008" in c4.table(DetectorConfig(), (600, 1000))


def test_context_doubles_the_inputs_of_the_last_layers():
    """(2048 + 1) x 21 by hand; with context twice the weights."""
    plain = by_name(DetectorConfig(), (96, 96))["class scores"].parameters
    both = by_name(DetectorConfig(context=True), (96, 96))["class scores"].parameters
    assert plain == 2049 * 21 and both == 4097 * 21


def test_vgg_has_hidden_layers_per_region():
    found = by_name(VGG, (600, 1000))
    assert found["conv5, shared"].shape == (1, 512, 38, 63)  # as Caffe, which rounds up
    assert found["fc6, fc7, per region"].shape == (300, 4096)
    assert found["RoI pooling"].shape == (300, 512, 7, 7)


@pytest.mark.parametrize("config", [toy(), VGG], ids=["toy", "vgg"])
def test_tables_name_every_part(config):
    text = c4.table(config, (96, 96))
    assert all(part.name in text for part in c4.parts(config, (96, 96)))
    assert config.name in c4.summary()


def test_an_image_is_resized_to_600_or_1000():
    assert c4.seen_size((300, 400), DetectorConfig()) == (600, 800)
    assert c4.seen_size((300, 600), DetectorConfig()) == (500, 1000)
