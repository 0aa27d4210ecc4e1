"""Claims about detection: that better nets alone make a better detector.

Paper: Section 4.3; Appendix A; Tables 7 and 8.
Notebook: notebooks/00_start_here.py. Tests: tests/test_claims_detection.py.

Our evidence is embedded: a small detector on drawn scenes. It can show a sign, never a value of VOC
or COCO; claims about those are "not run" until there are records on those images.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import mean

from resnet_lab import paper
from resnet_lab.claims import rules
from resnet_lab.claims.row import Row, fact, not_run
from resnet_lab.claims.rules import Judged
from resnet_lab.claims.training import judged_row
from resnet_lab.detection import comparisons, opened, result_tables
from resnet_lab.detection.comparisons import Results
from resnet_lab.detection.config import DetectorConfig
from resnet_lab.detection.record import DetectionRecord

# points of mAP; assumed of one run where there is only one. Seeds of a small detector were 3 to 5
# points apart in a trial before these runs
ONE_RUN = 3.0


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What is known of detectors: all records, and those on drawn scenes as comparisons."""

    records: Sequence[DetectionRecord] = ()
    results: Results = comparisons.collect(())

    @classmethod
    def of(cls, places: Sequence[Path]) -> "Evidence":
        """Everything in `places`. Raises: InputError for a damaged file."""
        return cls(records=opened.recorded(places), results=comparisons.results_in(places))


def section_4_3(evidence: Evidence) -> list[Row]:
    """Section 4.3 and Appendix A."""
    return [
        *better_nets(evidence.results),
        on_coco(evidence.records),
        *shared_layers(),
        on_voc(evidence.records),
    ]


def better_nets(results: Results) -> list[Row]:
    """Is a residual net in VGG's place better, with nothing else changed?"""
    at_50, at_50_95 = (
        paper.value(f"tables.table8.resnet101.{metric}")
        - paper.value(f"tables.table8.vgg16.{metric}")
        for metric in ("map_50", "map_50_95")
    )
    said = f"COCO {at_50:+.1f} at .5, {at_50_95:+.1f} at [.5,.95]"
    rows = []
    for arm in ("residual", "deep-residual"):
        net, other = (comparisons.ARMS[key].label for key in (arm, "shallow"))
        head = (
            f"4.3-better-nets-{arm}",
            "Section 4.3; Tables 7 and 8",
            f"The same detector finds more with a residual net ({net}) than with a shallower plain "
            f"one in VGG-16's place ({other}).",
        )
        high, low = (comparisons.values(results.runs, key) for key in (arm, "shallow"))
        if not high or not low:
            why = "no record: `resnet-lab reproduce detection_backbones`"
            rows.append(not_run(*head, paper=said, why=why))
        else:
            judged = rules.order(high, low, ONE_RUN)
            rows.append(judged_row(*head, said, judged, results.label))
    return rows


@cache
def shared_layers() -> tuple[Row, ...]:
    """Appendix A's cut through ResNet-101, from the net itself."""
    # imported late: it builds a detector, which needs torchvision
    from resnet_lab.detection import c4

    path = "recipes.detection_baseline.shared_layers"
    layers, stride = paper.number(path, after="16), "), paper.number(path, after="stride ")
    config = DetectorConfig()
    ours = c4.shared_layers(config), c4.detector(config).stride
    return (
        fact(
            "A-shared-layers",
            "Appendix A",
            "RPN and head share conv1 to conv4_x of ResNet-101: 91 convolutions, total stride 16."
            if (layers, stride) == (91, 16)
            else "RPN and head share conv1 to conv4_x of ResNet-101.",
            paper=f"{layers:g} convolutions, stride {stride:g}",
            ours=f"{ours[0]} convolutions, stride {ours[1]}",
            holds=ours == (layers, stride),
        ),
    )


def gain(records: Sequence[DetectionRecord], data: str, metric: str) -> tuple[list, list]:
    """Our results with ResNet-101 and with VGG-16 on the paper's images. Percent."""
    found = (
        result_tables.paper_scale(records, net, data, metric) for net in ("ResNet-101", "VGG-16")
    )
    return tuple(found)


def on_voc(records: Sequence[DetectionRecord]) -> Row:
    """Appendix A: more than 3 points on VOC 2007."""
    least = paper.number("statements.voc_gain", after="by more than ")
    own = [
        paper.value(f"tables.table7.{net}.voc07_test_trained_07_12")
        for net in ("resnet101", "vgg16")
    ]
    head = (
        "A-voc-gain",
        "Appendix A; Table 7",
        f"ResNet-101 for VGG-16 gains more than {least:g} points of mAP on VOC 2007.",
    )
    deep, shallow = gain(records, "voc07+12", "voc07")
    said = round(own[0] - own[1], 1)
    if not deep or not shallow:
        why = "needs VOC, a GPU and both backbones: `resnet-lab train detection --data voc07+12`"
        return not_run(*head, paper=said, why=why)
    judged = rules.order(deep, [value + least for value in shallow], ONE_RUN)
    return judged_row(*head, said, judged, "paper (VOC 2007)")


def on_coco(records: Sequence[DetectionRecord]) -> Row:
    """Section 4.3: 6 points, 28 % relative, at [.5,.95] on COCO."""
    relative = paper.number("statements.coco_gain", after="VGG-16, ")
    head = (
        "4.3-coco-gain",
        "Section 4.3; Table 8",
        f"ResNet-101 for VGG-16 gains {relative:g} percent, relative, of mAP@[.5,.95] on COCO.",
    )
    deep, shallow = gain(records, "coco", "coco")
    if not deep or not shallow:
        why = "needs COCO, GPUs and both backbones: `resnet-lab train detection --data coco`"
        return not_run(*head, paper=relative, why=why)
    ours = 100 * (mean(deep) / mean(shallow) - 1)
    judged = Judged(
        verdict="seen" if abs(ours - relative) <= relative / 2 else "not seen",
        ours=round(ours, 1),
        n=min(len(deep), len(shallow)),
        spread=rules.pooled(deep, shallow),
        why="seen if ours is half to one and a half times as large",
    )
    return judged_row(*head, relative, judged, "paper (COCO)")


def explain() -> str:
    """The rules for detection in words."""
    return (
        "Detectors are judged on drawn scenes, and only the sign. Two backbones: as the order of "
        f"two nets, with a spread of {ONE_RUN:g} points assumed of a single run. An improvement: "
        "seen if the 95 % t interval of the difference, paired by seed, lies above zero for every "
        "metric named, not seen if one lies below, else undecided; a single seed decides nothing. "
        "An ensemble: seen if it is better than each of its nets, not seen if it is worse than "
        "their mean."
    )
