"""A whole run in seconds: its record, killed and resumed, on two processes, and what goes wrong."""

import os
from dataclasses import replace

import pytest
import torch
import torch.multiprocessing as mp
from test_detection_run import free_port

from resnet_lab import checkpoint
from resnet_lab.detection import training
from resnet_lab.detection.recipe import Pretraining
from resnet_lab.distributed import World, world
from resnet_lab.errors import InputError
from resnet_lab.localisation import drawn, members, recipe
from resnet_lab.localisation import record as records
from resnet_lab.localisation import run as runs
from resnet_lab.localisation.config import toy
from resnet_lab.localisation.job import Job
from resnet_lab.localisation.nets import PerClassRPN
from resnet_lab.resnet import ResNetConfig

TINY = toy(
    backbone=ResNetConfig(blocks=(1, 1, 1, 1), widths=(4, 8, 8, 8), classes=8),
    rpn_width=8,
    hidden=8,
    scales=(64,),
)
RECIPE = replace(recipe.EMBEDDED, steps=4, drops=(3,), warm_up=0, batch=4, log_every=1)
RCNN = replace(recipe.RCNN_EMBEDDED, steps=6, drops=(5,), warm_up=0, batch=4, log_every=1)


def a_job(**changes):
    usual = dict(
        config=TINY,
        recipe=RECIPE,
        rcnn=RCNN,
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
    assert [point.step for point in found.curves["rcnn"]] == [1, 2, 3, 4, 5, 6]
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


def one_of_two(rank, port, folder):
    torch.set_num_threads(1)
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_RANK": str(rank)}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    with world("cpu") as here:
        runs.run(a_job(here=here, per_device=1), folder / str(rank))


def test_two_processes_make_the_updates_of_one(whole, tmp_path):
    """Two parts an image each on two processes: the batch of four that one process takes whole.

    The second has no disk in common with the first: classifier and proposals must reach it.
    """
    mp.spawn(one_of_two, args=(free_port(), tmp_path), nprocs=2)
    (folder,) = tmp_path.glob("0/localisation/*")
    assert not list(tmp_path.glob("1/localisation/*"))  # the first process alone writes
    for name in ("classifier", "regression", "rpn", "rcnn"):
        one, other = (checkpoint.read_weights(f / f"{name}.safetensors") for f in (whole, folder))
        assert max((one[key] - other[key]).abs().max() for key in one) < 1e-5, name
    mine, theirs = (records.load(one / "record.json") for one in (whole, folder))
    assert theirs.how.processes == 2 and theirs.run == mine.run and theirs.rows == mine.rows
    for a, b in zip(mine.curves["rcnn"], theirs.curves["rcnn"], strict=True):
        assert a.loss == pytest.approx(b.loss, abs=1e-4)


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
        (dict(stages=("rcnn", "rpn")), "in the order regression, rpn, rcnn"),
        (dict(rcnn=None), "a recipe of its own"),
        (dict(stages=("rpn",)), "only a run that trains it has one"),
        (dict(rcnn=replace(RCNN, seed=1)), "share one seed"),
        (dict(rcnn=replace(RCNN, flip=True)), "flip"),
        (dict(rcnn=replace(RCNN, batch=3), here=World(size=2)), "cannot be cut into parts"),
        (dict(config=replace(TINY, frozen_bn=False), here=World(size=2)), "on one process only"),
        (dict(recipe=replace(RECIPE, flip=True)), "flip"),
        (dict(config=replace(TINY, classes=5)), "classes"),
        (dict(classifier=None), "begins with"),
    ],
)
def test_what_cannot_be_run_is_said_before_anything_is_drawn(tmp_path, changes, words):
    with pytest.raises(InputError, match=words):
        runs.run(a_job(**changes), tmp_path)
    assert not list(tmp_path.iterdir())
