"""One row of the paper's tables against ours.

Paper: Tables 1 to 14.
Notebook: notebooks/00_start_here.py. Tests: tests/test_explorers.py.
"""

from collections.abc import Sequence
from statistics import mean, stdev

Row = dict[str, object]


def row(place: str, net: str, measure: str, unit: str, **more: object) -> Row:
    """A row with every field; those that are not given are null, and it was not run."""
    values = dict(paper=None, ours=None, spread=None, n=None, gap=None, status="not run", why="")
    return {"place": place, "net": net, "measure": measure, "unit": unit} | values | more


def of_runs(values: Sequence[float]) -> Row:
    """The fields that several runs fill: their mean, its spread, and how many they are."""
    return {
        "ours": mean(values) if values else None,
        "spread": stdev(values) if len(values) > 1 else None,
        "n": len(values) or None,
    }
