"""Our training loop measured beside a textbook one, and bfloat16 beside float32.

Paper: Section 4.2 (the same nets, batch and augmentation on both sides).
Notebook: notebooks/00_start_here.py. Tests: tests/test_bench.py.
"""

import json
import math
import multiprocessing
import os
import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from threading import BrokenBarrierError

import torch

from resnet_lab import experiments, runner, train
from resnet_lab.data import Dataset
from resnet_lab.errors import InputError
from resnet_lab.runner import Prepared
from resnet_lab.runs import Images, Run

WARM_UP = 8  # updates before the clock starts: more than the loader's workers have ready
TEXTBOOK, OURS, FLOAT32, PER_CORE = "textbook", "ours", "ours in float32", "ours, one run per core"
PRECISIONS = ("float32", "bfloat16")
Report = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Machine:
    """On what a measurement was made, and how."""

    device: str
    cores: int
    load: float | None  # mean number of busy programs in the minute before: noise if not near 0
    precision: train.Precision  # of ours
    threads: dict[str, int]  # of each process
    torch: str
    git: str


@dataclass(frozen=True, kw_only=True)
class BenchResult:
    """Paired timings: number k of every contestant was taken in round k."""

    net: str
    scale: str
    images: str
    batch: int
    updates: int  # timed, of each run in each round
    runs: int  # side by side in the last contestant
    seconds: dict[str, tuple[float, ...]]  # contestant -> one time a round
    first_update: tuple[
        float, ...
    ]  # of the textbook loop, in seconds: its workers start; not timed
    machine: Machine

    def rates(self, contestant: str) -> list[float]:
        """Updates a second in every round, over all runs of the contestant together."""
        runs = self.runs if contestant == PER_CORE else 1
        return [runs * self.updates / seconds for seconds in self.seconds[contestant]]

    def ratios(self, contestant: str, base: str = TEXTBOOK) -> list[float]:
        """How many times as fast as `base` the contestant was, round by round."""
        pairs = zip(self.rates(contestant), self.rates(base), strict=True)
        return [rate / other for rate, other in pairs]


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Median, extremes and quartiles of n values."""

    median: float
    low: float
    high: float
    quartiles: tuple[float, float]
    n: int


def spread(values: Sequence[float]) -> Spread:
    """Summary of `values`; a single one is its own quartiles."""
    four = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
    return Spread(
        median=statistics.median(values),
        low=min(values),
        high=max(values),
        quartiles=(four[0], four[2]),
        n=len(values),
    )


def cpu(
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


def images_name(dataset: Dataset, images: Images) -> str:
    """What a table calls the images."""
    return f"{dataset.label}, {images.size}x{images.size}"


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
    from resnet_lab import textbook  # brings torchvision, which no worker process of ours needs

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


@contextmanager
def pool(prepared: Prepared, n: int, *, meet: bool = False) -> Iterator[ProcessPoolExecutor]:
    """`n` processes of one thread each that share `prepared` through a file.

    With `meet` every process takes one task at a time and all start together.

    Raises: InputError if one of them dies.
    """
    context = multiprocessing.get_context("spawn")  # forking a process with threads can hang it
    barrier = context.Barrier(n) if meet else None
    with tempfile.TemporaryDirectory(prefix="resnet-lab-") as folder:
        path = Path(folder) / "images.pt"
        torch.save(vars(prepared), path)  # mapped by all: the memory of one, however many cores
        workers = ProcessPoolExecutor(n, context, initializer=enter, initargs=(path, barrier))
        try:
            yield workers
        except (BrokenProcessPool, BrokenBarrierError) as error:
            raise InputError(
                "a process of the measurement died, most likely for lack of memory; "
                "close other programs and run it again"
            ) from error
        finally:
            if barrier:
                barrier.abort()  # nobody is left waiting for one that will not come
            workers.shutdown(cancel_futures=True)


_here: dict[str, object] = {}  # of a worker process: the images, and where all meet


def enter(path: Path, barrier) -> None:
    """Begin the life of a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears Ctrl-C and ends us
    torch.set_num_threads(1)
    _here["prepared"] = Prepared(**torch.load(path, mmap=True, weights_only=True))
    _here["barrier"] = barrier


def everywhere(workers: ProcessPoolExecutor, n: int, task: Callable, *arguments) -> list:
    """What `task` returns in each of `n` processes."""
    waiting = [workers.submit(task, *arguments) for _ in range(n)]
    return [future.result() for future in waiting]


