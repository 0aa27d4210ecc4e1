"""Paired timings on a processor: rates of the contestants, their ratios, and the table of them.

Paper: Section 4.2 (the net, batch and images that a table names).
Notebook: notebooks/00_start_here.py. Tests: tests/test_bench.py.
"""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from resnet_lab import train
from resnet_lab.data import Dataset
from resnet_lab.runs import Images

TEXTBOOK, OURS, FLOAT32, PER_CORE = "textbook", "ours", "ours in float32", "ours, one run per core"
READABLE = "readable loop"  # what `ours` is on a GPU, where there is the engine besides


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


def images_name(dataset: Dataset, images: Images) -> str:
    """What a table calls the images."""
    return f"{dataset.label}, {images.size}x{images.size}"


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
