"""The RPN and its proposals against torchvision's, and its losses by hand."""

import math

import pytest
import torch
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.rpn import RegionProposalNetwork, RPNHead

from resnet_lab.detection.anchors import cell_anchors, grid_anchors
from resnet_lab.detection.matching import Sample
from resnet_lab.detection.proposals import RPN, AnchorScores, propose, rpn_losses

SIZES, RATIOS = (12, 24, 48), (0.5, 1.0, 2.0)


@pytest.fixture(scope="module")
def pair():
    """Our RPN and torchvision's, with the same random weights; a map of two images."""
    torch.manual_seed(0)
    ours, head = RPN(16, 16, 9, 0.1), RPNHead(16, 9)
    for mine, theirs in zip(
        (ours.conv, ours.objectness, ours.offsets),
        (head.conv[0][0], head.cls_logits, head.bbox_pred),
        strict=True,
    ):
        theirs.load_state_dict(mine.state_dict())
    theirs = RegionProposalNetwork(
        AnchorGenerator((SIZES,), (RATIOS,)),
        head,
        0.7,
        0.3,
        64,
        0.5,
        dict(training=200, testing=200),
        dict(training=50, testing=50),
        0.7,
    )
    return ours, theirs.eval(), torch.randn(2, 16, 12, 14) * 2


def test_the_same_proposals_as_torchvision(pair):
    ours, theirs, maps = pair
    sizes = [(96, 112), (80, 100)]
    with torch.no_grad():
        expected, _ = theirs(ImageList(torch.zeros(2, 3, 96, 112), sizes), {"0": maps})
        scores = ours(maps)
    anchors = grid_anchors(cell_anchors(SIZES, RATIOS), (12, 14), 8)
    for i, size in enumerate(sizes):
        found = propose(
            scores.logits[i],
            scores.offsets[i],
            anchors,
            size,
            candidates=200,
            kept=50,
            nms=0.7,
            min_side=1e-3,
        )
        assert torch.allclose(found.boxes, expected[i], atol=1e-3)
        assert (found.scores.diff() <= 0).all() and len(found.boxes) == 50


def test_no_place_left_gives_no_proposal():
    found = propose(
        torch.zeros(1),
        torch.zeros(1, 4),
        torch.tensor([[200.0, 0, 220, 20]]),  # outside the image
        (96, 96),
        candidates=10,
        kept=10,
        nms=0.7,
        min_side=0,
    )
    assert found.boxes.shape == (0, 4) and found.scores.shape == (0,)


def test_small_proposals_are_left_out():
    anchors = torch.tensor([[0.0, 0, 15, 40], [0, 50, 16, 90]])
    found = propose(
        torch.zeros(2), torch.zeros(2, 4), anchors, (96, 96),
        candidates=9, kept=9, nms=0.7, min_side=16,
    )  # fmt: skip
    assert found.boxes.tolist() == [[0, 50, 16, 90]]


def test_losses_by_hand():
    anchors = torch.tensor([[0.0, 0, 10, 10], [20, 20, 30, 30], [40, 40, 50, 50]])
    scores = AnchorScores(logits=torch.tensor([[0.0, 2, -1]]), offsets=torch.zeros(1, 3, 4))
    chosen = Sample(
        index=torch.tensor([1, 0]),
        labels=torch.tensor([1, 0]),
        truth=torch.tensor([[21.0, 20, 31, 30]]),  # a tenth of the width to the right
    )
    classes, boxes = rpn_losses(scores, anchors, [chosen], beta=1 / 9)
    assert classes.item() == pytest.approx((math.log(1 + math.exp(-2)) + math.log(2)) / 2)
    assert boxes.item() == pytest.approx(0.5 * 0.1**2 * 9 / 2)  # 0.1 is below beta
    _, boxes = rpn_losses(scores, anchors, [chosen], beta=0.05)
    assert boxes.item() == pytest.approx((0.1 - 0.025) / 2)  # and above this one


def test_an_image_without_sampled_anchors_adds_nothing_but_is_counted():
    none = Sample(
        index=torch.zeros(0, dtype=torch.int64),
        labels=torch.zeros(0, dtype=torch.int64),
        truth=torch.zeros(0, 4),
    )
    logits = torch.ones(1, 3, requires_grad=True)
    scores = AnchorScores(logits=logits, offsets=torch.zeros(1, 3, 4, requires_grad=True))
    classes, boxes = rpn_losses(scores, torch.zeros(3, 4), [none], beta=1 / 9)
    (classes + boxes).backward()
    assert classes == boxes == 0 and logits.grad.abs().max() == 0
