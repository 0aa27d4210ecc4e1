"""A run ends in the same record however often it was interrupted, and is trained once."""

import hashlib
import itertools
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from conftest import ENGINE, mini_job
from hypothesis import given, settings
from hypothesis import strategies as st

from resnet_lab import checkpoint, data, records, runner, train
from resnet_lab.errors import InputError
from resnet_lab.resnet import ResNet, cifar
from resnet_lab.runner import Engine, default_engine, prepare, train_run
from resnet_lab.runs import Images

JOB = mini_job()
STEPS = JOB.run.recipe.steps
PRECISIONS = ["float32", "bfloat16"]


def files(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def after(updates):
    """Says stop before the update that would be one too many."""
    count = itertools.count()
    return lambda: next(count) >= updates


def checkpoint_of(out, job=JOB):
    return out / "checkpoints" / f"{job.run.stem}.checkpoint"


def damage(path):
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)
    return bytes(content)


@pytest.fixture(scope="module")
def whole(mini, tmp_path_factory):
    """The uninterrupted run, at both precisions: its records."""
    return {
        precision: train_run(
            JOB, mini, tmp_path_factory.mktemp(precision), replace(ENGINE, precision=precision)
        )
        for precision in PRECISIONS
    }


# --- one run ---


def test_a_run_leaves_its_record_and_its_weights_and_nothing_else(mini, tmp_path, whole):
    record = train_run(JOB, mini, tmp_path, ENGINE)
    stem = f"records/own/{JOB.run.stem}"
    assert files(tmp_path) == [f"{stem}.json", f"{stem}.safetensors"]
    assert records.load(tmp_path / f"{stem}.json") == record
    weights = (tmp_path / f"{stem}.safetensors").read_bytes()
    assert hashlib.sha256(weights).hexdigest() == record.weights_sha256
    assert record.run == JOB.run and record.scale == "own"
    assert record.digest == whole["float32"].digest  # a second training is the same training


def test_the_final_errors_are_those_of_the_last_update_and_of_the_weights(mini, tmp_path):
    record = train_run(JOB, mini, tmp_path, ENGINE)
    assert [p.step for p in record.curve] == [5, 10, 15, 20, 23]
    assert [p.test_error is None for p in record.curve] == [True, False, True, False, False]
    last = record.curve[-1]
    assert vars(record.final) == {
        "step": STEPS,
        "train_error": last.train_error,
        "test_error": last.test_error,
    }
    net = ResNet(JOB.run.net)
    path = records.path_of(tmp_path / "records", "own", JOB.run).with_suffix(".safetensors")
    net.load_state_dict(checkpoint.read_weights(path))
    prepared = prepare(mini, JOB.run.images)
    assert last.test_error == train.error(
        net, prepared.test_images, prepared.test_labels, prepared.mean
    )


def test_the_best_point_is_not_what_is_reported(mini, tmp_path, monkeypatch):
    measured = iter([50.0, 10.0, 30.0])
    monkeypatch.setattr(train.SingleView, "__call__", lambda self, net: next(measured))
    assert train_run(JOB, mini, tmp_path, ENGINE).final.test_error == 30.0


def test_a_record_says_how_it_was_computed(whole):
    for precision in PRECISIONS:
        how = whole[precision].how
        assert (how.precision, how.threads, how.torch) == (precision, 1, torch.__version__)
        assert how.device.startswith("cpu (") and how.seconds > 0
        assert how.finished.endswith("+00:00")
    assert whole["float32"].weights_sha256 != whole["bfloat16"].weights_sha256


def test_a_run_with_a_record_is_not_trained_again(mini, tmp_path, monkeypatch):
    first = train_run(JOB, mini, tmp_path, ENGINE)

    def never(*_, **__):
        raise AssertionError("trained again")

    monkeypatch.setattr(train, "train", never)
    assert train_run(JOB, mini, tmp_path, ENGINE) == first


def test_a_damaged_record_is_neither_believed_nor_overwritten(mini, tmp_path):
    path = records.path_of(tmp_path / "records", "own", JOB.run)
    path.parent.mkdir(parents=True)
    path.write_text("{")
    with pytest.raises(InputError, match="not a whole run record"):
        train_run(JOB, mini, tmp_path, ENGINE)
    assert path.read_text() == "{" and len(files(tmp_path)) == 1


