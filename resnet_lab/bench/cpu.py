"""Our training loop measured beside a textbook one on a processor, bfloat16 beside float32.

Paper: Section 4.2 (the same nets, batch and augmentation on both sides).
Notebook: notebooks/00_start_here.py. Tests: tests/test_bench.py.
"""

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import torch

from resnet_lab import experiments, runner, train
from resnet_lab.bench import processes
from resnet_lab.bench.processes import everywhere, pool
from resnet_lab.bench.result import (
    FLOAT32,
    OURS,
    PER_CORE,
    TEXTBOOK,
    BenchResult,
    Machine,
    images_name,
)
from resnet_lab.data import Dataset
from resnet_lab.errors import InputError
from resnet_lab.runner import Prepared
from resnet_lab.runs import Run

WARM_UP = 8  # updates before the clock starts: more than the loader's workers have ready
Report = Callable[[str], None]


def measure(
    dataset: Dataset,
    *,
    depth: int = 20,
    scale: str = "quick",
    updates: int = 30,
    repeats: int = 5,
    runs: int | None = None,
    report: Report = lambda line: None,
) -> BenchResult:
    """Time the contestants in turn, `repeats` rounds of `updates` updates each.

    All train the residual net of `depth` layers on the same images from the same weights. The
    textbook's workers start at every pass over the images: that is reported and not timed. The
    `runs` processes of the last contestant, one a core if None, start once.

    Raises: InputError for an unknown scale, too few images, or a process that died.
    """
    run, machine = experiments.job(scale, dataset, depth, "A", seed=0).run, about_here()
    check_enough(dataset, run, updates)
    prepared, runs = runner.prepare(dataset, run.images), runs or runner.cores()
    rounds = []
    with own_state(), pool(prepared, runs, meet=True) as workers:
        for k in range(repeats):
            rounds.append(one_round(prepared, run, updates, machine, workers, runs))
            rates = (f"{name} {updates / spent:.1f}" for name, spent in list(rounds[k].items())[1:])
            report(f"round {k + 1} of {repeats}, updates a second of a run: {', '.join(rates)}")
    seconds = {name: tuple(times[name] for times in rounds) for name in rounds[0]}
    return BenchResult(
        net=run.net.name,
        scale=scale,
        images=images_name(dataset, run.images),
        batch=run.recipe.batch,
        updates=updates,
        runs=runs,
        first_update=seconds.pop("first update"),
        seconds=seconds,
        machine=machine,
    )


def check_enough(dataset: Dataset, run: Run, updates: int) -> None:
    """Nothing. Raises: InputError if the timed updates would cross into a second pass."""
    most = len(dataset.train_labels) // run.recipe.batch - WARM_UP
    if updates > most:
        raise InputError(f"one pass over {dataset.label} has no {updates} updates; at most {most}")


def about_here() -> Machine:
    """The machine as it is before a measurement."""
    return Machine(
        device=runner.device_name("cpu"),
        cores=runner.cores(),
        load=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        precision=train.fast_precision("cpu"),
        threads={TEXTBOOK: torch.get_num_threads(), OURS: runner.cores(), PER_CORE: 1},
        torch=torch.__version__,
        git=runner.git_revision(),
    )


@contextmanager
def own_state() -> Iterator[None]:
    """Give the caller's random state and number of threads back."""
    threads = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        try:
            yield
        finally:
            torch.set_num_threads(threads)


def one_round(
    prepared: Prepared,
    run: Run,
    updates: int,
    machine: Machine,
    workers: ProcessPoolExecutor,
    runs: int,
) -> dict[str, float]:
    """Seconds of each contestant, one after the other, and of the textbook's first update."""
    precision = machine.precision
    torch.set_num_threads(machine.threads[TEXTBOOK])
    first, textbook_seconds = time_textbook(prepared, run, updates)
    times = {"first update": first, TEXTBOOK: textbook_seconds}
    torch.set_num_threads(machine.threads[OURS])
    times[OURS] = time_ours(prepared, run, precision, updates)
    if precision != "float32":
        times[FLOAT32] = time_ours(prepared, run, "float32", updates)
    # as long as the slowest: what a user waits for
    times[PER_CORE] = max(everywhere(workers, runs, time_together, run, precision, updates))
    return times


def time_textbook(prepared: Prepared, run: Run, updates: int) -> tuple[float, float]:
    """Seconds to the end of the first update, and of `updates` updates after the warm-up."""
    from resnet_lab.bench import (
        textbook,
    )  # brings torchvision, which no worker process of ours needs

    recipe, net = run.recipe, train.new_net(run.net, run.recipe.seed)
    loader = textbook.make_loader(prepared.train_images, prepared.train_labels, batch=recipe.batch)
    losses = textbook.train(net, loader, lr=recipe.lr)
    began = time.perf_counter()
    next(losses)
    first = time.perf_counter() - began
    for _ in range(WARM_UP - 1):
        next(losses)
    began = time.perf_counter()
    for _ in range(updates):
        next(losses)
    seconds = time.perf_counter() - began
    losses.close()  # ends the workers, before the next contestant
    return first, seconds


def time_ours(
    prepared: Prepared,
    run: Run,
    precision: train.Precision,
    updates: int,
    start: Callable[[], object] = lambda: None,
) -> float:
    """Seconds of `updates` updates of our loop after its warm-up; `start` is called in between."""
    state, batches = train.begin(run.net, run.recipe), runner.stream(prepared, run)
    warm = replace(run.recipe, steps=WARM_UP)
    list(train.train(state, batches, warm, precision=precision))
    start()
    whole = replace(run.recipe, steps=WARM_UP + updates)
    began = time.perf_counter()
    list(train.train(state, batches, whole, precision=precision))
    return time.perf_counter() - began


def time_together(run: Run, precision: train.Precision, updates: int) -> float:
    """`time_ours` in a worker process, with all others at the same time."""
    start = partial(processes.here["barrier"].wait, timeout=600)
    return time_ours(processes.here["prepared"], run, precision, updates, start)
