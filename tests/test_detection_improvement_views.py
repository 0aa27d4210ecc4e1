"""The views of Appendix B at both ends of every slider; what they say against the real path."""

from dataclasses import replace

import pytest
import torch
from detection_records import data, seen

from resnet_lab.detection import arms, improvement_views, improvements, tested
from resnet_lab.errors import InputError

PAIR = pytest.mark.parametrize("refine", [False, True])


@PAIR
def test_candidates_are_those_of_the_real_path(refine):
    one = seen()
    boxes, scores, labels = improvement_views.candidates(one, refine)
    testing = replace(arms.TESTING, refine=refine, kept=10_000, nms=1.0)
    found = one.trace.first
    if refine:
        found = improvements.join(found, one.trace.refined)
    # NMS at 1 keeps all but exact doubles
    real = improvements.suppress(found, testing)
    assert len(boxes) >= len(real) > 0 and float(scores.min()) > 0.05
    assert set(labels.tolist()) == set(real.labels.tolist())


@PAIR
@pytest.mark.parametrize("iou", [0.3, 1.0])
def test_voting_at_both_ends(refine, iou):
    words = improvement_views.voting(seen(), 1, iou, refine).words
    assert ("second pass included" in words) == refine and f"IoU {iou:g} or more" in words


def test_at_an_overlap_of_one_only_doubles_vote_and_nothing_moves():
    words = improvement_views.voting(seen(refine=False), 1, 1.0, False).words
    before, after = words.split("IoU with the nearest object: ")[1].split(" before the vote, **")
    assert before == after[:5]


def test_there_is_no_other_detection_and_no_second_pass_that_was_not_made():
    with pytest.raises(InputError, match="detections, from 1"):
        improvement_views.voting(seen(), 0, 0.5, False)
    with pytest.raises(InputError, match="refine=True"):
        improvement_views.voting(seen(refine=False), 1, 0.5, True)


def test_a_regions_own_scene_gives_what_the_detector_says():
    one = seen(context=True)
    words = improvement_views.context(one, data(), 2, 3).words  # 3 is the image itself
    scores = one.trace.first.scores[1]
    name = ["background", *one.classes][int(scores.argmax())]
    assert f"**{name}** {float(scores.max()):.2f}; with" in words
    assert words.endswith("is 0.00.")


@torch.no_grad()
def test_another_scene_changes_the_answer_as_much_as_by_hand():
    """The first half of the feature is the region's, the second the whole image's."""
    one = seen(context=True)
    net, region = one.net, one.trace.proposals.boxes[1:2]
    own = net.describe(one.trace.maps, [region], [one.size])
    maps = net.features(net.prepare([data()[0][0]]).pixels)
    there = net.describe(maps, [region], [(96, 96)])
    half = own.shape[1] // 2
    mixed = net.judge(torch.cat([own[:, :half], there[:, half:]], 1)).probabilities
    change = float((mixed - net.judge(own).probabilities).abs().max())
    assert change > 0
    words = improvement_views.context(one, data(), 2, 0).words
    assert words.endswith(f"is {change:.2f}.")


def test_context_needs_a_net_that_was_trained_with_it():
    with pytest.raises(InputError, match="without context"):
        improvement_views.context(seen(), data(), 1, 0)


@pytest.mark.parametrize("number", [1, 20])
def test_several_scales_say_what_the_real_path_says(number):
    one = seen()
    stack = improvement_views.scaled(one, tested.SCALES)
    words = improvement_views.multi_scale(stack, number).words
    testing = replace(arms.TESTING, scales=tested.SCALES)
    real = one.net.detect(one.image, testing, trace=True).first.scores[number - 1]
    name = ["background", *one.classes][int(real.argmax())]
    assert f"two say **{name}** {float(real.max()):.2f}" in words


@pytest.mark.parametrize("score", [0.05, 0.7])
def test_an_ensemble_is_shown_beside_its_nets(score):
    nets = [seen().net, seen(context=True).net]
    view = improvement_views.ensemble(nets, ["a", "b"], data(), 1, score)
    assert len(view.figure.axes) == 3
    assert all(f"{name}: " in view.words for name in ("a", "b", "together"))


def test_a_zoom_stays_inside_the_image():
    figure, (ax,) = improvement_views.ink.panels(1)
    improvement_views.zoom(ax, [torch.tensor([80.0, 0, 96, 16])], (96, 96))
    assert ax.get_xlim() == pytest.approx((74.4, 96)) and ax.get_ylim() == pytest.approx((21.6, 0))
