"""Where crops lie, against torchvision; maps and windows of each scale, against counts by hand."""

import pytest
import torch
from torchvision.transforms import functional

from resnet_lab import augmentation, explore_views
from resnet_lab.drawn_scene import scene
from resnet_lab.errors import InputError
from resnet_lab.explore_views import scale_of, ten_boxes, training_draw, window_box
from resnet_lab.imagenet_recipe import ImageNetRecipe


def coordinates(height: int, width: int) -> torch.Tensor:
    """An image whose pixels say where they are. Shapes: (2, height, width)."""
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([rows, columns])


@pytest.mark.parametrize("shape", [(256, 341), (257, 256), (301, 256), (224, 224), (225, 500)])
def test_the_ten_boxes_lie_where_torchvisions_ten_crop_cuts(shape):
    image = coordinates(*shape)
    for box, crop in zip(ten_boxes(*shape), functional.ten_crop(image, 224), strict=True):
        assert torch.equal(box.cut(image), crop), box.name
        corner = crop[:, 0, -1 if box.mirrored else 0]
        assert (box.top, box.left) == tuple(corner.tolist())


def test_the_corners_by_hand():
    corners = [(box.top, box.left) for box in ten_boxes(256, 341)]
    first = [(0, 0), (0, 117), (32, 0), (32, 117)]
    mirrored = [(0, 117), (0, 0), (32, 117), (32, 0)]
    assert corners[:4] == first and corners[5:9] == mirrored
    assert corners[4] == (16, 58) and corners[9] == (16, 59)  # 58.5 is rounded to even, mirrored


def test_a_crop_that_does_not_fit_is_said():
    with pytest.raises(InputError, match="224 crop does not fit into 200x300"):
        ten_boxes(200, 300)


@pytest.mark.parametrize("seed", range(6))
def test_a_training_draw_names_what_the_loader_cuts(seed):
    image, recipe = scene(), ImageNetRecipe()
    drawn = training_draw(image, recipe, seed)
    resized = augmentation.resize(image, drawn.short_side)
    assert resized.shape[1:] == drawn.shape
    assert torch.equal(drawn.box.cut(resized), drawn.view)
    assert drawn.coloured().shape == drawn.view.shape


def test_no_colour_leaves_the_view_as_it_is():
    drawn = training_draw(scene(), ImageNetRecipe(colour=0), 0)
    assert torch.equal(drawn.coloured(), drawn.view)


@pytest.mark.parametrize(
    "side, cells, windows",
    [  # one cell is 32 pixels, the last may be cut; a window is 7x7
        (224, (7, 10), (1, 4)),  # 298 = 9.3 x 32
        (256, (8, 11), (2, 5)),  # 341 = 10.7 x 32
        (384, (12, 16), (6, 10)),
        (480, (15, 20), (9, 14)),
        (640, (20, 27), (14, 21)),  # 853 = 26.7 x 32
    ],
)
def test_maps_and_windows_of_an_image_of_375x500(side, cells, windows):
    found = scale_of((375, 500), side)
    assert (found.map, found.windows) == (cells, windows)
    assert found.count == windows[0] * windows[1]
    assert found.image == tuple(augmentation.resize(scene(), side).shape[1:])


def test_a_tall_image_is_a_wide_one_turned():
    tall, wide = scale_of((500, 375), 384), scale_of((375, 500), 384)
    assert tall.map == wide.map[::-1] and tall.multiply_adds == wide.multiply_adds


def test_the_window_of_a_224_image_is_the_whole_image():
    assert scale_of((224, 224), 224).count == 1
    box = window_box(0, 0)
    assert (box.top, box.left, box.side) == (0, 0, 224)
    assert window_box(5, 9).top == 160


def test_the_table_ends_with_five_scales_and_ten_crops():
    *_, all_five, crops = explore_views.scales_table((375, 500)).splitlines()
    assert f"| {2 * (4 + 10 + 60 + 126 + 294)} |" in all_five
    assert crops.endswith("| 10.0 |")
