"""Tables 7 to 12 as the paper prints them, ours beside them: on VOC, COCO, and on drawn scenes.

Paper: Section 4.3; Appendices A and B; Tables 7 to 12.
Notebook: notebooks/07_detection.py, notebooks/08_detection_improvements.py.
Tests: tests/test_detection_result_tables.py.
"""

from collections.abc import Sequence

from resnet_lab import paper
from resnet_lab.claims import rules
from resnet_lab.detection import comparisons
from resnet_lab.detection.arms import ARMS, BACKBONES, TRAINING
from resnet_lab.detection.comparisons import Results, Step, spread
from resnet_lab.detection.record import DetectionRecord

NOT_RUN = "not run"
DASH = "–"
# the paper's columns: what it prints, and which record of ours would belong there
COLUMNS = (
    ("VOC 07 test", "table7", "voc07_test_trained_07_12", "voc07+12", "voc07"),
    ("VOC 12 test", "table7", "voc12_test_trained_07pp12", "voc07++12", "voc"),
    ("COCO val, .5", "table8", "map_50", "coco", "coco50"),
    ("COCO val, [.5,.95]", "table8", "map_50_95", "coco", "coco"),
)
NETS = {"vgg16": "VGG-16", "resnet101": "ResNet-101"}


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def paper_scale(
    records: Sequence[DetectionRecord], net: str, data: str, metric: str
) -> list[float]:
    """Our results with the paper's backbone on the paper's images, whole sets only. Percent."""
    found = [r for r in records if r.run.images.name == data and r.run.config.name == net]
    whole = [r for r in found if "[" not in r.run.images.train + r.run.images.test]
    return [value for r in whole if (value := getattr(r.final, metric)) is not None]


def tables_7_and_8(records: Sequence[DetectionRecord] = ()) -> str:
    """mAP of the two backbones in the same detector: the paper's, and ours on the same images."""
    heads = ["Tables 7 and 8, mAP in percent", *(f"{c[0]}: paper, ours" for c in COLUMNS)]
    rows = []
    for key, name in NETS.items():
        cells = []
        for _, group, leaf, data, metric in COLUMNS:
            ours = paper_scale(records, name, data, metric)
            cells.append(f"{paper.value(f'tables.{group}.{key}.{leaf}')}, {spread(ours)}")
        rows.append([name, *cells])
    return table(heads, rows)


ROLES = {
    "shallow": "VGG-16's",
    "residual": "ResNet-101's",
    "plain": "the twin without shortcuts",
    "deep-residual": "deeper",
    "deep-plain": "its twin without shortcuts",
}


def backbones(results: Results) -> str:
    """The same comparison on drawn scenes, plain twins added."""
    heads = [
        f"{results.label}",
        "role",
        "layers",
        "mAP@.5",
        "mAP@[.5,.95]",
        "mAP@.5 of each seed",
    ]
    rows = []
    for arm in ("shallow", *(arm for arm in BACKBONES if arm != "shallow")):
        at_50 = comparisons.values(results.runs, arm)
        rows.append(
            [
                ARMS[arm].label,
                ROLES[arm],
                str(comparisons.layers(arm)),
                spread(at_50),
                spread(comparisons.values(results.runs, arm, "coco")),
                ", ".join(f"{value:.1f}" for value in at_50) or DASH,
            ]
        )
    return table(heads, rows)


def training(results: Results) -> str:
    """Pre-training, BN and pooling on drawn scenes."""
    heads = [results.label, "mAP@.5", "mAP@[.5,.95]", "mAP@.75"]
    rows = [
        [
            ARMS[arm].label,
            *(spread(comparisons.values(results.runs, arm, m)) for m in ("voc", "coco", "coco75")),
        ]
        for arm in TRAINING
    ]
    return table(heads, rows)


# a row of Table 9: the paper's, its name, and our way of the same name
STACK = (
    ("baseline_vgg16", "baseline VGG-16; ours: plain-10", None),
    ("baseline_resnet101", "baseline ResNet-101; ours: ResNet-16", "one scale"),
    ("plus_box_refinement", "+ box refinement", "box refinement"),
    ("plus_context", "+ context", "+ context"),
    ("plus_multi_scale_testing", "+ multi-scale testing", "+ multi-scale"),
    ("ensemble", "ensemble", "+ ensemble"),
)


