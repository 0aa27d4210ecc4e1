"""The paper's choices are the defaults, every other is named, and what cannot be is refused."""

from dataclasses import asdict, replace

import pytest

from resnet_lab.detection import config
from resnet_lab.detection.config import DetectorConfig, Inference, toy, toy_inference
from resnet_lab.errors import InputError
from resnet_lab.resnet import imagenet


def test_defaults_are_the_papers_and_faster_rcnns(paper):
    """`paper` is paper.yaml as it lies in the package."""
    inherited = paper["inherited"]["faster_rcnn"]
    usual = DetectorConfig()
    assert "3 scales (areas 128^2, 256^2, 512^2)" in inherited["anchors"]["value"]
    assert usual.anchor_sizes == (128, 256, 512) and len(usual.anchor_ratios) == 3
    assert usual.rpn_nms == inherited["proposal_nms"]["value"]
    assert usual.train_proposals == inherited["train_proposals"]["value"]
    assert usual.init_std == float(inherited["new_layer_init"]["value"].split()[-1])
    baseline = paper["recipes"]["detection_baseline"]
    assert usual.short_side == baseline["image_size"]["value"]
    assert Inference().proposals == baseline["rpn_proposals"]["value"]
    better = paper["recipes"]["detection_improvements"]
    assert Inference().nms == better["box_refinement"]["nms_iou"]["value"]
    assert (
        list(config.MULTI_SCALE.scales) == better["multi_scale_testing"]["shorter_sides"]["value"]
    )


def test_improvements_are_off_by_default():
    usual = Inference()
    assert not (usual.refine or usual.vote or usual.scales or DetectorConfig().context)


def test_the_papers_own_variations_are_no_deviations():
    assert DetectorConfig().deviations == []
    assert DetectorConfig(backbone="vgg16", classes=80, context=True).deviations == []
    assert DetectorConfig(pooling="align").deviations == ["pooling = align instead of pool"]
    named = {text.split(" = ")[0] for text in toy().deviations}
    changed = {
        name
        for name, value in asdict(toy()).items()
        if value != asdict(DetectorConfig())[name] and name not in ("backbone", "classes")
    }
    assert named == changed and {"pooling", "short_side", "border_anchors"} <= named


def test_names_are_those_of_tables_7_and_8():
    assert DetectorConfig().name == "ResNet-101"
    assert DetectorConfig(backbone="vgg16").name == "VGG-16"
    assert toy(shortcut="none").name.startswith("plain-16")


@pytest.mark.parametrize(
    "changes, sentence",
    [
        (dict(backbone="alexnet"), "ResNetConfig or 'vgg16'"),
        (dict(backbone=replace(imagenet(18), blocks=(2,), widths=(8,))), "two stages or more"),
        (dict(classes=0), "classes must be at least 1"),
        (dict(long_side=500), "long_side"),
        (dict(rpn_nms=1.5), "rpn_nms must be in 0..1"),
        (dict(rpn_negative_iou=0.8), "must not be above"),
        (dict(pooling="crop"), "pool or align"),
        (dict(head_beta=0.0), "above 0"),
    ],
)
def test_what_cannot_be_is_a_sentence(changes, sentence):
    with pytest.raises(InputError, match=sentence):
        DetectorConfig(**changes)


@pytest.mark.parametrize(
    "changes, sentence",
    [
        (dict(proposals=0), "proposals must be at least 1"),
        (dict(nms=2.0), "nms must be in 0..1"),
        (dict(scales=(600,)), "two or more in rising order"),
        (dict(scales=(600, 400)), "rising order"),
        (dict(scales=(0, 400)), "above 0"),
    ],
)
def test_and_of_testing(changes, sentence):
    with pytest.raises(InputError, match=sentence):
        Inference(**changes)


def test_the_miniatures_testing_changes_only_what_it_names():
    assert toy_inference(vote=True) == Inference(
        candidates=300, proposals=100, scale_reference=32.0, vote=True
    )
