"""bfloat16 against float32: an equivalence test.

Paper: Section 4.2 (the same nets and recipe in both precisions).
Notebook: notebooks/00_start_here.py. Tests: tests/test_equality.py.
"""

import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from resnet_lab import experiments, runner, train
from resnet_lab.bench import processes
from resnet_lab.bench.processes import pool
from resnet_lab.bench.result import images_name
from resnet_lab.data import Dataset
from resnet_lab.errors import InputError
from resnet_lab.runs import Run

PRECISIONS = ("float32", "bfloat16")


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
    report: Callable[[str], None] = lambda line: None,
) -> list[Equivalence]:
    """Train every net twice from each seed, in float32 and in bfloat16, and compare the errors.

    The recipe is that of the quick scale, cut to `steps` updates with its drops at the same shares.
    `margin`, in percent points, is the difference that would matter: a choice, not derived from
    data. 2.0 is well below the 5.7 points by which single quick runs must differ before
    `claims.rules` decides anything from them.

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
    images = processes.here["prepared"]
    test = train.SingleView(images=images.test_images, labels=images.test_labels, mean=images.mean)
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
