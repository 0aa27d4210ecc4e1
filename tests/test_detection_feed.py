"""The order of images: every image once a pass, mirrored with its boxes, the same however read."""

from itertools import islice

import pytest
import torch

from resnet_lab.detection import scenes
from resnet_lab.detection.feed import example, feed, generator
from resnet_lab.detection.recipe import DetectionRecipe
from resnet_lab.distributed import World
from resnet_lab.errors import InputError

RECIPE = DetectionRecipe(batch=4, steps=5, drops=())


@pytest.fixture(scope="module")
def data():
    return scenes.load("train", 7)


def ids(part):
    return [one.image_id for one in part.targets]


def test_a_pass_holds_every_image_once_in_an_order_of_its_own(data):
    turns = [
        [example(data, turn * 7 + i, RECIPE)[1].image_id for i in range(7)] for turn in range(3)
    ]
    assert all(sorted(turn) == sorted(one.image_id for one in data.targets()) for turn in turns)
    assert turns[0] != turns[1] != turns[2]


def test_half_are_mirrored_with_their_boxes(data):
    mirrored = 0
    for position in range(70):
        image, found = example(data, position, RECIPE)
        stored, truth = data[int(found.image_id)]
        if torch.equal(image, stored):
            assert torch.equal(found.boxes, truth.boxes)
        else:
            mirrored += 1
            assert torch.equal(image.flip(2), stored)
            assert torch.equal(found.boxes[:, 0], 96 - truth.boxes[:, 2])
            assert torch.equal(found.boxes[:, 1::2], truth.boxes[:, 1::2])
    assert 20 < mirrored < 50
    plain = DetectionRecipe(batch=4, steps=5, drops=(), flip=False)
    assert all(
        torch.equal(image, data[int(found.image_id)][0])
        for image, found in (example(data, i, plain) for i in range(14))
    )


def test_two_processes_share_what_one_sees(data):
    whole = feed(data, RECIPE, 0, here=World(), per_device=4)
    halves = [feed(data, RECIPE, 0, here=World(rank=r, size=2), per_device=1) for r in (0, 1)]
    for part in islice(whole, 3):
        found = [next(halves[i % 2]) for i in range(4)]
        assert ids(part) == sum(map(ids, found), [])
        assert [one.positions[0] for one in found] == list(part.positions)


def test_begun_later_it_goes_on_and_threads_change_nothing(data):
    plain = list(islice(feed(data, RECIPE, 0, here=World(), per_device=2), 10))
    later = list(islice(feed(data, RECIPE, 2, here=World(), per_device=2), 6))
    read = list(islice(feed(data, RECIPE, 0, here=World(), per_device=2, workers=3), 10))
    assert [ids(one) for one in plain[4:]] == [ids(one) for one in later]
    assert [ids(one) for one in plain] == [ids(one) for one in read]
    same = zip(plain, read, strict=True)
    assert all(torch.equal(a, b) for x, y in same for a, b in zip(x.images, y.images, strict=True))


def test_no_images_is_a_sentence_and_a_broken_one_too(data):
    class Nothing:
        name, classes = "nothing", ()

        def __len__(self):
            return 0

    class Broken(Nothing):
        def __len__(self):
            return 4

        def __getitem__(self, i):
            raise InputError("image 3 cannot be read")

    with pytest.raises(InputError, match="no images to train on in nothing"):
        next(feed(Nothing(), RECIPE, 0, here=World(), per_device=4))
    for workers in (0, 2):
        with pytest.raises(InputError, match="image 3 cannot be read"):
            next(feed(Broken(), RECIPE, 0, here=World(), per_device=4, workers=workers))


def test_streams_are_named_by_their_numbers():
    one, same, other = (torch.rand(4, generator=generator(*n)) for n in ((0, 1), (0, 1), (1, 0)))
    assert torch.equal(one, same) and not torch.equal(one, other)
