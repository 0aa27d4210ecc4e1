"""VOC's metric against a slow reading of its rule, and against hand arithmetic."""

import math

import numpy as np
import pytest

from resnet_lab.detection import columns, evaluation
from resnet_lab.detection.targets import detections, target
from resnet_lab.detection.voc_evaluation import evaluate
from resnet_lab.errors import InputError

CLASSES = ("a", "b", "c")


def slow_ap(truth, found, label: int, iou: float, eleven_points: bool, strict: bool) -> float:
    """The rule of the VOC devkit, one detection and one object at a time; 0 to 1."""
    todo = [j for j in range(len(found.label)) if found.label[j] == label]
    todo.sort(key=lambda j: -found.scores[j])  # stable
    objects = [j for j in range(len(truth.label)) if truth.label[j] == label]
    wanted = sum(not truth.ignored[j] for j in objects)
    if not wanted:
        return math.nan
    taken, right, wrong, points = set(), 0, 0, []
    for j in todo:
        best, best_overlap = None, -math.inf
        a = found.boxes[j]
        for g in objects:
            b = truth.boxes[g]
            if truth.image[g] != found.image[j]:
                continue
            w = min(a[2], b[2]) - max(a[0], b[0]) + 1
            h = min(a[3], b[3]) - max(a[1], b[1]) + 1
            if w <= 0 or h <= 0:
                continue
            both = (a[2] - a[0] + 1) * (a[3] - a[1] + 1) + (b[2] - b[0] + 1) * (b[3] - b[1] + 1)
            overlap = w * h / (both - w * h)
            if overlap > best_overlap:
                best, best_overlap = g, overlap
        if best is not None and (best_overlap > iou or (best_overlap == iou and not strict)):
            if truth.ignored[best]:
                continue
            if best in taken:
                wrong += 1
            else:
                taken.add(best)
                right += 1
        else:
            wrong += 1
        points.append((right / wanted, right / (right + wrong)))
    if eleven_points:
        levels = np.arange(0.0, 1.1, 0.1)
        return sum(max([p for r, p in points if r >= t], default=0) for t in levels) / 11
    area, before = 0.0, 0.0
    for i, (r, _) in enumerate(points):
        if r > before:
            area += (r - before) * max(p for _, p in points[i:])
            before = r
    return area


def random_case(seed: int, *, images=8, step=1.0, scores=10**6):
    random = np.random.default_rng(seed)
    k = images * 5
    corner = random.integers(0, 60, (k, 2))
    # sides down to -1: in inclusive corners a box of no area has x1 = x0 - 1
    boxes = np.concatenate([corner, corner + random.integers(-1, 40, (k, 2))], 1) * step
    truth = columns.Truth(
        image=random.integers(0, images, k),
        label=random.integers(1, 3 if seed % 2 else 4, k),  # sometimes "c" has no object
        boxes=boxes,
        ignored=random.random(k) < 0.2,
        crowd=np.zeros(k, bool),
        area=np.zeros(k),
    )
    near = random.integers(0, k, 4 * k)
    move = step * random.integers(-6, 7, (4 * k, 4)) * (random.random((4 * k, 1)) < 0.6)
    found = columns.Found(
        image=np.where(
            random.random(4 * k) < 0.9, truth.image[near], random.integers(0, images, 4 * k)
        ),
        label=random.integers(1, 4, 4 * k),
        boxes=boxes[near] + move,
        scores=random.integers(0, scores, 4 * k) / scores,
    )
    return truth, found


@pytest.mark.parametrize("eleven_points", [False, True])
@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_random_cases_agree_with_the_rule(seed, strict, eleven_points):
    step, scores = ((1.0, 10**6), (10.0, 3), (0.1, 7))[seed % 3]
    truth, found = random_case(seed, step=step, scores=scores)
    for iou in (0.3, 0.5, 0.75):
        options = dict(iou=iou, eleven_points=eleven_points, strict=strict)
        for k, curve in enumerate(evaluate(truth, found, CLASSES, **options).curves):
            slow = slow_ap(truth, found, k + 1, iou, eleven_points, strict)
            assert curve.ap / 100 == pytest.approx(slow, abs=1e-12, nan_ok=True)


def one_image(objects, boxes, scores, *, difficult=None, **options):
    its = target(objects, [1] * len(objects), difficult=difficult, image_id="1", size=(99, 99))
    return evaluation.voc_map(
        [detections(boxes, scores, [1] * len(boxes))], [its], ("a",), **options
    )


