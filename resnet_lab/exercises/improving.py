"""Exercises of chapter 8: votes of boxes, scales, ensembles.

Paper: Appendix B; Tables 9 to 12.
Notebook: notebooks/08_detection_improvements.py. Tests: tests/test_exercises.py.
"""

import torch

from resnet_lab.exercises import exercise
from resnet_lab.exercises.kinds import Number, Numbers, Things


@exercise("box-vote", 8)
def box_vote() -> Numbers:
    """Where the vote puts the box (0, 0, 10, 10)."""
    from resnet_lab.detection import improvements

    boxes = torch.tensor([[0.0, 0, 10, 10], [2, 0, 12, 10], [0, 0, 10, 12]])
    points, same = torch.tensor([0.9, 0.6, 0.3]), torch.ones(3, dtype=torch.int64)
    right = improvements.vote(boxes[:1], same[:1], boxes, points, same, 0.5)[0].tolist()
    others = boxes[1:].T @ points[1:] / points[1:].sum()
    return Numbers(
        values=right,
        within=0.01,
        hint="each corner is the mean weighted by 0.9, 0.6 and 0.3",
        usual=[
            (boxes.mean(0).tolist(), "the scores are weights: a sure box counts for more"),
            ((boxes.T @ points).tolist(), "divide by the sum of the scores"),
            (others.tolist(), "the kept box votes too"),
            (boxes[0].tolist(), "that is the box before the vote"),
        ],
    )


@exercise("two-scales", 8)
def two_scales() -> Things:
    """The two scales at which a region of 48 pixels in an image of 96 is judged."""
    from resnet_lab.detection.scales import adjacent
    from resnet_lab.detection.tested import SCALES

    sizes = tuple((side, side) for side in SCALES)
    lower = int(adjacent(torch.tensor([[0.0, 0, 48, 48]]), (96, 96), sizes, 32.0)[0])
    right = [str(side) for side in SCALES[lower : lower + 2]]
    return Things(
        right=frozenset(right),
        among=tuple(map(str, SCALES)),
        unwanted={
            "96": "at 96 the region has 48 pixels; the reference is 32",
            "128": "at 128 it is twice the reference",
        },
        missing={
            side: "two adjacent scales: the reference lies between them, or on the upper one"
            for side in right
        },
    )


NETS = ((0.3, 0.4, 0.3), (0.4, 0.5, 0.1), (0.0, 0.1, 0.9))  # background, disc, ring


@exercise("each-net-alone", 8)
def each_net_alone() -> Numbers:
    """The class, by its place, that each of the three nets names."""
    three = torch.tensor(NETS)
    return Numbers(
        values=three.argmax(1).tolist(),
        hint="the largest of each row, places from 0",
        usual=[
            ((three.argmax(1) + 1).tolist(), "places count from 0"),
            (three.argmax(0).tolist(), "a row is a net; you went down the columns"),
        ],
    )


@exercise("the-ensemble", 8)
def the_ensemble() -> Number:
    """The class, by its place, that the ensemble names."""
    three = torch.tensor(NETS)
    right, voted = int(three.mean(0).argmax()), int(three.argmax(1).mode().values)
    return Number(
        value=right,
        hint="the largest of the means",
        usual=[
            (voted, "that is the vote of the labels; probabilities are averaged"),
            (right + 1, "places count from 0"),
        ],
    )
