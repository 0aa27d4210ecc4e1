"""A whole run in seconds: its record, killed and resumed, on two processes, and what goes wrong."""

import json
import os
import socket
from dataclasses import replace

import pytest
import torch
import torch.multiprocessing as mp

from resnet_lab.detection import record as records
from resnet_lab.detection import run as runs
from resnet_lab.detection import scenes
from resnet_lab.detection.config import toy, toy_inference
from resnet_lab.detection.recipe import DetectionRecipe
from resnet_lab.detection.run import How, Job
from resnet_lab.detection.scores import Scores
from resnet_lab.detection.sources import Start
from resnet_lab.distributed import World, world
from resnet_lab.errors import InputError

TINY = toy((1, 1, 1, 1), rois=8, rpn_sample=16, train_candidates=60, train_proposals=20)
RECIPE = DetectionRecipe(
    steps=6, drops=(4,), batch=4, lr=0.01, log_every=2, bias_lr=1.0, largest_gradient=10.0
)
TESTING = toy_inference(candidates=60, proposals=20)


def a_job(**changes):
    usual = dict(
        config=TINY,
        recipe=RECIPE,
        start=Start(name="random", net=None),
        data="scenes",
        train=scenes.load("train", 6),
        test=scenes.load("test", 3),
        testing=TESTING,
        how=How(checkpoint_every=2),
    )
    return Job(**usual | changes)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of a run that nothing stopped."""
    return runs.run(a_job(), tmp_path_factory.mktemp("whole"))


def weights(folder):
    return runs.trained(folder).state_dict()


class TestRecord:
    def test_it_says_what_was_run_and_what_came_out(self, whole):
        found = records.load(whole / "record.json")
        assert found.run == a_job().named and found.run.stem == whole.name
        assert [point.step for point in found.curve] == [2, 4, 6]
        assert [point.lr for point in found.curve] == pytest.approx([0.01, 0.01, 0.001])
        assert found.final.images == 3 and 0 <= found.final.voc <= 100
        assert found.testing == TESTING and found.how.processes == 1
        assert any(text.startswith("pooling = align instead of pool") for text in found.deviations)
        assert not (whole / "checkpoint.pt").exists()
        assert [one.run.hash for one in records.load_all(whole.parent)] == [found.run.hash]

    def test_it_is_strict_json_and_a_changed_one_is_refused(self, whole, tmp_path):
        text = (whole / "record.json").read_text(encoding="utf-8")
        json.loads(text, parse_constant=lambda name: pytest.fail(name))
        path = tmp_path / "record.json"
        path.write_text(text.replace('"step": 2,', '"step": 3,'), encoding="utf-8")
        with pytest.raises(InputError, match="was changed after it was written"):
            records.load(path)
        path.write_text(text.replace('"lr"', '"rate"'), encoding="utf-8")
        with pytest.raises(InputError, match="is not a record of a detector"):
            records.load(path)
        for part in (text[: len(text) // 2], "[]", "{}"):
            path.write_text(part, encoding="utf-8")
            with pytest.raises(InputError, match="is not a whole record"):
                records.load(path)

    def test_the_same_run_is_not_trained_twice_and_another_has_another_name(self, whole):
        said = []
        assert runs.run(a_job(report=said.append), whole.parents[1]) == whole
        assert said == [f"{whole.name} is trained already"]
        other = a_job(recipe=replace(RECIPE, seed=1)).named
        assert other.hash != a_job().named.hash
        assert a_job(testing=toy_inference(refine=True)).named.hash == a_job().named.hash

    def test_weights_of_another_run_are_refused(self, whole, tmp_path):
        for name in ("record.json", "weights.safetensors"):
            (tmp_path / name).write_bytes((whole / name).read_bytes())
        content = bytearray((whole / "weights.safetensors").read_bytes())
        content[-1] ^= 1
        (tmp_path / "weights.safetensors").write_bytes(content)
        with pytest.raises(InputError, match="does not belong to the record"):
            runs.trained(tmp_path)


class Killed(Exception):
    """In the place of a kill."""


def kill_after(updates):
    def report(line):
        if line.startswith(f"update {updates}"):
            raise Killed

    return report


class TestResume:
    @pytest.mark.parametrize("updates", [2, 4])
    def test_killed_and_begun_again_it_ends_at_the_same_bits(self, whole, tmp_path, updates):
        with pytest.raises(Killed):
            runs.run(a_job(report=kill_after(updates + 2)), tmp_path)
        said = []
        folder = runs.run(a_job(report=said.append), tmp_path)
        assert said[0] == f"goes on after update {updates}"
        one, other = (records.load(one / "record.json") for one in (whole, folder))
        assert one.digest == other.digest
        assert (whole / "weights.safetensors").read_bytes() == (
            folder / "weights.safetensors"
        ).read_bytes()

    def test_threads_that_read_ahead_change_nothing(self, whole, tmp_path):
        folder = runs.run(a_job(how=How(workers=2)), tmp_path)
        assert records.load(folder / "record.json").digest == (
            records.load(whole / "record.json").digest
        )

    def test_a_damaged_or_foreign_checkpoint_is_a_sentence(self, tmp_path):
        with pytest.raises(Killed):
            runs.run(a_job(report=kill_after(4)), tmp_path)
        (path,) = tmp_path.glob("detection/*/checkpoint.pt")
        content = path.read_bytes()
        path.write_bytes(content[:-100])
        with pytest.raises(InputError, match="cut short or damaged; delete it"):
            runs.run(a_job(), tmp_path)
        path.write_bytes(b"something else")
        with pytest.raises(InputError, match="not a detector's checkpoint"):
            runs.run(a_job(), tmp_path)
        path.write_bytes(content)
        with pytest.raises(InputError, match="begun with per_device 4; go on with the same"):
            runs.run(a_job(how=How(per_device=2)), tmp_path)


def one_of_two(rank, port, folder):
    torch.set_num_threads(1)
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_RANK": str(rank)}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    with world("cpu") as here:
        runs.run(a_job(here=here, how=How(per_device=1)), folder / str(rank))


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class TestCuts:
    def test_any_cut_of_the_batch_makes_the_same_updates(self, whole, tmp_path):
        folder = runs.run(a_job(how=How(per_device=1)), tmp_path)
        one, other = weights(whole), weights(folder)
        assert max((one[name] - other[name]).abs().max() for name in one) < 1e-5

    def test_two_processes_make_the_updates_of_one(self, whole, tmp_path):
        mp.spawn(one_of_two, args=(free_port(), tmp_path), nprocs=2)
        (folder,) = tmp_path.glob("0/detection/*")
        assert not list(tmp_path.glob("1/detection/*"))  # the first process alone writes
        one, other = weights(whole), weights(folder)
        assert max((one[name] - other[name]).abs().max() for name in one) < 1e-5
        mine, theirs = (records.load(one / "record.json") for one in (whole, folder))
        assert theirs.how.processes == 2
        for a, b in zip(mine.curve, theirs.curve, strict=True):
            assert a.loss == pytest.approx(b.loss, abs=1e-4)


@pytest.mark.parametrize(
    "changes, sentence",
    [
        (dict(how=How(per_device=3)), "cannot be cut into parts of 3"),
        (dict(config=replace(TINY, classes=5)), "detector has 5 classes, scenes has 8"),
        (
            dict(config=replace(TINY, frozen_bn=False), here=World(size=2)),
            "on one process only",
        ),
    ],
)
def test_what_cannot_be_run_is_said_before_it_begins(tmp_path, changes, sentence):
    with pytest.raises(InputError, match=sentence):
        runs.run(a_job(**changes), tmp_path)
    assert not list(tmp_path.iterdir())


class Other:
    """Scenes whose classes go by other names, or stand in another order."""

    content_hash = "other"

    def __init__(self, classes):
        self.name, self.classes = "other", tuple(classes)


@pytest.mark.parametrize(
    "change, says",
    [
        (lambda names: ["plate", *names[1:]], "do not have the same classes: disc, plate in one"),
        (lambda names: names[::-1], "do not have the same classes: they are in another order"),
    ],
)
def test_classes_that_differ_are_named(change, says):
    job = a_job()
    with pytest.raises(InputError, match=says):
        runs.check(replace(job, test=Other(change(list(job.train.classes)))))


def test_the_scores_in_words_are_those_that_the_papers_table_has():
    found = Scores(images=9, objects=4, voc=61.0, voc07=62.0, coco=40.0, coco50=63.0, coco75=50.0)
    assert runs.line_of(found, "voc07").startswith("mAP@.5 61.0, 11 points 62.0, mAP@[.5,.95] 40.0")
    assert runs.line_of(found, "coco-val2014").startswith("mAP@.5 63.0, mAP@[.5,.95] 40.0")
    nothing = replace(found, objects=0, voc=None)
    assert runs.line_of(nothing, "voc12").startswith("no mAP: nothing is annotated in the 9 images")
