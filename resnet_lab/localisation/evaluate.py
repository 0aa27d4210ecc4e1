"""A localiser, or an ensemble, over a whole data set: the rows of Table 13 that it can fill.

Paper: Appendix C; Table 13.
Notebook: notebooks/09_localisation.py. Tests: tests/test_localisation_testing.py.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from resnet_lab import distributed, train
from resnet_lab.detection.targets import DetectionData, Target
from resnet_lab.distributed import World
from resnet_lab.errors import InputError
from resnet_lab.localisation import scoring, testing
from resnet_lab.localisation.record import Row
from resnet_lab.localisation.testing import Member

# method, protocol: in the order of Table 13, with the ten crops of Section 3.4 on demand
WAYS = (("regression", "centre"), ("rpn", "centre"), ("rpn", "dense"), ("rpn+rcnn", "dense"))


@dataclass(frozen=True, kw_only=True)
class Reached:
    """Errors on a data set, in percent."""

    images: int
    top1: float  # classification alone
    top5: float
    rows: tuple[Row, ...]


def best_boxes(
    members: Sequence[Member], image: Tensor, label: int, ways: Sequence[tuple[str, str]]
) -> list[Tensor]:
    """The best box for a class (from 0) by each of `ways`. Shapes: -> len(ways) times (4,)."""
    proposals, found = {}, []
    for method, protocol in ways:
        if method == "regression":
            boxes = [testing.regressed(one.regression, image, label) for one in members]
            found.append(torch.stack(boxes).mean(0))
            continue
        if protocol not in proposals:
            nets = [one.rpn for one in members]
            proposals[protocol] = testing.propose(nets, image, label, protocol)
        given = proposals[protocol]
        if method == "rpn+rcnn":
            given = testing.rescored([one.rcnn for one in members], image, label, given)
        found.append(given.boxes[0])
    return found


def evaluate(
    members: Sequence[Member],
    data: DetectionData,
    *,
    extra: Sequence[tuple[str, str]] = (),
    here: World = World(),  # noqa: B008 - frozen
    report: Callable[[int], None] = lambda done: None,
) -> Reached:
    """Errors of all ways that the members' nets allow; `extra` are more (method, protocol) pairs.

    Several processes share the images, and all of them get the errors of all images.

    Raises: InputError if there are no images, or `data` has other classes than the nets.
    """
    config = members[0].config
    if len(data.classes) != config.classes:
        raise InputError(f"the nets know {config.classes} classes, {data.name} {len(data.classes)}")
    has = {"regression"} if all(one.regression for one in members) else set()
    if all(one.rpn for one in members):
        has |= {"rpn", "rpn+rcnn"} if all(one.rcnn for one in members) else {"rpn"}
    ways = [way for way in (*WAYS, *extra) if way[0] in has]
    if not len(data):
        raise InputError(f"there are no images to test on in {data.name}")
    nets = [one.classifier for one in members]
    own: list[tuple[int, Tensor, list[Tensor], Target]] = []
    for i in range(here.rank, len(data), here.size):
        image, target = data[i]
        with train.true_float32():
            certain = testing.probabilities(nets, image, config)
            boxes = best_boxes(members, image, int(target.labels[0]) - 1, ways)
        own.append((i, certain, boxes, target))
        report(len(own))
    rows = sorted(sum(distributed.gathered(own, here), []), key=lambda row: row[0])
    _, chances, found, targets = zip(*rows, strict=True)
    return summed(ways, torch.stack(chances), found, targets)


def summed(
    ways: Sequence[tuple[str, str]],
    certain: Tensor,
    boxes: Sequence[Sequence[Tensor]],
    targets: Sequence[Target],
) -> Reached:
    """The errors of each way, for the true class and for predicted ones.

    Shapes: certain (N, classes); boxes N times len(ways) times (4,).
    """
    rows = []
    for k, (method, protocol) in enumerate(ways):
        own = [found[k] for found in boxes]
        for classes, guesses in (
            ("true", scoring.true_class(own, targets)),
            ("predicted", scoring.predicted_class(certain, own, targets)),
        ):
            one = scoring.errors(guesses, targets)
            names = dict(method=method, protocol=protocol, classes=classes)
            rows.append(Row(**names, top1=one.top1, top5=one.top5))
    labels = torch.stack([target.labels[0] for target in targets]) - 1
    ranks = certain.argsort(dim=1, descending=True, stable=True) == labels[:, None]
    wrong = [100 * (1 - ranks[:, :k].any(1).double().mean().item()) for k in (1, scoring.GUESSES)]
    return Reached(images=len(targets), top1=wrong[0], top5=wrong[1], rows=tuple(rows))
