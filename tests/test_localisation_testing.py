"""From an image to the best box: nets that were made to give known answers, then real ones."""

import pytest
import torch
from torch import nn
from torchvision import ops

from resnet_lab.detection import boxes as geometry
from resnet_lab.detection.proposals import AnchorScores, Proposals
from resnet_lab.errors import InputError
from resnet_lab.localisation import drawn, evaluate, scoring, testing
from resnet_lab.localisation.config import toy
from resnet_lab.localisation.nets import RCNN, PerClassRPN, Regression
from resnet_lab.localisation.testing import Member
from resnet_lab.resnet import ResNetConfig

TINY = toy(
    backbone=ResNetConfig(blocks=(1, 1, 1, 1), widths=(4, 8, 8, 8), classes=8),
    rpn_width=8,
    scales=(64, 72),
)
BOX = torch.tensor([22.0, 16.0, 46.0, 44.0])


class Knows(PerClassRPN):
    """An RPN that is sure of the anchor nearest to a box of the view, and regresses onto it."""

    def __init__(self, view_box):
        super().__init__(TINY)
        self.view_box = view_box

    def of_class(self, maps, labels):
        anchors, box = self.anchors(maps), self.view_box(maps)
        nearest = ops.box_iou(anchors, box[None])[:, 0].argmax()
        logits = torch.full((1, len(anchors)), -9.0)
        logits[0, nearest] = 9.0
        offsets = geometry.encode(box.expand(len(anchors), 4), anchors)[None]
        return AnchorScores(logits=logits, offsets=offsets)


def image():
    return torch.zeros(3, 72, 72, dtype=torch.uint8)


class TestProposals:
    def test_a_box_of_the_centre_crop_comes_back_to_the_image(self):
        """The crop begins at (4, 4) of 72: what lies at x in the image lies at x - 4 in it."""
        net = Knows(lambda maps: BOX - 4)
        found = testing.propose([net], image(), 0, "centre")
        torch.testing.assert_close(found.boxes[0], BOX)
        assert found.scores[0] > 0.99

    def test_every_scale_is_brought_back(self):
        """At side 64 a map of 8 x 8, at 72 one of 9 x 9: all boxes are one in the image."""
        net = Knows(lambda maps: BOX * (maps.shape[2] * 8) / 72)
        found = testing.candidates(net, image(), 0, "dense")
        assert len(found.boxes) == 9 * (8 * 8 + 9 * 9)
        torch.testing.assert_close(found.boxes, BOX.expand_as(found.boxes), atol=1e-3, rtol=0)

    def test_proposals_are_few_apart_and_sorted(self):
        torch.manual_seed(0)
        net = PerClassRPN(TINY).eval()
        found = testing.propose([net], drawn.load("val", 1)[0][0], 2, "dense")
        assert 1 <= len(found.boxes) <= TINY.proposals
        iou = ops.box_iou(found.boxes, found.boxes).fill_diagonal_(0)
        assert iou.max() <= TINY.proposal_nms
        assert (found.scores.diff() <= 0).all()

    def test_an_ensemble_joins_the_proposals_of_its_members(self):
        torch.manual_seed(0)
        nets, seen = [PerClassRPN(TINY).eval() for _ in range(2)], drawn.load("val", 1)[0][0]
        each = [testing.propose([net], seen, 1, "centre") for net in nets]
        both = testing.propose(nets, seen, 1, "centre")
        assert len(both.boxes) == sum(len(one.boxes) for one in each)
        assert both.scores[0] == max(one.scores[0] for one in each)


