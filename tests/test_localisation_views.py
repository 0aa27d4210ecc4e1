"""Views and boxes by hand arithmetic, and the warp against slices."""

import pytest
import torch

from resnet_lab.detection.feed import generator
from resnet_lab.errors import InputError
from resnet_lab.localisation import views
from resnet_lab.localisation.config import LocaliserConfig, toy
from resnet_lab.localisation.views import View

SIZE = (100, 200)  # height, width as stored


def test_a_box_in_a_view_by_hand():
    """Doubled, then moved by (40, 10), then mirrored in 100: 2 x 30 - 40 = 20, 100 - 60 = 40."""
    box = torch.tensor([[30.0, 10.0, 50.0, 40.0]])
    view = View(resized=(200, 400), top=10, left=40, height=100, width=100)
    assert views.into(box, SIZE, view).tolist() == [[20, 10, 60, 70]]
    mirrored = View(resized=(200, 400), top=10, left=40, height=100, width=100, mirrored=True)
    assert views.into(box, SIZE, mirrored).tolist() == [[40, 10, 80, 70]]


@pytest.mark.parametrize("protocol", views.PROTOCOLS)
def test_back_undoes_into(protocol):
    boxes = torch.rand(5, 2) * 40
    boxes = torch.cat([boxes, boxes + 20], 1)
    for view in views.test_views(SIZE, toy(), protocol):
        torch.testing.assert_close(views.back(views.into(boxes, SIZE, view), SIZE, view), boxes)


def test_a_box_lies_where_its_pixels_are():
    """A white square is found again in the view at the box that `into` names."""
    image = torch.zeros(3, 72, 72, dtype=torch.uint8)
    image[:, 20:40, 30:60] = 255
    config = toy(mean=(0.0,) * 3, std=(1.0,) * 3)
    box = torch.tensor([[30.0, 20.0, 60.0, 40.0]])
    for protocol in ("centre", "10-crop"):
        for view in views.test_views((72, 72), config, protocol):
            x0, y0, x1, y1 = views.into(box, (72, 72), view)[0].int().clamp(0, 64).tolist()
            seen = views.see(image, view, config)
            assert seen[:, y0:y1, x0:x1].min() == 1 and seen.sum() == 3 * (x1 - x0) * (y1 - y0)


def test_the_protocols_have_one_ten_and_a_view_for_each_scale():
    usual = LocaliserConfig()
    assert [len(views.test_views((300, 400), usual, p)) for p in views.PROTOCOLS] == [1, 10, 5]
    (centre,) = views.test_views((300, 400), usual, "centre")
    # 256 / 300 of 400 is 341; the crop begins at (341 - 224) / 2, rounded to even
    assert (centre.resized, centre.top, centre.left) == ((256, 341), 16, 58)
    assert [v.size[0] for v in views.test_views((300, 400), usual, "dense")] == list(usual.scales)
    with pytest.raises(InputError, match="protocol must be one of"):
        views.test_views(SIZE, usual, "ten")


def test_training_views_show_enough_of_a_box_and_follow_their_generator():
    config, box = toy(), torch.tensor([[2.0, 3.0, 30.0, 33.0]])
    for seed in range(30):
        view = views.training_view(box, (72, 72), config, generator(seed))
        assert view == views.training_view(box, (72, 72), config, generator(seed))
        assert 72 <= min(view.resized) <= 96 and view.size == (64, 64)
        assert 0 <= view.top <= view.resized[0] - 64 and 0 <= view.left <= view.resized[1] - 64
        seen = views.seen_boxes(box, (72, 72), view, config)
        assert len(seen) == 1 and seen.min() >= 0 and seen.max() <= 64


def test_a_box_of_which_less_than_half_shows_does_not_count():
    config = toy()
    view = View(resized=(72, 72), top=0, left=8, height=64, width=64)
    half, less = torch.tensor([[0.0, 0, 16, 10]]), torch.tensor([[0.0, 0, 15, 10]])
    assert views.seen_boxes(half, (72, 72), view, config).tolist() == [[0, 0, 8, 10]]
    assert not len(views.seen_boxes(less, (72, 72), view, config))


def test_a_warp_without_border_and_change_of_size_is_a_slice():
    config, image = toy(warp_border=0), torch.rand(3, 72, 80)
    warped = views.warp(image, torch.tensor([[5.0, 3.0, 69.0, 67.0]]), config)
    torch.testing.assert_close(warped[0], image[:, 3:67, 5:69])


def test_a_region_twice_the_size_is_averaged_and_its_border_shows():
    config, image = toy(warp_border=0), torch.rand(3, 128, 128)
    warped = views.warp(image, torch.tensor([[0.0, 0.0, 128.0, 128.0]]), config)
    torch.testing.assert_close(warped, torch.nn.functional.avg_pool2d(image[None], 2))
    # 54 inner pixels of 64: the region is one to one, five pixels around it show
    warped = views.warp(image, torch.tensor([[10.0, 20.0, 64.0, 74.0]]), toy())
    torch.testing.assert_close(warped[0], image[:, 15:79, 5:69])


def test_outside_the_image_a_warp_has_the_mean_colour():
    warped = views.warp(torch.ones(3, 72, 72), torch.tensor([[-54.0, 0.0, 0.0, 54.0]]), toy())
    assert warped[0, :, 10:50, :50].abs().max() == 0 and warped[0, :, 10:50, 62:].min() == 1
