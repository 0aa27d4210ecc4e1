"""COCO's metric against pycocotools, on random and on awkward cases."""

import contextlib
import io
import math

import numpy as np
import pytest
import torch

from resnet_lab.detection import columns
from resnet_lab.detection.coco_evaluation import coco_map, evaluate
from resnet_lab.detection.targets import detections, target
from resnet_lab.detection.voc_evaluation import voc_map
from resnet_lab.errors import InputError

CLASSES = ("a", "b", "c")


def reference(truth: columns.Truth, found: columns.Found, images: int, classes=CLASSES):
    """pycocotools' precision and recall arrays and its twelve numbers."""
    coco = pytest.importorskip("pycocotools.coco")
    cocoeval = pytest.importorskip("pycocotools.cocoeval")
    with contextlib.redirect_stdout(io.StringIO()):
        whole = coco.COCO()
        whole.dataset = {
            "images": [{"id": i + 1} for i in range(images)],
            "categories": [{"id": k + 1, "name": name} for k, name in enumerate(classes)],
            "annotations": [
                {
                    "id": j + 1,
                    "image_id": int(truth.image[j]) + 1,
                    "category_id": int(truth.label[j]),
                    "bbox": truth.boxes[j].tolist(),
                    "area": float(truth.area[j]),
                    "iscrowd": int(truth.crowd[j]),
                }
                for j in range(len(truth.image))
            ],
        }
        whole.createIndex()
        rows = [
            {
                "image_id": int(found.image[j]) + 1,
                "category_id": int(found.label[j]),
                "bbox": found.boxes[j].tolist(),
                "score": float(found.scores[j]),
            }
            for j in range(len(found.image))
        ]
        results = whole.loadRes(rows) if rows else coco.COCO()
        scorer = cocoeval.COCOeval(whole, results, "bbox")
        scorer.evaluate()
        scorer.accumulate()
        scorer.summarize()
    return scorer.eval["precision"], scorer.eval["recall"], scorer.stats


def random_case(seed: int, *, images: int = 12, step: float = 1.0, scores: int = 10**6, dense=8):
    """Objects and detections near them, on a grid of `step`, with `scores` different scores."""
    random = np.random.default_rng(seed)
    k = images * dense
    boxes = np.concatenate([random.integers(0, 100, (k, 2)), random.integers(0, 140, (k, 2))], 1)
    boxes = boxes * step
    flat = random.random(k) < 0.05
    boxes[flat, 2] = 0
    crowd = random.random(k) < 0.1
    truth = columns.Truth(
        image=random.integers(0, images, k),
        label=random.integers(1, 3 if seed % 3 else 4, k),  # sometimes "c" has no object
        boxes=boxes,
        ignored=crowd,
        crowd=crowd,
        area=boxes[:, 2] * boxes[:, 3] * random.choice([0.5, 1.0], k),
    )
    near = random.integers(0, k, 3 * k)
    moved = boxes[near] + step * random.integers(-9, 10, (3 * k, 4)) * (
        random.random((3 * k, 1)) < 0.7
    )
    moved[:, 2:] = moved[:, 2:].clip(min=0)
    found = columns.Found(
        image=np.where(
            random.random(3 * k) < 0.9, truth.image[near], random.integers(0, images, 3 * k)
        ),
        label=np.where(random.random(3 * k) < 0.8, truth.label[near], random.integers(1, 4, 3 * k)),
        boxes=moved,
        scores=random.integers(0, scores, 3 * k) / scores,
    )
    return truth, found, images


def same(truth, found, images, classes=CLASSES) -> None:
    ours = evaluate(truth, found, classes)
    precision, recall, stats = reference(truth, found, images, classes)
    assert np.abs(ours.precision - precision).max() < 1e-9
    assert np.abs(ours.recall - recall).max() < 1e-9
    numbers = np.array(list(ours.summary().values()))
    assert np.abs(np.nan_to_num(numbers / 100, nan=-1) - stats).max() < 1e-9


@pytest.mark.parametrize("seed", range(6))
def test_random_cases_agree_with_pycocotools(seed):
    same(*random_case(seed))


@pytest.mark.parametrize("seed", range(6))
def test_ties_of_score_and_overlap_agree_with_pycocotools(seed):
    same(*random_case(seed, step=10.0, scores=3))