def printed(path: str) -> str:
    """A cell of the paper's, or a dash."""
    value = paper.value(path)
    return f"{value:.1f}" if isinstance(value, float) else DASH


def table_9(results: Results) -> str:
    """Table 9 as the paper stacks it, and the same stack on drawn scenes."""
    heads = ["Table 9", "COCO val .5", "[.5,.95]", "test-dev .5", "[.5,.95]"]
    heads += [f"{results.label}: .5", "[.5,.95]"]
    rows = []
    for row, name, way in STACK:
        names = ("val_map_50", "val_map_50_95", "test_dev_map_50", "test_dev_map_50_95")
        own = [printed(f"tables.table9.{row}.{column}") for column in names]
        rows.append([name, *own, *(spread(of_way(results, way, m)) for m in ("voc", "coco"))])
    return table(heads, rows)


def of_way(results: Results, way: str | None, metric: str) -> list[float]:
    """Our results for a row of Table 9; one number for an ensemble. Percent."""
    if way is None:
        return comparisons.values(results.runs, "shallow", metric)
    if way in results.ensembles:
        return [getattr(results.ensembles[way], metric)]
    return [getattr(found, metric) for found in results.ways.get(way, {}).values()]


def interval(found: Sequence[float]) -> str:
    """The 95 % interval of the mean difference; none from a single seed."""
    if len(found) < 2:
        return DASH
    low, high = rules.of_mean(list(found))
    return f"{low:+.1f} to {high:+.1f}"


def differences(steps: Sequence[Step], results: Results) -> str:
    """What each change was worth, paired seed by seed. Units: points of mAP."""
    heads = [
        results.label,
        "against",
        "pair shares",
        "mAP@.5",
        "95 % interval",
        "mAP@[.5,.95]",
        "95 % interval",
        "paper: .5, [.5,.95]",
    ]
    rows = []
    for step in steps:
        ensemble = step.against.startswith("each of")
        said = f"{step.paper[0]:+.1f}, {step.paper[1]:+.1f}" if step.paper else DASH
        cells = []
        for found in (step.at_50, step.at_50_95):
            cells += [spread(found, sign=True), DASH if ensemble else interval(found)]
        shares = "weights" if step.same_weights else "seed, images, pre-training"
        rows.append([step.name, step.against, shares, *cells, said])
    return table(heads, rows or [["nothing is measured yet", *[NOT_RUN] * 7]])


def voc_classes(number: int) -> str:
    """Table 10 or 11: average precision of each class, as the paper prints it; ours not run."""
    group = f"tables.table{number}"
    systems = {
        "baseline_vgg16": "VGG-16",
        "baseline_resnet101": "ResNet-101",
        "baseline_plus3_resnet101": "ResNet-101, plus three",
    }
    marker = f"{group}.baseline_vgg16.per_class."
    classes = [path.removeprefix(marker) for path in paper.paths() if path.startswith(marker)]
    heads = [f"Table {number}", *systems.values(), "ours"]
    data = [str(paper.value(f"{group}.{key}.training_data")) for key in systems]
    means = [f"{paper.value(f'{group}.{key}.map'):.1f}" for key in systems]
    rows = [["trained on", *data, DASH], ["mAP", *means, NOT_RUN]]
    for name in classes:
        own = [f"{paper.value(f'{group}.{key}.per_class.{name}'):.1f}" for key in systems]
        rows.append([name, *own, NOT_RUN])
    return table(heads, rows)


def table_12() -> str:
    """ImageNet detection, 200 classes: the paper's; its images are not supported here."""
    names = {
        "googlenet_ilsvrc14": "GoogLeNet (ILSVRC'14)",
        "single_model": "ResNet-101, single model",
        "ensemble": "ResNet-101, three models",
    }
    rows = [
        [name, *(printed(f"tables.table12.{key}.{part}") for part in ("val2", "test")), NOT_RUN]
        for key, name in names.items()
    ]
    return table(["Table 12, mAP@.5", "val2", "test", "ours"], rows)
