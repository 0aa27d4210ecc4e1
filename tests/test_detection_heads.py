"""The head's two layers and losses, by hand."""

import math

import pytest
import torch
from torch import nn

from resnet_lab.detection.config import toy
from resnet_lab.detection.heads import RegionScores, RoIHead, head_losses
from resnet_lab.detection.matching import Sample

BOX = torch.tensor([[0.0, 0, 10, 10]])


def a_sample(labels, truth):
    return Sample(
        index=torch.arange(len(labels)),
        labels=torch.tensor(labels, dtype=torch.int64),
        truth=torch.tensor(truth).reshape(-1, 4),
    )


def test_shapes_with_and_without_context():
    for context in (False, True):
        head = RoIHead(nn.Flatten(), 6, toy(context=context))
        assert head.describe(torch.zeros(5, 6, 1, 1)).shape == (5, 6)
        judged = head.judge(torch.zeros(5, 12 if context else 6))
        assert judged.logits.shape == (5, 9) and judged.offsets.shape == (5, 8, 4)
        assert torch.allclose(judged.probabilities.sum(1), torch.ones(5))


def test_losses_by_hand():
    """One region of class 3 whose box lies a fifth of its width to the right; one of background."""
    scores = RegionScores(logits=torch.zeros(2, 9), offsets=torch.zeros(2, 8, 4))
    sample = a_sample([3, 0], [[2.0, 0, 12, 10]])
    classes, boxes = head_losses(scores, [BOX.repeat(2, 1)], [sample], toy())
    assert classes.item() == pytest.approx(math.log(9))
    # 0.2 times the weight of 10 is 2, above beta = 1: 2 - 1/2, over two regions
    assert boxes.item() == pytest.approx(1.5 / 2)


def test_only_the_true_classs_box_learns():
    offsets = torch.zeros(2, 8, 4, requires_grad=True)
    scores = RegionScores(logits=torch.zeros(2, 9), offsets=offsets)
    sample = a_sample([3, 0], [[2.0, 0, 12, 10]])
    head_losses(scores, [BOX.repeat(2, 1)], [sample], toy())[1].backward()
    assert offsets.grad.nonzero().tolist() == [[0, 2, 0]]


def test_every_image_counts_the_same_and_one_without_regions_adds_nothing():
    scores = RegionScores(logits=torch.zeros(3, 9), offsets=torch.zeros(3, 8, 4))
    samples = [a_sample([0, 0, 0], []), a_sample([], [])]
    classes, boxes = head_losses(scores, [BOX.repeat(3, 1), torch.zeros(0, 4)], samples, toy())
    assert classes.item() == pytest.approx(math.log(9) / 2) and boxes == 0