def test_a_second_detection_of_one_object_is_wrong():
    boxes = [(0, 0, 10, 10), (0, 0, 10, 10), (50, 50, 60, 60)]
    objects = [(0, 0, 10, 10), (50, 50, 60, 60)]
    result = one_image(objects, boxes, [0.9, 0.8, 0.7])
    curve = result.curves[0]
    assert curve.recall.tolist() == [0.5, 0.5, 1]
    assert curve.precision.tolist() == [1, 0.5, pytest.approx(2 / 3)]
    assert result.mean_ap == pytest.approx(100 * (0.5 * 1 + 0.5 * 2 / 3))
    # 11 points: recalls 0 ... .5 see 1, .6 ... 1 see 2/3
    eleven = one_image(objects, boxes, [0.9, 0.8, 0.7], eleven_points=True)
    assert eleven.mean_ap == pytest.approx(100 * (6 * 1 + 5 * 2 / 3) / 11)


def test_a_difficult_object_is_neither_wanted_nor_forbidden():
    objects = [(0, 0, 10, 10), (50, 50, 60, 60)]
    boxes = [(50, 50, 60, 60), (50, 50, 60, 60), (0, 0, 10, 10)]
    result = one_image(objects, boxes, [0.9, 0.8, 0.7], difficult=[False, True])
    assert result.curves[0].objects == 1
    assert result.curves[0].scores.tolist() == [pytest.approx(0.7)]
    assert result.mean_ap == 100


def test_the_best_object_counts_even_if_it_is_taken():
    """COCO gives the second detection the object next to it; VOC calls it a duplicate."""
    objects = [(0, 0, 10, 10), (0, 0, 10, 14)]
    boxes = [(0, 0, 10, 10), (0, 0, 10, 11)]  # the second overlaps .909 and .786
    assert one_image(objects, boxes, [0.9, 0.8]).mean_ap == 50
    its = target(objects, [1, 1], image_id="1", size=(99, 99))
    coco = evaluation.coco_map([detections(boxes, [0.9, 0.8], [1, 1])], [its], ("a",))
    assert coco.ap(0.5) == pytest.approx(100)


def test_an_overlap_of_exactly_one_half_counts_unless_strict():
    case = [(0, 0, 10, 10)], [(0, 0, 10, 5)], [0.9]
    assert one_image(*case).mean_ap == 100
    assert one_image(*case, strict=True).mean_ap == 0


def test_a_box_includes_its_last_pixel():
    """Pixels 1 to 10 and 1 to 5 of VOC share exactly half: widths are 10 and 5, not 9 and 4."""
    halves = columns.to_voc(np.array([[0.0, 0, 10, 10], [0, 0, 10, 5]]))
    assert halves.tolist() == [[1, 1, 10, 10], [1, 1, 10, 5]]


def test_classes_without_objects_are_left_out_of_the_mean():
    its = target([(0, 0, 9, 9)], [1], image_id="1", size=(9, 9))
    found = detections([(0, 0, 9, 9), (0, 0, 9, 9)], [0.9, 0.9], [1, 2])
    result = evaluation.voc_map([found], [its], CLASSES)
    assert result.mean_ap == 100 and math.isnan(result.curves[1].ap)
    assert math.isnan(evaluation.voc_map([], [], CLASSES).mean_ap)


def test_empty_images_and_no_detections_are_legal():
    empty = target([], [], image_id="1", size=(9, 9))
    its = target([(0, 0, 9, 9)], [1], image_id="2", size=(9, 9))
    nothing = detections([], [], [])
    assert evaluation.voc_map([nothing, nothing], [empty, its], ("a",)).mean_ap == 0
    wrong = detections([(0, 0, 9, 9)], [0.9], [1])
    right = detections([(0, 0, 9, 9)], [0.8], [1])
    assert evaluation.voc_map([wrong, right], [empty, its], ("a",)).mean_ap == 50


def test_a_box_that_is_no_number_is_one_sentence():
    its = target([(0, 0, 9, 9)], [1], image_id="street", size=(9, 9))
    with pytest.raises(InputError, match="street"):
        evaluation.voc_map([detections([(0, 0, math.inf, 9)], [0.9], [1])], [its], ("a",))
