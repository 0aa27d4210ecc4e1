"""Sliders over the steps of a detector: thin wrappers around views that are tested without them.

Paper: Section 4.3; Appendices A and B.
Notebook: notebooks/07_detection.py, notebooks/08_detection_improvements.py.
Tests: tests/test_detection_widgets.py.
"""

from collections.abc import Sequence

import ipywidgets

from resnet_lab import widgets
from resnet_lab.detection import head_views, improvement_views, rpn_views
from resnet_lab.detection.faster_rcnn import FasterRCNN
from resnet_lab.detection.improvement_views import Scaled
from resnet_lab.detection.opened import Opened
from resnet_lab.detection.targets import DetectionData

WIDE = {"description_width": "7em"}


def slider(
    name: str, options: Sequence, value: object, *, words: str = ""
) -> ipywidgets.SelectionSlider:
    """A slider over `options`, moved by arrow keys, found by a browser as lab-`name`.

    Also for names: JupyterLab keeps the arrow keys of a drop-down list for itself.
    """
    made = ipywidgets.SelectionSlider(
        options=list(options),
        value=value,
        description=words or name,
        continuous_update=False,
        style=WIDE,
    )
    made.add_class(f"lab-{name}")
    return made


def regions(seen: Opened, value: int = 1, most: int = 30) -> ipywidgets.SelectionSlider:
    """A slider over the proposals, the best first."""
    return slider("region", range(1, min(most, len(seen.trace.proposals.boxes)) + 1), value)


def anchors(seen: Opened, row: int, column: int) -> ipywidgets.VBox:
    """Sliders over the place and the shape: the anchors there."""
    rows, columns = seen.grid
    return widgets.draw(
        lambda row, column, shape: rpn_views.anchors(seen, row, column, shape),
        row=slider("row", range(rows), row),
        column=slider("column", range(columns), column),
        shape=slider("shape", rpn_views.shape_names(seen), rpn_views.shape_names(seen)[4]),
    )


def objectness(seen: Opened) -> ipywidgets.VBox:
    """A slider over the anchors' shapes: where each of them sees an object."""
    return widgets.draw(
        lambda shape: rpn_views.objectness(seen, shape),
        shape=slider("shape", [rpn_views.ALL, *rpn_views.shape_names(seen)], rpn_views.ALL),
    )


def proposals(seen: Opened) -> ipywidgets.VBox:
    """Sliders over NMS and the number kept: the proposals."""
    return widgets.draw(
        lambda nms, kept: rpn_views.proposals(seen, nms, kept),
        nms=slider("nms", [0.1, 0.3, 0.5, 0.7, 0.9, 1.0], 0.7, words="NMS, IoU"),
        kept=slider("kept", [1, 2, 5, 10, 20, 50, 100, 200, 300], 100, words="kept"),
    )


def roi_grid(seen: Opened) -> ipywidgets.VBox:
    """Sliders over the region and its place: RoIPool beside RoIAlign."""
    return widgets.draw(
        lambda number, shift: head_views.roi_grid(seen, number, shift),
        number=regions(seen),
        shift=slider("shift", range(9), 0, words="shift, pixels"),
    )


def head(seen: Opened) -> ipywidgets.VBox:
    """A slider over the regions: class scores, and where the box goes."""
    return widgets.draw(lambda number: head_views.head(seen, number), number=regions(seen))


def detections(seen: Opened) -> ipywidgets.VBox:
    """Sliders over the score threshold and the last NMS: what is found."""
    return widgets.draw(
        lambda score, nms: head_views.detections(seen, score, nms),
        score=slider("score", [0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9], 0.3),
        nms=slider("nms", [0.1, 0.3, 0.5, 0.7, 0.9], 0.3, words="NMS, IoU"),
    )


def voting(seen: Opened, most: int = 10) -> ipywidgets.VBox:
    """Sliders over the detection and the overlap of voters, and a switch for the second pass."""
    boxes, scores, labels = improvement_views.candidates(seen, False)
    count = min(most, len(improvement_views.ops.batched_nms(boxes, scores, labels, 0.3)))
    second = ipywidgets.ToggleButtons(
        options=[("first pass", False), ("both passes", True)], description="boxes"
    )
    second.add_class("lab-refine")
    return widgets.draw(
        lambda number, iou, refine: improvement_views.voting(seen, number, iou, refine),
        number=slider("detection", range(1, max(1, count) + 1), 1),
        iou=slider("iou", [0.3, 0.5, 0.7, 0.8, 0.9, 1.0], 0.5, words="voters, IoU"),
        refine=second,
    )


def context(seen: Opened, data: DetectionData, others: Sequence[int]) -> ipywidgets.VBox:
    """Sliders over the region and the image whose scene is its context."""
    return widgets.draw(
        lambda number, other: improvement_views.context(seen, data, number, other),
        number=regions(seen, most=15),
        other=slider("scene", others, others[0], words="scene of image"),
    )


def multi_scale(found: Scaled) -> ipywidgets.VBox:
    """A slider over the regions: the two scales at which each is judged."""
    return widgets.draw(
        lambda number: improvement_views.multi_scale(found, number),
        number=regions(found.seen, most=20),
    )


def ensemble(
    nets: Sequence[FasterRCNN], titles: Sequence[str], data: DetectionData, images: Sequence[int]
) -> ipywidgets.VBox:
    """Sliders over the image and the score threshold: each net, and all together."""
    return widgets.draw(
        lambda image, score: improvement_views.ensemble(nets, titles, data, image, score),
        image=slider("image", images, images[0]),
        score=slider("score", [0.05, 0.1, 0.2, 0.3, 0.5, 0.7], 0.3),
    )
