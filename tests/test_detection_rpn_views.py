"""The views from image to proposals, at both ends of every slider; what they say, by hand."""

import re

import pytest
import torch
from detection_records import data, seen

from resnet_lab.detection import opened, rpn_views
from resnet_lab.errors import InputError


def test_scenes_count_what_is_in_them():
    view = rpn_views.scenes(data(), (0, 1))
    count = sum(len(data()[i][1]) for i in (0, 1))
    assert f"with {count} objects" in view.words and len(view.figure.axes) == 2


@pytest.mark.parametrize("row, column", [(0, 0), (11, 11)])
def test_anchors_at_every_corner(row, column):
    one = seen()
    for name in rpn_views.shape_names(one)[::8]:
        view = rpn_views.anchors(one, row, column, name)
        # centres of anchors are the place times the stride
        assert f"pixel ({column * 8}, {row * 8})" in view.words
        assert row == 11 or "crosses the border" in view.words  # small ones fit at the far end


def test_the_anchor_that_is_named_is_the_one_that_is_measured():
    one = seen()
    place, name = (7 * 12 + 5) * 9, "24, 1:1"
    own = one.trace.anchors[place + 4]
    assert (own[2:] - own[:2]).tolist() == [24, 24]  # by hand: the fifth of nine
    overlap = opened.best_overlap(own[None], one.truth)[0].item()
    words = rpn_views.anchors(one, 7, 5, name).words
    assert f"IoU {overlap:.2f}" in words and rpn_views.verdict(overlap, 0.7, 0.3) in words


@pytest.mark.parametrize(
    "overlap, said",
    [(0.7, "object"), (0.69, "nothing"), (0.3, "nothing"), (0.29, "background"), (0.0, "back")],
)
def test_what_an_overlap_teaches(overlap, said):
    assert rpn_views.verdict(overlap, 0.7, 0.3).startswith(said)


@pytest.mark.parametrize("row, column, shape", [(12, 0, "24, 1:1"), (0, -1, "24, 1:1")])
def test_there_is_no_other_place(row, column, shape):
    with pytest.raises(InputError, match="12 rows"):
        rpn_views.anchors(seen(), row, column, shape)


def test_there_is_no_other_shape():
    with pytest.raises(InputError, match="no anchor '7'.*24, 1:1"):
        rpn_views.objectness(seen(), "7")


def test_objectness_is_the_largest_of_the_shapes():
    one = seen()
    scores = one.trace.anchor_scores.logits[0].sigmoid()
    largest = [
        float(re.search(r"largest (\d\.\d+)", rpn_views.objectness(one, name).words)[1])
        for name in rpn_views.shape_names(one)
    ]
    assert max(largest) == pytest.approx(float(scores.max()), abs=0.006)
    assert f"largest {float(scores.max()):.2f}" in rpn_views.objectness(one).words
    assert "12 x 12 = 144 places" in rpn_views.objectness(one).words


@pytest.mark.parametrize("nms", [0.1, 1.0])
@pytest.mark.parametrize("kept", [1, 300])
def test_proposals_at_both_ends(nms, kept):
    one = seen()
    found = opened.proposals_at(one, nms, kept)
    words = rpn_views.proposals(one, nms, kept).words
    assert f"leaves {len(found.boxes)} proposals" in words and 1 <= len(found.boxes) <= kept
    assert f"of {len(one.truth)} objects" in words
    if nms < 1 and len(found.boxes) > 1:
        from torchvision import ops

        overlaps = ops.box_iou(found.boxes, found.boxes) - torch.eye(len(found.boxes))
        assert float(overlaps.max()) <= nms
