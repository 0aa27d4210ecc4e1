"""Rows of detection and localisation: the paper's data first, then what was trained small.

Paper: Tables 7 to 14.
Notebook: notebooks/07_detection.py, notebooks/09_localisation.py. Tests: tests/test_explorers.py.
"""

from collections.abc import Iterator, Sequence

from resnet_lab import paper
from resnet_lab.detection import comparisons, result_tables
from resnet_lab.detection.arms import ARMS
from resnet_lab.detection.comparisons import Results
from resnet_lab.detection.record import DetectionRecord
from resnet_lab.explorers.rows import Row, of_runs, row
from resnet_lab.localisation import tables
from resnet_lab.localisation.record import AnyRecord

# what each table measures, and what it would take
TASKS = {
    7: ("mAP on VOC", "VOC and a GPU: `resnet-lab train detection --data voc07+12`"),
    8: ("mAP on COCO", "COCO and GPUs: `resnet-lab train detection --data coco`"),
    9: ("mAP on COCO", "COCO and GPUs: `resnet-lab train detection --data coco`"),
    10: ("mAP on VOC 2007", "VOC and a GPU: `resnet-lab train detection --data voc07+12`"),
    11: ("mAP on VOC 2012", "VOC, a GPU and the VOC server"),
    12: ("mAP on ImageNet detection", "ImageNet detection, GPUs and the challenge's server"),
    13: ("localisation error", "ImageNet and a GPU: `resnet-lab train localisation --data DIR`"),
    14: ("top-5 localisation error", "ImageNet and a GPU: `resnet-lab train localisation`"),
}
OTHERS = ("googlenet", "vgg_ilsvrc14", "overfeat")  # methods that are not the paper's to run
METRICS = {"voc": "mAP@.5", "coco": "mAP@[.5,.95]"}
STACKED = {  # the rows of Table 9 that have all above them
    "+ context": "box refinement, context",
    "+ multi-scale": "box refinement, context, several scales",
    "+ ensemble": "box refinement, context, several scales, ensemble",
}
ARMS_THEMSELVES = ("one scale", "context alone")


def printed(records: Sequence[DetectionRecord] = ()) -> Iterator[Row]:
    """Tables 7 to 14 on the paper's data; Tables 7 and 8 with ours where somebody ran them."""
    ours = {
        f"tables.{group}.{net}.{leaf}": result_tables.paper_scale(records, name, data, metric)
        for net, name in result_tables.NETS.items()
        for _, group, leaf, data, metric in result_tables.COLUMNS
    }
    for table, (measure, takes) in TASKS.items():
        group = f"tables.table{table}."
        for path in paper.paths():
            name, _, what = path.removeprefix(group).partition(".")
            value = paper.leaf(path).value if path.startswith(group) else None
            skipped = name.startswith(OTHERS) or "size" in path or "per_class" in what
            if isinstance(value, float) and not skipped:
                detail = spelled(what.removesuffix("map"))
                words = f"{measure}, {detail}" if detail else measure
                yield filled(table, spelled(name), words, value, ours.get(path, []), takes)


def filled(
    table: int, net: str, measure: str, said: float, ours: Sequence[float], takes: str
) -> Row:
    """A printed number, with ours if there is one."""
    more = dict(status="run", why="our schedule and losses: see `deviations` in the record")
    if not ours:
        more = dict(why=f"takes {takes}")
    found = of_runs(ours)
    gap = found["ours"] - said if ours else None
    return row(f"Table {table}", net, measure, "%", paper=said, gap=gap, **found, **more)


def drawn(results: Results) -> Iterator[Row]:
    """Detectors of drawn scenes: every arm, and Appendix B's options on trained weights."""
    why = f"{results.label}; sizes cannot be compared"
    for metric, measure in METRICS.items():
        found = {ARMS[arm].label: comparisons.values(results.runs, arm, metric) for arm in ARMS}
        for way in (*results.ways, *results.ensembles):
            if way not in ARMS_THEMSELVES:
                net = f"ResNet-16, {STACKED.get(way, way)}"
                found[net] = result_tables.of_way(results, way, metric)
        for net, values in found.items():
            if values:
                yield small("drawn scenes", net, measure, why, values)


def located(records: Sequence[AnyRecord]) -> Iterator[Row]:
    """The lines of Table 13 on embedded images, of the residual net and of its plain twin."""
    why = "sizes of errors cannot be compared with ImageNet's"
    for plain in (False, True):
        for line in tables.ROWS:
            values = tables.errors_of(line, records, plain=plain)
            if values:
                name = tables.comparable(records, plain=plain)[0].run.config.name
                net = f"{name}: {line.short}"
                yield small("images for localisation", net, "localisation error", why, values)


def small(images: str, net: str, measure: str, why: str, values: Sequence[float]) -> Row:
    """A row of reduced runs, which the paper does not have."""
    place, status = f"reduced, {images}", "run reduced"
    return row(place, net, measure, "%", status=status, why=why, **of_runs(values))


def spelled(name: str) -> str:
    """A name of paper.yaml in words: "val_map_50_95" is "val mAP@[.5,.95]"."""
    words = {"map_50_95": "mAP@[.5,.95]", "map_50": "mAP@.5", "07pp12": "07++12"}
    words |= {"resnet101": "ResNet-101", "vgg16": "VGG-16", "07_12": "07+12", "_": " "}
    for short, long in words.items():
        name = name.replace(short, long)
    return name.replace("rpn", "RPN").replace("rcnn", "R-CNN").replace("gt class", "GT class")
