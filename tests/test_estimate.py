"""What is said before runs start, against arithmetic by hand and against the clock's order."""

from dataclasses import replace

import pytest
from conftest import ENGINE, mini_job

from resnet_lab import checkpoint, estimate, experiments, prepared, records, runner, train
from resnet_lab.estimate import Estimate, Timing, between
from resnet_lab.runner import Job

FAST = replace(ENGINE, fast=True)


def job_of(depth, mini, seed=0):
    return experiments.job("quick", mini, depth, "A", seed)


def test_a_run_costs_its_start_its_updates_and_its_tests():
    run = mini_job(steps=20, drops=(), log_every=5, test_every=10).run
    assert Timing(start=3.0, update=0.5, test=2.0).whole(run) == 3 + 20 * 0.5 + 2 * 2.0


def test_depths_lie_on_a_line():
    timings = {
        20: Timing(start=1.0, update=0.2, test=1.0),
        110: Timing(start=10.0, update=1.1, test=5.5),
    }
    assert between(20, timings) == timings[20] and between(110, timings) == timings[110]
    assert between(65, timings).update == pytest.approx(0.65)
    assert between(1202, timings).update == pytest.approx(12.02)
    # one depth alone: in proportion
    assert between(40, {20: timings[20]}).update == pytest.approx(0.4)
    assert between(20, {20: timings[20]}) == timings[20]


@pytest.mark.parametrize("engine", [ENGINE, FAST], ids=["readable", "fast"])
def test_a_net_is_timed_without_a_trace(mini, engine):
    run = mini_job().run
    timing = estimate.time_net(run, prepared.prepare(mini, run.images), engine)
    assert timing.update > 0 and timing.test > 0 and timing.start >= 0


@pytest.fixture
def clock(monkeypatch):
    """A net's update takes a hundredth of a second a layer; which nets were timed is kept."""
    timed = []

    def time_net(run, images, engine):
        timed.append(run.net.depth)
        return Timing(start=0.0, update=run.net.depth / 100, test=0.0)

    monkeypatch.setattr(estimate, "time_net", time_net)
    return timed


def test_the_shallowest_and_the_deepest_net_are_timed_but_never_1202_layers(mini, clock, tmp_path):
    jobs = [job_of(depth, mini) for depth in (20, 56, 110, 1202)]
    found = estimate.estimate(jobs, mini, ENGINE, [], tmp_path)
    assert clock == [20, 110] == list(found.timed)
    assert found.seconds == pytest.approx([1200 * depth / 100 for depth in (20, 56, 110, 1202)])


def test_runs_made_here_before_are_believed_and_others_are_not(mini, clock, tmp_path):
    job = mini_job()
    runner.train_run(job, mini, tmp_path, ENGINE)
    (record,) = records.load_all(tmp_path / "records")
    slow = replace(record, how=replace(record.how, seconds=77.0))
    again = mini_job(seed=5)
    found = estimate.estimate([again], mini, ENGINE, [slow, slow], tmp_path)
    assert found.seconds == (77.0,) and found.recorded == 1 and not clock
    for how in (
        dict(device="another processor"),
        dict(precision="bfloat16"),
        dict(threads=8),
        dict(at_once=2),
        dict(fast=True),
    ):
        other = replace(slow, how=replace(slow.how, **how))
        assert estimate.estimate([again], mini, ENGINE, [other], tmp_path).recorded == 0
    longer = mini_job(steps=40)
    assert estimate.estimate([longer], mini, ENGINE, [slow], tmp_path).recorded == 0


def test_what_a_checkpoint_has_done_is_not_counted_again(mini, clock, tmp_path):
    job = job_of(20, mini)
    state = train.begin(job.run.net, job.run.recipe)
    state.step = 300
    checkpoint.save(runner.half_way_path(tmp_path, job.run), job.run, state, vars(ENGINE))
    (seconds,) = estimate.estimate([job], mini, ENGINE, [], tmp_path).seconds
    assert seconds == pytest.approx(1200 * 0.2 * 3 / 4)
    runner.half_way_path(tmp_path, job.run).write_bytes(b"damaged")  # the run itself will say so
    (seconds,) = estimate.estimate([job], mini, ENGINE, [], tmp_path).seconds
    assert seconds == pytest.approx(1200 * 0.2)


@pytest.mark.parametrize(
    "given, budget, says",
    [
        ({}, None, ["about 5 min 0 s for 3 runs", "3 from updates of 20 and 56 layers"]),
        (dict(at_once=2), None, ["about 2 min 30 s"]),
        (dict(at_once=4, shared=True), None, ["about 5 min 0 s", "side by side on one GPU it is"]),
        (dict(recorded=3, timed=()), None, ["(3 from earlier runs on this machine)"]),
        ({}, 200.0, ["The budget of 3 min 20 s is enough for about 2 of them"]),
        ({}, 30.0, ["enough for about none of them"]),
        ({}, 300.0, ["about 5 min 0 s for 3 runs"]),
    ],
)
def test_the_words(given, budget, says):
    fields = dict(seconds=(60.0, 100.0, 140.0), timed=(20, 56), recorded=0, at_once=1, shared=False)
    text = Estimate(**(fields | given)).words(budget)
    assert all(part in text for part in says), text
    assert ("budget" in text) == (budget is not None and budget < 300)


def test_a_job_of_another_scale_is_estimated_too(mini, clock, tmp_path):
    job = Job(run=mini_job().run, scale="own")
    assert len(estimate.estimate([job], mini, ENGINE, [], tmp_path).seconds) == 1
