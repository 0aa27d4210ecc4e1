"""Records of detectors that nobody trained, and an image through one: for what reads them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

import torch

from resnet_lab.detection import arms, opened, scenes, tested
from resnet_lab.detection.arms import ARMS
from resnet_lab.detection.config import toy
from resnet_lab.detection.faster_rcnn import FasterRCNN
from resnet_lab.detection.opened import Opened
from resnet_lab.detection.record import (
    FORMAT,
    DetectionHow,
    DetectionImages,
    DetectionRecord,
    DetectionRun,
)
from resnet_lab.detection.scores import Scores
from resnet_lab.detection.tested import Tested


def scores(voc: float, coco: float = 40.0) -> Scores:
    return Scores(
        images=300, objects=900, voc=voc, voc07=voc - 1, coco=coco, coco50=voc, coco75=coco + 2
    )


def fake(key: str, seed: int, voc: float = 60.0, coco: float = 40.0, train="t") -> DetectionRecord:
    """A record of today's arm `key` with this result."""
    arm = ARMS[key]
    run = DetectionRun(
        config=arm.config,
        recipe=arm.recipe(seed),
        images=DetectionImages(name="scenes", train=train, test="s"),
        start="crops" if arm.crops else "random",
        pretraining=arm.pretraining,
    )
    how = DetectionHow(
        device="cpu",
        precision="float32",
        threads=1,
        processes=1,
        per_device=4,
        torch="2",
        resnet_lab="0",
        git="",
        seconds=200.0,
        finished="2026-01-01T00:00:00+00:00",
    )
    return DetectionRecord(
        format=FORMAT,
        run=run,
        deviations=tuple(arm.config.deviations),
        curve=(),
        testing=arms.TESTING,
        final=scores(voc, coco),
        weights_sha256=f"{key}{seed}",
        how=how,
    )


def fakes(results: Mapping[str, Sequence[float]]) -> list[DetectionRecord]:
    """Records by arm, a result for each seed; mAP@[.5,.95] is 25 points below."""
    return [
        fake(key, seed, voc, voc - 25)
        for key, values in results.items()
        for seed, voc in enumerate(values)
    ]


def fake_test(option: str, records: Sequence[DetectionRecord], voc: float, coco: float) -> Tested:
    """What the nets of `records` reached when they were tested in the way called `option`."""
    return tested.named(option, records, "s", scores(voc, coco))


@cache
def seen(context: bool = False, refine: bool = True) -> Opened:
    """An image through a detector with random weights: every step has something to show."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = FasterRCNN(toy((1, 1, 1, 1), context=context)).eval()
        torch.nn.init.normal_(net.head.classes.weight, std=0.3)
        torch.nn.init.normal_(net.rpn.objectness.weight, std=0.3)
    return opened.open_image(net, data(), 3, replace(arms.TESTING, refine=refine))


@cache
def data() -> scenes.Scenes:
    """A few drawn scenes."""
    return scenes.load("test", 5)
