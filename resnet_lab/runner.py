"""From a named run to its record on disk: loads, trains, checkpoints, writes.

Paper: Section 4.2.
Notebook: notebooks/00_start_here.py. Tests: tests/test_runner.py.
"""

import hashlib
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from resnet_lab import checkpoint, data, records, train
from resnet_lab.batches import Stream
from resnet_lab.errors import InputError
from resnet_lab.files import write_whole
from resnet_lab.provenance import device_name, git_revision, package_version
from resnet_lab.records import Final, How, Record, Scale
from resnet_lab.runs import Images, Run

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


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A data set as one run sees it, on the device. Images are uint8 (N, 3, size, size)."""

    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    mean: Tensor  # per pixel, of the training images only; float32 (3, size, size) in 0..1


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
    precision = train.fast_precision(device)
    return Engine(device=device, precision=precision, threads=threads or cores())


def prepare(dataset: data.Dataset, images: Images, device: str = "cpu") -> Prepared:
    """Shrink, hold out and move `dataset` as `images` says; the mean is of what is trained on.

    Training images come in an order of their own, so that every layout gives the same run.
    """
    order = data.canonical_order(dataset.train_images, dataset.train_labels)
    x, y = data.shrink(dataset.train_images[order], images.size), dataset.train_labels[order]
    if images.held_out:
        x, y, test_x, test_y = data.hold_out(x, y, images.held_out)
    else:
        test_x, test_y = data.shrink(dataset.test_images, images.size), dataset.test_labels
    tensors = (x, y, test_x, test_y, data.per_pixel_mean(x))
    x, y, test_x, test_y, mean = (tensor.to(device) for tensor in tensors)
    return Prepared(
        train_images=x, train_labels=y, test_images=test_x, test_labels=test_y, mean=mean
    )


def stream(prepared: Prepared, run: Run) -> Stream:
    """The training batches of `run`."""
    recipe = run.recipe
    return Stream(
        prepared.train_images,
        prepared.train_labels,
        prepared.mean,
        batch=recipe.batch,
        pad=recipe.pad,
        flip=recipe.flip,
        seed=recipe.seed,
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
    run, half = job.run, half_way_path(out, job.run)
    done = records.path_of(out / "records", job.scale, run)
    if done.exists():
        half.unlink(missing_ok=True)  # left by a kill between the last two steps
        return records.load(done)
    check_images(run.images, dataset)
    git = git_revision()  # now: in some hours the files may have changed
    engine = half_way_engine(half, run) if half.exists() else engine
    with own_threads(engine.threads):
        return train_on(job, dataset, out, engine, git, report, stop)


def train_on(
    job: Job,
    dataset: data.Dataset,
    out: Path,
    engine: Engine,
    git: str,
    report: Callable[[train.State], None],
    stop: Callable[[], bool],
) -> Record | None:
    """The part of `train_run` that computes."""
    run, half = job.run, half_way_path(out, job.run)
    prepared = prepare(dataset, run.images, engine.device)
    state = train.begin(run.net, run.recipe, engine.device)
    if half.exists():
        state = checkpoint.load(half, run, state)
    report(state)

    test = partial(
        train.error,
        images=prepared.test_images,
        labels=prepared.test_labels,
        mean=prepared.mean,
    )
    points = train.train(
        state, stream(prepared, run), run.recipe, precision=engine.precision, test=test, stop=stop
    )
    began, saved = time.perf_counter() - state.seconds, time.perf_counter()
    for _ in points:
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


def check_images(images: Images, dataset: data.Dataset) -> None:
    """Raises: InputError if a run on `images` is about to be trained on another data set."""
    if (images.name, images.content_hash) != (dataset.name, dataset.content_hash):
        raise InputError(
            f"the run is on {images.name} with content hash {images.content_hash[:10]}, but "
            f"{dataset.place} holds {dataset.name} with {dataset.content_hash[:10]}"
        )


def half_way_engine(half: Path, run: Run) -> Engine:
    """The engine a run was begun on: another one would not give bit-identical results.

    Raises: InputError if its device is not there.
    """
    how, _ = checkpoint.read_head(half, run)
    engine = Engine(**how["how"])
    if engine.device == "cuda" and not torch.cuda.is_available():
        raise InputError(f"{half} was begun on a GPU; go on there, or delete it to start anew")
    return engine


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
