"""Exercises of chapter 7: anchors, overlaps, suppression, average precision.

Paper: Section 4.3; Appendix A; Tables 7 and 8.
Notebook: notebooks/07_detection.py. Tests: tests/test_exercises.py.
"""

from math import floor

import torch
from torchvision import ops

from resnet_lab.exercises import exercise
from resnet_lab.exercises.kinds import Function, Number, Things


@exercise("anchors-at-600x1000", 7)
def anchors_at_600x1000() -> Number:
    """Anchors of an image of 600x1000 in the paper's detector."""
    from resnet_lab.detection import c4
    from resnet_lab.detection.config import DetectorConfig

    config = DetectorConfig()
    parts = {part.name: part.shape for part in c4.parts(config, (600, 1000))}
    each = len(config.anchor_sizes) * len(config.anchor_ratios)
    right = parts["RPN: objectness"][1]
    return Number(
        value=right,
        hint="the places of the map, times nine; the image is padded to whole steps of 16",
        usual=[
            (right / each, "those are the places; nine anchors stand at each"),
            (
                each * floor(600 / 16) * floor(1000 / 16),
                "600 / 16 is not whole: the map is rounded up",
            ),
            (right / 3, "three sizes *and* three ratios"),
            (each * 600 * 1000, "anchors stand at places of the map, not at pixels"),
            (4 * right, "those are the offsets, four for each anchor"),
            (c4.REGIONS, "those are the proposals that are kept"),
        ],
    )


@exercise("anchors-at-96", 7)
def anchors_at_96() -> Number:
    """Anchors of an image of 96x96 in the small detector, with stride 8."""
    from resnet_lab.detection.config import DetectorConfig

    config = DetectorConfig()
    each = len(config.anchor_sizes) * len(config.anchor_ratios)
    return Number(
        value=each * (96 // 8) ** 2,
        hint="the places of the map, times nine",
        usual=[
            ((96 // 8) ** 2, "those are the places; nine anchors stand at each"),
            (each * (96 // 16) ** 2, "that is with the paper's stride of 16; ours is 8"),
            (each * 96 // 8, "that is one row"),
            (each * 96**2, "anchors stand at places of the map, not at pixels"),
        ],
    )


def iou(a: tuple[float, ...], b: tuple[float, ...]) -> Number:
    """The overlap of two boxes, with what people divide by instead of the union."""
    one, two = torch.tensor([a]).double(), torch.tensor([b]).double()
    right = ops.box_iou(one, two).item()
    area, other = ops.box_area(one).item(), ops.box_area(two).item()
    shared = right * (area + other) / (1 + right)
    return Number(
        value=right,
        within=0.005,
        hint="the area that both share, divided by the area that either covers",
        usual=[
            (shared / area, "that is the share of one box; divide by what either covers"),
            (
                shared / (area + other),
                "the shared part is counted twice there; a union counts it once",
            ),
            (shared, "that is the shared area; divide it by the union"),
            (1 - right, "that is the rest"),
        ],
    )


@exercise("iou-half-shared", 7)
def iou_half_shared() -> Number:
    """IoU of the boxes (0, 0, 4, 4) and (2, 0, 6, 4)."""
    return iou((0, 0, 4, 4), (2, 0, 6, 4))


@exercise("iou-three-quarters-shared", 7)
def iou_three_quarters_shared() -> Number:
    """IoU of the boxes (0, 0, 4, 4) and (1, 0, 5, 4)."""
    return iou((0, 0, 4, 4), (1, 0, 5, 4))


@exercise("who-survives-nms", 7)
def who_survives_nms() -> Things:
    """Places of the boxes that stay after NMS at 0.5."""
    boxes = torch.tensor([[0.0, 0, 4, 4], [1, 0, 5, 4], [2, 0, 6, 4]])
    kept = ops.nms(boxes, torch.tensor([0.9, 0.8, 0.7]), 0.5).tolist()
    return Things(
        right=frozenset(map(str, kept)),
        among=("0", "1", "2"),
        unwanted={"1": "box 1 overlaps box 0, which is stronger, by more than 0.5"},
        missing={
            "0": "the strongest always stays",
            "2": "box 2 overlaps box 1 too, but box 1 is gone; with box 0 it shares less",
        },
    )


@exercise("ap-by-hand", 7)
def ap_by_hand() -> Number:
    """AP, as area, of right, wrong, right, wrong, with two objects, in percent."""
    from resnet_lab.detection.voc_evaluation import average_precision

    hits = torch.tensor([1, 0, 1, 0]).cumsum(0).numpy()
    precision = hits / [1, 2, 3, 4]
    area, eleven = (
        100 * average_precision(hits / 2, precision, eleven_points=way) for way in (False, True)
    )
    return Number(
        value=area,
        within=0.002,
        percent=True,
        hint="the precision where the recall rises, weighted by how much it rises",
        usual=[
            (eleven, "that is the 11-point version of VOC 2007; the area is asked for"),
            (
                100 * float(precision.mean()),
                "that is the mean over all detections; only those count at which recall rises",
            ),
            (100 * float(precision[-1]), "that is the precision at the end of the list"),
        ],
    )


def best_first(boxes: torch.Tensor, scores: torch.Tensor, threshold: float) -> list[int]:
    """torchvision's NMS as a list."""
    return ops.nms(boxes, scores, threshold).tolist()


def without_removal(boxes: torch.Tensor, scores: torch.Tensor, threshold: float) -> list[int]:
    """A box that is gone still throws out others: a usual mistake."""
    order = scores.argsort(descending=True, stable=True).tolist()
    overlap = ops.box_iou(boxes, boxes)
    return [b for k, b in enumerate(order) if all(overlap[a, b] <= threshold for a in order[:k])]


@exercise("nms", 7)
def nms() -> Function:
    """A function that gives the places of the boxes that stay, the best score first."""
    chain = torch.tensor([[0.0, 0, 4, 4], [1, 0, 5, 4], [2, 0, 6, 4], [10, 10, 14, 14]])
    rng = torch.Generator().manual_seed(0)
    corner, size = torch.rand(40, 2, generator=rng) * 20, torch.rand(40, 2, generator=rng) * 9 + 1
    many, scores = torch.cat([corner, corner + size], 1), torch.rand(40, generator=rng)
    unsorted = torch.tensor([0.7, 0.8, 0.9, 0.1])
    inputs = [
        (chain, unsorted.flip(0), 0.5),
        (chain, unsorted, 0.5),
        (many, scores, 0.3),
        (many, scores, 0.7),
    ]
    return Function(
        reference=best_first,
        inputs=inputs,
        same=lambda a, b: [int(place) for place in a] == [int(place) for place in b],
        hint="take the best, drop what overlaps it by more than the threshold, go on with the rest",
        usual=[
            (
                lambda b, s, t: sorted(best_first(b, s, t)),
                "the right boxes; the best score comes first",
            ),
            (without_removal, "a box that is gone must not throw out others"),
            (
                lambda b, s, t: s.argsort(descending=True, stable=True).tolist(),
                "that only sorts: nothing is dropped",
            ),
            (lambda b, s, t: [int(s.argmax())], "that keeps the best box alone"),
        ],
    )
