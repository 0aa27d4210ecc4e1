"""Runs that take turns end as they would have ended alone."""

from dataclasses import replace

import pytest
import torch
from conftest import ENGINE, mini_job
from test_workers import digests, in_memory  # noqa: F401

from resnet_lab import engine, memory, records, runner, train, turns, workers
from resnet_lab.resnet import cifar

FAST = replace(ENGINE, fast=True, at_once=3)
JOBS = [mini_job(seed=seed) for seed in range(4)] + [mini_job(steps=9, drops=())]


@pytest.fixture
def alone(tmp_path_factory, mini):
    out = tmp_path_factory.mktemp("alone")
    for job in JOBS:
        runner.train_run(job, mini, out, ENGINE)
    return digests(out)


def take(jobs, mini, out, *, at_once=3, stop=lambda: False, engine=FAST):
    told = []
    turns.take_turns(jobs, mini, out, engine, at_once, stop, told.append)
    return told


@pytest.mark.parametrize("at_once", [1, 2, 3, 9])
def test_every_run_ends_as_it_does_alone_in_the_readable_loop(tmp_path, mini, alone, at_once):
    told = take(JOBS, mini, tmp_path, at_once=at_once)
    assert digests(tmp_path) == alone
    assert sorted(r.job.run.hash for r in told if r.kind == "done") == sorted(
        job.run.hash for job in JOBS
    )
    assert not list((tmp_path / "checkpoints").glob("*"))


def test_they_really_take_turns_and_no_more_than_asked_for(tmp_path, mini):
    told = take(JOBS, mini, tmp_path, at_once=2)
    at_work, most, changes, last = set(), 0, 0, None
    for report in told:
        key = report.job.run.hash
        at_work.add(key)
        most = max(most, len(at_work))
        changes += last not in (None, key)
        last = key
        if report.kind == "done":
            at_work.remove(key)
    assert most == 2 and changes > len(JOBS)


def test_a_record_says_how_it_was_trained(tmp_path, mini):
    take(JOBS[:1], mini, tmp_path)
    (record,) = records.load_all(tmp_path / "records")
    assert record.how.fast and record.how.at_once == 3 and not record.how.compiled


@pytest.mark.parametrize("windows", [0, 1, 3, 5])
def test_a_stop_saves_all_of_them_and_the_next_call_goes_on(tmp_path, mini, alone, windows):
    asked = []

    def stop():
        asked.append(1)
        return len(asked) > 4 * windows

    told = take(JOBS, mini, tmp_path, stop=stop)
    begun = {r.job.run.hash for r in told}
    ended = {r.job.run.hash for r in told if r.kind in ("done", "stopped")}
    assert begun == ended and len(digests(tmp_path)) < len(JOBS)
    take(JOBS, mini, tmp_path)
    assert digests(tmp_path) == alone


def test_a_failed_run_leaves_the_others_alone(tmp_path, mini, alone):
    told = take([mini_job(lr=1e30), *JOBS], mini, tmp_path)
    assert [r.kind for r in told].count("failed") == 1
    assert "loss is" in next(r.message for r in told if r.kind == "failed")
    assert digests(tmp_path) == alone


def test_a_run_that_does_not_fit_beside_the_others_is_trained_after_them(
    tmp_path, mini, alone, monkeypatch
):
    """The GPU says that it is full, twice: once to a run with company, then only to that run."""
    refused = []

    def begin(net, recipe, device, real=train.begin):
        if recipe.seed == 2 and len(refused) < 1:
            refused.append(recipe.seed)
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return real(net, recipe, device)

    monkeypatch.setattr(train, "begin", begin)
    told = take(JOBS, mini, tmp_path)
    assert refused == [2] and digests(tmp_path) == alone
    assert not [r for r in told if r.kind == "failed"]


def test_a_run_that_does_not_fit_alone_has_failed(tmp_path, mini, monkeypatch):
    def begin(*_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    monkeypatch.setattr(train, "begin", begin)
    told = take(JOBS[:2], mini, tmp_path)
    assert [r.kind for r in told] == ["failed", "failed"]
    assert "out of memory" in told[0].message


def test_no_run_is_begun_for_which_there_is_no_room(tmp_path, mini, monkeypatch):
    monkeypatch.setattr(memory, "fits", lambda run, precision, device: False)
    told = take(JOBS, mini, tmp_path)
    order = [r.job.run.hash for r in told]
    # one after the other, though three were asked for
    assert order == sorted(order, key=[job.run.hash for job in JOBS].index)


def test_a_deep_net_without_room_is_recomputed(tmp_path, mini, monkeypatch):
    job = replace(JOBS[0], run=replace(JOBS[0].run, net=cifar(14, width=4)))
    runner.train_run(job, mini, tmp_path / "whole", ENGINE)
    monkeypatch.setattr(memory, "fits", lambda run, precision, device: False)
    made = []
    monkeypatch.setattr(
        runner.twins,
        "recomputed",
        lambda net, real=runner.twins.recomputed: made.append(1) or real(net),
    )
    runner.train_run(job, mini, tmp_path / "less", FAST)
    (record,) = records.load_all(tmp_path / "less" / "records")
    assert record.how.recomputed and not record.how.compiled
    assert made == [1] and digests(tmp_path / "less") == digests(tmp_path / "whole")


def test_workers_choose_turns_for_the_fast_loop(tmp_path, in_memory, alone):  # noqa: F811
    assert workers.train_all(JOBS, None, "cifar10", tmp_path, FAST, at_once=3)
    assert digests(tmp_path) == alone


def test_a_run_begun_in_the_readable_loop_goes_on_there(tmp_path, in_memory, mini, alone):  # noqa: F811
    asked = iter([False] * 7)
    runner.train_run(JOBS[1], mini, tmp_path, ENGINE, stop=lambda: next(asked, True))
    assert list((tmp_path / "checkpoints").glob("*"))
    assert workers.train_all(JOBS, None, "cifar10", tmp_path, FAST, at_once=3)
    assert digests(tmp_path) == alone
    slow = [r.run.recipe.seed for r in records.load_all(tmp_path / "records") if not r.how.fast]
    assert slow == [1]


def test_an_error_of_the_device_ends_one_run_and_not_the_loop(tmp_path, mini, monkeypatch):
    class Lost(engine.Window):
        def ready(self):
            if self.loop.recipe.seed == 1 and self.end == 10:
                raise RuntimeError("CUDA error: unspecified launch failure")
            return True

    monkeypatch.setattr(engine, "Window", Lost)
    told = take(JOBS[:3], mini, tmp_path)
    assert [r.job.run.recipe.seed for r in told if r.kind == "failed"] == [1]
    assert len(digests(tmp_path)) == 2
