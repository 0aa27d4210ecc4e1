"""Several runs at once give the records that one after the other gives."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
from conftest import ENGINE, mini_dataset, mini_job

from resnet_lab import data, pool, records, reports, runner, train, workers


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


@pytest.mark.parametrize(
    "error, message",
    [
        (RuntimeError("no memory\nException raised from alloc_cpu"), "RuntimeError: no memory"),
        (MemoryError(), "MemoryError"),
    ],
)
def test_what_torch_raises_is_a_failed_run_and_the_next_one_is_trained(
    tmp_path, in_memory, monkeypatch, error, message
):
    def begin(net, recipe, device, real=train.begin):
        if recipe.seed == 0:
            raise error
        return real(net, recipe, device)

    monkeypatch.setattr(train, "begin", begin)
    jobs, told = [mini_job(seed=seed) for seed in (0, 1)], []
    assert not workers.train_all(jobs, None, "cifar10", tmp_path, ENGINE, tell=told.append)
    assert [(r.kind, r.message) for r in told if r.kind != "point"] == [
        ("failed", message),
        ("done", ""),
    ]


def test_a_checkpoint_left_beside_its_record_is_removed(tmp_path, in_memory):
    """A kill between the record and the removal of the checkpoint leaves both."""
    jobs = [mini_job(seed=seed) for seed in (0, 1)]
    assert workers.train_all(jobs[:1], None, "cifar10", tmp_path, ENGINE)
    left, other = (runner.half_way_path(tmp_path, job.run) for job in jobs)
    left.parent.mkdir(exist_ok=True)
    left.write_bytes(b"left")
    other.write_bytes(b"half-way")
    assert not workers.train_all(jobs, None, "cifar10", tmp_path, ENGINE, budget=0.0)
    assert not left.exists() and other.exists()


def test_a_budget_stops_with_a_checkpoint_and_the_next_call_goes_on(tmp_path, in_memory):
    jobs = [mini_job()]
    assert not workers.train_all(jobs, None, "cifar10", tmp_path, ENGINE, budget=0.0)
    assert not digests(tmp_path)
    assert workers.train_all(jobs, None, "cifar10", tmp_path, ENGINE)
    assert len(digests(tmp_path)) == 1


def test_ctrl_c_saves_and_the_next_call_goes_on_to_the_same_record(tmp_path, in_memory):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert workers.train_all([mini_job()], None, "cifar10", whole, ENGINE)

    def interrupt(report: reports.Report) -> None:
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


@pytest.mark.parametrize("raises", [None, KeyboardInterrupt])
def test_ctrl_c_is_not_heard_while_a_process_starts(raises):
    before = signal.getsignal(signal.SIGINT)
    try:
        with pool.deaf_to_ctrl_c():
            signal.raise_signal(signal.SIGINT)  # would end this test
            if raises:
                raise raises
    except KeyboardInterrupt:
        assert raises
    assert signal.getsignal(signal.SIGINT) is before


SCRIPT = textwrap.dedent(
    """
    import multiprocessing
    import os
    import signal
    import sys
    import time
    from pathlib import Path
    from dataclasses import replace
    from resnet_lab import data, experiments, pool, runner, workers
    from resnet_lab.runner import Engine, Job

    def jobs(steps):
        dataset = data.load(name="embedded")
        for seed in (0, 1):
            job = experiments.job("quick", dataset, 8, "none", seed)
            recipe = replace(job.run.recipe, steps=steps, drops=(), log_every=5, test_every=10)
            yield Job(run=replace(job.run, recipe=recipe), scale="own")

    def tell(report):
        pids = [process.pid for process in multiprocessing.active_children()]
        words = report.message or pids
        print(report.kind, report.step, report.job.run.recipe.seed, words, flush=True)

    def start_and_interrupt(*arguments, start=pool.start):
        pool.start, worker = start, start(*arguments)
        time.sleep(0.3)  # it is importing now
        os.killpg(os.getpgrp(), signal.SIGINT)  # as the terminal does, to parent and child
        return worker

    if __name__ == "__main__":
        out, at_once, steps = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
        if "interrupted" in sys.argv:
            pool.start = start_and_interrupt
        runner.CHECKPOINT_SECONDS = 0.0
        engine = Engine(device="cpu", precision="float32", threads=1)
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

    def run(out: str, at_once: int, steps: int = 30, *more: str, **options) -> subprocess.Popen:
        words = [sys.executable, str(script), str(tmp_path / out), str(at_once), str(steps)]
        return subprocess.Popen(
            [*words, *more], stdout=subprocess.PIPE, text=True, env=environment, **options
        )

    return run


