"""What a target is, and what of it is trained on."""

import pytest
import torch

from resnet_lab.detection.targets import detections, for_training, keep, target


def three():
    return target(
        [(0, 0, 10, 20), (5, 5, 5, 9), (1, 1, 4, 4)],
        [1, 2, 3],
        difficult=[False, False, True],
        image_id="a",
        size=(30, 40),
    )


def test_the_area_is_that_of_the_box_unless_given():
    assert three().area.tolist() == [200, 0, 9]
    given = target([(0, 0, 2, 2)], [1], area=[3.5], image_id="a", size=(4, 4))
    assert given.area.tolist() == [3.5]


def test_an_image_without_objects_is_legal():
    empty = target([], [], image_id="a", size=(4, 4))
    assert empty.boxes.shape == (0, 4) and len(empty) == 0
    assert (empty.difficult.dtype, empty.labels.dtype) == (torch.bool, torch.int64)
    assert len(for_training(empty)) == 0
    assert detections([], [], []).boxes.shape == (0, 4)


def test_training_leaves_out_flat_boxes_crowds_and_unless_asked_difficult_ones():
    assert for_training(three()).labels.tolist() == [1]
    assert for_training(three(), difficult=True).labels.tolist() == [1, 3]
    crowd = target([(0, 0, 2, 2)], [1], crowd=[True], image_id="a", size=(4, 4))
    assert len(for_training(crowd)) == 0


def test_keep_selects_every_field():
    kept = keep(three(), torch.tensor([False, False, True]))
    assert kept.boxes.tolist() == [[1, 1, 4, 4]]
    assert (kept.labels.tolist(), kept.difficult.tolist(), kept.area.tolist()) == ([3], [True], [9])
    assert kept.image_id == "a" and kept.size == (30, 40)


def test_values_cannot_be_changed():
    with pytest.raises(AttributeError):
        three().image_id = "b"
