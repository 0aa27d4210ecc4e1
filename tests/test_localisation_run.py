"""A whole run in seconds: its record, killed and resumed, and what goes wrong."""

from dataclasses import replace

import pytest
import torch

from resnet_lab.detection import training
from resnet_lab.detection.recipe import Pretraining
from resnet_lab.errors import InputError
from resnet_lab.localisation import drawn, members, recipe
from resnet_lab.localisation import record as records
from resnet_lab.localisation import run as runs
from resnet_lab.localisation.config import toy
from resnet_lab.localisation.nets import PerClassRPN
from resnet_lab.localisation.run import Job
from resnet_lab.resnet import ResNetConfig

TINY = toy(
    backbone=ResNetConfig(blocks=(1, 1, 1, 1), widths=(4, 8, 8, 8), classes=8),
    rpn_width=8,
    hidden=8,
    scales=(64,),
)
RECIPE = replace(recipe.EMBEDDED, steps=4, drops=(3,), warm_up=0, batch=4, log_every=1)


def a_job(**changes):
    usual = dict(
        config=TINY,
        recipe=RECIPE,
        train=drawn.load("train", 16),
        test=drawn.load("val", 3),
        classifier=Pretraining(epochs=1, crops=16, side=72, batch=8, bn_crops=16),
        checkpoint_every=2,
    )
    return Job(**usual | changes)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of a run that nothing stopped."""
    return runs.run(a_job(), tmp_path_factory.mktemp("whole"))


def test_the_record_says_what_was_run_and_what_came_out(whole):
    found = records.load(whole / "record.json")
    assert found.run == a_job().named and found.run.stem == whole.name
    assert set(found.curves) == {"regression", "rpn", "rcnn"}
    assert [point.step for point in found.curves["rpn"]] == [1, 2, 3, 4]
    assert found.images == 3 and len(found.rows) == 8
    assert all(0 <= row.top5 <= row.top1 <= 100 for row in found.rows)
    assert set(found.weights_sha256) == {"classifier", "regression", "rpn", "rcnn"}
    assert not list(whole.glob("*.pt"))


def test_what_is_trained_is_not_trained_again(whole):
    said = []
    runs.run(a_job(report=said.append), whole.parent.parent)
    assert said == [f"{whole.name} is trained already"]


@pytest.mark.parametrize("stage, after", [("regression", 3), ("rpn", 3), ("rcnn", 3)])
def test_killed_and_started_again_it_ends_with_the_same_bits(
    whole, tmp_path, monkeypatch, stage, after
):
    class Killed(Exception):
        pass

    def report(line):
        if line.startswith(f"{stage}, update {after}"):
            raise Killed

    with pytest.raises(Killed):
        runs.run(a_job(report=report), tmp_path)
    said = []
    folder = runs.run(a_job(report=said.append), tmp_path)
    assert f"{stage} goes on after update 2" in said
    assert records.load(folder / "record.json").digest == records.load(whole / "record.json").digest


def test_every_net_begins_with_the_classifiers_weights():
    torch.manual_seed(0)
    net = runs.backbones.classifier(TINY.detector)
    state = runs.begin(TINY, "rpn", net, RECIPE, "cpu")
    wanted = net.stem[0].weight
    assert isinstance(state.net, PerClassRPN)
    assert torch.equal(next(state.net.shared.parameters()), wanted)
    assert next(state.net.shared.parameters()) is not wanted  # and changes nothing in it
    assert sum(len(group["params"]) for group in state.optimizer.param_groups) == len(
        [p for p in state.net.parameters() if p.requires_grad]
    )
    assert training.optimizer(state.net, RECIPE).defaults["momentum"] == RECIPE.momentum


def test_weights_of_another_run_are_found_out(whole, tmp_path):
    _, member = members.trained(whole)
    assert member.rpn is not None and member.config == TINY
    for path in whole.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "rpn.safetensors").write_bytes((whole / "rcnn.safetensors").read_bytes())
    with pytest.raises(InputError, match="rpn.safetensors does not belong to the record"):
        members.trained(tmp_path)


@pytest.mark.parametrize(
    "changes, words",
    [
        (dict(stages=("rpn", "boxes")), "stages are some of"),
        (dict(stages=("rcnn",)), "train both"),
        (dict(recipe=replace(RECIPE, flip=True)), "flip"),
        (dict(config=replace(TINY, classes=5)), "classes"),
        (dict(classifier=None), "begins with"),
    ],
)
def test_what_cannot_be_run_is_said_before_anything_is_drawn(tmp_path, changes, words):
    with pytest.raises(InputError, match=words):
        runs.run(a_job(**changes), tmp_path)
    assert not list(tmp_path.iterdir())
