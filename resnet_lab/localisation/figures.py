"""One image's way through the localiser, drawn; and the errors of all ways to a box.

Paper: Appendix C; Table 13.
Notebook: notebooks/09_localisation.py. Tests: tests/test_localisation_explore.py.
"""

import math
from collections.abc import Sequence
from statistics import mean

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor
from torchvision import ops

from resnet_lab import style
from resnet_lab.localisation import explore, tables, views
from resnet_lab.localisation.explore import CLASSES, Shown
from resnet_lab.localisation.record import AnyRecord

TRUE, FOUND, MOVED = "#ffffff", "#ffd21f", "#ff5a3c"


def bare(ax: Axes) -> None:
    """No axes; no ticks either, which would cost half of a slider's redraw unseen."""
    ax.set(xticks=[], yticks=[])
    ax.set_axis_off()


def picture(ax: Axes, image: Tensor, title: str) -> None:
    """An image whose pixel (0, 0) has its corner at (0, 0), without axes."""
    height, width = image.shape[1:]
    ax.imshow(image.permute(1, 2, 0).numpy(), extent=(0, width, height, 0), interpolation="nearest")
    bare(ax)
    ax.set_title(title, fontsize="small")


def outline(ax: Axes, box: Tensor, ink: str, *, dashed: bool = False, width: float = 1.8) -> None:
    """A box on an image."""
    x0, y0, x1, y1 = box.tolist()
    line = (0, (4, 2)) if dashed else "-"
    ax.add_patch(
        Rectangle(
            (x0, y0), x1 - x0, y1 - y0, fill=False, edgecolor=ink, linewidth=width, linestyle=line
        )
    )


def truth(ax: Axes, one: Shown) -> None:
    """The object's own box, dashed."""
    for box in one.target.boxes:
        outline(ax, box, TRUE, dashed=True)


def heat(ax: Axes, one: Shown, name: str, title: str) -> None:
    """A class's map over the image: bright where the RPN says that the class is."""
    chances, _, _ = explore.objectness(one, name)
    height, width = one.size
    ax.imshow(chances.numpy(), extent=(0, width, height, 0), vmin=0, vmax=1, cmap="magma")
    bare(ax)
    ax.set_title(title, fontsize="small")


def class_view(one: Shown, name: str) -> Figure:
    """The map of one class; its best anchor and the box it is moved to; the true box dashed."""
    _, anchor, box = explore.objectness(one, name)
    figure, (image, map_, found) = style.sheet(3, width=8.2, height=3.0)
    picture(image, one.image, f"the image: a {one.own}")
    truth(image, one)
    heat(map_, one, name, f'"is a {name} here?", highest of nine anchors')
    overlap = float(ops.box_iou(box[None], one.target.boxes).max())
    picture(found, one.image, f"best anchor, and its box: IoU {overlap:.2f}")
    truth(found, one)
    outline(found, anchor, FOUND, width=1.2)
    outline(found, box, MOVED)
    return figure


def all_classes(one: Shown) -> Figure:
    """The maps of all classes, side by side."""
    figure = Figure(figsize=(8.2, 4.4), layout="constrained", dpi=100)
    for ax, name in zip(figure.subplots(2, 4).flat, CLASSES, strict=True):
        own = " (it is one)" if name == one.own else ""
        heat(ax, one, name, f"{name}{own}")
        for box in one.target.boxes:
            outline(ax, box, "#7fd7ff", dashed=True, width=1.2)
    return figure


def protocols(one: Shown) -> Figure:
    """What the net sees under the centre crop and under dense testing, to one scale of pixels."""
    config = one.rpn.config
    (centre,) = views.test_views(one.size, config, "centre")
    dense = views.test_views(one.size, config, "dense")
    images = [
        (explore.seen(one, view), view, title)
        for view, title in [
            (centre, "centre crop"),
            *((view, f"whole, side {min(view.size)}") for view in dense),
        ]
    ]
    figure = Figure(figsize=(8.2, 2.4), layout="constrained", dpi=100)
    widths = [view.width for _, view, _ in images]
    for ax, (pixels, view, title) in zip(
        figure.subplots(1, len(images), width_ratios=widths), images, strict=True
    ):
        picture(ax, pixels, title)
        for box in views.into(one.target.boxes, one.size, view):
            outline(ax, box, TRUE, dashed=True)
    return figure


