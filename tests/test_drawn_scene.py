"""The picture is the same everywhere, of the asked size, and not its own mirror image."""

import torch

from resnet_lab.drawn_scene import SIZE, scene


def test_it_has_the_size_asked_for_and_is_always_the_same():
    image = scene()
    assert image.shape == (3, SIZE[1], SIZE[0]) and image.dtype == torch.uint8
    assert torch.equal(image, scene())
    assert scene(100, 75).shape == (3, 75, 100)


def test_left_is_not_right_and_up_is_not_down():
    image = scene(200, 150).float()
    for other in (image.flip(-1), image.flip(-2)):
        assert (image - other).abs().mean() > 10
