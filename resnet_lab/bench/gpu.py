"""The engine, the readable loop and a textbook loop measured side by side on a GPU.

Everything takes a device, so that a processor can go through the same steps, slowly.

Paper: Section 4.2 (nets of 20, 56 and 110 layers as the paper trains them).
Notebook: notebooks/00_start_here.py. Tests: tests/test_bench_gpu.py.
"""

import gc
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch

from resnet_lab import experiments, provenance, runner
from resnet_lab.bench import contestants, limits
from resnet_lab.bench.contestants import Setting
from resnet_lab.bench.cpu import own_state
from resnet_lab.bench.gpu_result import DepthResult, GpuResult, Timing
from resnet_lab.bench.result import images_name
from resnet_lab.data import Dataset
from resnet_lab.errors import InputError
from resnet_lab.prepared import Prepared, prepare
from resnet_lab.runs import Run

CACHES = ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR")  # where torch.compile keeps its kernels
Report = Callable[[str], None]


def check_device() -> None:
    """Nothing. Raises: InputError if there is no GPU to measure."""
    if not torch.cuda.is_available():
        raise InputError(
            "there is no CUDA device here; `resnet-lab bench cpu` measures the processor"
        )


def paper_runs(dataset: Dataset, depths: Sequence[int]) -> list[Run]:
    """The paper's residual nets of `depths` layers. Raises: InputError for a depth not 6n+2."""
    return [experiments.job("paper", dataset, depth, "A", seed=0).run for depth in depths]


def measure(
    dataset: Dataset,
    runs: Sequence[Run],
    *,
    device: str = "cuda",
    updates: int = 120,
    rounds: int = 5,
    at_once: Sequence[int] = (2, 4, 8),
    workers: int | None = None,
    budget: float | None = None,
    report: Report = lambda line: None,
    keep: Callable[[GpuResult], None] = lambda result: None,
) -> GpuResult:
    """Time all contestants on every net of `runs`, which share their images.

    Each contestant is started once, then all take turns: a round gives each of the slow loops
    `updates` updates, and the engine more. When `budget` seconds are over, the current round is
    the last one. `keep` gets what there is: before the first net, and after each.

    Raises: InputError if a pass over the images is shorter than a round of the textbook, or if
    the device has not enough memory.
    """
    began = time.monotonic()
    workers = contestants.workers_here() if workers is None else workers
    for run in runs:
        check_enough(dataset, run, updates, workers)

    def over() -> bool:
        return budget is not None and time.monotonic() - began >= budget

    with own_state(), empty_caches():
        here, there, result = about_here(dataset, runs[0], device, workers, rounds)
        keep(result)
        for run in runs:
            if over():
                result = replace(result, out_of_time=True)
                keep(result)
                break
            setting = Setting(run=run, device=device, here=here, there=there, workers=workers)
            name = images_name(dataset, run.images)
            found = at_depth(setting, name, updates, rounds, at_once, over, report)
            result = replace(
                result,
                depths=(*result.depths, found),
                out_of_time=len(found.timings[0].seconds) < rounds,
            )
            keep(result)
    return result


def check_enough(dataset: Dataset, run: Run, updates: int, workers: int) -> None:
    """Nothing. Raises: InputError if the textbook's updates would cross into a second pass."""
    full = len(dataset.train_labels) // run.recipe.batch
    most = full - contestants.ready_at_most(workers)
    if updates > most:
        raise InputError(f"one pass over {dataset.label} has no {updates} updates; at most {most}")


def about_here(
    dataset: Dataset, run: Run, device: str, workers: int, rounds: int
) -> tuple[Prepared, Prepared, GpuResult]:
    """The images here and on the device, and a result that knows the machine and no net yet."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    began = time.perf_counter()
    here = prepare(dataset, run.images)
    there = Prepared(**{name: tensor.to(device) for name, tensor in vars(here).items()})
    limits.synchronise(device)
    seconds = time.perf_counter() - began
    return (
        here,
        there,
        GpuResult(
            device=provenance.device_name(device),
            cores=runner.cores(),
            workers=workers,
            load=load,
            torch=torch.__version__,
            git=provenance.git_revision(),
            limits=limits.measure(device),
            load_images=seconds,
            rounds=rounds,
        ),
    )


@contextmanager
def empty_caches() -> Iterator[None]:
    """Kernels compiled before are not found, so that the time to compile them is measured."""
    before = {name: os.environ.get(name) for name in CACHES}
    with tempfile.TemporaryDirectory(prefix="resnet-lab-", ignore_cleanup_errors=True) as folder:
        try:
            forget_compiled()
            os.environ.update({name: str(Path(folder) / name.lower()) for name in CACHES})
            yield
        finally:
            forget_compiled()  # what this process still holds lies in the folder that goes
            for name, value in before.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value


def forget_compiled() -> None:
    """Let go of what torch.compile made in this process, if it made anything."""
    if "torch._dynamo" in sys.modules:
        torch.compiler.reset()


def at_depth(
    setting: Setting,
    images: str,
    updates: int,
    rounds: int,
    at_once: Sequence[int],
    over: Callable[[], bool],
    report: Report,
) -> DepthResult:
    """What all contestants do with one net.

    Raises: InputError if the device has not enough memory.
    """
    run = setting.run
    try:
        timings = in_turn(setting, updates, rounds, at_once, over, report)
    except torch.OutOfMemoryError as error:
        raise InputError(
            f"the device has not enough memory for {run.net.name}; "
            "name fewer runs with --at-once, or a shallower net with --depths"
        ) from error
    gc.collect()  # a captured update and its loop know each other; their memory is for the next net
    if torch.device(setting.device).type == "cuda":
        torch.cuda.empty_cache()
    size, batch = run.images.size, run.recipe.batch
    return DepthResult(
        net=run.net.name,
        images=images,
        batch=batch,
        timings=timings,
        need={t.precision: limits.need(run.net, size, batch, t.precision) for t in timings},
    )


def in_turn(
    setting: Setting,
    updates: int,
    rounds: int,
    at_once: Sequence[int],
    over: Callable[[], bool],
    report: Report,
) -> tuple[Timing, ...]:
    """Start all contestants, then time them in turn, in one round at least."""
    field = contestants.field_of(setting, at_once)
    starts, seconds = {}, {one.name: [] for one in field}
    for one in field:
        starts[one.name] = one.start()
        report(f"{setting.run.net.name}, {one.name}: start-up {starts[one.name]:.1f} s")
    for k in range(rounds):
        rates = []
        for one in field:
            spent = one.advance(one.updates(updates))
            seconds[one.name].append(spent)
            rates.append(f"{one.name} {one.runs * one.updates(updates) / spent:.1f}")
        report(f"round {k + 1} of {rounds}, updates a second: {'; '.join(rates)}")
        if over():
            break
    return tuple(
        Timing(
            name=one.name,
            runs=one.runs,
            precision=one.precision,
            start=starts[one.name],
            updates=one.updates(updates),
            seconds=tuple(seconds[one.name]),
        )
        for one in field
    )
