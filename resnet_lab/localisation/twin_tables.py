"""Table 14, what Table 13 leaves out, and the plain twin beside the residual net.

Paper: Appendix C; Table 14, whose earlier entries have nets without shortcuts.
Notebook: notebooks/09_localisation.py. Tests: tests/test_localisation_tables.py.
"""

from collections.abc import Sequence

from resnet_lab import paper
from resnet_lab.localisation.record import AnyRecord, LocalisationRecord
from resnet_lab.localisation.tables import NOT_RUN, ROWS, comparable, errors_of, some, text

METHODS = {
    "overfeat_ilsvrc13": "OverFeat (ILSVRC 2013)",
    "googlenet_ilsvrc14": "GoogLeNet (ILSVRC 2014)",
    "vgg_ilsvrc14": "VGG (ILSVRC 2014)",
    "ours_ilsvrc15": "the paper's ensemble (ILSVRC 2015)",
}


def table_14(records: Sequence[AnyRecord]) -> str:
    """Table 14 as Markdown, the embedded ensembles in lines of their own. Units: percent."""
    lines = ["| Table 14: top-5 localisation error | val | test |", "|---|---|---|"]
    for key, name in METHODS.items():
        values = [paper.leaf(f"tables.table14.{key}.{part}").value for part in ("val", "test")]
        cells = [f"{v:.1f}" if isinstance(v, float) else "–" for v in values]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    ours = text(errors_of(ROWS[-1], records))
    lines.append(f"| ours, ImageNet | {NOT_RUN} | {NOT_RUN} |")
    plain = text(errors_of(ROWS[-1], records, plain=True))
    lines.append(f"| ours, EMBEDDED images: another task | {ours} | – |")
    return "\n".join([*lines, f"| the same with plain nets, in VGG's part | {plain} | – |"])


def beside(records: Sequence[AnyRecord]) -> str:
    """What Table 13 leaves out: the classifier's errors, R-CNN with GT class, top-1 errors."""
    runs = comparable(records)
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
    return "\n".join(lines)


def paired(
    nets: Sequence[Sequence[LocalisationRecord]], values: Sequence[Sequence[float]]
) -> list[float]:
    """Plain minus residual for each seed that both have; for two ensembles their one difference."""
    keys: list[list[object]] = [[r.run.recipe.seed for r in runs] for runs in nets]
    keys = [own if len(own) == len(v) else ["all"] for own, v in zip(keys, values, strict=True)]
    residual, plain = (dict(zip(own, v, strict=False)) for own, v in zip(keys, values, strict=True))
    return [plain[key] - residual[key] for key in residual if key in plain]


def twins(records: Sequence[AnyRecord]) -> str:
    """Every row of Table 13 with both nets as Markdown; the last column pairs runs of a seed.

    Units: percent, and points of it; ± is the standard deviation over seeds.
    """
    nets = [comparable(records, plain=plain) for plain in (False, True)]
    names = [runs[0].run.config.name if runs else NOT_RUN for runs in nets]
    lines = [
        f"| embedded, reduced | residual: {names[0]} | plain: {names[1]} | plain - residual |",
        "|---|---|---|---|",
    ]
    pairs = {"classification alone, top-1": [[r.top1 for r in runs] for runs in nets]}
    for row in ROWS:
        pairs[row.name] = [errors_of(row, records, plain=plain) for plain in (False, True)]
    for name, values in pairs.items():
        differences = paired(nets, values)
        lines.append(f"| {name} | {' | '.join(map(text, (*values, differences)))} |")
    return "\n".join(lines)
