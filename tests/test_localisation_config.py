"""The localiser's settings: Appendix C's numbers, and that every other choice is named."""

import pytest

from resnet_lab import paper
from resnet_lab.errors import InputError
from resnet_lab.localisation.config import LocaliserConfig, toy
from resnet_lab.localisation.recipe import EMBEDDED, IMAGENET


def said(name):
    return paper.value(f"recipes.localisation.{name}")


def test_the_defaults_are_the_papers():
    usual = LocaliserConfig()
    assert usual.deviations == [] and usual.name == "ResNet-101" and usual.classes == 1000
    assert f"{usual.crop}x{usual.crop}" in said("crop")
    assert usual.rpn_sample == said("anchors_per_image") and usual.rpn_positive_share == 0.5
    assert IMAGENET.batch == said("batch")
    assert str(usual.proposals) in said("rcnn") and str(usual.proposals) in said("rcnn_test")


def test_every_choice_of_the_miniature_is_named():
    named = " ".join(toy().deviations)
    for name in ("crop = 64 instead of 224", "proposals = 16 instead of 200", "warp_border"):
        assert name in named
    assert "rpn_sample" not in named and "rpn_positive_share" not in named  # as in the paper
    assert not EMBEDDED.flip and not IMAGENET.flip  # views are mirrored instead


def test_the_detectors_parts_get_the_same_numbers():
    ours, theirs = toy(), toy().detector
    assert theirs.rpn_sample == 8 and theirs.border_anchors and theirs.classes == ours.classes
    assert (theirs.rpn_positive_iou, theirs.rpn_negative_iou) == (0.7, 0.3)


@pytest.mark.parametrize(
    "changes, word",
    [
        (dict(crop=80), "crop"),
        (dict(sides=(96, 72)), "sides"),
        (dict(test_side=60), "crop"),
        (dict(rpn_sample=0), "rpn_sample"),
        (dict(visible=1.5), "visible"),
        (dict(warp_border=32), "warp_border"),
        (dict(scales=()), "scales"),
    ],
)
def test_what_cannot_be_is_one_sentence(changes, word):
    with pytest.raises(InputError, match=word):
        toy(**changes)
