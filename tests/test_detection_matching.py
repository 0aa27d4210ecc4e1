"""Matching and sampling against torchvision's matcher and by hand."""

import pytest
import torch
from torchvision import ops
from torchvision.models.detection._utils import Matcher

from resnet_lab.detection.anchors import cell_anchors, grid_anchors
from resnet_lab.detection.config import toy
from resnet_lab.detection.matching import (
    BACKGROUND,
    IGNORED,
    Objects,
    match,
    objects,
    sample,
    sample_anchors,
    sample_regions,
)
from resnet_lab.detection.targets import target

SIZE = (96, 96)


def dice(seed=0):
    return torch.Generator().manual_seed(seed)


def some_objects(n, seed=0):
    start = torch.rand(n, 2, generator=dice(seed)) * 60
    boxes = torch.cat([start, start + 8 + torch.rand(n, 2, generator=dice(seed + 1)) * 28], 1)
    return Objects(boxes=boxes, labels=torch.arange(n) % 8 + 1)


def anchors():
    return grid_anchors(cell_anchors((12, 24, 48), (0.5, 1.0, 2.0)), (12, 12), 8)


def test_four_candidates_by_hand():
    iou = torch.tensor([[0.8, 0.5, 0.1, 0.0], [0.2, 0.6, 0.2, 0.0]])
    assert match(iou, 0.7, 0.3, keep_best=False).tolist() == [0, IGNORED, BACKGROUND, BACKGROUND]
    assert match(iou, 0.7, 0.3, keep_best=True).tolist() == [0, 1, BACKGROUND, BACKGROUND]
    assert match(iou, 0.5, 0.5, keep_best=False).tolist() == [0, 1, BACKGROUND, BACKGROUND]


@pytest.mark.parametrize("keep_best", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_the_same_as_torchvisions_matcher(seed, keep_best):
    iou = ops.box_iou(some_objects(6, seed).boxes, anchors())
    theirs = Matcher(0.7, 0.3, allow_low_quality_matches=keep_best)(iou)
    assert torch.equal(match(iou, 0.7, 0.3, keep_best=keep_best), theirs)  # -1 and -2 as well


def test_an_object_that_no_anchor_touches_makes_no_anchor_positive():
    far = torch.tensor([[500.0, 500, 510, 510]])
    assert (match(ops.box_iou(far, anchors()), 0.7, 0.3, keep_best=True) == BACKGROUND).all()


def test_without_objects_all_is_background_and_without_candidates_nothing_is():
    assert match(torch.zeros(0, 3), 0.7, 0.3, keep_best=True).tolist() == [BACKGROUND] * 3
    assert match(torch.zeros(2, 0), 0.7, 0.3, keep_best=True).tolist() == []


def test_a_sample_has_its_size_its_share_and_no_doubles():
    matched = torch.tensor([0] * 30 + [BACKGROUND] * 100 + [IGNORED] * 50)
    positives, negatives = sample(matched, 40, 0.25, dice())
    assert len(positives) == 10 and len(negatives) == 30
    assert (matched[positives] == 0).all() and (matched[negatives] == BACKGROUND).all()
    assert len(set(positives.tolist())) == 10 and len(set(negatives.tolist())) == 30
    again, _ = sample(matched, 40, 0.25, dice())
    other, _ = sample(matched, 40, 0.25, dice(1))
    assert torch.equal(positives, again) and not torch.equal(positives, other)


def test_missing_positives_are_made_up_with_background():
    matched = torch.tensor([3] + [BACKGROUND] * 100)
    positives, negatives = sample(matched, 40, 0.5, dice())
    assert positives.tolist() == [0] and len(negatives) == 39


class TestAnchors:
    def test_positives_first_each_with_the_box_it_should_become(self):
        found = some_objects(4)
        chosen = sample_anchors(anchors(), found, SIZE, toy(), dice())
        p = len(chosen.truth)
        assert 0 < p <= 32 and len(chosen.index) == 64
        assert chosen.labels.tolist() == [1] * p + [0] * (64 - p)
        iou = ops.box_iou(anchors()[chosen.index], found.boxes)
        assert (iou[p:].amax(1) < 0.3).all()
        own = ops.box_iou(anchors()[chosen.index[:p]], chosen.truth).diagonal()
        assert torch.equal(own, iou[:p].amax(1))

    def test_anchors_across_the_border_are_left_out_as_in_the_paper(self):
        config = toy(border_anchors=False)
        chosen = sample_anchors(anchors(), some_objects(4), SIZE, config, dice())
        boxes = anchors()[chosen.index]
        assert len(boxes) and boxes.min() >= 0 and boxes.max() <= 96

    def test_in_an_image_smaller_than_every_anchor_none_is_left(self):
        config = toy(border_anchors=False)
        chosen = sample_anchors(anchors(), some_objects(2), (10, 10), config, dice())
        assert len(chosen.index) == len(chosen.truth) == 0

    def test_an_image_without_objects_gives_background(self):
        none = Objects(boxes=torch.zeros(0, 4), labels=torch.zeros(0, dtype=torch.int64))
        chosen = sample_anchors(anchors(), none, SIZE, toy(), dice())
        assert chosen.labels.tolist() == [0] * 64 and chosen.truth.shape == (0, 4)


class TestRegions:
    def test_the_objects_own_boxes_are_among_the_regions(self):
        found = some_objects(3)
        regions, chosen = sample_regions(torch.zeros(0, 4), found, toy(), dice())
        assert sorted(regions.tolist()) == sorted(found.boxes.tolist())
        assert torch.equal(regions, chosen.truth)
        assert sorted(chosen.labels.tolist()) == [1, 2, 3]

    def test_at_most_a_quarter_are_positive(self):
        found = some_objects(3)
        near = (found.boxes[:, None] + torch.randn(1, 40, 4, generator=dice())).flatten(0, 1)
        far = torch.tensor([[90.0, 0, 95, 5]]).repeat(60, 1)
        regions, chosen = sample_regions(torch.cat([near, far]), found, toy(), dice())
        assert len(regions) == 32 and (chosen.labels > 0).sum() == len(chosen.truth) == 8

    def test_without_objects_and_proposals_there_is_none(self):
        none = Objects(boxes=torch.zeros(0, 4), labels=torch.zeros(0, dtype=torch.int64))
        regions, chosen = sample_regions(torch.zeros(0, 4), none, toy(), dice())
        assert regions.shape == (0, 4) and len(chosen.index) == 0


def test_what_an_image_teaches():
    whole = target(
        [[0, 0, 20, 20], [10, 10, 200, 60], [30, 30, 40, 40], [5, 5, 5, 9], [300, 300, 400, 400]],
        [1, 2, 3, 4, 5],
        image_id="a",
        size=(100, 150),
        difficult=[False, False, True, False, False],
    )
    found = objects(whole, (200, 300), toy(), "cpu")
    assert found.labels.tolist() == [1, 2]  # difficult, of no area and outside are left out
    assert found.boxes.tolist() == [[0, 0, 40, 40], [20, 20, 300, 120]]
    kept = objects(whole, (200, 300), toy(difficult=True), "cpu")
    assert kept.labels.tolist() == [1, 2, 3]
