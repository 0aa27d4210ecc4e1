"""From a named run to its record on disk: loads, trains, checkpoints, writes.

Paper: Section 4.2.
Notebook: notebooks/00_start_here.py. Tests: tests/test_runner.py.
"""

import hashlib
import os
import platform
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import torch

from resnet_lab import checkpoint, data, memory, records, train, twins
from resnet_lab import engine as fast
from resnet_lab.errors import InputError
from resnet_lab.files import write_whole
from resnet_lab.prepared import Prepared, check_images, prepare, stream
from resnet_lab.provenance import device_name, git_revision, package_version
from resnet_lab.records import Final, How, Record, Scale
from resnet_lab.runs import Run

CHECKPOINT_SECONDS = 20.0


@dataclass(frozen=True, kw_only=True)
class Job:
    """A run to train, and the scale under which its record is filed."""

    run: Run
    scale: Scale


@dataclass(frozen=True, kw_only=True)
class Engine:
    """What computes a run. Not part of its name, but of its record."""

    device: str = "cpu"
    precision: train.Precision = "float32"
    threads: int = 1
    fast: bool = False  # the loop of `engine`, not that of `train`
    compiled: bool = False  # with the blocks of `twins.compiled`
    recomputed: bool = False  # with the blocks of `twins.recomputed`
    at_once: int = 1  # runs that share the device, or the cores, at most


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def default_engine(device: str | None = None, threads: int | None = None) -> Engine:
    """The GPU if there is one, else all cores; bfloat16 where the hardware has it.

    Raises: InputError for a device that is not there.
    """
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    if device not in ("cpu", "cuda"):
        raise InputError(f"device must be cpu or cuda, got {device!r}")
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("there is no CUDA device here; leave --device away to use the processor")
    return Engine(
        device=device,
        precision=train.fast_precision(device),
        threads=threads or cores(),
        fast=device == "cuda",
        compiled=twins.can_compile(device),
    )


def train_run(
    job: Job,
    dataset: data.Dataset,
    out: Path,
    engine: Engine,
    *,
    report: Callable[[train.State], None] = lambda state: None,
    stop: Callable[[], bool] = lambda: False,
) -> Record | None:
    """Train `job` from its checkpoint or from its start; write its record and weights under `out`.

    `report` is called before the first update and at every point of the curve. Returns None, with
    a checkpoint written, if `stop` said yes first. A run that has a record is not trained again.

    Raises: InputError for a foreign checkpoint or a folder that cannot be written;
    FloatingPointError if the loss stops being finite.
    """
    done = records.path_of(out / "records", job.scale, job.run)
    if done.exists():
        half_way_path(out, job.run).unlink(missing_ok=True)  # a kill can leave it
        return records.load(done)
    check_images(job.run.images, dataset)
    engine = half_way_engine(half_way_path(out, job.run), job.run, engine)
    prepared = prepare(dataset, job.run.images, engine.device)
    course = training(job, prepared, out, engine, report=report, stop=stop)
    with own_threads(engine.threads):
        while True:
            try:
                next(course)  # the next point waits for the device by itself
            except StopIteration as end:
                return end.value


def training(
    job: Job,
    prepared: Prepared,
    out: Path,
    engine: Engine,
    *,
    report: Callable[[train.State], None] = lambda state: None,
    stop: Callable[[], bool] = lambda: False,
) -> Generator[Callable[[], bool], None, Record | None]:
    """The part of `train_run` that computes, in pieces, so that several can take turns.

    Yields while work is queued on the device, each time a function that says whether it is done.
    """
    run, half = job.run, half_way_path(out, job.run)
    git = git_revision()  # now: in some hours the files may have changed
    if engine.fast and not memory.fits(run, engine.precision, engine.device):
        engine = replace(engine, compiled=False, recomputed=True)
    began = time.perf_counter()
    state = train.begin(run.net, run.recipe, engine.device)
    if half.exists():
        state = checkpoint.load(half, run, state)
    report(state)
    began, saved = began - state.seconds, time.perf_counter()
    for ready in points(state, prepared, run, engine, stop):
        if ready:
            yield ready
            continue
        state.seconds = time.perf_counter() - began
        report(state)
        # one right after the other: a deep net's point can take longer than the pause
        if time.perf_counter() - saved >= CHECKPOINT_SECONDS:
            checkpoint.save(half, run, state, vars(engine))
            saved = time.perf_counter()
    state.seconds = time.perf_counter() - began
    if state.step < run.recipe.steps:
        checkpoint.save(half, run, state, vars(engine))
        return None
    record = finish(job, state, engine, out / "records", git)
    half.unlink(missing_ok=True)
    return record


