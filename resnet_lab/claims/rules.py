"""How a verdict follows from numbers: orders, thresholds, values within a tolerance.

Paper: Table 6 (the run-to-run spread that margins and tolerances are derived from).
Notebook: notebooks/00_start_here.py. Tests: tests/test_claims.py.

`explain()` states the rules in words, with the numbers they use.
"""

from dataclasses import dataclass
from math import sqrt
from statistics import mean, stdev, variance

from resnet_lab import paper
from resnet_lab.claims.row import Verdict

# Two-sided 95 % quantiles of Student's t by degrees of freedom. Between two entries the lower one
# counts, which widens an interval and never narrows it.
T_95 = {
    **{1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306},
    **{9: 2.262, 10: 2.228, 12: 2.179, 15: 2.131, 20: 2.086, 30: 2.042, 60: 2.000, 120: 1.980},
}
SINGLE_RUN_FACTOR = 4.0  # standard errors by which single runs must differ
TOLERANCE_FACTOR = 3.0  # standard errors within which a value counts as the paper's
# points; an assumption about one quick run, not a measurement: generous beside the 0.5 that
# 10,000 test images allow
QUICK_SPREAD = 1.0
STD_FACTOR = 3.1  # root of F's 97.5 % quantile, 9.60, for two sets of five runs

Interval = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What a rule found; the fields of a Row that come from runs."""

    verdict: Verdict
    ours: float | str | None
    n: int
    spread: float | None
    why: str


def run_spread(scale: str) -> float:
    """Standard deviation of one run's error that is assumed where there is only one run."""
    return paper.value("tables.table6.resnet_110.error_std") if scale == "paper" else QUICK_SPREAD


def t_95(freedom: float) -> float:
    """Student's t that 95 % of draws stay within, on both sides, for `freedom` of at least 1."""
    # a whole number may come out of `welch` a rounding error below itself
    return T_95[max(known for known in T_95 if known <= max(1.0, freedom + 1e-9))]


def welch(a: list[float], b: list[float]) -> Interval:
    """95 % interval of mean(a) - mean(b) for two or more values each, of any two spreads."""
    part_a, part_b = variance(a) / len(a), variance(b) / len(b)
    difference, error = mean(a) - mean(b), sqrt(part_a + part_b)
    if error == 0:
        return difference, difference
    freedom = error**4 / (part_a**2 / (len(a) - 1) + part_b**2 / (len(b) - 1))
    return difference - t_95(freedom) * error, difference + t_95(freedom) * error


def of_mean(values: list[float]) -> Interval:
    """95 % interval of the mean; a single value is taken as it is."""
    half = t_95(len(values) - 1) * stdev(values) / sqrt(len(values)) if len(values) > 1 else 0.0
    return mean(values) - half, mean(values) + half


def pooled(*samples: list[float]) -> float | None:
    """Standard deviation of one run, from all samples with at least two."""
    several = [values for values in samples if len(values) > 1]
    if not several:
        return None
    freedom = sum(len(values) - 1 for values in several)
    return round(sqrt(sum(variance(v) * (len(v) - 1) for v in several) / freedom), 4)


def by_sign(interval: Interval) -> Verdict:
    """Seen if all of the interval is above 0, not seen if all is below, else undecided."""
    low, high = interval
    return "seen" if low > 0 else "not seen" if high < 0 else "undecided"


def order(high: list[float], low: list[float], spread: float) -> Judged:
    """Is `high` higher than `low`? `spread` is assumed of one run where a side has only one."""
    difference = mean(high) - mean(low)
    if min(len(high), len(low)) > 1:
        interval = welch(high, low)
        why = "95 % interval of the difference {:+.2f} to {:+.2f} points".format(*interval)
    else:
        # the same margin whatever the other side has: one run tells nothing about its own spread
        margin = SINGLE_RUN_FACTOR * sqrt(2) * spread
        interval = difference - margin, difference + margin
        why = f"difference {difference:+.2f} points; single runs must differ by {margin:.2f}"
    return Judged(
        verdict=by_sign(interval),
        ours=f"{mean(high):.2f} against {mean(low):.2f}",
        n=min(len(high), len(low)),
        spread=pooled(high, low),
        why=f"{why} (n={len(high)} and {len(low)})",
    )


