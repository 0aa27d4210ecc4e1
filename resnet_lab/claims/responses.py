"""Claims about layer responses, judged by a rank test in which nets are the sample.

Paper: Section 4.2 and Figure 7; Section 3.1 ("small responses").
Notebook: notebooks/06_layer_responses.py. Tests: tests/test_claims_responses.py.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from math import comb
from statistics import mean, median

from resnet_lab import findings, paper
from resnet_lab.claims.comparable import Group
from resnet_lab.claims.row import Row, Verdict, not_run
from resnet_lab.claims.rules import Judged
from resnet_lab.claims.training import Evidence, judged_row
from resnet_lab.findings import Finding
from resnet_lab.layer_responses import ranks
from resnet_lab.layer_responses.stored import LENS, Choice, of_records

UNDECIDED: Verdict = "undecided"
SIDE = 0.025  # of a test on one side: both together are the 5 % of the other rules
FACT, DEEPER = "figures.figure7.fact_smaller", "figures.figure7.fact_depth"
PAIRS = (20, 56)  # depths that Figure 7 draws both plain and residual
DEPTHS = (20, 56, 110)  # residual nets of Figure 7
EVERY = tuple(f"plain-{d}" for d in PAIRS) + tuple(f"ResNet-{d}" for d in PAIRS)
RESIDUAL = tuple(f"ResNet-{d}" for d in DEPTHS)

Nets = dict[str, list[Finding]]  # net -> one finding a seed


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A statement on Figure 7: which nets it takes, and which of their layers."""

    id: str
    place: str
    statement: str
    fact: str  # path in paper.yaml
    nets: tuple[str, ...]
    judge: Callable[[Nets, bool], Judged]
    ends: bool = False  # only the layers that end a residual branch, and their places in plain nets


@cache
def shipped() -> tuple[Finding, ...]:
    """The layer responses that come with the package."""
    return tuple(findings.load_all(LENS))


def verdict_of(found: ranks.Ordered) -> Verdict:
    """Seen if few shufflings put the nets so far apart this way, not seen if the other way."""
    return "seen" if found.p_high <= SIDE else "not seen" if found.p_low <= SIDE else "undecided"


def profile(finding: Finding, ends: bool, twin: Finding | None = None) -> list[float]:
    """The std of each layer; with `ends` of the residual ends, in a plain net by `twin`'s roles."""
    roles = (twin or finding).values["roles"]
    std = finding.values["std"]
    return [s for s, role in zip(std, roles, strict=True) if role == "e" or not ends]


def words(found: ranks.Ordered, names: Sequence[str]) -> str:
    """The test in words: p, shares of layers, numbers of nets."""
    shares = "; ".join(
        f"{name}: in {100 * share:.0f} % of layers (n={high} and {low} nets)"
        for name, share, (high, low) in zip(names, found.higher, found.nets, strict=True)
    )
    p = min(found.p_high, found.p_low)
    side = "this way" if found.p_high <= found.p_low else "the other way"
    least = 1.0
    for high, low in found.nets:
        least /= comb(high + low, high)
    limit = f", {least:.2g} at best" if least > SIDE else ""
    return f"{shares}; as far {side} are {p:.2g} of all shufflings of the nets{limit}"


def against_plain(nets: Nets, ends: bool) -> Judged:
    """Are residual nets' responses below those of plain nets, layer by layer at equal depth?"""
    strata, ours = [], []
    for depth in PAIRS:
        plain, residual = nets[f"plain-{depth}"], nets[f"ResNet-{depth}"]
        sides = (
            [profile(f, ends, residual[0]) for f in plain],
            [profile(f, ends) for f in residual],
        )
        strata.append(sides)
        ours.append(f"{depth} layers {middle(sides[1]):.3f} against {middle(sides[0]):.3f}")
    found = ranks.order(strata)
    return Judged(
        verdict=verdict_of(found),
        ours="; ".join(ours),
        n=min(min(pair) for pair in found.nets),
        spread=None,
        why="plain above residual, " + words(found, [f"{d} layers" for d in PAIRS]),
    )


def with_depth(nets: Nets, ends: bool) -> Judged:
    """Do responses fall from each residual net of Figure 7 to the next deeper one?"""
    sides = {d: [profile(f, ends) for f in nets[f"ResNet-{d}"]] for d in DEPTHS}
    points = min(len(p) for side in sides.values() for p in side)
    equal = {d: [ranks.by_share(p, points) for p in side] for d, side in sides.items()}
    steps = {
        f"{shallow} above {deep}": ranks.order([(equal[shallow], equal[deep])])
        for shallow, deep in pairwise(DEPTHS)
    }
    verdicts = {verdict_of(step) for step in steps.values()}
    return Judged(
        verdict=next(v for v in ("not seen", "undecided", "seen") if v in verdicts),
        ours=", ".join(f"ResNet-{d} {middle(side):.3f}" for d, side in sides.items()),
        n=min(len(side) for side in sides.values()),
        spread=None,
        why="; ".join(f"{verdict_of(s)}: {words(s, [name])}" for name, s in steps.items())
        + f"; sorted, at {points} equal shares of the layers",
    )


