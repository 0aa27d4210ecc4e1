"""One line of the ledger: a statement of the paper, and whether we see it.

Paper: all of it.
Notebook: notebooks/00_start_here.py. Tests: tests/test_claims.py.
"""

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["seen", "not seen", "undecided", "not run"]
VERDICTS: tuple[Verdict, ...] = ("seen", "not seen", "undecided", "not run")
NOT_RUN = "not run"  # also the scale of a claim that was tested at none


@dataclass(frozen=True, kw_only=True)
class Row:
    """A claim and its verdict. Errors are percent; differences of errors are points."""

    id: str
    place: str
    statement: str  # in our words
    paper: float | str | None  # what the paper prints, from paper.yaml
    ours: float | str | None
    n: int | None  # runs; of two nets compared, of the one with fewer; None without training
    spread: float | None  # std of one run over seeds; of two nets, pooled; or of a gap
    scale: str  # "architecture", "paper", "quick (...)" or "not run"
    verdict: Verdict
    why: str


def fact(
    id: str, place: str, statement: str, *, paper: object, ours: object, holds: bool, why: str = ""
) -> Row:
    """The row of a claim that a net answers without training."""
    return Row(
        id=id,
        place=place,
        statement=statement,
        paper=plain_value(paper),
        ours=plain_value(ours),
        n=None,
        spread=None,
        scale="architecture",
        verdict="seen" if holds else "not seen",
        why=why,
    )


def not_run(id: str, place: str, statement: str, *, paper: object, why: str) -> Row:
    """The row of a claim for which there is nothing to judge by."""
    return Row(
        id=id,
        place=place,
        statement=statement,
        paper=plain_value(paper),
        ours=None,
        n=None,
        spread=None,
        scale=NOT_RUN,
        verdict=NOT_RUN,
        why=why,
    )


def plain_value(value: object) -> float | str | None:
    """`value` as a cell of the ledger: numbers and text stay, a list becomes "32, 16, 8"."""
    if isinstance(value, list | tuple):
        return ", ".join(str(part) for part in value)
    if value is None or isinstance(value, int | float | str):
        return value
    raise TypeError(f"a cell holds a number or text, got {value!r}")