def test_a_changed_recipe_never_overwrites_an_old_result(mini, tmp_path):
    first = train_run(JOB, mini, tmp_path, ENGINE)
    before = {name: (tmp_path / name).read_bytes() for name in files(tmp_path)}
    for job in (mini_job(seed=1), mini_job(lr=0.05), replace(JOB, scale="quick")):
        train_run(job, mini, tmp_path, ENGINE)
    assert len(files(tmp_path)) == 8
    assert all((tmp_path / name).read_bytes() == content for name, content in before.items())
    assert first in records.load_all(tmp_path / "records")


def test_progress_is_reported_before_the_first_update_and_at_every_point(mini, tmp_path):
    steps = []
    train_run(JOB, mini, tmp_path, ENGINE, report=lambda state: steps.append(state.step))
    assert steps == [0, 5, 10, 15, 20, 23]


def test_a_loss_that_is_not_finite_leaves_no_record(mini, tmp_path):
    job = mini_job(lr=1e30)
    with pytest.raises(FloatingPointError, match="update"):
        train_run(job, mini, tmp_path, ENGINE)
    assert not list(tmp_path.rglob("*.json"))


# --- interruption ---


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("first", [0, 1, 5, 7, 10, 22])
def test_an_interrupted_run_ends_in_the_same_bits(mini, tmp_path, whole, precision, first):
    engine = replace(ENGINE, precision=precision)
    assert train_run(JOB, mini, tmp_path, engine, stop=after(first)) is None
    assert files(tmp_path) == [f"checkpoints/{JOB.run.stem}.checkpoint"]
    record = train_run(JOB, mini, tmp_path, engine)
    assert record.weights_sha256 == whole[precision].weights_sha256
    assert record.digest == whole[precision].digest
    assert not checkpoint_of(tmp_path).exists()


@settings(max_examples=8)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=6))
def test_a_run_in_any_number_of_pieces_ends_in_the_same_bits(mini, tmp_path_factory, whole, pieces):
    out = tmp_path_factory.mktemp("pieces")
    for piece in pieces:
        record = train_run(JOB, mini, out, ENGINE, stop=after(piece))
        if record is not None:
            break
    record = train_run(JOB, mini, out, ENGINE)
    assert record.digest == whole["float32"].digest


def test_a_warm_up_is_resumed_as_it_stood(mini, tmp_path_factory):
    """Ended or not, it does not begin again."""
    job = mini_job(warm_up=True, log_every=1, test_every=23)
    record = train_run(job, mini, tmp_path_factory.mktemp("whole"), ENGINE)
    rates = [p.lr for p in record.curve]
    assert rates[0] == 0.01
    for first in (1, rates.index(0.1) if 0.1 in rates else 9, 20):
        out = tmp_path_factory.mktemp("parts")
        train_run(job, mini, out, ENGINE, stop=after(first))
        assert train_run(job, mini, out, ENGINE).digest == record.digest


def test_a_run_goes_on_with_the_precision_it_began_with(mini, tmp_path, whole):
    """Another one would end in other bits: neither the old record nor the new one."""
    begun = replace(ENGINE, precision="bfloat16")
    train_run(JOB, mini, tmp_path, begun, stop=after(7))
    record = train_run(JOB, mini, tmp_path, ENGINE)
    assert record.how.precision == "bfloat16"
    assert record.digest == whole["bfloat16"].digest


def test_a_kill_between_weights_and_record_costs_nothing_but_the_tail(
    mini, tmp_path, whole, monkeypatch
):
    monkeypatch.setattr(runner, "CHECKPOINT_SECONDS", 0.0)

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(records, "save", killed)
        train_run(JOB, mini, tmp_path, ENGINE)
    assert not list(tmp_path.rglob("*.json")) and checkpoint_of(tmp_path).exists()
    steps = []
    record = train_run(JOB, mini, tmp_path, ENGINE, report=lambda state: steps.append(state.step))
    assert steps == [STEPS]  # nothing was trained again
    assert record.digest == whole["float32"].digest
    assert not checkpoint_of(tmp_path).exists()


