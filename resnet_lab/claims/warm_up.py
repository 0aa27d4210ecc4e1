"""Claims about the warm-up of ResNet-110, and about doing without it.

Paper: Section 4.2 and its footnote 5.
Notebook: notebooks/00_start_here.py. Tests: tests/test_claims.py.
"""

from math import sqrt
from statistics import mean

from resnet_lab import paper
from resnet_lab.claims import comparable, rules
from resnet_lab.claims.comparable import Group
from resnet_lab.claims.row import Row, not_run
from resnet_lab.claims.rules import Judged
from resnet_lab.claims.training import Claim, Evidence, judged_row
from resnet_lab.records import Record

NET = "ResNet-110"
RULE = "recipes.cifar10.warm_up_110"
REASON = "recipes.cifar10.warm_up_110_reason"
SEVERAL_EPOCHS = 2  # what "after several epochs" is read as, at least


def updates_until(record: Record, error: float) -> float:
    """Updates until a point of the curve has a training error below `error` percent.

    A run that never gets there counts with all its updates.
    """
    below = (point.step for point in record.curve if point.train_error < error)
    return float(next(below, record.final.step))


def warm_up() -> list[Claim]:
    """How long ResNet-110 warms up."""
    error = paper.number(RULE, after="error is below")
    updates = paper.number(RULE, after="about")

    def judge(group: Group) -> Judged:
        ours = [updates_until(record, error) for record in group.runs[NET]]
        window = max(record.run.recipe.log_every for record in group.runs[NET])
        return Judged(
            verdict="seen" if updates / 2 <= mean(ours) <= 2 * updates else "not seen",
            ours=round(mean(ours), 1),
            n=len(ours),
            spread=rules.pooled(ours),
            why=f"about is read as half to twice; the curve has a point every {window} updates",
        )

    return [
        Claim(
            id="4.2-110-warm-up",
            place="Section 4.2",
            statement=f"At the small first rate the training error of {NET} is below {error:g} % "
            f"after about {updates:g} updates.",
            paper=updates,
            nets=(NET,),
            judge=judge,
            reduced=False,
        )
    ]


def starts_late(cold: list[Record]) -> Judged:
    """Does it take several epochs until the training error is below the paper's 90 percent?"""
    error = paper.number(REASON, after="(<")
    images = paper.number("recipes.cifar10.dataset", after="CIFAR-10, ")
    epochs = [updates_until(record, error) * record.run.recipe.batch / images for record in cold]
    return Judged(
        verdict="seen" if mean(epochs) >= SEVERAL_EPOCHS else "not seen",
        ours=f"below {error:g} % after {mean(epochs):.1f} epochs",
        n=len(epochs),
        spread=rules.pooled(epochs),
        why=f"several is read as {SEVERAL_EPOCHS} or more",
    )


def reaches_alike(cold: list[Record], warm: list[Record]) -> Judged:
    """Is the test error without the warm-up as close to ours with it as chance makes it?"""
    a, b = ([record.final.test_error for record in runs] for runs in (cold, warm))
    error = rules.run_spread("paper") * sqrt(1 / len(a) + 1 / len(b))
    gap, tolerance = mean(a) - mean(b), rules.TOLERANCE_FACTOR * error
    return Judged(
        verdict="seen" if abs(gap) <= tolerance else "not seen",
        ours=f"{mean(a):.2f} against {mean(b):.2f}",
        n=min(len(a), len(b)),
        spread=rules.pooled(a, b),
        why=f"without - with = {gap:+.2f} points; tolerance {tolerance:.2f}",
    )


def without_warm_up(evidence: Evidence) -> list[Row]:
    """Footnote 5: ResNet-110 at the full rate from its first update."""
    cold = comparable.without_warm_up(evidence.records, NET)
    group = comparable.choose(evidence.paper, [NET])
    warm = group.runs[NET] if group else []
    statements = (
        (
            "4.2-110-starts-late-without-warm-up",
            f"At the full rate from the start {NET} takes several epochs to begin to converge.",
            starts_late(cold) if cold else None,
        ),
        (
            "4.2-110-same-accuracy-without-warm-up",
            f"Without its warm-up {NET} still reaches similar accuracy.",
            reaches_alike(cold, warm) if cold and warm else None,
        ),
    )
    said, place = paper.value(REASON), "Section 4.2, footnote 5"
    why = (
        "needs runs without the warm-up beside runs with it, at paper scale: "
        "`resnet-lab reproduce warm_up --scale paper`"
    )
    rows = []
    for id, statement, judged in statements:
        if judged is None:
            rows.append(not_run(id, place, statement, paper=said, why=why))
        else:
            rows.append(judged_row(id, place, statement, said, judged, "paper"))
    return rows
