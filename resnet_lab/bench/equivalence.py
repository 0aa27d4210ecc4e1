"""An equivalence test: equality within a margin is shown, or it is not.

Paper: Section 4.2 (the errors that are compared).
Notebook: notebooks/00_start_here.py. Tests: tests/test_equality.py.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Equivalence:
    """Two one-sided tests at 5 % each, paired by seed. Errors and margin are percent points."""

    net: str
    measure: str  # "training error" or "test error", after the last update
    images: str
    steps: int
    margin: float
    sides: tuple[str, str]  # what is compared: the base, and the other
    base: tuple[float, ...]  # one a seed
    other: tuple[float, ...]

    @property
    def differences(self) -> list[float]:
        """Other minus base, seed by seed."""
        return [b - a for a, b in zip(self.base, self.other, strict=True)]

    @property
    def interval(self) -> tuple[float, float]:
        """The 90 % confidence interval of the mean difference."""
        n, middle = len(self.base), statistics.mean(self.differences)
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


def line_equal(found: Equivalence) -> str:
    """The result of one test in words."""
    middle, (low, high) = statistics.mean(found.differences), found.interval
    verdict = "equal" if found.equal else "equality not shown"
    return (
        f"{found.net}, {found.measure}: {found.sides[1]} minus {found.sides[0]} is "
        f"{middle:+.2f} points, 90 % interval {low:+.2f} to {high:+.2f}, "
        f"n={len(found.base)}: {verdict} within {found.margin:.1f} points"
    )


def table_equal(found: Sequence[Equivalence]) -> str:
    """All results of `equality.equal_results`, and the method."""
    head = (
        f"{found[0].images}, {found[0].steps} updates, paired by seed; equal: two one-sided tests "
        "at 5 % reject a mean difference of the margin or more"
    )
    return "\n".join([head, *map(line_equal, found)])
