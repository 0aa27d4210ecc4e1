"""A slice can be stopped anywhere and goes on to the same bytes; what cannot be done is said."""

import json
import math

import pytest
import torch
import torch.nn.functional as F

from resnet_lab import data
from resnet_lab.errors import InputError
from resnet_lab.landscape import slices
from resnet_lab.landscape.slices import Choice, HalfWay, Progress
from resnet_lab.resnet import cifar
from resnet_lab.train import new_net

CHOICE = Choice(points=5, radius=0.5, n=40)


@pytest.fixture(scope="module")
def net():
    return new_net(cifar(8, width=4), 0).eval()


@pytest.fixture(scope="module")
def images(mini):
    return slices.sample(mini, CHOICE, size=8)


class Counter:
    """Says yes after so many points."""

    def __init__(self, points: int) -> None:
        self.left = points

    def __call__(self) -> bool:
        self.left -= 1
        return self.left < 0


def test_the_middle_of_the_grid_is_the_net_and_rows_go_along_x():
    assert Choice(points=5, radius=2).steps == [-2, -1, 0, 1, 2]
    grid = CHOICE.grid
    assert len(grid) == 25 and grid[12] == (0.0, 0.0)
    assert grid[:2] == [(-0.5, -0.5), (-0.25, -0.5)] and grid[5] == (-0.5, -0.25)
    assert Choice(dimensions=1, points=3).grid == [(-1.0,), (0.0,), (1.0,)]
    steps = Choice(points=25, radius=0.7).steps
    assert [-s for s in steps[::-1]] == steps


@pytest.mark.parametrize("stops", [[0], [1], [7, 3], [24]])
def test_a_slice_in_parts_is_the_whole_one_to_the_last_bit(net, images, tmp_path, stops):
    whole = slices.measure(net, CHOICE, images)
    half = HalfWay(tmp_path / "half.landscape", "key")
    for points in stops:
        done = half.load(threads=1)
        before = len(done.scores)
        slices.measure(net, CHOICE, images, done, half=half, stop=Counter(points))
        assert len(done.scores) == before + points
    done = slices.measure(net, CHOICE, images, half.load(threads=1), half=half)
    assert done.scores == whole.scores
    assert slices.values(CHOICE, done.scores) == slices.values(CHOICE, whole.scores)
    assert half.load(threads=1) == done


def test_ctrl_c_keeps_what_is_done(net, images, tmp_path):
    half = HalfWay(tmp_path / "half.landscape", "key")

    def tell(done: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        slices.measure(net, CHOICE, images, half=half, tell=tell)
    assert len(half.load(threads=1).scores) == 4


def test_seconds_and_threads_are_those_of_all_sessions(net, images, tmp_path):
    half = HalfWay(tmp_path / "half.landscape", "key")
    done = Progress(scores=[], seconds=100.0, threads=3)
    slices.measure(net, CHOICE, images, done, half=half, stop=Counter(2))
    again = half.load(threads=1)
    assert again.threads == 3 and 100 < again.seconds < 160


@pytest.mark.parametrize(
    "change, said",
    [
        (lambda text: text[:-9], "cut short or damaged"),
        (lambda text: text.replace("1.5", "1.6"), "cut short or damaged"),
        (lambda text: "[]", "cut short or damaged"),
        (lambda text: text.replace(slices.MAGIC, "another"), "cut short or damaged"),
    ],
)
def test_a_damaged_file_is_refused_with_what_to_do(tmp_path, change, said):
    half = HalfWay(tmp_path / "half.landscape", "key")
    half.save(Progress(scores=[(1.5, 90.0)], threads=1))
    half.path.write_text(change(half.path.read_text()))
    with pytest.raises(InputError, match=said) as caught:
        half.load(threads=1)
    assert "delete it" in str(caught.value) and str(half.path) in str(caught.value)


def test_the_file_of_another_slice_is_refused(tmp_path):
    HalfWay(tmp_path / "half.landscape", "one").save(Progress(scores=[(1.5, 90.0)]))
    with pytest.raises(InputError, match="another slice"):
        HalfWay(tmp_path / "half.landscape", "two").load(threads=1)


def test_values_are_plain_numbers_of_six_digits_and_huge_ones_do_not_break_json():
    choice = Choice(dimensions=1, points=3, radius=1)
    scores = [(1.23456789, 12.5), (math.inf, 90.0), (123456789.0, 100 / 3)]
    found = slices.values(choice, scores)
    assert found["loss"] == [1.23457, None, 123457000.0]
    assert found["error"] == [12.5, 90.0, 33.3333] and found["steps"] == [-1.0, 0.0, 1.0]
    json.dumps(found, allow_nan=False)
    with pytest.raises(InputError, match="2 of 3 points"):
        slices.values(choice, scores[:2])


def test_the_images_are_the_same_in_whatever_order_they_are_stored(mini):
    turned = data.Dataset(
        **vars(mini)
        | {
            "train_images": mini.train_images.flip(0),
            "train_labels": mini.train_labels.flip(0),
            "test_images": mini.test_images.flip(0),
            "test_labels": mini.test_labels.flip(0),
        }
    )
    for split in ("train", "test"):
        choice = Choice(n=30, split=split)
        one, other = (slices.sample(d, choice, size=8) for d in (mini, turned))
        assert torch.equal(one.images, other.images) and torch.equal(one.labels, other.labels)
        assert one.images.shape == (30, 3, 8, 8)


def test_the_mean_is_that_of_all_training_images_or_the_one_that_is_given(mini):
    small = F.avg_pool2d(mini.train_images.float(), 4)  # a slow reference, but for the rounding
    found = slices.sample(mini, Choice(n=200), size=8).images
    assert found.mean(0).abs().max() < 1e-6
    given = slices.sample(mini, Choice(n=200), size=8, mean=torch.full((3, 1, 1), 0.5)).images
    assert torch.allclose(given.mean((0, 2, 3)), small.mean((0, 2, 3)) / 255 - 0.5, atol=2 / 255)


@pytest.mark.parametrize(
    "wrong, said",
    [
        ({"points": 24}, "odd"),
        ({"points": 1}, "at least 3"),
        ({"radius": 0}, "above 0"),
        ({"radius": math.nan}, "above 0"),
        ({"dimensions": 3}, "1 or 2"),
        ({"bn": "batch"}, "running or recomputed"),
        ({"split": "valid"}, "train or test"),
        ({"n": 1}, "at least 2 images"),
    ],
)
def test_what_cannot_be_measured_is_said(wrong, said):
    with pytest.raises(InputError, match=said):
        Choice(**wrong)


def test_more_images_than_there_are(mini):
    with pytest.raises(InputError, match="has 200"):
        slices.sample(mini, Choice(n=201), size=8)
