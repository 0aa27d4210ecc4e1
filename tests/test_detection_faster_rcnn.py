"""The whole path: losses that fall, steps that can be looked at, images that teach nothing."""

from dataclasses import replace

import pytest
import torch

from resnet_lab.detection import scenes
from resnet_lab.detection.config import DetectorConfig, toy, toy_inference
from resnet_lab.detection.faster_rcnn import FasterRCNN
from resnet_lab.detection.targets import target
from resnet_lab.resnet import ResNetConfig

TERMS = ("rpn_class", "rpn_box", "head_class", "head_box")


def dice(n, seed=0):
    return [torch.Generator().manual_seed(seed + i) for i in range(n)]


def a_detector(**changes):
    torch.manual_seed(0)
    return FasterRCNN(toy((1, 1, 1, 1), **changes))


def a_batch(n=2):
    return map(list, zip(*(scenes.load("train", n)[i] for i in range(n)), strict=True))


def test_losses_fall_and_stay_finite():
    net, (images, targets) = a_detector(), a_batch(4)
    optimizer = torch.optim.SGD(net.parameters(), 0.01, momentum=0.9)
    totals = []
    for step in range(25):
        losses = net(images, targets, dice(4, step))
        optimizer.zero_grad()
        losses.total.backward()
        optimizer.step()
        totals.append(losses.total.item())
    assert sum(totals[-5:]) < 0.7 * sum(totals[:5])
    assert all(total == total for total in totals)


def test_every_part_learns_from_one_update():
    net, (images, targets) = a_detector(context=True), a_batch()
    net(images, targets, dice(2)).total.backward()
    # at random weights a gradient can be small, but none is missing
    assert [n for n, p in net.named_parameters() if p.requires_grad and p.grad is None] == []


@pytest.mark.parametrize("changes", [{}, dict(border_anchors=False), dict(context=True)])
def test_an_image_without_objects_teaches_background(changes):
    net = a_detector(**changes)
    images = [torch.zeros(3, 96, 96, dtype=torch.uint8)]
    empty = target([], [], image_id="a", size=(96, 96))
    losses = net(images, [empty], dice(1))
    losses.total.backward()
    assert losses.rpn_box == losses.head_box == 0
    assert losses.rpn_class > 0 and losses.head_class > 0


def test_boxes_of_no_use_do_no_harm():
    net, images = a_detector(), [torch.zeros(3, 96, 96, dtype=torch.uint8)]
    odd = target(
        [[5, 5, 5, 30], [-40, -40, -2, -2], [200, 10, 230, 40], [90, 90, 500, 500]],
        [1, 2, 3, 4],
        image_id="a",
        size=(96, 96),
    )
    assert torch.isfinite(net(images, [odd], dice(1)).total)


def test_an_image_smaller_than_every_anchor_does_no_harm():
    net = a_detector(border_anchors=False, short_side=8, long_side=16)
    one = target([[0, 0, 6, 6]], [1], image_id="a", size=(8, 8))
    losses = net([torch.zeros(3, 8, 8, dtype=torch.uint8)], [one], dice(1))
    losses.total.backward()
    assert losses.rpn_class == 0 and torch.isfinite(losses.total)


def test_the_mean_over_images_is_the_mean_of_their_own_losses():
    net, (images, targets) = a_detector(), a_batch(3)
    together = net(images, targets, dice(3))
    alone = [net([images[i]], [targets[i]], [dice(3)[i]]) for i in range(3)]
    for name in TERMS:
        mean = sum(getattr(one, name) for one in alone) / 3
        assert getattr(together, name).item() == pytest.approx(mean.item(), abs=1e-4)


def test_a_trace_holds_every_step_and_the_steps_alone_give_the_same():
    net, image = a_detector(), scenes.load("test", 1)[0][0]
    found = net.detect(image, toy_inference(score=0.0), trace=True)
    seen = net.prepare([image])
    with torch.no_grad():
        maps = net.features(seen.pixels)
        scores = net.score_anchors(maps)
        (proposals,) = net.propose(scores, net.anchors(maps), seen.sizes, 300, 100)
        judged = net.judge(net.describe(maps, [proposals.boxes], seen.sizes))
    assert maps.shape == found.maps.shape == (1, 64, 12, 12)
    assert len(found.anchors) == 12 * 12 * 9
    assert torch.equal(scores.logits, found.anchor_scores.logits)
    assert torch.equal(proposals.boxes, found.proposals.boxes) and len(proposals.boxes) == 100
    assert torch.allclose(judged.probabilities, found.first.scores)
    assert found.refined is None and len(found.detections) == 100
    plain = net.detect(image, toy_inference(score=0.0))
    assert torch.equal(plain.boxes, found.detections.boxes)


def test_boxes_come_back_in_pixels_of_the_image_as_given():
    net = a_detector()
    image = torch.randint(0, 256, (3, 300, 200), dtype=torch.uint8)
    found = net.detect(image, toy_inference(score=0.0), trace=True)
    assert found.batch.sizes == ((144, 96),)
    boxes = found.detections.boxes
    assert boxes[:, 2].max() <= 200 and boxes[:, 3].max() <= 300 and boxes.min() >= 0
    factor = torch.tensor([200 / 96, 300 / 144, 200 / 96, 300 / 144])
    assert torch.allclose(boxes, found.found.boxes * factor, atol=1e-3)


def test_detecting_changes_no_mode_and_no_weight():
    net = a_detector(frozen_bn=False).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    net.detect(scenes.load("test", 1)[0][0], toy_inference(refine=True, vote=True))
    assert net.training and net.head.training
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_a_bottleneck_net_with_the_papers_settings_in_small():
    """Option B, stride in the 3x3, the ImageNet stem, RoIPool, frozen parts: one update."""
    net = ResNetConfig(
        blocks=(1, 1, 1, 1),
        widths=(4, 4, 8, 8),
        bottleneck=True,
        shortcut="B",
        stride_in="3x3",
        stem="imagenet",
    )
    config = replace(DetectorConfig(), backbone=net, classes=8, short_side=160, long_side=240)
    detector = FasterRCNN(config)
    image, found = scenes.load("train", 1)[0]
    detector([image], [found], dice(1)).total.backward()
    assert detector.stride == 16
    assert detector.shared.conv3[0].residual[0][0].weight.grad is not None
    assert detector.shared.conv2[0].residual[0][0].weight.grad is None
    assert len(detector.detect(image)) >= 0


@pytest.mark.parametrize("changes", [{}, dict(context=True)])
def test_without_a_proposal_nothing_is_found_and_nothing_breaks(changes):
    net, image = a_detector(min_side=1000.0, **changes), scenes.load("test", 1)[0][0]
    for testing in (
        toy_inference(),
        toy_inference(refine=True, vote=True),
        toy_inference(refine=True, vote=True, scales=(48, 96)),
    ):
        found = net.detect(image, testing, trace=True)
        assert len(found.proposals.boxes) == len(found.detections) == 0
    empty = target([], [], image_id="a", size=(96, 96))
    losses = net([image], [empty], dice(1))  # not one region for the head
    losses.total.backward()
    assert losses.head_class == losses.head_box == 0 and losses.rpn_class > 0