def proposal_view(one: Shown, name: str, threshold: float) -> Figure:
    """The proposals for a class from a score on, the best one thick."""
    found = explore.proposals(one, name, threshold)
    figure, (left, right) = style.sheet(2, width=6.4, height=3.2)
    count = len(found.boxes)
    picture(left, one.image, f"{name}, score {threshold:.2f} or more: {count} left")
    truth(left, one)
    for box in found.boxes.flip(0):
        outline(left, box, FOUND, width=0.9)
    outline(left, found.boxes[0], MOVED)
    everything = explore.proposals(one, name)
    iou = ops.box_iou(everything.boxes, one.target.boxes).amax(1)
    right.scatter(everything.scores[count:], iou[count:], s=18, color="0.75")
    right.scatter(found.scores, iou[:count], s=18, color="#b8860b")
    right.axhline(0.5, color="0.5", linewidth=0.8)
    right.set(xlabel="score of the RPN", ylabel="IoU with the object", xlim=(-0.05, 1.05))
    right.set_ylim(-0.05, 1.05)
    right.set(xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])  # few: each costs a slider time
    return figure


def crop_view(one: Shown, name: str, number: int) -> Figure:
    """A proposal, the warped region that R-CNN sees, and the box that comes out."""
    made = explore.judged(one, name, number)
    figure, (left, middle, right) = style.sheet(3, width=8.2, height=3.0)
    picture(left, one.image, f"proposal {number} for {name}: IoU {made.iou_before:.2f}")
    truth(left, one)
    outline(left, made.before, FOUND)
    picture(middle, made.warped, f"warped: RPN {made.rpn:.2f}, R-CNN {made.rcnn:.2f}")
    border, crop = one.rcnn.config.warp_border, one.rcnn.config.crop
    inner = made.before.new_tensor([border, border, crop - border, crop - border])
    outline(middle, inner, FOUND, width=1.0)
    picture(right, one.image, f"after R-CNN: IoU {made.iou_after:.2f}")
    truth(right, one)
    outline(right, made.after, MOVED)
    return figure


def learning(records: Sequence[AnyRecord]) -> Figure:
    """Training losses of R-CNN beside the RPN's, a line for each run.

    The dashed line is what an answer of one half to every example costs.
    """
    figure, panels = style.sheet(2, width=8.2, height=2.8)
    ways = (
        ("rpn", "RPN: eight anchors an image", ("rpn_class", "rpn_box")),
        ("rcnn", "R-CNN: one region an image", ("head_class", "head_box")),
    )
    for ax, (stage, title, terms) in zip(panels, ways, strict=True):
        for k, term in enumerate(terms):
            how = dict(linestyle=("-", ":")[k], color=("#155c9c", "#b8860b")[k])
            for i, record in enumerate(tables.comparable(records)):
                steps = [point.step for point in record.curves[stage]]
                losses = [getattr(point, term) for point in record.curves[stage]]
                name = None if i else ("is it here", "where")[k]  # one entry for all runs
                ax.plot(steps, losses, label=name, **how)
        ax.axhline(math.log(2), color="0.5", linewidth=0.8, linestyle="--")
        ax.set_title(title, fontsize="small")
        ax.set(xlabel="update", ylabel="training loss")
        ax.set_ylim(bottom=0)
        if ax.lines[1:]:
            ax.legend(fontsize="small")
    return figure


def stack(records: Sequence[AnyRecord]) -> Figure:
    """Table 13 as bars from row to row: the paper's on the left, the embedded runs on the right.

    A dot is a run, or the one ensemble. The two panels have an axis each: another task.
    """
    figure, (left, right) = style.sheet(2, width=8.2, height=3.4)
    names = [row.short for row in tables.ROWS][::-1]
    places = list(range(len(names)))
    said = [tables.printed(row) for row in tables.ROWS][::-1]
    left.barh(places, said, color="0.7")
    left.set_title("paper, ImageNet validation", fontsize="small")
    found = [tables.errors_of(row, records) for row in tables.ROWS][::-1]
    right.barh(places, [mean(v) if v else 0 for v in found], color="#9cc3e6")
    for place, values in zip(places, found, strict=True):
        right.plot(values, [place] * len(values), "o", color="#155c9c", markersize=4)
        if not values:
            right.text(0, place, " not run", va="center", fontsize="small")
    right.set_title("embedded, reduced scale", fontsize="small")
    for ax, labels in ((left, names), (right, [])):
        ax.set_yticks(places if labels else [], labels, fontsize="small")
        ax.set_xlabel("localisation error, percent")
        ax.grid(visible=False, axis="y")
    return figure