def time_together(run: Run, precision: train.Precision, updates: int) -> float:
    """`time_ours` in a worker process, with all others at the same time."""
    start = partial(_here["barrier"].wait, timeout=600)
    return time_ours(_here["prepared"], run, precision, updates, start)


def table(result: BenchResult) -> str:
    """The result for people: contestants, how many times as fast as the textbook, the machine."""
    lines = [
        f"{result.net} at {result.scale} scale, {result.images}, batch {result.batch}; "
        f"median of {len(result.first_update)} rounds of {result.updates} updates",
        f"{'':32}{'updates/s':>10}{'x textbook':>12}{'min-max':>14}{'quartiles':>14}{'n':>4}",
    ]
    for name in result.seconds:
        label = f"{name} ({result.runs} runs)" if name == PER_CORE else name
        rate = statistics.median(result.rates(name))
        lines.append(f"{label:32}{rate:10.2f}{columns(spread(result.ratios(name)))}")
    if FLOAT32 in result.seconds:
        share = spread(result.ratios(OURS, FLOAT32))
        lines.append(f"{'  of it bfloat16 over float32':42}{columns(share)}")
    here, first = result.machine, statistics.median(result.first_update)
    if here.load and here.load > 0.5:
        lines.append("OTHER PROGRAMS WERE RUNNING: these times are no measurement of the loops")
    load = "unknown" if here.load is None else f"{here.load:.1f}"
    threads = ", ".join(f"{name} {n}" for name, n in here.threads.items())
    lines += [
        f"not counted: the textbook loop starts its workers at every pass over the images; "
        f"its first update took {first:.2f} s",
        f"{here.device}, {here.cores} cores, load {load} before; torch {here.torch}, "
        f"ours in {here.precision}; threads: {threads}",
    ]
    return "\n".join(lines)


def columns(ratio: Spread) -> str:
    """The part of a table's line that shows a ratio."""
    extremes = f"{ratio.low:.2f}-{ratio.high:.2f}"
    quartiles = f"{ratio.quartiles[0]:.2f}-{ratio.quartiles[1]:.2f}"
    return f"{ratio.median:12.2f}{extremes:>14}{quartiles:>14}{ratio.n:4}"


def as_json(result: BenchResult) -> str:
    """The result with its rates and ratios, as strict JSON."""
    derived = {
        name: {
            "updates_per_second": statistics.median(result.rates(name)),
            "times_textbook": asdict(spread(result.ratios(name))),
        }
        for name in result.seconds
    }
    return json.dumps(asdict(result) | {"summary": derived}, indent=1, allow_nan=False)


@dataclass(frozen=True, kw_only=True)
class Equivalence:
    """Two one-sided tests at 5 % each, paired by seed. Errors and margin are percent points."""

    net: str
    measure: str  # "training error" or "test error", after the last update
    images: str
    steps: int
    margin: float
    float32: tuple[float, ...]  # one a seed
    bfloat16: tuple[float, ...]

    @property
    def differences(self) -> list[float]:
        """bfloat16 minus float32, seed by seed."""
        return [b - a for a, b in zip(self.float32, self.bfloat16, strict=True)]

    @property
    def interval(self) -> tuple[float, float]:
        """The 90 % confidence interval of the mean difference."""
        n, middle = len(self.float32), statistics.mean(self.differences)
        half = t_quantile(0.95, n - 1) * statistics.stdev(self.differences) / math.sqrt(n)
        return middle - half, middle + half

    @property
    def equal(self) -> bool:
        """Both tests reject a difference of `margin` or more: the interval lies inside of it."""
        low, high = self.interval
        return -self.margin < low and high < self.margin


def t_quantile(p: float, df: int) -> float:
    """Below which Student's t with `df` degrees of freedom lies with probability `p` >= 0.5.

    Raises: ValueError unless 0.5 <= p < 1 and df >= 1.
    """
    if not 0.5 <= p < 1 or df < 1:
        raise ValueError(f"a quantile needs 0.5 <= p < 1 and df >= 1, got {p} and {df}")

    def within(angle: float) -> float:  # P(|t| < sqrt(df) tan(angle)), Abramowitz, Stegun 26.7.3-4
        odd = df % 2
        term = total = math.cos(angle) if odd else 1.0
        for k in range(2 + odd, df - 1, 2):
            term *= math.cos(angle) ** 2 * (k - 1) / k
            total += term
        if not odd:
            return math.sin(angle) * total
        return 2 / math.pi * (angle + (math.sin(angle) * total if df > 1 else 0.0))

    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if within(middle) < 2 * p - 1 else (low, middle)
    return math.sqrt(df) * math.tan(low)


