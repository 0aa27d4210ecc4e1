"""Localisation error against hand arithmetic and a slow reference."""

import random

import pytest
import torch

from resnet_lab.detection.targets import target
from resnet_lab.errors import InputError
from resnet_lab.localisation import scoring
from resnet_lab.localisation.scoring import Guesses


def one(labels, boxes):
    return Guesses(labels=torch.tensor(labels), boxes=torch.tensor(boxes, dtype=torch.float32))


def truth(boxes, label=1):
    return target(boxes, [label] * len(boxes), image_id="a", size=(100, 100))


def test_an_overlap_of_exactly_one_half_is_found():
    """10 x 10 against its upper half: 50 / 100. One hundredth less is not."""
    whole = truth([[0, 0, 10, 10]])
    assert scoring.fits(one([1], [[0, 0, 10, 5]]), whole).tolist() == [True]
    assert scoring.fits(one([1], [[0, 0, 10, 4.99]]), whole).tolist() == [False]
    # moved by a third: 20 / 3 over 40 / 3
    assert scoring.fits(one([1], [[3.33, 0, 13.33, 10]]), whole).tolist() == [True]
    assert scoring.fits(one([1], [[3.34, 0, 13.34, 10]]), whole).tolist() == [False]


def test_the_best_of_the_images_boxes_counts_and_the_class_must_fit():
    several = truth([[0, 0, 10, 10], [50, 50, 90, 90]], label=3)
    guesses = one([3, 3, 2], [[51, 50, 90, 90], [20, 20, 40, 40], [0, 0, 10, 10]])
    assert scoring.fits(guesses, several).tolist() == [True, False, False]


def test_five_guesses_count_and_a_sixth_does_not():
    wrong, right = [50, 50, 60, 60], [0, 0, 10, 10]
    fifth = one([2, 3, 4, 5, 1], [right] * 5)
    sixth = one([2, 3, 4, 5, 6, 1], [right] * 6)
    boxes = one([1, 2, 3, 4, 5], [wrong] * 5)
    found = scoring.errors([fifth, sixth, boxes, one([1], [right])], [truth([right])] * 4)
    assert (found.top1, found.top5, found.images) == (75.0, 50.0, 4)


def slow(guesses, found, count):
    """The rule in plain words and integers: pixels counted one by one."""
    for label, (a, b, c, d) in list(zip(*guesses, strict=True))[:count]:
        for own, (x0, y0, x1, y1) in found:
            mine = {(x, y) for x in range(a, c) for y in range(b, d)}
            its = {(x, y) for x in range(x0, x1) for y in range(y0, y1)}
            if label == own and 2 * len(mine & its) >= len(mine | its):
                return True
    return False


def test_errors_equal_a_slow_reference_on_random_boxes():
    dice = random.Random(0)

    def box():
        x, y = dice.randrange(6), dice.randrange(6)
        return [x, y, x + dice.randint(1, 6), y + dice.randint(1, 6)]

    guesses, targets, wrong = [], [], [0, 0]
    for _ in range(150):
        label, boxes = dice.randint(1, 3), [box() for _ in range(dice.randint(1, 3))]
        labels = [dice.randint(1, 3) for _ in range(dice.randint(1, 7))]
        found = [box() for _ in labels]
        guesses.append(one(labels, found))
        targets.append(truth(boxes, label))
        for k, count in enumerate((1, 5)):
            wrong[k] += not slow((labels, found), [(label, b) for b in boxes], count)
    reached = scoring.errors(guesses, targets)
    assert (reached.top1, reached.top5) == (100 * wrong[0] / 150, 100 * wrong[1] / 150)
    assert 0 < reached.top5 < reached.top1 < 100


def test_leaving_wrong_classes_without_a_box_changes_no_error():
    """`predicted_class` against full lists, where the other classes have boxes as well."""
    generator = torch.Generator().manual_seed(0)
    chances = torch.rand(80, 8, generator=generator)
    corners = torch.rand(80, 8, 2, generator=generator) * 30
    boxes = torch.cat([corners, corners + 30], 2)  # of each class
    targets = [truth([[10, 10, 40, 40]], label=i % 8 + 1) for i in range(80)]
    own = [boxes[i, i % 8] for i in range(80)]
    best = chances.topk(5).indices
    full = [Guesses(labels=b + 1, boxes=boxes[i, b]) for i, b in enumerate(best)]
    short = scoring.predicted_class(chances, own, targets)
    assert scoring.errors(short, targets) == scoring.errors(full, targets)


def test_the_true_class_is_one_guess():
    targets = [truth([[0, 0, 10, 10]], label=4)] * 2
    guesses = scoring.true_class([torch.tensor([0.0, 0, 10, 9]), torch.zeros(4)], targets)
    found = scoring.errors(guesses, targets)
    assert found.top1 == found.top5 == 50.0


def test_no_images_or_not_one_list_each_is_one_sentence():
    for found, targets in (([], []), ([one([1], [[0, 0, 1, 1]])], [])):
        with pytest.raises(InputError, match="guesses for"):
            scoring.errors(found, targets)
