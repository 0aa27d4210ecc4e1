"""Scaling, mirroring and padding move boxes with their pixels."""

import pytest
import torch

from resnet_lab.detection import scenes
from resnet_lab.detection.resizing import flipped, new_size, padded, resized, restored
from resnet_lab.detection.targets import detections, target


@pytest.mark.parametrize(
    "size, expected",
    [
        ((375, 500), (600, 800)),  # most of VOC
        ((500, 375), (800, 600)),
        ((333, 500), (600, 901)),
        ((200, 500), (400, 1000)),  # the longer side is the limit
        ((1, 5000), (1, 1000)),
    ],
)
def test_the_shorter_side_is_600_and_the_longer_at_most_1000(size, expected):
    assert new_size(size) == expected


def test_boxes_follow_the_pixels():
    image = torch.zeros(3, 30, 40, dtype=torch.uint8)
    image[:, 5:10, 8:20] = 255
    its = target([(8, 5, 20, 10)], [1], image_id="1", size=(30, 40))
    larger, new = resized(image, its, short=60)
    assert larger.shape == (3, 60, 80) and new.size == (60, 80)
    assert new.boxes.tolist() == [[16, 10, 40, 20]]
    rows, columns = (larger[0] > 127).any(1).nonzero(), (larger[0] > 127).any(0).nonzero()
    assert (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) == (16, 10, 40, 20)
    assert new.area.tolist() == [60]  # of the image as stored


def test_restored_undoes_resized():
    image, its = scenes.load("test", 1)[0]
    _, new = resized(image, its, short=64)
    found = detections(new.boxes, torch.ones(len(new)), new.labels)
    assert restored(found, new.size, its.size).boxes == pytest.approx(its.boxes, abs=1e-4)


def test_boxes_are_clipped_to_the_image():
    its = target([(-1, 0, 41, 30)], [1], image_id="1", size=(30, 40))
    _, new = resized(torch.zeros(3, 30, 40, dtype=torch.uint8), its, short=30)
    assert new.boxes.tolist() == [[0, 0, 40, 30]]


def test_a_mirrored_box_holds_the_mirrored_pixels():
    image = torch.zeros(3, 4, 10)
    image[:, 1:3, 0:4] = 1
    its = target([(0, 1, 4, 3)], [1], image_id="1", size=(4, 10))
    mirror, new = flipped(image, its)
    assert new.boxes.tolist() == [[6, 1, 10, 3]]
    assert mirror[:, 1:3, 6:10].all() and mirror.sum() == image.sum()
    back, again = flipped(mirror, new)
    assert torch.equal(back, image) and torch.equal(again.boxes, its.boxes)


def test_an_image_without_objects_passes():
    its = target([], [], image_id="1", size=(30, 40))
    image, new = flipped(*resized(torch.zeros(3, 30, 40, dtype=torch.uint8), its, short=15))
    assert image.shape == (3, 15, 20) and new.boxes.shape == (0, 4)


def test_padding_is_a_multiple_of_the_stride_on_the_right_and_below():
    batch = padded([torch.ones(3, 600, 901), torch.ones(3, 500, 600)], 16)
    assert batch.shape == (2, 3, 608, 912)
    assert batch[0, :, :600, :901].all() and not batch[0, :, 600:].any()
    assert batch[1].sum() == 3 * 500 * 600
