"""Looking at a training does not change it, and what was seen is stored and found again."""

import hashlib
from dataclasses import replace

import pytest
import torch
from conftest import mini_job

from resnet_lab import checkpoint, findings, signal_runs, train
from resnet_lab.errors import InputError
from resnet_lab.prepared import prepare, stream
from resnet_lab.signals import QUANTITIES


@pytest.fixture
def prepared(mini):
    return prepare(mini, mini_job().run.images)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_watched_training_ends_in_the_same_bits(prepared, precision):
    run = mini_job().run
    state = train.begin(run.net, run.recipe)
    points = list(train.train(state, stream(prepared, run), run.recipe, precision=precision))
    seen, unwatched = [], state.net.state_dict()
    course = signal_runs.along(
        run, prepared, (0, 1, 7, 23), precision=precision, report=seen.append
    )
    assert course.updates == [0, 1, 7, 23] and seen == [0, 1, 7] and course.stopped is None
    again = train.begin(run.net, run.recipe)
    again.net.load_state_dict(unwatched)
    assert course.weights_sha256 == hashlib.sha256(checkpoint.weights(again.net)).hexdigest()
    assert len(points) == 5


def test_what_is_seen_after_k_updates_is_what_a_net_stopped_there_has(prepared):
    run = mini_job().run
    state = train.begin(run.net, run.recipe)
    list(train.train(state, stream(prepared, run), run.recipe, stop=lambda: state.step >= 7))
    probe = signal_runs.probe_of(prepared)
    course = signal_runs.along(run, prepared, (0, 7))
    assert course.seen[1] == probe(state.net)
    assert course.seen[0] == probe(train.begin(run.net, run.recipe).net)
    assert course.seen[0] == signal_runs.at_start(run, probe).seen[0]


def test_probe_images_are_the_first_as_they_are(prepared):
    probe = signal_runs.probe_of(prepared, 3)
    by_hand = prepared.train_images[:3].double() / 255 - prepared.mean
    assert torch.allclose(probe.images.double(), by_hand, atol=1e-6) and len(probe.labels) == 3


def test_a_training_without_bn_has_its_offsets_trained(prepared):
    run = mini_job().run
    course = signal_runs.along(run, prepared, (0, 5), bn="bias")
    assert course.updates == [0, 5] and course.stopped is None
    state = signal_runs.begin(run, "bias")
    names = {name for name, _ in state.net.named_parameters()}
    assert "stem.1.bias" in names and "stem.1.weight" not in names
    ours = {id(p) for group in state.optimizer.param_groups for p in group["params"]}
    assert ours == {id(p) for p in state.net.parameters()}
    assert state.optimizer.defaults["weight_decay"] == run.recipe.weight_decay


def test_a_training_that_diverges_says_when(prepared):
    run = mini_job(lr=1e6).run
    course = signal_runs.along(run, prepared, (0, 1, 20), bn="bias")
    assert course.updates[0] == 0 and 20 not in course.updates
    assert 0 < course.stopped <= 20


def test_findings_go_to_disk_and_back(prepared, tmp_path):
    run = mini_job().run
    path = signal_runs.store(run, "own", prepared, tmp_path, updates=(0, 3))
    start = signal_runs.store(run, "own", prepared, tmp_path)
    assert path != start and path.parent.name == "signals"
    found = findings.load(path)
    assert found.settings["what"] == "training" and len(found.weights_sha256) == 64
    assert findings.load(start).weights_sha256 == "" and found.values["stopped"] is None
    probe = signal_runs.probe_of(prepared)
    fresh = signal_runs.at_start(run, probe).seen[0]
    for name in QUANTITIES:
        assert signal_runs.read(found, 0, name) == pytest.approx(getattr(fresh, name), rel=6e-3)
    with pytest.raises(InputError, match="looked at after"):
        signal_runs.read(found, 2, "variance")
    with pytest.raises(InputError, match="choose one of variance"):
        signal_runs.read(found, 0, "noise")


def test_mistakes_are_one_sentence(prepared):
    run = mini_job().run
    for wrong in ((), (-1,), (24,)):
        with pytest.raises(InputError, match="0 to 23"):
            signal_runs.along(run, prepared, wrong)
    with pytest.raises(InputError, match="kept or bias"):
        signal_runs.begin(replace(run), "none")
