"""Several runs at once give the records that one after the other gives."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest
from conftest import ENGINE, mini_dataset, mini_job

from resnet_lab import data, records, workers


@pytest.fixture
def in_memory(monkeypatch):
    """Workers in this process find the small data set instead of CIFAR-10."""
    monkeypatch.setattr(data, "load", lambda root=None, *, name=None: mini_dataset())


def digests(out: Path) -> list[str]:
    return sorted(record.digest for record in records.load_all(out / "records"))


def test_jobs_are_trained_once_and_told_of(tmp_path, in_memory):
    jobs = [mini_job(seed=seed) for seed in (0, 1)]
    told = []
    assert workers.train_all(jobs, None, "cifar10", tmp_path, ENGINE, tell=told.append)
    # 23 updates, a point every 5 and after the last, and one report before the first update
    assert [r.step for r in told if r.kind == "point"] == [0, 5, 10, 15, 20, 23] * 2
    assert [r.job for r in told if r.kind == "done"] == jobs
    again = []
    assert workers.train_all(jobs, None, "cifar10", tmp_path, ENGINE, tell=again.append)
    assert again == []


def test_a_failing_run_does_not_stop_the_others(tmp_path, in_memory):
    jobs = [mini_job(lr=1e30), mini_job()]
    told = []
    assert not workers.train_all(jobs, None, "cifar10", tmp_path, ENGINE, tell=told.append)
    assert [r.kind for r in told if r.kind != "point"] == ["failed", "done"]
    assert "loss is" in next(r.message for r in told if r.kind == "failed")
    assert len(digests(tmp_path)) == 1


def test_a_budget_stops_with_a_checkpoint_and_the_next_call_goes_on(tmp_path, in_memory):
    jobs = [mini_job()]
    assert not workers.train_all(jobs, None, "cifar10", tmp_path, ENGINE, budget=0.0)
    assert not digests(tmp_path)
    assert workers.train_all(jobs, None, "cifar10", tmp_path, ENGINE)
    assert len(digests(tmp_path)) == 1


def test_ctrl_c_saves_and_the_next_call_goes_on_to_the_same_record(tmp_path, in_memory):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert workers.train_all([mini_job()], None, "cifar10", whole, ENGINE)

    def interrupt(report: workers.Report) -> None:
        if report.kind == "point" and report.step == 10:
            signal.raise_signal(signal.SIGINT)

    told = []
    listen = lambda r: (told.append(r.kind), interrupt(r))  # noqa: E731
    assert not workers.train_all([mini_job()], None, "cifar10", broken, ENGINE, tell=listen)
    assert told[-1] == "stopped" and list((broken / "checkpoints").iterdir())
    assert workers.train_all([mini_job()], None, "cifar10", broken, ENGINE)
    assert digests(broken) == digests(whole)
    assert not list((broken / "checkpoints").iterdir())


def test_the_handler_of_ctrl_c_is_put_back():
    before = signal.getsignal(signal.SIGINT)
    with workers.asked_to_stop() as asked:
        assert not asked.is_set()
    assert signal.getsignal(signal.SIGINT) is before


def test_outside_the_main_thread_nothing_is_installed():
    seen = []

    def enter() -> None:
        with workers.asked_to_stop() as asked:
            seen.append(asked.is_set())

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert seen == [False]


SCRIPT = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from dataclasses import replace
    from resnet_lab import data, experiments, runner, workers
    from resnet_lab.runner import Engine, Job

    def jobs(steps):
        dataset = data.load(name="embedded")
        for seed in (0, 1):
            job = experiments.job("quick", dataset, 8, "none", seed)
            recipe = replace(job.run.recipe, steps=steps, drops=(), log_every=5, test_every=10)
            yield Job(run=replace(job.run, recipe=recipe), scale="own")

    if __name__ == "__main__":
        out, at_once, steps = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
        runner.CHECKPOINT_SECONDS = 0.0
        engine = Engine(device="cpu", precision="float32", threads=1)
        tell = lambda r: print(r.kind, r.step, flush=True)
        workers.train_all(
            list(jobs(steps)), None, "embedded", out, engine, at_once=at_once, tell=tell
        )
    """
)


@pytest.fixture
def start(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    environment = os.environ | {"PYTHONPATH": str(Path(workers.__file__).parents[1])}

    def run(out: str, at_once: int, steps: int = 30) -> subprocess.Popen:
        words = [sys.executable, str(script), str(tmp_path / out), str(at_once), str(steps)]
        return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment)

    return run


def test_side_by_side_and_killed_gives_the_same_records(tmp_path, start):
    """kill -9 of the parent while two workers train; nothing is lost, nothing changes."""
    assert start("whole", 1).wait(timeout=300) == 0
    broken = start("broken", 2)
    for line in broken.stdout:
        if line.startswith("point 1"):  # update 10 or later: both workers are at work
            break
    broken.kill()
    broken.wait(timeout=60)
    broken.stdout.close()
    time.sleep(1)  # the orphans see that their parent is gone, save and end
    assert start("broken", 2).wait(timeout=300) == 0
    assert digests(tmp_path / "broken") == digests(tmp_path / "whole")
    assert len(digests(tmp_path / "whole")) == 2