def equal_results(
    dataset: Dataset,
    *,
    depths: Sequence[int] = (20, 56),
    shortcuts: Sequence[str] = ("none", "A"),
    seeds: int = 8,
    steps: int = 300,
    margin: float = 2.0,
    runs: int | None = None,
    report: Report = lambda line: None,
) -> list[Equivalence]:
    """Train every net twice from each seed, in float32 and in bfloat16, and compare the errors.

    The recipe is that of the quick scale, cut to `steps` updates with its drops at the same shares.
    `margin`, in percent points, is chosen before looking: the difference that would matter.

    Raises: InputError for fewer than two seeds, or a process that died.
    """
    if seeds < 2:
        raise InputError(f"equality needs at least 2 seeds, got {seeds}")
    nets = [(depth, shortcut) for depth in depths for shortcut in shortcuts]
    orders = [(*net, seed, p) for net in nets for seed in range(seeds) for p in PRECISIONS]
    size = short_run(dataset, *nets[0], 0, steps).images
    found = []
    with pool(runner.prepare(dataset, size), runs or runner.cores()) as workers:
        waiting = {
            order: workers.submit(errors_after, short_run(dataset, *order[:3], steps), order[3])
            for order in orders
        }
        for net in nets:
            errors = {p: [waiting[*net, k, p].result() for k in range(seeds)] for p in PRECISIONS}
            for one in equivalences(net, errors, images_name(dataset, size), steps, margin):
                report(line_equal(one))
                found.append(one)
    return found


def equivalences(
    net: tuple[int, str],
    errors: dict[str, list[tuple[float, float]]],
    images: str,
    steps: int,
    margin: float,
) -> Iterator[Equivalence]:
    """The comparison of training errors and that of test errors of one net."""
    for i, measure in enumerate(("training error", "test error")):
        yield Equivalence(
            net=experiments.net_at("quick", *net).name,
            measure=measure,
            images=images,
            steps=steps,
            margin=margin,
            **{precision: tuple(pair[i] for pair in pairs) for precision, pairs in errors.items()},
        )


def short_run(dataset: Dataset, depth: int, shortcut: str, seed: int, steps: int) -> Run:
    """The quick run of a net, cut to `steps` updates."""
    run = experiments.job("quick", dataset, depth, shortcut, seed).run
    window = min(run.recipe.log_every, steps)
    recipe = replace(
        run.recipe,
        steps=steps,
        drops=tuple(sorted({max(1, steps // 2), max(1, 3 * steps // 4)})),
        log_every=window,
        test_every=window * steps,  # only the end is compared
    )
    return replace(run, recipe=recipe)


def errors_after(run: Run, precision: train.Precision) -> tuple[float, float]:
    """Training and test error of `run` after its last update, in a worker process."""
    images = _here["prepared"]
    test = partial(
        train.error, images=images.test_images, labels=images.test_labels, mean=images.mean
    )
    state = train.begin(run.net, run.recipe)
    batches = runner.stream(images, run)
    *_, last = train.train(state, batches, run.recipe, precision=precision, test=test)
    return last.train_error, last.test_error


def line_equal(found: Equivalence) -> str:
    """One result of `equal_results` in words."""
    middle, (low, high) = statistics.mean(found.differences), found.interval
    verdict = "equal" if found.equal else "equality not shown"
    return (
        f"{found.net}, {found.measure}: bfloat16 minus float32 is "
        f"{middle:+.2f} points, 90 % interval {low:+.2f} to {high:+.2f}, "
        f"n={len(found.float32)}: {verdict} within {found.margin:.1f} points"
    )


def table_equal(found: Sequence[Equivalence]) -> str:
    """All results of `equal_results`, and the method."""
    head = (
        f"{found[0].images}, {found[0].steps} updates, paired by seed; equal: two one-sided tests "
        "at 5 % reject a mean difference of the margin or more"
    )
    return "\n".join([head, *map(line_equal, found)])
