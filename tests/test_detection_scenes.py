"""The drawn scenes: the same bytes everywhere, and boxes that hold what they say."""

import hashlib

import numpy as np
import pytest
import torch

from resnet_lab.detection import scene_drawing, scenes, shapes
from resnet_lab.errors import InputError

# Version 1. If one changes, every record on drawn scenes is of other data: raise VERSION.
PINNED = {
    ("train", 20, 96): "c51f61442e1dbcd8d9f8bafc8214f39bf8d34ea5b168997d1f581149abd5f160",
    ("test", 20, 96): "de5e52bbd19d33bd246209fea2a37ec3d8c61226aacd930b8ac9108ab94e00c1",
    ("train", 4, 480): "9525f8acb0378a5925415061d1b0065ad459e63b8a1ee055b8f6a0b463d79206",
}
PINNED_CROPS = "1567a400a8c670378c0cedae849885b65ed216d70c575281b526aa7ab152153b"


@pytest.fixture(scope="module")
def many() -> scenes.Scenes:
    return scenes.load("test", 200)


@pytest.mark.parametrize("what", PINNED, ids=str)
def test_the_bytes_are_the_same_on_every_machine(what):
    split, n, side = what
    assert scenes.VERSION == "1"
    assert scenes.load(split, n, side=side).content_hash == PINNED[what]


def test_the_bytes_of_the_crops_are_the_same_on_every_machine():
    images, labels = scenes.crops(16)
    assert images.shape == (16, 3, 32, 32) and labels.tolist() == [*range(8)] * 2
    assert hashlib.sha256(images.numpy()).hexdigest() == PINNED_CROPS


def test_a_shorter_set_is_the_head_of_a_longer_one():
    one, two = scenes.load("train", 3), scenes.load("train", 5)
    assert all(torch.equal(one[i][0], two[i][0]) for i in range(3))
    assert [found.image_id for found in two.targets()] == [f"{i:06d}" for i in range(5)]
    with pytest.raises(IndexError):
        one[3]


def test_splits_and_seeds_differ():
    drawn = [
        scenes.load("train", 1),
        scenes.load("val", 1),
        scenes.load("test", 1),
        scenes.load("train", 1, seed=1),
    ]
    assert len({one.content_hash for one in drawn}) == 4


def test_every_box_lies_inside_and_is_tight(many):
    for image, found in many:
        assert image.shape == (3, 96, 96) and image.dtype == torch.uint8
        assert len(found) >= 1
        x0, y0, x1, y1 = found.boxes.T
        assert (x0 >= 0).all() and (y0 >= 0).all() and (x1 <= 96).all() and (y1 <= 96).all()
        assert (x1 > x0).all() and (y1 > y0).all()
        assert found.labels.min() >= 1 and found.labels.max() <= 8


def test_there_are_many_sizes_all_classes_and_a_few_difficult_ones(many):
    targets = many.targets()
    sides = torch.cat([(t.boxes[:, 2:] - t.boxes[:, :2]).max(1).values for t in targets])
    assert sides.min() < 12 and 18 < sides.median() < 32 and sides.max() > 64
    counts = torch.bincount(torch.cat([t.labels for t in targets]), minlength=9)[1:]
    assert counts.min() > 0.6 * counts.float().mean()
    difficult = torch.cat([t.difficult for t in targets]).float().mean()
    assert 0.01 < difficult < 0.1
    touching = torch.cat([((t.boxes == 0) | (t.boxes == 96)).any(1) for t in targets])
    assert 0.1 < touching.float().mean() < 0.5  # truncated


@pytest.mark.parametrize("prior, low, high", [(1, 0.4, 0.6), (5, 0.76, 0.9), (50, 0.95, 1)])
def test_the_prior_says_how_often_a_scene_has_its_own_shapes(prior, low, high):
    own = []
    for i in range(80):
        where = scene_drawing.Dice(9, i).roll(0, 1)
        _, objects = scene_drawing.scene(96, prior, 9, i)
        own += [one.label // 4 == where for one in objects]
    assert low < np.mean(own) <= high


def test_an_object_on_top_hides_and_a_hidden_one_is_difficult():
    canvas = scene_drawing.Canvas(96, 256, scene_drawing.Dice(0, 0))
    square = shapes.CLASSES.index("square")
    canvas.paint(square, 768, 768, 256, 0, 256, 0)
    alone = scene_drawing.seen(canvas, 0, (square, 768, 768, 256))
    # the disc with a radius of 16 pixels has the area of a square of side 28.36
    assert alone.box == (34, 34, 62, 62) and not alone.difficult
    canvas.paint(square, 768 + 160, 768, 256, 0, 256, 1)  # ten pixels to the right
    half = scene_drawing.seen(canvas, 0, (square, 768, 768, 256))
    assert half.box == (34, 34, 44, 62) and half.difficult
    canvas.paint(square, 768, 768, 400, 0, 256, 2)
    assert scene_drawing.seen(canvas, 0, (square, 768, 768, 256)) is None


def test_all_classes_cover_one_area():
    areas = shapes.covers()[: len(shapes.CLASSES)].sum((1, 2))
    assert areas / (np.pi * shapes.RADIUS**2) == pytest.approx(1, abs=0.01)


def test_no_shape_reaches_the_border_of_its_table():
    covers = shapes.covers()
    assert not covers[:, [0, -1]].any() and not covers[:, :, [0, -1]].any()


@pytest.mark.parametrize(
    "call",
    [
        lambda: scenes.load("trainval"),
        lambda: scenes.load("train", 0),
        lambda: scenes.load("train", 1, side=32),
        lambda: scenes.load("train", 1, prior=0),
        lambda: scenes.load("train", 1, seed=-1),
        lambda: scenes.crops(0),
    ],
)
def test_what_cannot_be_drawn_is_one_sentence(call):
    with pytest.raises(InputError):
        call()
