"""Resized, normalised, padded: sizes by hand, and no change where none is needed."""

import pytest
import torch

from resnet_lab.detection.config import DetectorConfig, toy
from resnet_lab.detection.images import batch, resize, resized_size
from resnet_lab.errors import InputError


@pytest.mark.parametrize(
    "stored, seen",
    [
        ((375, 500), (600, 800)),  # most of VOC
        ((500, 375), (800, 600)),
        ((480, 640), (600, 800)),
        ((300, 600), (500, 1000)),  # the longer side decides
        ((1200, 1800), (600, 900)),
        ((1, 5000), (1, 1000)),
    ],
)
def test_600_and_at_most_1000(stored, seen):
    assert resized_size(stored, 600, 1000) == seen


def test_an_image_without_pixels_is_a_sentence():
    with pytest.raises(InputError, match="needs a height and a width"):
        resized_size((0, 10), 600, 1000)
    with pytest.raises(InputError, match=r"\(3, height, width\)"):
        batch([torch.zeros(1, 8, 8)], toy(), stride=8)


def test_an_image_of_the_right_size_keeps_its_pixels():
    image = torch.arange(48).view(3, 4, 4).to(torch.uint8)
    assert torch.equal(resize(image, (4, 4)), image.float())


def test_shrinking_averages_and_keeps_the_mean():
    checker = ((torch.arange(8)[:, None] + torch.arange(8)) % 2 * 200.0).expand(3, 8, 8)
    small = resize(checker, (4, 4))
    assert (small - 100).abs().max() < 3  # the border sees fewer pixels


def test_padding_is_zero_and_to_whole_places():
    config = DetectorConfig(short_side=40, long_side=80, std=(0.5, 0.5, 0.5))
    seen = batch(
        [torch.full((3, 40, 50), 255), torch.zeros(3, 20, 30, dtype=torch.uint8)], config, stride=16
    )
    assert seen.stored == ((40, 50), (20, 30)) and seen.sizes == ((40, 50), (40, 60))
    assert seen.pixels.shape == (2, 3, 48, 64)
    one = (1 - torch.tensor(config.mean)) / 0.5
    assert torch.allclose(seen.pixels[0, :, 39, 49], one)
    assert seen.pixels[0, :, 40:].abs().max() == seen.pixels[0, :, :, 50:].abs().max() == 0
    assert seen.pixels[1, :, :40, :60].abs().min() > 0


def test_another_scale_moves_the_limit_of_the_longer_side_too():
    config = DetectorConfig()
    image = torch.zeros(3, 30, 60, dtype=torch.uint8)  # 500 x 1000 at 600
    assert batch([image], config, stride=16, short_side=300).sizes == ((250, 500),)