def test_what_a_killed_write_left_behind_does_no_harm(mini, tmp_path, whole):
    train_run(JOB, mini, tmp_path, ENGINE, stop=after(7))
    half = checkpoint_of(tmp_path)
    (half.parent / f".{half.name}.abc123").write_bytes(half.read_bytes()[:100])
    assert train_run(JOB, mini, tmp_path, ENGINE).digest == whole["float32"].digest


SCRIPT = """
import sys, time
from pathlib import Path
import torch
from conftest import ENGINE, mini_dataset, mini_job
from resnet_lab import runner

torch.set_num_threads(1)
runner.CHECKPOINT_SECONDS = 0.0
# slow enough to be killed on the way: seven seconds for all of it
runner.train_run(
    mini_job(log_every=1, test_every=4), mini_dataset(), Path(sys.argv[1]), ENGINE,
    report=lambda state: time.sleep(0.3),
)
"""


def start(out):
    here = Path(__file__).parent
    path = os.pathsep.join([str(here), str(here.parent), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(out)],
        env=os.environ | {"PYTHONPATH": path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=out,
    )


def steps_done(path, run):
    return checkpoint.read_head(path, run)[0]["step"] if path.exists() else -1


def test_a_run_killed_without_warning_ends_in_the_same_bits(mini, tmp_path, tmp_path_factory):
    """kill -9 of a process that trains; the rest here."""
    job = mini_job(log_every=1, test_every=4)
    half = checkpoint_of(tmp_path, job)
    process = start(tmp_path)
    try:
        deadline = time.monotonic() + 120
        while steps_done(half, job.run) < 2:
            assert process.poll() is None, process.stderr.read().decode()
            assert time.monotonic() < deadline, "no checkpoint was written"
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stderr.close()
    assert process.returncode == -signal.SIGKILL
    reached = steps_done(half, job.run)
    assert 0 < reached < STEPS and not list(tmp_path.rglob("*.json"))
    steps = []
    record = train_run(job, mini, tmp_path, ENGINE, report=lambda state: steps.append(state.step))
    assert steps[0] == reached  # it went on; it did not begin again
    expected = train_run(job, mini, tmp_path_factory.mktemp("whole"), ENGINE)
    assert record.weights_sha256 == expected.weights_sha256
    assert record.digest == expected.digest


# --- checkpoints that are not ours ---


def test_a_damaged_checkpoint_stops_the_run_and_is_kept(mini, tmp_path):
    train_run(JOB, mini, tmp_path, ENGINE, stop=after(7))
    half = checkpoint_of(tmp_path)
    content = damage(half)
    with pytest.raises(InputError, match="cut short or damaged; delete it") as caught:
        train_run(JOB, mini, tmp_path, ENGINE)
    assert str(half) in str(caught.value)
    assert half.read_bytes() == content and len(files(tmp_path)) == 1
    half.unlink()  # what the message says to do
    assert train_run(JOB, mini, tmp_path, ENGINE) is not None


def test_the_checkpoint_of_another_run_under_our_name_is_refused(mini, tmp_path):
    other = mini_job(seed=1)
    train_run(other, mini, tmp_path, ENGINE, stop=after(7))
    checkpoint_of(tmp_path, other).rename(checkpoint_of(tmp_path))
    with pytest.raises(InputError, match="the checkpoint of another run"):
        train_run(JOB, mini, tmp_path, ENGINE)


def test_a_run_begun_on_a_gpu_says_so_where_there_is_none(mini, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    state = train.begin(JOB.run.net, JOB.run.recipe)
    how = {"device": "cuda", "precision": "bfloat16", "threads": 4}
    checkpoint.save(checkpoint_of(tmp_path), JOB.run, state, how)
    with pytest.raises(InputError, match="was begun on a GPU; go on there, or delete it"):
        train_run(JOB, mini, tmp_path, ENGINE)


# --- the images of a run ---


def test_section_4_2_the_mean_is_of_the_training_images_only(mini):
    prepared = prepare(mini, Images(size=32))
    mean = mini.train_images.double().mean(0) / 255
    torch.testing.assert_close(prepared.mean.double(), mean, rtol=0, atol=1e-6)
    assert prepared.mean.shape == (3, 32, 32)
    assert torch.equal(prepared.test_images, mini.test_images)


def test_a_run_sees_the_same_images_in_the_same_order_whatever_the_order_of_the_files(mini):
    backwards = replace(
        mini,
        train_images=mini.train_images.flip(0),
        train_labels=mini.train_labels.flip(0),
    )
    ours, theirs = prepare(mini, Images(size=8)), prepare(backwards, Images(size=8))
    assert torch.equal(ours.train_images, theirs.train_images)
    assert torch.equal(ours.train_labels, theirs.train_labels)


def test_reduced_images_are_means_of_squares(mini):
    prepared = prepare(mini, Images(size=8))
    order = data.canonical_order(mini.train_images, mini.train_labels)
    for ours, all_pixels in (
        (prepared.train_images, mini.train_images[order]),
        (prepared.test_images, mini.test_images),
    ):
        squares = torch.nn.functional.avg_pool2d(all_pixels.double(), 4)
        assert ours.dtype == torch.uint8
        assert (ours.double() - squares).abs().max() <= 0.5


def test_section_4_2_held_out_images_stand_in_for_the_test_set(mini):
    prepared = prepare(mini, Images(size=32, held_out=50))
    assert len(prepared.train_images) == 150 and len(prepared.test_images) == 50
    rows = {image.numpy().tobytes() for image in mini.train_images}
    kept = {image.numpy().tobytes() for image in prepared.train_images}
    held = {image.numpy().tobytes() for image in prepared.test_images}
    assert kept | held == rows and not kept & held
    expected = prepared.train_images.double().mean(0) / 255  # the mean does not see them
    torch.testing.assert_close(prepared.mean.double(), expected, rtol=0, atol=1e-6)


def test_a_job_made_for_other_images_is_refused(mini, tmp_path):
    """Else the record would name images that the net has not seen."""
    other = replace(mini, content_hash="00" * 32, name="embedded")
    with pytest.raises(InputError):
        train_run(JOB, other, tmp_path, ENGINE)


# --- engines ---


def test_an_engine_is_the_processor_with_all_its_cores_unless_told(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    engine = default_engine()
    assert engine.device == "cpu" and engine.threads == runner.cores() >= 1
    assert engine.precision in PRECISIONS
    assert default_engine("cpu", 3).threads == 3


def test_a_device_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="there is no CUDA device here"):
        default_engine("cuda")
    with pytest.raises(InputError, match="must be cpu or cuda, got 'tpu'"):
        default_engine("tpu")


def test_the_engine_is_not_part_of_the_name(mini, tmp_path, whole):
    stems = {records.path_of(tmp_path, "own", record.run).name for record in whole.values()}
    assert len(stems) == 1
    assert Engine() == ENGINE


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_run_interrupted_on_a_gpu_goes_on(mini, tmp_path_factory):
    """GPUs add in no fixed order, so the losses agree to some digits and not to the last bit."""
    engine = default_engine("cuda", 1)
    job = replace(JOB, run=replace(JOB.run, net=cifar(20)))
    expected = train_run(job, mini, tmp_path_factory.mktemp("whole"), engine)
    out = tmp_path_factory.mktemp("parts")
    assert train_run(job, mini, out, engine, stop=after(7)) is None
    found = train_run(job, mini, out, engine)
    assert [p.lr for p in found.curve] == [p.lr for p in expected.curve]
    assert found.curve[0].train_loss == pytest.approx(expected.curve[0].train_loss, rel=0.01)


@pytest.mark.parametrize("fails", [False, True])
def test_the_caller_gets_its_number_of_threads_back(mini, tmp_path, fails):
    before = torch.get_num_threads()
    engine, seen = replace(ENGINE, threads=before + 2), []

    def report(state):
        seen.append(torch.get_num_threads())
        if fails:
            raise KeyboardInterrupt

    try:
        train_run(mini_job(steps=2, drops=()), mini, tmp_path, engine, report=report)
    except KeyboardInterrupt:
        assert fails
    assert set(seen) == {before + 2} and torch.get_num_threads() == before
