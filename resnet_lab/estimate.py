"""How long the runs of a plan will take, said before they start.

From earlier runs of the same nets on the same device where there are some; for the others a few
updates of the shallowest and the deepest net are timed, since a CIFAR-10 net costs an update
the same time for each of its layers.

Paper: Section 4.2 (6n + 2 layers of about the same cost).
Notebook: notebooks/05_cifar.py. Tests: tests/test_estimate.py.
"""

import itertools
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean

from resnet_lab import checkpoint, runner, train
from resnet_lab.data import Dataset
from resnet_lab.errors import InputError
from resnet_lab.progress import duration
from resnet_lab.provenance import device_name
from resnet_lab.records import Record
from resnet_lab.runner import Engine, Job, Prepared
from resnet_lab.runs import Run

TIMED_DEEPEST = 110  # deeper nets are extrapolated: one update of theirs takes seconds
TIMED_UPDATES = {"cpu": 2, "cuda": 50}  # in each of three windows; the first is the start
TIMED_IMAGES = {"cpu": 1_000, "cuda": 10_000}


@dataclass(frozen=True, kw_only=True)
class Timing:
    """What a net takes, in seconds."""

    start: float  # to make it, compile it and capture it
    update: float
    test: float  # of all test images, once

    def whole(self, run: Run) -> float:
        """Seconds of `run` from its first update to its last."""
        recipe = run.recipe
        return (
            self.start + recipe.steps * self.update + recipe.steps / recipe.test_every * self.test
        )


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Seconds for each job, one after the other, and where they come from."""

    seconds: tuple[float, ...]
    timed: tuple[int, ...]  # depths that were timed just now
    recorded: int  # jobs whose net was trained here before
    at_once: int
    shared: bool  # runs at once share one device, so they slow each other

    def words(self, budget: float | None) -> str:
        """The estimate as sentences, with what a budget of that many seconds is enough for."""
        n, here = len(self.seconds), []
        if self.recorded:
            here.append(f"{self.recorded} from earlier runs on this machine")
        if self.timed:
            depths = " and ".join(map(str, self.timed))
            here.append(f"{n - self.recorded} from updates of {depths} layers timed just now")
        at_once = 1 if self.shared else self.at_once
        total = sum(self.seconds) / at_once
        text = f"Estimate: about {duration(total)} for {n} runs ({'; '.join(here)})."
        if self.shared and self.timed and self.at_once > 1:
            text += " What was timed ran alone; side by side on one GPU it is less."
        if budget is not None and total > budget:
            ends = itertools.accumulate(seconds / at_once for seconds in self.seconds)
            done = sum(end <= budget for end in ends) or "none"
            text += (
                f" The budget of {duration(budget)} is enough for about {done} of them; "
                "the same command goes on from there."
            )
        return text


def time_net(run: Run, prepared: Prepared, engine: Engine) -> Timing:
    """Train a net of `run` for some updates, which are thrown away."""
    kind = "cuda" if engine.device == "cuda" else "cpu"
    n = TIMED_UPDATES[kind]
    recipe = replace(run.recipe, steps=4 * n, drops=(), log_every=n, test_every=4 * n)
    began, ends = time.perf_counter(), []
    state = train.begin(run.net, recipe, engine.device)
    points = runner.points(state, prepared, replace(run, recipe=recipe), engine, lambda: False)
    for waiting in points:
        if waiting is None:
            ends.append(time.perf_counter())
            if len(ends) == 3:  # the fourth window would end in a test of all images
                break
    points.close()
    update = (ends[2] - ends[0]) / (2 * n)
    some = slice(TIMED_IMAGES[kind])
    view = train.SingleView(
        images=prepared.test_images[some], labels=prepared.test_labels[some], mean=prepared.mean
    )
    view(state.net)
    before = time.perf_counter()
    view(state.net)
    share = len(prepared.test_labels) / len(view.labels)
    return Timing(
        start=max(0.0, ends[0] - began - n * update),
        update=update,
        test=share * (time.perf_counter() - before),
    )


def between(depth: int, timings: dict[int, Timing]) -> Timing:
    """The timing of a net of `depth` layers, on the line through those of one or two others."""
    (low, first), *_, (high, last) = sorted([*timings.items()] * 2)
    slope = (depth - low) / (high - low) if high > low else 0.0
    factor = 1.0 if high > low else depth / low

    def line(name: str) -> float:
        a, b = getattr(first, name), getattr(last, name)
        return max(0.0, factor * (a + slope * (b - a)))

    return Timing(start=line("start"), update=line("update"), test=line("test"))


def recorded(job: Job, engine: Engine, found: Iterable[Record]) -> float | None:
    """Mean seconds of runs that differ from `job` in nothing but images' names and seed."""
    device = device_name(engine.device)
    times = [
        record.how.seconds
        for record in found
        if record.run.net == job.run.net
        and replace(record.run.recipe, seed=0) == replace(job.run.recipe, seed=0)
        and record.run.images.size == job.run.images.size
        and record.how.device == device
        and all(
            getattr(record.how, name) == getattr(engine, name)
            for name in ("precision", "threads", "fast", "compiled", "recomputed", "at_once")
        )
    ]
    return mean(times) if times else None


def left(job: Job, out: Path) -> float:
    """The share of `job` that is still to be trained: below 1 if it has a checkpoint."""
    half = runner.half_way_path(out, job.run)
    if not half.exists():
        return 1.0
    try:
        head, _ = checkpoint.read_head(half, job.run)
    except InputError:  # the run itself will say so
        return 1.0
    return 1 - head["step"] / job.run.recipe.steps


def estimate(
    jobs: Sequence[Job], dataset: Dataset, engine: Engine, found: Iterable[Record], out: Path
) -> Estimate:
    """Seconds for each of `jobs`, which have no record yet; takes some seconds itself."""
    found = list(found)
    known = [recorded(job, engine, found) for job in jobs]
    unknown = [job.run for job, seconds in zip(jobs, known, strict=True) if seconds is None]
    timings: dict[int, Timing] = {}
    if unknown:
        by_depth = {run.net.depth: run for run in unknown}
        fit = [depth for depth in by_depth if depth <= TIMED_DEEPEST] or [min(by_depth)]
        prepared = runner.prepare(dataset, unknown[0].images, engine.device)
        with runner.own_threads(engine.threads):
            if engine.compiled:  # the first net compiles for all
                time_net(by_depth[min(fit)], prepared, engine)
            for depth in sorted({min(fit), max(fit)}):
                timings[depth] = time_net(by_depth[depth], prepared, engine)
    shared = engine.device == "cuda"
    seconds = []
    for job, before in zip(jobs, known, strict=True):
        if before is None:
            whole = between(job.run.net.depth, timings).whole(job.run)
        else:
            whole = before / engine.at_once if shared else before  # it shared the device then, too
        seconds.append(whole * left(job, out))
    return Estimate(
        seconds=tuple(seconds),
        timed=tuple(timings),
        recorded=sum(known_one is not None for known_one in known),
        at_once=engine.at_once,
        shared=shared,
    )
