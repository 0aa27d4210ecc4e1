"""The ledger: every claim of Sections 1, 3, 4.2, 4.3 and the appendices, some of 4.1: seen?

Paper: abstract; Sections 1, 3.1 to 3.3, 4.1 to 4.3; Appendices A to C; Tables 6 to 9 and 13;
Figures 1 to 3, 6 and 7.
Notebook: notebooks/00_start_here.py. Tests: tests/test_claims.py.

A verdict is computed, from records or from the nets themselves, and never typed. `rule()` says how.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import cache

from resnet_lab import findings
from resnet_lab.claims import (
    architecture,
    baselines,
    cifar_nets,
    degradation,
    detection,
    improvements,
    localisation,
    printed,
    responses,
    signals,
    table_6,
    warm_up,
)
from resnet_lab.claims.row import VERDICTS, Row, Verdict
from resnet_lab.claims.rules import explain
from resnet_lab.claims.training import Claim, Evidence
from resnet_lab.claims.training import row as judge
from resnet_lab.findings import Finding
from resnet_lab.localisation.record import AnyRecord
from resnet_lab.records import Record

__all__ = ["Row", "Verdict", "as_json", "detection", "ledger", "rule", "summary", "table"]


def rule() -> str:
    """How a verdict follows from numbers, in words."""
    return f"{explain()} {responses.explain()} {detection.explain()}"


def ledger(
    records: Sequence[Record],
    images: str | None = None,
    measured: Sequence[Finding] | None = None,
    detectors: detection.Evidence | None = None,
    localised: Sequence[AnyRecord] = (),
) -> list[Row]:
    """Every claim with its verdict, in the order of the paper.

    Claims about architecture need no records; one about training without its records is "not run",
    and so is one about the inside of nets without its findings.
    Runs at paper scale come first. Of quick runs those on `images`, "cifar10" or "embedded", come
    before those on the other set, which judge where there are no runs on it; default CIFAR-10.
    Claims about the inside of nets are judged by the findings in `measured`; None: by those that
    ship and are about the nets of `records`. Without `detectors` those on detection are "not run",
    without `localised` those of Appendix C.

    Raises: InputError for an unknown image set.
    """
    evidence, found = Evidence.of(list(records), images), detectors or detection.Evidence()
    if measured is None:
        known = {record.run.hash for record in records}
        measured = [one for one in findings.load_every() if one.run.hash in known]
    inside = {lens: [one for one in measured if one.lens == lens] for lens in findings.LENSES}

    def judged(claims: list[Claim]) -> list[Row]:
        return [judge(claim, evidence) for claim in claims]

    return [
        *_facts(architecture.abstract),
        *judged(degradation.section_1()[:3]),
        *_facts(architecture.section_1),
        *judged(degradation.section_1()[3:]),
        *_facts(architecture.section_3_1),
        *responses.rows(responses.section_3_1(), evidence, inside["layer_responses"]),
        *_facts(architecture.section_3_2),
        *_facts(baselines.section_3_3),
        *signals.section_4_1(inside["signals"], images),
        *_facts(cifar_nets.section_4_2_nets),
        *_facts(printed.section_4_2_recipe),
        *judged(degradation.plain_nets()),
        *degradation.same_as_elsewhere(),
        *judged(degradation.residual_nets()),
        *judged(warm_up.warm_up()),
        *warm_up.without_warm_up(evidence),
        *_facts(printed.parameters_of_110),
        *_facts(printed.parameters_of_table_6),
        *judged(table_6.errors()),
        *responses.rows(responses.section_4_2(), evidence, inside["layer_responses"]),
        *judged(table_6.over_1000_layers()),
        *detection.section_4_3(found),
        *improvements.appendix_b(found.results),
        *localisation.appendix_c(localised),
    ]


@cache
def _facts(claims: Callable[[], list[Row]]) -> tuple[Row, ...]:
    # the nets do not change with the records: a notebook may ask for the ledger often
    return tuple(claims())


def as_json(rows: Sequence[Row]) -> list[dict[str, object]]:
    """The rows as objects of strict JSON values: text, finite numbers and null."""
    return [asdict(row) for row in rows]


def summary(rows: Sequence[Row]) -> dict[Verdict, int]:
    """Verdict -> number of claims, with zeros, in the order seen, not seen, undecided, not run."""
    return {verdict: sum(row.verdict == verdict for row in rows) for verdict in VERDICTS}


def table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table: claim, place, paper, ours, scale, verdict and why."""
    lines = [
        "| Claim | Place | Paper | Ours | Scale | Verdict | Why |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = (
            row.statement,
            row.place,
            _text(row.paper),
            _ours(row),
            row.scale,
            row.verdict,
            row.why,
        )
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def _text(value: float | str | None) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else value


def _ours(row: Row) -> str:
    spread = "" if row.spread is None else f" ± {row.spread:.2f}"
    runs = "" if row.n is None else f" (n={row.n})"
    return f"{_text(row.ours)}{spread}{runs}"