def both_training(process: subprocess.Popen, seen: str = "") -> list[int]:
    """The pids of the two workers, once both have told of an update."""
    for line in process.stdout:
        kind, step, seed, rest = line.split(maxsplit=3)
        if kind == "point" and int(step):
            seen += seed
        if {"0", "1"} <= set(seen):
            return [int(pid) for pid in rest.strip("[]\n").split(",")]
    pytest.fail("the two never trained side by side")


def test_side_by_side_and_killed_gives_the_same_records(tmp_path, start):
    """kill -9 of the parent while two workers train; nothing is lost, nothing changes."""
    assert start("whole", 1).wait(timeout=300) == 0
    broken = start("broken", 2)
    both_training(broken)
    broken.kill()
    # the orphans hold the other end of this pipe until they have seen, saved and ended
    broken.communicate(timeout=60)
    assert start("broken", 2).wait(timeout=300) == 0
    assert digests(tmp_path / "broken") == digests(tmp_path / "whole")
    assert len(digests(tmp_path / "whole")) == 2


@pytest.mark.skipif(os.name == "nt", reason="Windows has no kill -9")
def test_a_killed_worker_is_reported_and_the_other_goes_on(tmp_path, start):
    """kill -9 of one of two workers at work, as the system does when memory runs out."""
    process = start("killed", 2, 150)
    os.kill(both_training(process)[0], signal.SIGKILL)
    told, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    ends = [line for line in told.splitlines() if not line.startswith("point")]
    assert sorted(line.split()[0] for line in ends) == ["done", "failed"]
    why = "its process ended (exit code -9; perhaps memory ran out); the same command goes on"
    assert why in "".join(ends) and len(digests(tmp_path / "killed")) == 1
    assert start("killed", 2, 150).wait(timeout=300) == 0
    assert len(digests(tmp_path / "killed")) == 2


@pytest.mark.skipif(os.name == "nt", reason="Windows has no process groups of this kind")
def test_ctrl_c_while_the_workers_start_prints_no_traceback(tmp_path, start):
    options = dict(stderr=subprocess.PIPE, start_new_session=True)
    process = start("early", 2, 30, "interrupted", **options)
    told, errors = process.communicate(timeout=120)
    assert process.returncode == 0 and errors == "" and "failed" not in told
    assert not digests(tmp_path / "early")
    assert start("early", 2).wait(timeout=300) == 0
    assert len(digests(tmp_path / "early")) == 2


def nothing_loads() -> pool.Do:
    raise OSError("the data are gone")


def ends_at_once() -> pool.Do:
    return lambda job, stop, tell: os._exit(3)


def echo() -> pool.Do:
    return lambda job, stop, tell: tell(job.upper())


class TestPool:
    def run(self, jobs, n, prepare, stop=lambda: False):
        heard, lost = [], []
        pool.run(
            jobs, n, prepare, (), stop=stop, hear=heard.append, lost=lambda *what: lost.append(what)
        )
        return sorted(heard), sorted(lost)

    def test_every_job_is_done_once(self):
        assert self.run("abcde", 2, echo) == (list("ABCDE"), [])

    def test_after_a_stop_no_job_is_begun_and_none_is_lost(self):
        assert self.run("abcde", 2, echo, stop=lambda: True) == ([], [])

    @pytest.mark.parametrize("prepare, code", [(nothing_loads, 1), (ends_at_once, 3)])
    def test_when_all_die_every_job_is_reported(self, prepare, code):
        assert self.run("abc", 2, prepare) == ([], [("a", code), ("b", code), ("c", None)])
