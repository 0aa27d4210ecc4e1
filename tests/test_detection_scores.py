"""Detections over a data set, and their metrics: perfect ones score 100."""

import pytest
import torch

from resnet_lab.detection import scenes, scores
from resnet_lab.detection.config import toy, toy_inference
from resnet_lab.detection.faster_rcnn import FasterRCNN
from resnet_lab.detection.targets import Detections
from resnet_lab.distributed import World
from resnet_lab.errors import InputError


@pytest.fixture(scope="module")
def data():
    return scenes.load("test", 6)


def perfect(target):
    return Detections(
        boxes=target.boxes, scores=torch.ones(len(target.boxes)), labels=target.labels
    )


def test_perfect_detections_score_100(data):
    found = scores.score([perfect(one) for one in data.targets()], data.targets(), data.classes)
    assert found.images == 6 and found.objects > 0
    assert found.voc == found.voc07 == pytest.approx(100)
    assert found.coco == found.coco50 == found.coco75 == pytest.approx(100)


def test_nothing_to_find_is_none_and_no_images_are_a_sentence(data):
    empty = Detections(
        boxes=torch.zeros(0, 4), scores=torch.zeros(0), labels=torch.zeros(0, dtype=torch.int64)
    )
    from resnet_lab.detection.targets import target

    none = target([], [], image_id="a", size=(96, 96))
    found = scores.score([empty], [none], data.classes)
    assert found.voc is found.coco is None and found.objects == 0
    with pytest.raises(InputError, match="no images to test on"):
        scores.score([], [], data.classes)


def test_images_come_in_their_order_and_processes_would_share_them(data):
    torch.manual_seed(0)
    net, said = FasterRCNN(toy((1, 1, 1, 1))), []
    testing = toy_inference(score=0.0, kept=5)
    found, targets = scores.detect_all([net], data, testing, report=said.append)
    assert [one.image_id for one in targets] == [one.image_id for one in data.targets()]
    assert said == [1, 2, 3, 4, 5, 6] and all(len(one) == 5 for one in found)
    assert World().size == 1
