"""The command `train` from Python, on a small data set."""

import pytest
from conftest import mini_dataset

from resnet_lab import data, single
from resnet_lab.errors import InputError
from resnet_lab.recipe import Recipe


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(data, "load", lambda root=None, *, name=None: mini_dataset())


def planned(**changes):
    words = dict(scale="quick", root=None, images=None)
    return single.plan(20, "A", None, **words, changes=changes)[0]


def test_a_run_that_only_changes_the_seed_is_of_its_scale():
    assert planned(seed=3).scale == "quick"
    assert planned(steps=7).scale == "own"


def test_changed_options_reach_the_recipe():
    recipe = planned(steps=7, drops="3,5", log_every=3, weight_decay=0.0).run.recipe
    assert recipe.steps == 7 and recipe.drops == (3, 5) and recipe.weight_decay == 0.0
    assert recipe.test_every % recipe.log_every == 0
    assert planned(drops="").run.recipe.drops == ()


@pytest.mark.parametrize(
    "changes, says",
    [
        (dict(drops="a,b"), "whole numbers"),
        (dict(drops="900,600"), "rising order"),
        (dict(steps=0), "steps must be above 0"),
        (dict(lr=-1.0), "lr must be above 0"),
        (dict(log_every=7, test_every=10), "multiple of log_every"),
        (dict(seed=-1), "seed must be 0 or more"),
    ],
)
def test_values_that_cannot_be_trained_with_are_refused(changes, says):
    with pytest.raises(InputError, match=says):
        planned(**changes)


def test_paper_scale_is_the_paper_to_the_letter():
    words = dict(scale="paper", root=None, images=None, changes={})
    job, _ = single.plan(20, "none", None, **words)
    assert job.run.recipe == Recipe() and job.run.net.widths == (16, 32, 64)
    assert job.run.images.size == 32 and job.scale == "paper"


def test_section_4_2_the_45k_5k_split_can_be_asked_for_and_is_in_the_name():
    words = dict(scale="quick", root=None, images=None, changes={})
    job, _ = single.plan(20, "A", None, **words, held_out=50)
    assert job.run.images.held_out == 50 and job.scale == "own"
    assert job.run.stem.startswith("ResNet-20-w8-held50_seed0-")
    with pytest.raises(InputError, match="cannot be held out"):
        single.plan(20, "A", None, **words, held_out=200)
