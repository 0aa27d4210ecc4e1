"""Exercises of chapter 9: one map for each class, and the rule for a right box.

Paper: Appendix C; Tables 13 and 14.
Notebook: notebooks/09_localisation.py. Tests: tests/test_exercises.py.
"""

from resnet_lab import paper
from resnet_lab.exercises import exercise
from resnet_lab.exercises.kinds import Choice, Number
from resnet_lab.localisation.scoring import IOU

CLASSES = 1000


@exercise("scores-of-1000", 9)
def scores_of_1000(anchors: int) -> Number:
    """Outputs of the classification layer of an RPN for 1000 classes."""
    return Number(
        value=CLASSES * anchors,
        hint="one score for each class and each anchor of a place",
        usual=[
            (2 * CLASSES * anchors, "a binary logistic regression needs one score, not two"),
            (CLASSES, "that is with one anchor a place"),
            (CLASSES + anchors, "every class has its own score for every anchor: multiply"),
            (
                (CLASSES + 1) * anchors,
                "no class for background is needed: each score says yes or no",
            ),
            (4 * CLASSES * anchors, "those are the offsets"),
            (8 * anchors, "that is our net with eight classes"),
        ],
    )


@exercise("offsets-of-1000", 9)
def offsets_of_1000(anchors: int) -> Number:
    """Outputs of its regression layer."""
    return Number(
        value=4 * CLASSES * anchors,
        hint="four for each class and each anchor",
        usual=[
            (4 * anchors, "that is one box for all classes; here each class has its own"),
            (4 * CLASSES, "that is with one anchor a place"),
            (CLASSES * anchors, "those are the scores; a box has four offsets"),
            (32 * anchors, "that is our net with eight classes"),
        ],
    )


@exercise("just-right", 9)
def just_right() -> Number:
    """Whole pixels by which a box of 20 x 20 may be moved sideways and still be right."""
    side = 20

    def overlap(moved: int) -> float:
        return (side - moved) / (side + moved)

    most = max(moved for moved in range(side) if overlap(moved) >= IOU)
    return Number(
        value=most,
        hint="the part that both share, against all that either covers",
        usual=[
            (side // 2, f"half of the box is shared then, and the IoU is {overlap(side // 2):.2f}"),
            (most + 1, f"one pixel too far: the IoU is {overlap(most + 1):.2f}"),
            (side * (1 - IOU) / (1 + IOU), "whole pixels, please"),
        ],
    )


@exercise("both-like", 9)
def both_like(products: list[tuple[float, float, float]]) -> Number:
    """IoU of the proposal with the largest product of RPN's and R-CNN's scores.

    `products` has RPN's score, R-CNN's score and the IoU after R-CNN of every proposal.
    """
    right = max(products, key=lambda row: row[0] * row[1])[2]
    by_rpn, by_rcnn = (max(products, key=lambda row, k=k: row[k])[2] for k in (0, 1))
    best = max(row[2] for row in products)
    usual = [
        (best, "that is the best proposal; the scores do not know which it is"),
        (by_rpn, "that is the first by the RPN's score alone"),
        (by_rcnn, "that is the first by R-CNN's score alone"),
    ]
    return Number(
        value=right,
        within=0.01,
        percent=True,
        hint="multiply the two scores of each proposal and take the largest",
        usual=[(wrong, sentence) for wrong, sentence in usual if abs(wrong - right) > 0.02],
    )


@exercise("step-that-hurts", 9)
def step_that_hurts() -> Choice:
    """The step of Table 13 that raises the error in the paper."""
    rows = (
        "rpn_resnet101_1crop_gt_class",
        "rpn_resnet101_dense_gt_class",
        "rpn_resnet101_dense_predicted_class_top5",
        "rpn_rcnn_resnet101_dense_top5",
        "rpn_rcnn_ensemble_dense_top5",
    )
    steps = dict(
        zip(("RPN", "dense testing", "predicted classes", "R-CNN", "ensemble"), rows, strict=True)
    )
    error, worse = paper.value("tables.table13.vgg16_1crop_gt_class"), []
    for step, row in steps.items():
        before, error = error, paper.value(f"tables.table13.{row}")
        worse += [step] if error > before else []
    (right,) = worse
    return Choice(
        options={
            "predicted classes": (
                "guessed classes",
                "predicting the class",
                "classes must be guessed",
                "classification",
            ),
            "RPN": ("the rpn",),
            "dense testing": ("dense",),
            "R-CNN": ("rcnn", "fast r-cnn"),
            "ensemble": ("an ensemble",),
        },
        right=right,
        usual={
            "RPN": "with anchors the boxes fit better",
            "dense testing": "more views find more objects",
            "R-CNN": "it looks again at each region, and in the paper that helps",
            "ensemble": "averaging helps in the paper's last row",
        },
    )
