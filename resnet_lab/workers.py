"""Several runs at once: one process a core, each with one thread.

A small net keeps two cores less than twice as busy as one, so two runs side by side finish
sooner than one after the other.

Paper: Section 4.2 (many runs of small nets).
Notebook: notebooks/00_start_here.py. Tests: tests/test_workers.py.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from resnet_lab import data, pool, records, runner, turns
from resnet_lab.reports import FAILURES, Report, failure, point_of
from resnet_lab.runner import Engine, Job


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How the training of many runs ended; true if all of them are done."""

    done: bool
    interrupted: bool  # by Ctrl-C

    def __bool__(self) -> bool:
        return self.done


@contextmanager
def asked_to_stop() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C sets; a second one interrupts at once.

    Outside the main thread, where Python allows no signal handler, the event is never set.
    """
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return

    def ask(_number: int, _frame: object) -> None:
        event.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    previous = signal.signal(signal.SIGINT, ask)
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, previous)


def train_one(
    job: Job,
    dataset: data.Dataset,
    out: Path,
    engine: Engine,
    stop: Callable[[], bool],
    tell: Callable[[Report], None],
) -> None:
    """Train `job`; tell of every point and of how it ended. Nothing is raised for a failed run."""
    try:
        record = runner.train_run(
            job, dataset, out, engine, report=lambda s: tell(point_of(job, s)), stop=stop
        )
    except FAILURES as error:
        tell(failure(job, error))
    else:
        tell(Report(job=job, kind="done" if record else "stopped"))


def prepare(root: Path | None, name: str, out: Path, engine: Engine) -> pool.Do:
    """What a process of its own does with a job; the data set is loaded once."""
    dataset = data.load(root, name=name)
    return lambda job, stop, tell: train_one(job, dataset, out, engine, stop, tell)


def train_all(
    jobs: list[Job],
    root: Path | None,
    name: str,
    out: Path,
    engine: Engine,
    *,
    at_once: int = 1,
    budget: float | None = None,
    tell: Callable[[Report], None] = lambda report: None,
) -> Ending:
    """Train every job that has no record under `out`, `at_once` at a time.

    Stops, with checkpoints written, at the first Ctrl-C or when `budget` seconds are over. With
    `at_once` above 1 the caller must be importable without side effects, as for any use of
    multiprocessing.

    Raises: InputError, before anything is trained, if the data set cannot be used.
    """
    missing = []
    for job in jobs:
        if records.path_of(out / "records", job.scale, job.run).exists():
            runner.half_way_path(out, job.run).unlink(missing_ok=True)  # a kill can leave it
        else:
            missing.append(job)
    failed: list[Report] = []

    def listen(report: Report) -> None:
        if report.kind == "failed":
            failed.append(report)
        tell(report)

    end = None if budget is None else time.monotonic() + budget
    with asked_to_stop() as asked:

        def stop() -> bool:
            return asked.is_set() or (end is not None and time.monotonic() > end)

        dataset = data.load(root, name=name) if missing else None
        if engine.fast:
            quick = [job for job in missing if runner.goes_on_fast(job, out)]
            turns.take_turns(quick, dataset, out, engine, at_once, stop, listen)
            missing = [job for job in missing if job not in quick]
        if engine.fast or min(at_once, len(missing)) < 2:
            for job in missing:
                if stop():
                    break
                train_one(job, dataset, out, engine, stop, listen)
        else:
            in_parallel(missing, (root, name, out, engine), at_once, stop, listen)
    done = all(records.path_of(out / "records", job.scale, job.run).exists() for job in jobs)
    return Ending(done=done and not failed, interrupted=asked.is_set())


def in_parallel(
    jobs: list[Job],
    shared: tuple[Path | None, str, Path, Engine],
    at_once: int,
    stop: Callable[[], bool],
    listen: Callable[[Report], None],
) -> None:
    """Train `jobs` in `at_once` processes; returns when all have ended."""

    def lost(job: Job, code: int | None) -> None:
        why = "no process was left to train it"
        if code is not None:
            why = f"its process ended (exit code {code}; perhaps memory ran out)"
        listen(Report(job=job, kind="failed", message=f"{why}; the same command goes on"))

    n = min(at_once, len(jobs))
    pool.run(jobs, n, prepare, shared, stop=stop, hear=listen, lost=lost)