def below_zero(values: list[float], factor: float, spread: float) -> tuple[Verdict, str]:
    """Is the mean of a quantity, one value a seed, below 0? Also says why.

    `spread` is assumed of one run where there is one seed only; `factor` times it is the standard
    error of the quantity.
    """
    if len(values) > 1:
        low, high = of_mean(values)
        why = f"95 % interval {low:+.2f} to {high:+.2f} points"
    else:
        margin = SINGLE_RUN_FACTOR * factor * spread
        low, high = values[0] - margin, values[0] + margin
        why = f"{values[0]:+.2f} points; of a single seed it must be beyond {margin:.2f}"
    return by_sign((-high, -low)), why


def beyond(values: list[float], threshold: float, *, above: bool) -> Judged:
    """Is the mean above (or below) `threshold`? A single run is compared as it is."""
    low, high = of_mean(values)
    beyond_by = (
        (low - threshold, high - threshold) if above else (threshold - high, threshold - low)
    )
    why = (
        f"95 % interval of the mean {low:.2f} to {high:.2f}" if len(values) > 1 else "a single run"
    )
    return Judged(
        verdict=by_sign(beyond_by),
        ours=round(mean(values), 4),
        n=len(values),
        spread=pooled(values),
        why=f"{why}; threshold {threshold:g}",
    )


def near(values: list[float], target: float, n_target: int) -> Judged:
    """Is the mean as close to `target`, itself a mean of `n_target` runs, as chance makes it?"""
    tolerance = TOLERANCE_FACTOR * run_spread("paper") * sqrt(1 / len(values) + 1 / n_target)
    gap = mean(values) - target
    return Judged(
        verdict="seen" if abs(gap) <= tolerance else "not seen",
        ours=round(mean(values), 4),
        n=len(values),
        spread=pooled(values),
        why=f"ours - paper = {gap:+.2f} points; tolerance {tolerance:.2f}",
    )


def all_of(parts: dict[str, Judged]) -> Judged:
    """A claim of several named parts: seen if all are, not seen if one is not, else undecided."""
    verdicts = {part.verdict for part in parts.values()}
    spreads = [part.spread for part in parts.values() if part.spread is not None]
    return Judged(
        verdict=next(v for v in ("not seen", "undecided", "seen") if v in verdicts),
        ours="; ".join(f"{name} {part.ours}" for name, part in parts.items()),
        n=min(part.n for part in parts.values()),
        spread=max(spreads, default=None),
        why="; ".join(f"{name}: {part.why}" for name, part in parts.items()),
    )


def explain() -> str:
    """The rules in words, with the numbers they use."""
    paper_spread, quick = run_spread("paper"), run_spread("quick")
    margin, quick_margin = (SINGLE_RUN_FACTOR * sqrt(2) * s for s in (paper_spread, quick))
    return (
        "Architecture: computed from the nets on the spot; must hold exactly, or as printed. "
        "Order of two nets: with two or more runs of both, seen if the 95 % Welch interval of the "
        "difference of the means lies on the paper's side of zero, not seen if it lies on the "
        "other, else undecided. With a single run of either, the means must differ by "
        f"{margin:.2f} points at paper scale ({SINGLE_RUN_FACTOR:g} x sqrt(2) x {paper_spread}, "
        f"the spread of Table 6) and by {quick_margin:.2f} at quick scale: the same with a spread "
        f"of {quick:g}, which is assumed, not measured. Gaps of two pairs of nets: the same, with "
        "the t interval over the seeds that all four share. Value: seen if |mean - paper| <= "
        f"{TOLERANCE_FACTOR:g} x {paper_spread} x sqrt(1/n + 1/m), with n runs of ours and m of "
        "the paper's (1 where it does not say), else not seen. Threshold: the 95 % interval of "
        "our mean, or our single run, must lie beyond it. Judged at paper scale only: values, "
        "thresholds, and the order of residual nets of different depth, for what depth gains takes "
        "more updates than quick scale has. Other orders: at paper scale where there are records "
        "of it, else at quick scale. Runs compared share images, and each has the net and recipe "
        "of the experiments at that scale; a recipe differs between nets in the warm-up only."
    )
