"""Paired timings on a GPU: rates, ratios, shares of the hardware's limits, and the table of them.

Paper: Section 4.2 (64k updates, and the nets that a table names).
Notebook: notebooks/00_start_here.py. Tests: tests/test_bench_gpu.py.
"""

import json
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from resnet_lab.bench.equivalence import Equivalence
from resnet_lab.bench.limits import Limits, Need
from resnet_lab.bench.result import READABLE, TEXTBOOK, columns, spread
from resnet_lab.recipe import Recipe

PROTOCOL = Recipe().steps  # updates of Section 4.2


@dataclass(frozen=True, kw_only=True)
class Timing:
    """One contestant at one depth: number k of `seconds` was taken in round k."""

    name: str
    runs: int  # side by side
    precision: str
    start: float  # seconds: net, kernels, capture and the first updates, once
    updates: int  # timed, of each run in each round
    seconds: tuple[float, ...] = ()

    @property
    def rates(self) -> list[float]:
        """Updates a second in every round, of all runs together."""
        return [self.runs * self.updates / seconds for seconds in self.seconds]

    @property
    def protocol(self) -> float:
        """Seconds for the paper's updates of each run: computed from the median rate, not run."""
        return self.start + self.runs * PROTOCOL / statistics.median(self.rates)


@dataclass(frozen=True, kw_only=True)
class DepthResult:
    """All contestants at one depth, in the order of their turns."""

    net: str
    images: str
    batch: int
    timings: tuple[Timing, ...]
    need: dict[str, Need]  # precision -> what an update needs at least

    def ratios(self, timing: Timing, base: str = TEXTBOOK) -> list[float]:
        """How many times as fast as `base` the contestant was, round by round."""
        (other,) = [one for one in self.timings if one.name == base]
        return [a / b for a, b in zip(timing.rates, other.rates, strict=True)]

    def shares(self, timing: Timing, limits: Limits) -> tuple[float, float]:
        """The parts of the bandwidth and of the arithmetic that the updates need at least."""
        need, rate = self.need[timing.precision], statistics.median(timing.rates)
        bandwidth = rate * need.bytes / limits.bandwidth
        return bandwidth, rate * need.operations / limits.arithmetic[timing.precision]


@dataclass(frozen=True, kw_only=True)
class GpuResult:
    """Everything that `bench gpu` measured, as far as it came."""

    device: str
    cores: int
    workers: int  # processes of the textbook's loader
    load: float | None  # mean number of busy programs in the minute before
    torch: str
    git: str
    limits: Limits
    load_images: float  # seconds to bring the images to the device, once for all contestants
    rounds: int  # asked for
    depths: tuple[DepthResult, ...] = ()
    out_of_time: bool = False  # the budget ended before all depths had their rounds


def table(result: GpuResult) -> str:
    """The result for people."""
    limits = result.limits
    arithmetic = ", ".join(f"{v / 1e12:.4g} Tflop/s {k}" for k, v in limits.arithmetic.items())
    load = "unknown" if result.load is None else f"{result.load:.1f}"
    lines = [line for depth in result.depths for line in depth_lines(depth, limits)]
    lines += [
        "* start-up and then 64k updates of each run at the median rate: computed, not run, and "
        "without the tests",
        "start-up: net, kernels, capture and first updates; compiled kernels are made in the first "
        f"one that needs them. Images to the device: {result.load_images:.1f} s more",
        "of bandwidth and of arithmetic: what the updates need at least (`limits.need`), as a part "
        "of a large copy and of a large matrix product here:",
        f"{limits.bandwidth / 1e9:.4g} GB/s, {arithmetic} (float32 as TF32 on a GPU)",
        f"textbook: {result.workers} loader processes, whose start at every pass is not counted; "
        "float32 with PyTorch's defaults, so TF32 in convolutions",
        f"{result.device}, {result.cores} cores, load {load} before; torch {result.torch}",
    ]
    if result.out_of_time:
        lines.append(
            f"the budget ended the measurement: not all depths, or not {result.rounds} rounds"
        )
    return "\n".join(lines)


def depth_lines(depth: DepthResult, limits: Limits) -> Iterator[str]:
    """The part of the table for one depth."""
    rounds = len(depth.timings[0].seconds)
    yield (
        f"{depth.net}, {depth.images}, batch {depth.batch}; median of {rounds} rounds, "
        "ratios round by round"
    )
    yield (
        f"{'':28}{'images/s':>10}{'start-up':>10}{'64k updates*':>14}{'x textbook':>12}"
        f"{'min-max':>14}{'quartiles':>14}{'n':>4}{'of bandwidth':>14}{'arithmetic':>12}"
    )
    for timing in depth.timings:
        rate = statistics.median(timing.rates) * depth.batch
        bandwidth, arithmetic = depth.shares(timing, limits)
        yield (
            f"{timing.name:28}{rate:10,.0f}{timing.start:8.1f} s{timing.protocol:12,.0f} s"
            f"{columns(spread(depth.ratios(timing)))}{bandwidth:14.1%}{arithmetic:12.1%}"
        )
    for timing in depth.timings:
        if timing.runs > 1:
            over = columns(spread(depth.ratios(timing, alone(timing))))
            yield f"{f'  {timing.name}, over one at a time':62}{over}"
    fastest = max(depth.timings, key=lambda timing: statistics.median(timing.rates))
    yield f"fastest: {fastest.name}"
    yield ""


def alone(timing: Timing) -> str:
    """The name of the contestant that trains the same way, one run at a time."""
    return timing.name.removesuffix(f", {timing.runs} at once")


def as_json(result: GpuResult, equal: Sequence[Equivalence] = ()) -> str:
    """All raw numbers, what follows from them, and the equivalence tests, as strict JSON."""
    whole = asdict(result)
    for depth, written in zip(result.depths, whole["depths"], strict=True):
        written["summary"] = {
            timing.name: summary(depth, timing, result.limits) for timing in depth.timings
        }
    whole["equality"] = [
        asdict(one) | {"interval_90": one.interval, "equal": one.equal} for one in equal
    ]
    return json.dumps(whole, indent=1, allow_nan=False) + "\n"


def summary(depth: DepthResult, timing: Timing, limits: Limits) -> dict[str, object]:
    """What the table says of a contestant."""
    bandwidth, arithmetic = depth.shares(timing, limits)
    found = {
        "images_per_second": statistics.median(timing.rates) * depth.batch,
        "seconds_for_64k_updates_computed_from_the_rate": timing.protocol,
        "times_textbook": asdict(spread(depth.ratios(timing))),
        "times_readable": asdict(spread(depth.ratios(timing, READABLE))),
        "share_of_bandwidth": bandwidth,
        "share_of_arithmetic": arithmetic,
    }
    if timing.runs > 1:
        found["times_one_at_a_time"] = asdict(spread(depth.ratios(timing, alone(timing))))
    return found