def middle(side: Sequence[Sequence[float]]) -> float:
    """Median over the layers of a net, mean over nets."""
    return mean(median(profile) for profile in side)


def section_3_1() -> list[Claim]:
    """What the basic motivation leads one to expect."""
    return [
        Claim(
            id="3.1-residuals-are-small",
            place="Section 3.1; Figure 7",
            statement="Learned residual functions in general have small responses: smaller, at the "
            "ends of the residual branches, than the same layers of plain nets.",
            fact=FACT,
            nets=EVERY,
            judge=against_plain,
            ends=True,
        )
    ]


def section_4_2() -> list[Claim]:
    """The two facts of Figure 7, and what the paper concludes from the second."""
    place = "Section 4.2; Figure 7"
    return [
        Claim(
            id="4.2-smaller-responses-than-plain",
            place=place,
            statement="Residual nets have smaller layer responses than plain nets.",
            fact=FACT,
            nets=EVERY,
            judge=against_plain,
        ),
        Claim(
            id="4.2-deeper-smaller-responses",
            place=place,
            statement="The deeper the residual net, the smaller its layer responses.",
            fact=DEEPER,
            nets=RESIDUAL,
            judge=with_depth,
        ),
        Claim(
            id="4.2-deeper-layer-changes-less",
            place=place,
            statement="The more layers, the less a single one changes the signal: what "
            "residual branches add is smaller in deeper nets.",
            fact=DEEPER,
            nets=RESIDUAL,
            judge=with_depth,
            ends=True,
        ),
    ]


def of_group(group: Group, found: Sequence[Finding], choice: Choice) -> Nets:
    """Net -> the findings on its runs in `group`, in the order of their seeds."""
    return {net: [f for _, f in of_records(rs, found, choice)] for net, rs in group.runs.items()}


def row(claim: Claim, evidence: Evidence, found: Sequence[Finding]) -> Row:
    """`claim` judged on the first group of runs in which every net has a finding."""
    for group in (*evidence.paper, *evidence.quick):
        nets = of_group(group, found, Choice())
        if all(nets.get(net) for net in claim.nets):
            batch = of_group(group, found, Choice(bn="batch"))
            judged = in_both_modes(claim, nets, batch)
            said = paper.value(claim.fact)
            return judged_row(claim.id, claim.place, claim.statement, said, judged, group.label)
    why = "no measured responses of all these nets: `resnet-lab reproduce figure_7` (reduced)"
    said = paper.value(claim.fact)
    return not_run(claim.id, claim.place, claim.statement, paper=said, why=why)


def in_both_modes(claim: Claim, stored: Nets, batch: Nets) -> Judged:
    """`claim` with BN's stored statistics; undecided if those of each batch say otherwise.

    The paper does not say which mode Figure 7 is in, so what hangs on the mode is not decided.
    """
    judged = claim.judge(stored, claim.ends)
    if not all(batch.get(net) for net in claim.nets):
        return judged
    other = claim.judge(batch, claim.ends)
    also = f"{judged.verdict} with BN's stored statistics, {other.verdict} with those of each batch"
    verdict = judged.verdict if judged.verdict == other.verdict else UNDECIDED
    return replace(judged, verdict=verdict, why=f"{also}. Stored: {judged.why}")


def rows(claims: Sequence[Claim], evidence: Evidence, found: Sequence[Finding] | None) -> list[Row]:
    """A row for each claim; `found` None: the findings that ship with the package."""
    if found is None:
        found = shipped() if evidence.records else ()
    return [row(claim, evidence, found) for claim in claims]


def explain() -> str:
    """The rule in words."""
    return (
        "Layer responses: every net is one observation, for the layers of a net are not "
        "independent. At each layer (for nets of different depth: at each equal share of the "
        "sorted layers) all nets are ranked, a net's score is its mean rank, and the names of the "
        f"nets are shuffled in all ways; seen if at most {100 * SIDE:g} % of them put the sides as "
        "far apart the paper's way, not seen if the other way, else undecided; also undecided if "
        "BN's stored statistics and those of each batch lead to different verdicts. Plain and "
        "residual nets are shuffled within their depth, 20 or 56 layers. Depth is judged at "
        "reduced scale too, where nets are young: the scale stands beside the verdict."
    )
