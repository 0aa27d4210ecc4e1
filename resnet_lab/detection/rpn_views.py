"""From an image to proposals, step by step: what a slider over each step shows.

Paper: Appendix A, through Faster R-CNN (Ren et al. 2015), Section 3.1.
Notebook: notebooks/07_detection.py. Tests: tests/test_detection_rpn_views.py.
"""

from collections.abc import Sequence

from resnet_lab.detection import boxes as geometry
from resnet_lab.detection import ink, opened
from resnet_lab.detection.ink import View
from resnet_lab.detection.opened import Opened
from resnet_lab.detection.targets import DetectionData
from resnet_lab.errors import InputError

ALL = "best of all"


def scenes(data: DetectionData, numbers: Sequence[int]) -> View:
    """Images beside each other with what is to be found in them; dashed: marked difficult."""
    figure, axes = ink.panels(len(numbers), width=8.4, height=2.3)
    count = hard = 0
    for ax, i in zip(axes, numbers, strict=True):
        image, target = data[i]
        ink.picture(ax, image, f"image {i}")
        for corners, label, difficult in zip(
            target.boxes, target.labels, target.difficult, strict=True
        ):
            name = data.classes[int(label) - 1]
            ink.box(ax, corners, ink.TRUTH, words=name, dashed=bool(difficult), width=1.2)
        count, hard = count + len(target), hard + int(target.difficult.sum())
    words = (
        f"{len(numbers)} scenes of {image.shape[2]}x{image.shape[1]} pixels with {count} objects, "
        f"{hard} of them marked difficult (dashed)."
    )
    return View(words=words, figure=figure)


def shape_names(seen: Opened) -> list[str]:
    """The anchors of a place in words: "24, 2:1 high"."""
    words = {0.5: "1:2 wide", 1.0: "1:1", 2.0: "2:1 high"}
    return [f"{size}, {words.get(ratio, f'{ratio:g}:1')}" for size, ratio in seen.shapes]


def shape_index(seen: Opened, name: str) -> int:
    """Which anchor of a place is called `name`. Raises: InputError if none is."""
    names = shape_names(seen)
    if name not in names:
        raise InputError(f"there is no anchor {name!r}; there are {'; '.join(names)}")
    return names.index(name)


def verdict(overlap: float, positive: float, negative: float) -> str:
    """What the RPN learns from an anchor of that best overlap."""
    if overlap >= positive:
        return "object"
    return "background" if overlap < negative else "nothing: in between"


def anchors(seen: Opened, row: int, column: int, shape: str) -> View:
    """The anchors of one place, one of them in bold, and what its overlap would teach.

    Raises: InputError for a place or a shape that there is not.
    """
    rows, columns = seen.grid
    if not (0 <= row < rows and 0 <= column < columns):
        raise InputError(f"the map has {rows} rows and {columns} columns, from 0")
    chosen, count = shape_index(seen, shape), len(seen.shapes)
    first = (row * columns + column) * count
    own = seen.trace.anchors[first : first + count]
    overlaps, which = opened.best_overlap(own, seen.truth)
    figure, (left, right) = ink.panels(2, width=7.2, height=3.3, ratios=[1.25, 1])
    ink.picture(left, seen.image, f"row {row}, column {column} of the {rows}x{columns} map")
    left.set(xlim=(-24, seen.size[1] + 24), ylim=(seen.size[0] + 24, -24))
    for i, corners in enumerate(own):
        if i != chosen:
            ink.box(left, corners, ink.FAINT, width=0.8, alpha=0.45)
    for corners in seen.truth:
        ink.box(left, corners, ink.TRUTH, width=1.2)
    ink.box(left, own[chosen], ink.WRONG, width=2.4)
    centre = geometry.centres(own[chosen]).tolist()
    left.plot(*centre, "+", color=ink.WRONG, markersize=9, markeredgewidth=2)
    ink.bars(right, shape_names(seen), overlaps, marked=chosen, title="IoU with the nearest object")
    config, best = seen.net.config, float(overlaps[chosen])
    learned = verdict(best, config.rpn_positive_iou, config.rpn_negative_iou)
    inside = bool(geometry.inside(own[chosen : chosen + 1], seen.size)[0])
    name = seen.classes[int(seen.target.labels[which[chosen]]) - 1] if best > 0 else "nothing"
    words = (
        f"The bold anchor ({shape}) has its centre at pixel ({centre[0]:.0f}, {centre[1]:.0f}), "
        f"{'lies inside the image' if inside else 'crosses the border'}, and overlaps {name} with "
        f"IoU {best:.2f}. It would teach the RPN: **{learned}**. White: objects."
    )
    return View(words=words, figure=figure)


def objectness(seen: Opened, shape: str = ALL) -> View:
    """How likely an object is at each place, for one shape of anchor or the best of all.

    Raises: InputError for a shape that there is not.
    """
    rows, columns = seen.grid
    scores = seen.trace.anchor_scores.logits[0].sigmoid().view(rows, columns, -1)
    shown = scores.amax(2) if shape == ALL else scores[:, :, shape_index(seen, shape)]
    figure, (left, right) = ink.panels(2, width=7.2, height=3.1, ratios=[1, 1.18])
    ink.picture(left, seen.image, "what is to be found")
    for corners in seen.truth:
        ink.box(left, corners, ink.TRUTH)
    bar = ink.heat(right, shown, f"objectness, {shape}", limits=(0.0, 1.0))
    figure.colorbar(bar, ax=right, shrink=0.8)
    best = int(shown.argmax())
    words = (
        f"Objectness of {rows} x {columns} = {rows * columns} places, anchor {shape}: largest "
        f"{float(shown.max()):.2f} at row {best // columns}, column {best % columns}; "
        f"{int((shown > 0.5).sum())} places above 0.5."
    )
    return View(words=words, figure=figure)


def proposals(seen: Opened, nms: float, kept: int, drawn: int = 20) -> View:
    """What non-maximum suppression leaves of the RPN's boxes, and how many objects they cover."""
    found = opened.proposals_at(seen, nms, kept)
    overlap, _ = opened.best_overlap(found.boxes, seen.truth)
    figure, (left, right) = ink.panels(2, width=7.2, height=3.1, ratios=[1, 1.1])
    ink.picture(left, seen.image, f"the best {min(drawn, len(found.boxes))} of {len(found.boxes)}")
    for i in reversed(range(min(drawn, len(found.boxes)))):
        good = float(overlap[i]) >= opened.FOUND
        ink.box(left, found.boxes[i], ink.FOUND if good else ink.FAINT, width=1.2, dashed=not good)
    total = len(seen.truth)
    reached = opened.covered_so_far(found.boxes, seen.truth)
    right.step(range(1, len(reached) + 1), reached, where="post", color=ink.BARS)
    right.axhline(total, color="0.5", linestyle=":")
    right.set(xlabel="proposals, best first", ylabel="objects covered (IoU 0.5)")
    right.set(ylim=(0, total + 0.5), xlim=(0, max(1, len(found.boxes))))
    right.spines[["top", "right"]].set_visible(False)
    words = (
        f"NMS at IoU {nms:g} leaves {len(found.boxes)} proposals when at most {kept} are kept; "
        f"they cover **{opened.covered(found.boxes, seen.truth)} of {total} objects**. "
        f"Solid yellow: overlaps an object with IoU 0.5 or more; dashed blue: does not."
    )
    return View(words=words, figure=figure)
