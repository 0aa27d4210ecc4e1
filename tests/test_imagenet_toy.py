"""The toy protocol runs, and gradients of a batch cut in parts are what they should be."""

from dataclasses import replace

import pytest
import torch

from resnet_lab import imagenet_scores, imagenet_toy
from resnet_lab.distributed import World


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    seen, unseen = imagenet_toy.folder(tmp_path_factory.mktemp("toy") / "drawn")
    recipe = replace(imagenet_toy.RECIPE, steps=3)
    return seen, unseen, imagenet_toy.train(seen, 0, recipe)


def test_the_split_is_six_classes_of_whole_images(toy):
    seen, unseen, _ = toy
    assert len(seen.classes) == imagenet_toy.CLASSES
    assert (len(seen), len(unseen)) == (6 * 48, 6 * 20)


def test_measuring_bn_anew_changes_statistics_and_no_weights(toy):
    seen, _, source = toy
    new = imagenet_toy.measured(source, seen)
    before, after = source.net.state_dict(), new.net.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed and all("running" in name or "num_batches" in name for name in changed)


@pytest.mark.parametrize("protocol", imagenet_toy.PROTOCOLS, ids=lambda p: p.name)
def test_every_protocol_scores_every_image_and_says_what_they_are(toy, protocol):
    _, unseen, source = toy
    row = imagenet_scores.score([source], unseen, protocol, here=World(), workers=0)
    assert row.images == len(unseen)
    assert "120 images of 6 classes, not the 50,000 of 1000" in imagenet_scores.table(row)


def test_a_batch_in_parts_has_the_same_gradient_only_if_bn_is_frozen():
    assert imagenet_toy.gradient_change(64, 64, frozen=False) == 0
    assert imagenet_toy.gradient_change(64, 16, frozen=True) < 1e-5
    assert imagenet_toy.gradient_change(64, 16, frozen=False) > 0.01


def test_the_table_adds_up_to_256():
    lines = imagenet_toy.batch_table(((1, 256), (8, 32))).splitlines()
    assert "1 x 256 x 1 = 256" in lines[2] and "8 x 32 x 1 = 256" in lines[3]
    assert lines[2].endswith("| 0.0 % | rounding only |")