def points(
    state: train.State, prepared: Prepared, run: Run, engine: Engine, stop: Callable[[], bool]
) -> Iterator[Callable[[], bool] | None]:
    """Train `state` with the loop of `engine`: None at every point of the curve.

    The fast loop yields before each of them whether the device is done with its updates.
    """
    test = train.SingleView(
        images=prepared.test_images, labels=prepared.test_labels, mean=prepared.mean
    )
    how = {"precision": engine.precision, "test": test, "stop": stop}
    batches = stream(prepared, run)
    if not engine.fast:
        for _ in train.train(state, batches, run.recipe, **how):
            yield None
        return
    net = None
    if engine.recomputed:
        net = twins.recomputed(state.net)
    elif engine.compiled:
        net = twins.compiled(state.net)
    for window in fast.windows(state, batches, run.recipe, net=net, **how):
        yield window.ready
        window.point()
        yield None


def half_way_path(out: Path, run: Run) -> Path:
    """Where the checkpoint of `run` is kept until the run has its record."""
    return out / "checkpoints" / f"{run.stem}.checkpoint"


@contextmanager
def own_threads(n: int) -> Iterator[None]:
    """Compute with `n` threads; the caller gets its own number back, whatever happens."""
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def half_way_engine(half: Path, run: Run, engine: Engine) -> Engine:
    """`engine`, or for a run begun on another one that: else its results would not be the same.

    Raises: InputError if its device is not there.
    """
    if not half.exists():
        return engine
    how, _ = checkpoint.read_head(half, run)
    begun = Engine(**how["how"])
    if begun.device == "cuda" and not torch.cuda.is_available():
        raise InputError(f"{half} was begun on a GPU; go on there, or delete it to start anew")
    if begun.device == engine.device == "cuda":  # bits differ there from run to run anyway
        return replace(engine, precision=begun.precision)
    return replace(begun, at_once=engine.at_once)


def goes_on_fast(job: Job, out: Path) -> bool:
    """Whether the fast loop may take `job`: not if it was begun in the readable one elsewhere."""
    half = half_way_path(out, job.run)
    try:
        return half_way_engine(half, job.run, Engine(device="cuda", fast=True)).fast
    except InputError:  # a damaged checkpoint: told of when the run is begun
        return True


def finish(job: Job, state: train.State, engine: Engine, folder: Path, git: str) -> Record:
    """Write the weights, then the record, of a trained `state`: every record has its weights."""
    last = state.curve[-1]
    weights = checkpoint.weights(state.net)
    record = Record(
        format=records.FORMAT,
        scale=job.scale,
        run=job.run,
        curve=tuple(state.curve),
        final=Final(step=last.step, train_error=last.train_error, test_error=last.test_error),
        weights_sha256=hashlib.sha256(weights).hexdigest(),
        how=How(
            **vars(engine) | {"device": device_name(engine.device)},
            torch=torch.__version__,
            resnet_lab=package_version(),
            python=platform.python_version(),
            git=git,
            seconds=round(state.seconds, 2),
            finished=datetime.now(UTC).isoformat(timespec="seconds"),
        ),
    )
    write_whole(records.path_of(folder, job.scale, job.run).with_suffix(".safetensors"), weights)
    records.save(record, folder)
    return record