def test_rcnn_rescores_and_moves_each_proposal_as_its_layers_say():
    torch.manual_seed(0)
    net = RCNN(TINY).eval()
    nn.init.zeros_(net.boxes.weight)
    net.boxes.bias.data.view(8, 4)[3] = torch.tensor([1.0, 0.0, 0.0, 0.0])  # a tenth to the right
    given = Proposals(boxes=torch.stack([BOX, BOX / 2]), scores=torch.tensor([0.9, 0.8]))
    found = testing.rescored([net], image() + 100, 3, given)
    moved = {tuple(round(v, 3) for v in row) for row in found.boxes.tolist()}
    assert moved == {(24.4, 16.0, 48.4, 44.0), (12.2, 8.0, 24.2, 22.0)}
    assert found.scores[0] >= found.scores[1]
    twice = testing.rescored([net, net], image() + 100, 3, given)
    torch.testing.assert_close(twice.boxes, found.boxes)


def test_a_regressed_box_is_the_frame_where_offsets_are_0():
    net = Regression(TINY).eval()
    nn.init.zeros_(net.boxes.weight)
    assert testing.regressed(net, image(), 5).tolist() == [4, 4, 68, 68]


class Class(nn.Module):
    """A classifier that gives the same logits for everything."""

    def __init__(self, logits):
        super().__init__()
        self.logits = nn.Parameter(torch.tensor(logits))

    def forward(self, x):
        return self.logits.expand(len(x), -1)


def test_probabilities_are_means_over_scales_and_nets():
    nets = [Class([0.0] * 8), Class([100.0] + [0.0] * 7)]
    found = testing.probabilities(nets, image(), TINY)
    torch.testing.assert_close(found, torch.tensor([0.5625] + [0.0625] * 7))


@pytest.fixture(scope="module")
def member():
    torch.manual_seed(0)
    nets = dict(regression=Regression(TINY), rpn=PerClassRPN(TINY), rcnn=RCNN(TINY))
    nets = {name: net.eval() for name, net in nets.items()}
    return Member(config=TINY, classifier=Class([8.0 - i for i in range(8)]), **nets)


class TestEvaluate:
    def test_the_rows_are_those_of_the_nets_that_there_are(self, member):
        data = drawn.load("val", 3)
        found = evaluate.evaluate([member], data, extra=[("rpn", "10-crop")])
        assert [(r.method, r.protocol) for r in found.rows][::2] == [
            *evaluate.WAYS,
            ("rpn", "10-crop"),
        ]
        assert [r.classes for r in found.rows[:2]] == ["true", "predicted"] and found.images == 3
        only = Member(config=TINY, classifier=member.classifier, rpn=member.rpn)
        less = evaluate.evaluate([only], data)
        assert less.rows == tuple(r for r in found.rows[:6] if r.method == "rpn")

    def test_errors_equal_those_of_plain_steps(self, member):
        """The dense row once more, image by image, with a box for every predicted class."""
        data = drawn.load("val", 6)
        wrong = 0
        for seen, found in (data[i] for i in range(6)):
            boxes = [testing.propose([member.rpn], seen, c, "dense").boxes[0] for c in range(5)]
            guesses = scoring.Guesses(labels=torch.arange(5) + 1, boxes=torch.stack(boxes))
            wrong += not scoring.fits(guesses, found).any()
        rows = evaluate.evaluate([member], data).rows
        (row,) = [
            r for r in rows if (r.method, r.protocol, r.classes) == ("rpn", "dense", "predicted")
        ]
        assert row.top5 == pytest.approx(100 * wrong / 6)

    def test_classification_errors_by_hand(self, member):
        """The classifier's five guesses are classes 1 to 5 of 8, its first is 1."""
        data = drawn.load("val", 6)
        labels = torch.cat([found.labels for found in data.targets()])
        found = evaluate.evaluate([member], data)
        assert found.top1 == pytest.approx(100 * (labels != 1).float().mean().item())
        assert found.top5 == pytest.approx(100 * (labels > 5).float().mean().item())

    def test_data_of_other_classes_is_one_sentence(self, member):
        data = drawn.load("val", 1)
        data.classes = ("disc",)
        with pytest.raises(InputError, match="classes"):
            evaluate.evaluate([member], data)
