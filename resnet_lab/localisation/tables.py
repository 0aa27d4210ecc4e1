"""Tables 13 and 14 as the paper prints them, with what the embedded runs reached beside them.

Paper: Appendix C; Tables 13 and 14.
Notebook: notebooks/09_localisation.py. Tests: tests/test_localisation_tables.py.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import mean, stdev

from resnet_lab import paper
from resnet_lab.localisation.record import AnyRecord, EnsembleRecord, LocalisationRecord

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
        note="ours: the three seeds, all with one architecture",
    ),
)


def printed(line: Line) -> float:
    """The error that the paper prints, in percent."""
    return paper.value(f"tables.table13.{line.leaf}")


def comparable(records: Sequence[AnyRecord]) -> list[LocalisationRecord]:
    """Residual runs with all three nets that differ in nothing but the seed, one of each seed.

    Of several such groups the largest; they are sorted by seed.
    """

    def group(record: LocalisationRecord) -> str:
        run = record.run
        return replace(run, recipe=replace(run.recipe, seed=0)).hash

    runs = [
        r
        for r in records
        if isinstance(r, LocalisationRecord)
        and len(r.run.stages) == 3
        and r.run.config.backbone.shortcut != "none"
    ]
    if not runs:
        return []
    largest = Counter(map(group, runs)).most_common(1)[0][0]
    seeds = {r.run.recipe.seed: r for r in runs if group(r) == largest}
    return [seeds[seed] for seed in sorted(seeds)]


def ensemble_of(records: Sequence[AnyRecord]) -> EnsembleRecord | None:
    """The ensemble of all comparable runs on the images that each was tested on, if it is there."""
    runs = comparable(records)
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


def errors_of(line: Line, records: Sequence[AnyRecord]) -> list[float]:
    """Our errors of a row, one a run, in percent; none if nothing was run."""
    whole = ensemble_of(records)
    runs: list[AnyRecord] = comparable(records)
    if line.ensemble:
        runs = [whole] if whole else []
    wanted = (line.method, line.protocol, line.classes)
    return [
        row.top5
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
    config, recipe = runs[0].run.config, runs[0].run.recipe
    seen = recipe.steps * recipe.batch
    return (
        f"Embedded: drawn images, {config.classes} classes, {config.name}, {config.crop}-pixel "
        f"crops, {config.proposals} proposals; {recipe.steps:,} updates a net, in which an RPN "
        f"has seen {seen * config.rpn_sample:,} anchors and an R-CNN {seen:,} regions. "
        f"{runs[0].images:,} test images. Top-5 error, or that of the GT class."
    )


METHODS = {
    "overfeat_ilsvrc13": "OverFeat (ILSVRC 2013)",
    "googlenet_ilsvrc14": "GoogLeNet (ILSVRC 2014)",
    "vgg_ilsvrc14": "VGG (ILSVRC 2014)",
    "ours_ilsvrc15": "the paper's ensemble (ILSVRC 2015)",
}


def table_14(records: Sequence[AnyRecord]) -> str:
    """Table 14 as Markdown, the embedded ensemble in a line of its own. Units: percent."""
    lines = ["| Table 14: top-5 localisation error | val | test |", "|---|---|---|"]
    for key, name in METHODS.items():
        values = [paper.leaf(f"tables.table14.{key}.{part}").value for part in ("val", "test")]
        cells = [f"{v:.1f}" if isinstance(v, float) else "–" for v in values]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    ours = text(errors_of(ROWS[-1], records))
    lines.append(f"| ours, ImageNet | {NOT_RUN} | {NOT_RUN} |")
    return "\n".join([*lines, f"| ours, EMBEDDED images: another task | {ours} | – |"])


def beside(records: Sequence[AnyRecord]) -> str:
    """What Table 13 leaves out: the classifier's errors, R-CNN with GT class, top-1 errors."""
    runs, plain = comparable(records), plain_runs(records)
    lines = ["| embedded, reduced scale | error, percent |", "|---|---|"]
    for which in ("top1", "top5"):
        values = [getattr(record, which) for record in runs]
        lines.append(f"| classification alone, {which.replace('p', 'p-')} | {text(values)} |")
    for method, classes, which, name in (
        ("rpn+rcnn", "true", "top5", "RPN + R-CNN, dense, GT class"),
        ("rpn", "predicted", "top1", "RPN, dense, predicted class, top-1"),
        ("rpn+rcnn", "predicted", "top1", "RPN + R-CNN, dense, predicted class, top-1"),
    ):
        lines.append(f"| {name} | {text(some(runs, method, 'dense', classes, which))} |")
    values = some(plain, "rpn", "dense", "true", "top5")
    lines.append(f"| plain backbone: RPN, dense, GT class | {text(values)} |")
    return "\n".join(lines)


def some(
    runs: Sequence[LocalisationRecord], method: str, protocol: str, classes: str, which: str
) -> list[float]:
    """One number of each run."""
    wanted = (method, protocol, classes)
    return [
        getattr(row, which)
        for record in runs
        for row in record.rows
        if (row.method, row.protocol, row.classes) == wanted
    ]


def plain_runs(records: Sequence[AnyRecord]) -> list[LocalisationRecord]:
    """The runs without shortcuts."""
    runs = [r for r in records if isinstance(r, LocalisationRecord)]
    return [r for r in runs if r.run.config.backbone.shortcut == "none"]