@pytest.mark.parametrize("step", [0.1, 1 / 3, 7.77])
def test_boxes_between_pixels_agree_with_pycocotools(step):
    same(*random_case(7, step=step))


def test_more_than_a_hundred_detections_in_an_image_agree_with_pycocotools():
    same(*random_case(8, images=2, dense=90, scores=40))


def test_images_and_classes_with_nothing_in_them_agree_with_pycocotools():
    truth, found, _ = random_case(9)
    same(truth, found, 30)  # eighteen images are empty
    none = np.zeros(0, int)
    nothing = columns.Found(image=none, label=none, boxes=np.zeros((0, 4)), scores=np.zeros(0))
    assert evaluate(truth, nothing, CLASSES).mean_ap == 0
    without = columns.Truth(
        image=none,
        label=none,
        boxes=np.zeros((0, 4)),
        ignored=none.astype(bool),
        crowd=none.astype(bool),
        area=np.zeros(0),
    )
    assert math.isnan(evaluate(without, found, CLASSES).mean_ap)


def two(boxes, scores, *, area=None, crowd=None):
    its = target([(0, 0, 40, 40)], [1], image_id="1", size=(99, 99), area=area, crowd=crowd)
    return coco_map([detections(boxes, scores, [1] * len(boxes))], [its], ("a",))


def test_an_exact_detection_is_100_and_a_duplicate_costs_nothing_behind_it():
    assert two([(0, 0, 40, 40)], [0.9]).mean_ap == pytest.approx(100)
    assert two([(0, 0, 40, 40), (0, 0, 40, 40)], [0.9, 0.8]).mean_ap == pytest.approx(100)
    # the worse box first: at overlaps up to .8 it takes the object, beyond it is a mistake
    result = two([(0, 0, 40, 32), (0, 0, 40, 40)], [0.9, 0.8])  # overlap .8
    assert result.ap(0.5) == pytest.approx(100) and result.ap(0.9) == pytest.approx(50)
    assert result.mean_ap == pytest.approx((7 * 100 + 3 * 50) / 10)


def test_the_size_is_that_of_the_segment():
    result = two([(0, 0, 40, 40)], [0.9], area=[500])
    assert result.ap(size="small") == pytest.approx(100)
    assert math.isnan(result.ap(size="medium"))


def test_what_lies_in_a_crowd_is_neither_right_nor_wrong():
    boxes = [(0, 0, 40, 40), (60, 60, 70, 70), (62, 62, 72, 72)]
    its = target(
        [(0, 0, 40, 40), (50, 50, 90, 90)],
        [1, 1],
        crowd=[False, True],
        image_id="1",
        size=(99, 99),
    )
    found = detections(boxes, [0.5, 0.9, 0.8], [1, 1, 1])
    assert coco_map([found], [its], ("a",)).mean_ap == pytest.approx(100)
    # VOC asks for an overlap with the whole, which two small boxes do not reach
    assert voc_map([found], [its], ("a",)).mean_ap == pytest.approx(100 / 3)


def test_tensors_agree_with_pycocotools_too():
    random = torch.Generator().manual_seed(0)
    targets, given = [], []
    for i in range(8):
        corner = 50 * torch.rand(5, 2, generator=random)
        boxes = torch.cat([corner, corner + 5 + 40 * torch.rand(5, 2, generator=random)], 1)
        labels = torch.randint(1, 4, (5,), generator=random)
        targets.append(target(boxes, labels, image_id=str(i), size=(100, 100)))
        moved = boxes + 4 * torch.randn(5, 4, generator=random)
        given.append(detections(moved, torch.rand(5, generator=random), labels))
    truth = columns.truth(targets, columns.to_coco)
    found = columns.found(given, targets, columns.to_coco)
    stats = reference(truth, found, 8)[2]
    ours = np.array(list(coco_map(given, targets, CLASSES).summary().values()))
    assert np.abs(np.nan_to_num(ours / 100, nan=-1) - stats).max() < 1e-9


def test_a_score_that_is_no_number_is_one_sentence():
    its = target([(0, 0, 4, 4)], [1], image_id="street", size=(9, 9))
    with pytest.raises(InputError, match="street"):
        coco_map([detections([(0, 0, 4, 4)], [math.nan], [1])], [its], ("a",))
    with pytest.raises(InputError, match="0 images"):
        coco_map([], [its], ("a",))
