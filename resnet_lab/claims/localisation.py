"""Claims of Appendix C: how one way to a box compares with the next, from row to row of Table 13.

Paper: Appendix C; Tables 13 and 14.
Notebook: notebooks/09_localisation.py. Tests: tests/test_localisation_claims.py.

The runs are on embedded images at reduced scale. They may judge the order of two rows, which
share seeds, nets and test images, and never an error that the paper prints.
"""

from collections.abc import Sequence
from statistics import mean

from resnet_lab.claims import rules
from resnet_lab.claims.row import Row, not_run
from resnet_lab.claims.rules import Judged
from resnet_lab.claims.training import judged_row
from resnet_lab.localisation import tables
from resnet_lab.localisation.record import AnyRecord

PLACE = "Appendix C; Table 13"
COMMAND = "resnet-lab train localisation"
# id, statement, places of the higher and of the lower row in `tables.ROWS`
ORDERS = (
    (
        "C-rpn-below-regression",
        "With the GT class and one crop, a per-class RPN errs less than per-class regression.",
        0,
        1,
    ),
    ("C-dense-below-1-crop", "Dense testing lowers the per-class RPN's error.", 1, 2),
    (
        "C-predicted-class-above-gt-class",
        "With predicted classes (top-5) the error is higher than with the GT class.",
        3,
        2,
    ),
    ("C-rcnn-below-rpn", "R-CNN on the proposals' warped regions lowers the error.", 3, 4),
)


def appendix_c(records: Sequence[AnyRecord]) -> list[Row]:
    """The rows of Appendix C; "not run" where `records` have no runs."""
    return [*(order(records, *claim) for claim in ORDERS), ensemble(records), value()]


def paper_pair(high: int, low: int) -> str:
    """What the paper prints for two rows of Table 13."""
    return " against ".join(f"{tables.printed(tables.ROWS[k]):g}" for k in (high, low))


def order(records: Sequence[AnyRecord], id: str, statement: str, high: int, low: int) -> Row:
    """Is row `high` above row `low`? The t interval of the difference over the seeds."""
    said = paper_pair(high, low)
    above, below = (tables.errors_of(tables.ROWS[k], records) for k in (high, low))
    if not above or not below:
        return not_run(id, PLACE, statement, paper=said, why=f"no runs; {COMMAND}")
    differences = [b - a for a, b in zip(above, below, strict=True)]
    verdict, why = rules.below_zero(differences, 2**0.5, rules.QUICK_SPREAD)
    judged = Judged(
        verdict=verdict,
        ours=f"{mean(above):.2f} against {mean(below):.2f}",
        n=len(differences),
        spread=rules.pooled(above, below),
        why=f"of the same nets: {why}",
    )
    return judged_row(id, PLACE, statement, said, judged, scale(records))


def ensemble(records: Sequence[AnyRecord]) -> Row:
    """Is the ensemble's error below that of its members?"""
    id, statement = "C-ensemble-below-single", "An ensemble lowers the error further."
    said = paper_pair(4, 5)
    members, together = (tables.errors_of(tables.ROWS[k], records) for k in (4, 5))
    if not members or not together:
        return not_run(id, PLACE, statement, paper=said, why=f"no runs; {COMMAND}")
    judged = rules.order(members, together, rules.QUICK_SPREAD)
    return judged_row(id, PLACE, statement, said, judged, scale(records))


def value() -> Row:
    """The error of Table 14, which takes ImageNet."""
    return not_run(
        "C-top5-error",
        "Appendix C; Table 14",
        "The ensemble reaches this top-5 localisation error on the validation set.",
        paper=tables.printed(tables.ROWS[-1]),
        why=f"takes ImageNet and a GPU: {COMMAND} --data DIR --weights torchvision:resnet101",
    )


def scale(records: Sequence[AnyRecord]) -> str:
    """What the runs were made on, for the column of that name."""
    run = tables.comparable(records)[0].run
    return (
        f"quick ({run.images.name} images for localisation, {run.config.crop}-pixel crops, "
        f"{run.config.name}, {run.recipe.steps:,} updates a net, {run.rcnn.steps:,} of R-CNN)"
    )
