"""How a claim about trained nets becomes a row: the records it needs, its rule, its scale.

Paper: Sections 1 and 4.2.
Notebook: notebooks/00_start_here.py. Tests: tests/test_claims.py.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from resnet_lab.claims import comparable, rules
from resnet_lab.claims.comparable import Group
from resnet_lab.claims.row import Row, not_run, plain_value
from resnet_lab.claims.rules import Judged
from resnet_lab.errors import InputError
from resnet_lab.records import Record


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A statement about trained nets and the rule that judges it."""

    id: str
    place: str
    statement: str
    paper: object
    nets: tuple[str, ...]  # all must have a run
    judge: Callable[[Group], Judged]
    reduced: bool = True  # may quick scale judge it? Not values, nor what depth gains: that
    # takes more updates than quick scale has


def order(
    id: str,
    place: str,
    statement: str,
    *,
    paper: object,
    high: str,
    low: str,
    which: str,
    reduced: bool = True,
) -> Claim:
    """The claim that the "train" or "test" error of net `high` is above that of net `low`."""

    def judge(group: Group) -> Judged:
        errors = group.error(high, which), group.error(low, which)
        return rules.order(*errors, rules.run_spread(group.scale))

    return Claim(
        id=id,
        place=place,
        statement=statement,
        paper=paper,
        nets=(high, low),
        judge=judge,
        reduced=reduced,
    )


def value(
    id: str, place: str, statement: str, *, paper: float, net: str, n_paper: int = 1
) -> Claim:
    """The claim that the test error of `net` is `paper`, there a mean of `n_paper` runs."""
    return Claim(
        id=id,
        place=place,
        statement=statement,
        paper=paper,
        nets=(net,),
        judge=lambda group: rules.near(group.error(net, "test"), paper, n_paper),
        reduced=False,
    )


@dataclass(frozen=True)
class Evidence:
    """All records, sorted once into the groups that may be compared."""

    records: Sequence[Record]
    paper: list[Group]
    quick: list[Group]

    @classmethod
    def of(cls, records: Sequence[Record], images: str | None = None) -> "Evidence":
        """Sort `records`; quick runs on `images`, if not None, come before the others.

        Raises: InputError for an unknown image set.
        """
        if images not in (None, *comparable.NAMES):
            known = " or ".join(comparable.NAMES)
            raise InputError(f"there is no data set {images!r}; choose {known}")
        quick = comparable.group(records, "quick", images or "cifar10")
        return cls(records, comparable.group(records, "paper"), quick)


def row(claim: Claim, evidence: Evidence) -> Row:
    """`claim` judged at paper scale where there are records, else at quick scale if it may be."""
    at_paper = comparable.choose(evidence.paper, claim.nets)
    at_quick = comparable.choose(evidence.quick, claim.nets) if claim.reduced else None
    group = at_paper or at_quick
    if group is None:
        return not_run(
            claim.id, claim.place, claim.statement, paper=claim.paper, why=missing(claim, evidence)
        )
    judged = claim.judge(group)
    if at_paper and at_quick:
        also = f"{judged.why}. At {at_quick.label}: {claim.judge(at_quick).verdict}"
        judged = replace(judged, why=also)
    return judged_row(claim.id, claim.place, claim.statement, claim.paper, judged, group.label)


def judged_row(
    id: str, place: str, statement: str, said: object, judged: Judged, scale: str
) -> Row:
    """The row of a claim that was judged; `said` is the paper's side of it."""
    return Row(
        id=id,
        place=place,
        statement=statement,
        paper=plain_value(said),
        ours=judged.ours,
        n=judged.n,
        spread=judged.spread,
        scale=scale,
        verdict=judged.verdict,
        why=judged.why,
    )


def missing(claim: Claim, evidence: Evidence) -> str:
    """Why there is no verdict, and the command that would change it."""
    command = f"`resnet-lab reproduce {experiment(claim.nets)}"
    groups = [evidence.paper, evidence.quick] if claim.reduced else [evidence.paper]
    if any(comparable.scattered(found, claim.nets) for found in groups):
        return f"there are records, but not of all these nets on the same images; {command}`"
    if not claim.reduced:
        return f"means something at paper scale only: {command} --scale paper`"
    return f"no record: {command}` (reduced), or with --scale paper"


def experiment(nets: Sequence[str]) -> str:
    """Name of the smallest experiment that trains all `nets`."""
    # imported late: it brings the code that trains, which reading a ledger has no use for
    from resnet_lab.experiments import EXPERIMENTS

    trains = {name: {arm.label for arm in e.arms} for name, e in EXPERIMENTS.items()}
    fitting = [name for name, found in trains.items() if found.issuperset(nets)]
    if not fitting:
        raise ValueError(f"no experiment trains {', '.join(nets)}")
    return min(fitting, key=lambda name: len(trains[name]))
