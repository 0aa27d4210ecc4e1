"""A detector, or an ensemble, over a whole data set: its detections, and the paper's metrics.

Paper: Section 4.3; Tables 7 to 9.
Notebook: notebooks/04_imagenet.py. Tests: tests/test_detection_scores.py.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from resnet_lab import distributed, train
from resnet_lab.detection.config import Inference
from resnet_lab.detection.evaluation import coco_map, voc_map
from resnet_lab.detection.faster_rcnn import FasterRCNN
from resnet_lab.detection.improvements import detect
from resnet_lab.detection.targets import DetectionData, Detections, Target
from resnet_lab.distributed import World
from resnet_lab.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Mean average precision in percent; None where there was nothing to find."""

    images: int
    objects: int  # neither difficult nor crowds
    voc: float | None  # IoU 0.5, area under the curve (VOC 2010 and later)
    voc07: float | None  # IoU 0.5, 11 points: what the paper prints for VOC 2007
    coco: float | None  # mean over IoU .5:.05:.95
    coco50: float | None
    coco75: float | None


def detect_all(
    nets: Sequence[FasterRCNN],
    data: DetectionData,
    testing: Inference,
    *,
    here: World = World(),  # noqa: B008 - frozen
    precision: train.Precision = "float32",
    report: Callable[[int], None] = lambda done: None,
) -> tuple[list[Detections], list[Target]]:
    """What is found in each image of `data`, and what is to be found; the same on every process.

    The processes share the images; `report` gets how many images this one has done.
    """
    device = nets[0].cell.device.type
    own: list[tuple[int, Detections, Target]] = []
    for i in range(here.rank, len(data), here.size):
        image, target = data[i]
        with (
            train.true_float32(),
            torch.autocast(device, torch.bfloat16, enabled=precision == "bfloat16"),
        ):
            own.append((i, detect(nets, image, testing), target))
        report(len(own))
    rows = sorted(sum(distributed.gathered(own, here), []), key=lambda row: row[0])
    return [found for _, found, _ in rows], [target for _, _, target in rows]


def score(found: Sequence[Detections], targets: Sequence[Target], classes: Sequence[str]) -> Scores:
    """All metrics of `found`, one for each of `targets`.

    Raises: InputError if there are no images, or the lists do not fit.
    """
    if not targets:
        raise InputError("there are no images to test on")
    coco = coco_map(found, targets, classes)
    return Scores(
        images=len(targets),
        objects=sum(int((~one.difficult & ~one.crowd).sum()) for one in targets),
        voc=known(voc_map(found, targets, classes).mean_ap),
        voc07=known(voc_map(found, targets, classes, eleven_points=True).mean_ap),
        coco=known(coco.mean_ap),
        coco50=known(coco.ap(0.5)),
        coco75=known(coco.ap(0.75)),
    )


def known(value: float) -> float | None:
    """`value`, or None for nan, which JSON does not have."""
    return None if math.isnan(value) else float(value)


def evaluate(
    nets: Sequence[FasterRCNN], data: DetectionData, testing: Inference, **how: object
) -> Scores:
    """`detect_all`, then `score`: the same on every process."""
    found, targets = detect_all(nets, data, testing, **how)
    return score(found, targets, data.classes)
