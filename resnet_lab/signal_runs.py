"""Signals at a net's start and along a short training, stored as findings.

Paper: Section 4.1 (with BN signals do not vanish), looked at on the CIFAR nets of Section 4.2.
Notebook: notebooks/10_why_it_works.py. Tests: tests/test_signal_runs.py.
"""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from resnet_lab import checkpoint, data, experiments, findings, signals, train
from resnet_lab.batches import normalise
from resnet_lab.errors import InputError
from resnet_lab.findings import Finding
from resnet_lab.prepared import Prepared, prepare, stream
from resnet_lab.records import Scale
from resnet_lab.runs import Run
from resnet_lab.signals import QUANTITIES, Signals

LENS = "signals"
UPDATES = (0, 1, 10, 100, 400, 1_200)  # after how many updates the training is looked at
IMAGES = 128  # as in a batch of Section 4.2
DIGITS = 3  # significant ones that are stored

Bn = Literal["kept", "bias"]  # "bias": a number per channel in its place, `signals.ChannelBias`


@dataclass(frozen=True, kw_only=True)
class Probe:
    """The images on which a net is looked at: always the same, as they are, from training."""

    images: Tensor  # float32 (N, 3, H, W), mean subtracted
    labels: Tensor

    def __call__(self, net: nn.Module) -> Signals:
        return signals.measure(net, self.images, self.labels)


def probe_of(prepared: Prepared, n: int = IMAGES) -> Probe:
    """The first `n` training images in the run's own order, without flips or crops."""
    images = normalise(prepared.train_images[:n], prepared.mean)
    images = images.contiguous(memory_format=torch.channels_last)
    return Probe(images=images, labels=prepared.train_labels[:n])


def probe_on(dataset: data.Dataset, scale: Scale = "quick") -> Probe:
    """The images on which every run at `scale` on `dataset` is looked at."""
    return probe_of(prepare(dataset, experiments.images_at(scale, dataset)))


def begin(run: Run, bn: Bn = "kept") -> train.State:
    """The state before the first update of `run`, with or without BN; He's weights either way.

    Raises: InputError for another word.
    """
    if bn not in ("kept", "bias"):
        raise InputError(f"bn must be kept or bias, got {bn!r}")
    state = train.begin(run.net, run.recipe)
    if bn == "bias":
        state.net = signals.without_bn(state.net)
        state.optimizer = torch.optim.SGD(state.net.parameters(), **state.optimizer.defaults)
    return state


@dataclass
class Course:
    """What was seen along a training, in the order of the updates."""

    updates: list[int] = field(default_factory=list)
    seen: list[Signals] = field(default_factory=list)
    stopped: int | None = None  # updates after which the loss was no longer finite
    weights_sha256: str = ""  # at the end; "" if there was no update

    def values(self) -> dict[str, findings.Value]:
        """As a finding holds it: a row for each look, a column for each layer."""
        rows = {
            name: [[short(x) for x in getattr(s, name)] for s in self.seen] for name in QUANTITIES
        }
        return {"updates": list(self.updates), "loss": [short(s.loss) for s in self.seen]} | rows


def short(x: float) -> float:
    """`x` to a few significant digits: thousands of numbers ship."""
    return float(f"{x:.{DIGITS}g}")


def look(course: Course, step: int, net: nn.Module, probe: Probe) -> None:
    """Add what is seen after `step` updates; of a net that diverged nothing is seen."""
    try:
        found = probe(net)
    except FloatingPointError:
        course.stopped = course.stopped or step
        return
    course.updates.append(step)
    course.seen.append(found)


def at_start(run: Run, probe: Probe, bn: Bn = "kept") -> Course:
    """The signals of the untrained net of `run`."""
    course = Course()
    look(course, 0, begin(run, bn).net, probe)
    return course


def along(
    run: Run,
    prepared: Prepared,
    updates: Sequence[int] = UPDATES,
    *,
    bn: Bn = "kept",
    precision: train.Precision = "float32",
    report: Callable[[int], None] = lambda step: None,
) -> Course:
    """Train `run` by the project's own loop and look at it after each of `updates` updates.

    The training's numbers are those of a run that nobody looks at, bit for bit: the look comes
    where the loop asks for its next batch, and leaves the net as it was. A loss that stops being
    finite ends the training and is noted.

    Raises: InputError for a number of updates that the run does not have.
    """
    if not updates or min(updates) < 0 or max(updates) > run.recipe.steps:
        raise InputError(
            f"the run has updates 0 to {run.recipe.steps:,}; looked at were to be {list(updates)}"
        )
    course, probe, state = Course(), probe_of(prepared), begin(run, bn)
    batches = stream(prepared, run)

    def watched(step: int) -> tuple[Tensor, Tensor]:
        if step in updates:  # `step` updates are done, and this batch is for the next
            look(course, step, state.net, probe)
            report(step)
        return batches(step)

    last = max(updates)
    points = train.train(
        state, watched, run.recipe, precision=precision, stop=lambda: state.step >= last
    )
    try:
        for _ in points:
            pass
    except FloatingPointError:
        course.stopped = state.step
    if last not in course.updates and course.stopped is None:
        look(course, last, state.net, probe)
    if last:
        course.weights_sha256 = hashlib.sha256(checkpoint.weights(state.net)).hexdigest()
    return course


def finding(
    run: Run,
    scale: Scale,
    course: Course,
    *,
    what: Literal["start", "training"],
    bn: Bn,
    precision: train.Precision,
    began: float,
) -> Finding:
    """`course` as a finding. Units: `began` is the clock of `time.perf_counter`."""
    settings = {
        "what": what,
        "bn": bn,
        "bn_mode": "batch",
        "split": "train",
        "images": IMAGES,
        "precision": precision,  # of the training; looks are in float32
    }
    return Finding(
        format=findings.FORMAT,
        lens=LENS,
        scale=scale,
        run=run,
        weights_sha256=course.weights_sha256,
        settings=settings,
        values=course.values() | {"stopped": course.stopped},
        how=findings.how(time.perf_counter() - began, precision=precision),
    )


def store(
    run: Run,
    scale: Scale,
    prepared: Prepared,
    folder: Path,
    *,
    bn: Bn = "kept",
    updates: Sequence[int] = (0,),
    precision: train.Precision = "float32",
    report: Callable[[int], None] = lambda step: None,
) -> Path:
    """Look at `run` after `updates` updates, (0,) for the untrained net; write the finding."""
    began = time.perf_counter()
    if tuple(updates) == (0,):
        what, precision = "start", "float32"
        course = at_start(run, probe_of(prepared), bn)
    else:
        what = "training"
        course = along(run, prepared, updates, bn=bn, precision=precision, report=report)
    found = finding(run, scale, course, what=what, bn=bn, precision=precision, began=began)
    return findings.save(found, folder)


def read(finding: Finding, step: int, quantity: str) -> list[float]:
    """One row of a finding: `quantity` of every layer after `step` updates.

    Raises: InputError if there is no such quantity, or nobody looked then.
    """
    if quantity not in QUANTITIES:
        raise InputError(f"there is no {quantity!r}; choose one of {', '.join(QUANTITIES)}")
    steps = finding.values["updates"]
    if step not in steps:
        raise InputError(f"{finding.stem} was looked at after {steps} updates, not after {step}")
    return finding.values[quantity][steps.index(step)]
