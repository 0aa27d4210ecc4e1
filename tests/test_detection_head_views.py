"""The views from region to detection, at both ends of every slider; what they say, by hand."""

import pytest
import torch
from detection_records import seen

from resnet_lab.detection import head_views, opened
from resnet_lab.detection.pooling import roi_pool_by_hand
from resnet_lab.errors import InputError


@pytest.mark.parametrize(
    "corners, whole",
    [
        ([3.9, 4.0, 20.0, 27.9], [0, 8, 32, 32]),  # 0.49 -> 0, 0.5 -> 1, 2.5 -> 3, 3.49 -> 3
        ([0.0, 0.0, 96.0, 96.0], [0, 0, 104, 104]),  # the last place counts
    ],
)
def test_rounding_by_hand(corners, whole):
    assert head_views.rounded(torch.tensor(corners), 8) == whole


def test_the_pooled_cells_are_the_slow_versions():
    one = seen()
    box = head_views.region(one, 1)
    slow = roi_pool_by_hand(one.trace.maps[0], box, stride=8, size=6).mean(0)
    assert torch.allclose(head_views.pooled(one, box, "pool"), slow, atol=1e-6)


@pytest.mark.parametrize("number", [0, 101, -1])
def test_there_is_no_other_region(number):
    with pytest.raises(InputError, match="proposals, from 1"):
        head_views.head(seen(), number)


@pytest.mark.parametrize("number", [1, 30])
@pytest.mark.parametrize("shift", [0, 8])
def test_roi_grid_at_both_ends(number, shift):
    view = head_views.roi_grid(seen(), number, shift)
    assert "RoIPool takes it as" in view.words and len(view.figure.axes) == 5


def test_a_move_by_whole_places_moves_pooling_by_whole_places():
    one = seen()
    box = torch.tensor([16.0, 16, 40, 40])
    moved = head_views.rounded(box + torch.tensor([8.0, 0, 8, 0]), 8)
    before = head_views.rounded(box, 8)
    assert [a - b for a, b in zip(moved, before, strict=True)] == [8, 0, 8, 0]
    assert head_views.pooled(one, box, "align").shape == (6, 6)


@pytest.mark.parametrize("number", [1, 30])
def test_the_head_names_the_likeliest(number):
    one = seen()
    scores = one.trace.first.scores[number - 1]
    names = ["background", *one.classes]
    words = head_views.head(one, number).words
    assert f"**{names[int(scores.argmax())]}** ({float(scores.max()):.2f})" in words


@pytest.mark.parametrize("score", [0.0, 0.01, 0.9, 1.0])
def test_detections_are_counted(score):
    one = seen()
    found = opened.detections_at(one, score, 0.3)
    words = head_views.detections(one, score).words
    assert f"{len(found)} detections" in words
    assert ("not defined" in words) == (len(found) == 0)


def test_a_lower_threshold_never_finds_less():
    counts = [len(opened.detections_at(seen(), score, 0.3)) for score in (0.05, 0.2, 0.5)]
    assert counts == sorted(counts, reverse=True)
