"""The three nets: shapes, per-class outputs against plain layers, what a loss sees, learning."""

import pytest
import torch
import torch.nn.functional as F

from resnet_lab.detection import boxes as geometry
from resnet_lab.detection.feed import generator
from resnet_lab.detection.targets import target
from resnet_lab.localisation import drawn
from resnet_lab.localisation.config import toy
from resnet_lab.localisation.nets import NETS, RCNN, PerClassRPN, Regression
from resnet_lab.resnet import ResNetConfig

TINY = toy(backbone=ResNetConfig(blocks=(1, 1, 1, 1), widths=(4, 8, 8, 8), classes=8), rpn_width=8)


def batch(n=4):
    images, targets = zip(*(drawn.load("train", n)[i] for i in range(n)), strict=True)
    return list(images), list(targets), [generator(0, i) for i in range(n)]


def made(kind):
    torch.manual_seed(0)
    net = kind(TINY)
    if kind is RCNN:
        net.proposals = {f"{i:06d}": torch.tensor([[0.0, 0, 30, 30]]) for i in range(8)}
    return net


def test_outputs_are_per_class():
    """Appendix C: a logistic output and four offsets for each class, here at nine anchors."""
    net = made(PerClassRPN)
    assert net.objectness.out_channels == 8 * 9 and net.offsets.out_channels == 8 * 9 * 4
    rcnn = made(RCNN)
    assert rcnn.classes.out_features == 8 and rcnn.boxes.out_features == 32
    assert made(Regression).offsets(torch.zeros(2, 3, 64, 64)).shape == (2, 8, 4)


def test_the_outputs_of_one_class_are_those_of_the_whole_layer():
    net, pixels = made(PerClassRPN), torch.randn(3, 3, 64, 64)
    maps, labels = net.maps(pixels), torch.tensor([5, 0, 7])
    scores = net.of_class(maps, labels)
    cls = net.objectness(maps).view(3, 8, 9, 8, 8)
    reg = net.offsets(maps).view(3, 8, 9, 4, 8, 8)
    for i, label in enumerate(labels):  # anchors lie place by place
        wanted = cls[i, label].permute(1, 2, 0).flatten()
        torch.testing.assert_close(scores.logits[i], wanted, rtol=1e-4, atol=1e-5)
        wanted = reg[i, label].permute(2, 3, 0, 1).reshape(-1, 4)
        torch.testing.assert_close(scores.offsets[i], wanted, rtol=1e-4, atol=1e-5)
    assert scores.logits.shape[1] == len(net.anchors(maps)) == 8 * 8 * 9


def test_only_the_classes_in_the_batch_learn():
    images, targets, random = batch()
    net = made(PerClassRPN)
    net(images, targets, random).total.backward()
    moved = net.objectness.weight.grad.view(8, -1).abs().sum(1) > 0
    present = {int(found.labels[0]) - 1 for found in targets}
    assert set(moved.nonzero()[:, 0].tolist()) == present


def test_a_new_rpn_says_one_half_everywhere_so_its_loss_is_log_2():
    """Logits near 0: each of the eight anchors costs log 2, and their mean is that."""
    images, targets, random = batch()
    losses = made(PerClassRPN)(images, targets, random)
    assert losses.rpn_class.item() == pytest.approx(0.693, abs=0.01)
    assert losses.head_class == losses.head_box == 0


def test_regressions_loss_by_hand():
    net, (images, targets, random) = made(Regression), batch(2)
    found = net(images, targets, random).head_box
    pixels, seen, labels = net.crops(*batch(2))
    total = 0.0
    for i in range(2):
        offsets = net.offsets(pixels)[i, labels[i]]
        x0, y0, x1, y1 = seen[i][0]
        wanted = torch.stack(
            [
                ((x0 + x1) / 2 - 32) / 64,
                ((y0 + y1) / 2 - 32) / 64,
                ((x1 - x0) / 64).log(),
                ((y1 - y0) / 64).log(),
            ]
        )
        total += F.smooth_l1_loss(offsets, wanted, beta=1 / 9, reduction="sum")
    torch.testing.assert_close(found, total / 2)


class TestRegions:
    BOX = torch.tensor([[10.0, 10, 30, 30]])

    def region(self, share, proposals, seed):
        net = RCNN(toy(backbone=TINY.backbone, roi_positive_share=share))
        found = target(self.BOX, [1], image_id="a", size=(72, 72))
        net.proposals = {"a": torch.tensor(proposals, dtype=torch.float32)}
        return net.region(found, generator(seed))

    def test_positives_and_negatives_as_the_share_says(self):
        near, far = [12.0, 10, 32, 30], [40.0, 40, 60, 60]
        for seed in range(6):
            region, box = self.region(1.0, [near, far], seed)
            assert region.tolist() in (near, self.BOX[0].tolist()) and torch.equal(box, self.BOX[0])
            region, box = self.region(0.0, [near, far], seed)
            assert region.tolist() == far and box is None

    def test_without_a_negative_any_region_is_taken(self):
        region, box = self.region(0.0, [[10, 10, 30, 29]], 0)
        assert box is not None and geometry.areas(region) > 0


@pytest.mark.parametrize("kind", list(NETS.values()))
def test_a_few_images_can_be_learned(kind):
    images, targets, _ = batch(4)
    net = made(kind)
    optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)
    history = []
    for _ in range(40):
        loss = net(images, targets, [generator(7, i) for i in range(4)]).total
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 10.0)
        optimizer.step()
        history.append(loss.item())
    assert history[-1] < 0.6 * history[0]
