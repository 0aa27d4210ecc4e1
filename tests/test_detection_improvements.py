"""Appendix B: refinement, voting, ensembles, each by hand and off by default."""

from dataclasses import replace

import pytest
import torch

from resnet_lab.detection import improvements, scenes
from resnet_lab.detection.config import Inference, toy, toy_inference
from resnet_lab.detection.faster_rcnn import FasterRCNN
from resnet_lab.detection.improvements import Predictions, detect, suppress, vote
from resnet_lab.errors import InputError


@pytest.fixture(scope="module")
def nets():
    torch.manual_seed(0)
    made = [FasterRCNN(toy((1, 1, 1, 1))) for _ in range(2)]
    for net in made:  # so that boxes move and classes differ at random weights
        torch.nn.init.normal_(net.head.boxes.weight, std=0.05)
        torch.nn.init.normal_(net.head.classes.weight, std=0.5)
    return made


@pytest.fixture(scope="module")
def image():
    return scenes.load("test", 1)[0][0]


def predictions(rows):
    """From (scores, box) with the same box for both classes."""
    scores = torch.tensor([row[0] for row in rows])
    boxes = torch.tensor([row[1] for row in rows])[:, None].repeat(1, scores.shape[1] - 1, 1)
    return Predictions(scores=scores, boxes=boxes)


class TestSuppress:
    ROWS = [
        ([0.1, 0.8, 0.1], [0.0, 0, 10, 10]),
        ([0.3, 0.6, 0.1], [0.0, 0, 10, 12]),  # IoU 10/12 with the first
        ([0.2, 0.1, 0.7], [0.0, 0, 10, 11]),
        ([0.96, 0.02, 0.02], [50.0, 50, 60, 60]),
        ([0.2, 0.5, 0.3], [30.0, 30, 30, 40]),  # of no width
    ]

    def test_class_by_class_the_best_first(self):
        found = suppress(predictions(self.ROWS), Inference())
        assert found.labels.tolist() == [1, 2]
        assert found.scores.tolist() == pytest.approx([0.8, 0.7])
        assert found.boxes.tolist() == [[0, 0, 10, 10], [0, 0, 10, 11]]

    def test_a_vote_is_a_mean_weighted_by_score(self):
        found = suppress(predictions(self.ROWS), Inference(vote=True))
        # of class 1 vote the first, the second and, with 0.1, the third
        height = (0.8 * 10 + 0.6 * 12 + 0.1 * 11) / 1.5
        assert found.boxes[0].tolist() == pytest.approx([0, 0, 10, height])
        assert found.scores.tolist() == pytest.approx([0.8, 0.7])  # scores stay

    def test_at_most_so_many_are_kept_and_none_may_be(self):
        assert len(suppress(predictions(self.ROWS), Inference(kept=1))) == 1
        for vote_too in (False, True):
            none = suppress(predictions(self.ROWS), Inference(score=0.99, vote=vote_too))
            assert none.boxes.shape == (0, 4) and len(none.scores) == len(none.labels) == 0


def test_other_classes_and_far_boxes_have_no_vote():
    boxes = torch.tensor([[0.0, 0, 10, 10], [2, 0, 12, 10], [0, 0, 10, 20], [7, 0, 17, 10]])
    labels = torch.tensor([0, 1, 0, 0])
    # IoU 1/2 with the third counts, 3/17 with the fourth does not
    found = vote(boxes[:1], labels[:1], boxes, torch.tensor([0.9, 0.9, 0.3, 0.9]), labels, 0.5)
    assert found[0].tolist() == pytest.approx([0, 0, 10, (0.9 * 10 + 0.3 * 20) / 1.2])


class TestRefinement:
    def test_each_region_is_judged_again_where_its_best_class_moved_it(self, nets, image):
        found = nets[0].detect(image, toy_inference(refine=True), trace=True)
        best = found.first.scores[:, 1:].argmax(1)
        moved = found.first.boxes[torch.arange(len(best)), best]
        with torch.no_grad():
            features = nets[0].describe(found.maps, [moved], found.batch.sizes)
        again = nets[0].judge(features).probabilities
        assert torch.allclose(again, found.refined.scores, atol=1e-6)
        assert len(found.refined.scores) == len(found.first.scores) == 100  # 300 + 300 in paper

    def test_the_union_competes(self, nets, image):
        found = nets[0].detect(image, toy_inference(refine=True, score=0.0), trace=True)
        both = improvements.join(found.first, found.refined)
        expected = suppress(both, toy_inference(score=0.0))
        assert torch.equal(expected.boxes, found.found.boxes) and len(both.scores) == 200

    def test_off_by_default(self, nets, image):
        plain = nets[0].detect(image, toy_inference(), trace=True)
        assert plain.refined is None


class TestEnsemble:
    def test_of_twins_it_is_the_net_itself(self, nets, image):
        """The union holds each proposal twice, which NMS undoes."""
        one = detect([nets[0]], image, toy_inference())
        two = detect([nets[0], nets[0]], image, toy_inference())
        assert len(one) and torch.allclose(one.boxes, two.boxes, atol=1e-4)
        assert torch.allclose(one.scores, two.scores, atol=1e-6)

    def test_union_of_proposals_and_mean_of_answers(self, nets, image):
        found = detect(nets, image, toy_inference(), trace=True)
        parts = [detect([net], image, toy_inference(), trace=True).proposals for net in nets]
        assert len(found.proposals.boxes) == sum(len(part.boxes) for part in parts)
        assert (found.proposals.scores.diff() <= 0).all()
        looks = [improvements.Look.at(net, image, toy_inference()) for net in nets]
        with torch.no_grad():
            answers = [look.predict(found.proposals.boxes) for look in looks]
        mean = (answers[0].scores + answers[1].scores) / 2
        assert torch.allclose(mean, found.first.scores, atol=1e-6)

    def test_all_improvements_together(self, nets, image):
        testing = toy_inference(refine=True, vote=True, scales=(48, 96, 144))
        assert len(detect(nets, image, testing)) > 0

    def test_nets_that_cannot_judge_together_are_refused(self, nets, image):
        other = FasterRCNN(replace(toy((1, 1, 1, 1)), classes=3))
        with pytest.raises(InputError, match="must agree in classes: one has 8, another 3"):
            detect([nets[0], other], image, toy_inference())
        with pytest.raises(InputError, match="one net or more"):
            detect([], image, toy_inference())
