"""Table 13 as the paper prints it, with what the embedded runs reached beside it.

Paper: Appendix C; Table 13.
Notebook: notebooks/09_localisation.py. Tests: tests/test_localisation_tables.py.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import mean, stdev

from resnet_lab import paper
from resnet_lab.localisation.record import (
    AnyRecord,
    EnsembleRecord,
    LocalisationRecord,
    LocalisationRun,
)

NOT_RUN = "not run"


@dataclass(frozen=True, kw_only=True)
class Line:
    """A row of Table 13, and which of our rows it is."""

    leaf: str  # in paper.yaml
    name: str
    short: str
    method: str
    protocol: str
    classes: str
    ensemble: bool = False
    note: str = ""


ROWS = (
    Line(
        leaf="vgg16_1crop_gt_class",
        name="per-class regression (VGG's), 1-crop, GT class",
        short="regression, 1-crop, GT class",
        method="regression",
        protocol="centre",
        classes="true",
        note="the paper's is VGG-16; ours has the backbone of the rows below",
    ),
    Line(
        leaf="rpn_resnet101_1crop_gt_class",
        name="per-class RPN, 1-crop, GT class",
        short="RPN, 1-crop, GT class",
        method="rpn",
        protocol="centre",
        classes="true",
    ),
    Line(
        leaf="rpn_resnet101_dense_gt_class",
        name="per-class RPN, dense, GT class",
        short="RPN, dense, GT class",
        method="rpn",
        protocol="dense",
        classes="true",
    ),
    Line(
        leaf="rpn_resnet101_dense_predicted_class_top5",
        name="per-class RPN, dense, predicted class (top-5)",
        short="RPN, dense, predicted",
        method="rpn",
        protocol="dense",
        classes="predicted",
        note="five guesses of eight classes",
    ),
    Line(
        leaf="rpn_rcnn_resnet101_dense_top5",
        name="+ R-CNN",
        short="+ R-CNN",
        method="rpn+rcnn",
        protocol="dense",
        classes="predicted",
    ),
    Line(
        leaf="rpn_rcnn_ensemble_dense_top5",
        name="+ ensemble",
        short="+ ensemble",
        method="rpn+rcnn",
        protocol="dense",
        classes="predicted",
        ensemble=True,
        note="ours: all seeds, with one architecture",
    ),
)


def printed(line: Line) -> float:
    """The error that the paper prints, in percent."""
    return paper.value(f"tables.table13.{line.leaf}")


def seedless(run: LocalisationRun) -> str:
    """What a run has in common with those of other seeds."""
    rcnn = run.rcnn and replace(run.rcnn, seed=0)
    return replace(run, recipe=replace(run.recipe, seed=0), rcnn=rcnn).hash


def comparable(records: Sequence[AnyRecord], *, plain: bool = False) -> list[LocalisationRecord]:
    """Residual runs with all three nets that differ in nothing but the seed, one of each seed.

    Of several such groups the largest; they are sorted by seed. `plain`: those without shortcuts.
    """
    runs = [
        r
        for r in records
        if isinstance(r, LocalisationRecord)
        and len(r.run.stages) == 3
        and (r.run.config.backbone.shortcut == "none") == plain
    ]
    if not runs:
        return []
    largest = Counter(seedless(r.run) for r in runs).most_common(1)[0][0]
    seeds = {r.run.recipe.seed: r for r in runs if seedless(r.run) == largest}
    return [seeds[seed] for seed in sorted(seeds)]


def ensemble_of(records: Sequence[AnyRecord], *, plain: bool = False) -> EnsembleRecord | None:
    """The ensemble of all comparable runs on the images that each was tested on, if it is there."""
    runs = comparable(records, plain=plain)
    digests = {r.digest for r in runs}
    return next(
        (
            r
            for r in records
            if isinstance(r, EnsembleRecord)
            and len(r.members) > 1
            and set(r.members) == digests
            and r.test == runs[0].run.images.test
        ),
        None,
    )


def errors_of(line: Line, records: Sequence[AnyRecord], *, plain: bool = False) -> list[float]:
    """Our errors of a row, one a run, in percent; none if nothing was run."""
    runs: list[AnyRecord] = comparable(records, plain=plain)
    if line.ensemble:
        whole = ensemble_of(records, plain=plain)
        runs = [whole] if whole else []
    return some(runs, line.method, line.protocol, line.classes, "top5")


def some(
    runs: Sequence[AnyRecord], method: str, protocol: str, classes: str, which: str
) -> list[float]:
    """One number of each run."""
    wanted = (method, protocol, classes)
    return [
        getattr(row, which)
        for record in runs
        for row in record.rows
        if (row.method, row.protocol, row.classes) == wanted
    ]


def text(values: Sequence[float]) -> str:
    """ "12.3 ± 0.5 (n=3)", one value without a spread, or "not run"."""
    if not values:
        return NOT_RUN
    spread = f" ± {stdev(values):.1f}" if len(values) > 1 else ""
    return f"{mean(values):.1f}{spread} (n={len(values)})"


def table_13(records: Sequence[AnyRecord]) -> str:
    """Table 13 as Markdown. Units: percent; ± is the standard deviation over seeds."""
    lines = [
        "| Table 13 | paper: ImageNet val | ours: EMBEDDED, reduced | differs beside the scale |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {line.name} | {printed(line):.1f} | {text(errors_of(line, records))} | {line.note} |"
        for line in ROWS
    ]
    return "\n".join([*lines, "", differs(records)])


def differs(records: Sequence[AnyRecord]) -> str:
    """One sentence on what the embedded runs are, and how many examples each net has seen."""
    runs = comparable(records)
    if not runs:
        return "Top-5 error, or that of the GT class."
    run = runs[0].run
    config, anchors = run.config, run.recipe.steps * run.recipe.batch * run.config.rpn_sample
    return (
        f"Embedded: drawn images, {config.classes} classes, {config.name}, {config.crop}-pixel "
        f"crops, {config.proposals} proposals; {run.recipe.steps:,} updates of an RPN, in which it "
        f"has seen {anchors:,} anchors, and {run.rcnn.steps:,} of an R-CNN, in which it has seen "
        f"{run.rcnn.steps * run.rcnn.batch:,} regions. "
        f"{runs[0].images:,} test images. Top-5 error, or that of the GT class."
    )
