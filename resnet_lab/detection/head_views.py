"""From proposals to detections, step by step: what a slider over each step shows.

Paper: Section 4.3; Appendix A.
Notebook: notebooks/07_detection.py. Tests: tests/test_detection_head_views.py.
"""

import math

import torch
from matplotlib.axes import Axes
from torch import Tensor

from resnet_lab.detection import boxes as geometry
from resnet_lab.detection import ink, opened
from resnet_lab.detection.ink import View
from resnet_lab.detection.opened import Opened
from resnet_lab.detection.pooling import roi_features
from resnet_lab.errors import InputError


def region(seen: Opened, number: int) -> Tensor:
    """Proposal `number`, counted from 1. Raises: InputError if there is none."""
    boxes = seen.trace.proposals.boxes
    if not 1 <= number <= len(boxes):
        raise InputError(f"there are {len(boxes)} proposals, from 1")
    return boxes[number - 1]


def rounded(corners: Tensor, stride: int) -> list[int]:
    """The region as RoI pooling takes it: whole cells of the map, both corners counted.

    Shapes: (4,) -> four pixels.
    """
    x0, y0, x1, y1 = (math.floor(value / stride + 0.5) for value in corners.tolist())
    return [x0 * stride, y0 * stride, (x1 + 1) * stride, (y1 + 1) * stride]


def pooled(seen: Opened, corners: Tensor, pooling: str) -> Tensor:
    """The region's cells, the mean over channels.

    Shapes: (4,) -> (size, size).
    """
    found = roi_features(
        seen.trace.maps,
        [corners[None]],
        stride=seen.net.stride,
        size=seen.net.roi_size,
        pooling=pooling,
        samples=seen.net.config.pool_samples,
    )
    return found[0].mean(0)


def cells(ax: Axes, seen: Opened, corners: Tensor, title: str, ink_of: str) -> None:
    """The map (its mean over channels) under the pixels of the image, and a region cut in cells."""
    height, width = seen.size
    shown = seen.trace.maps[0].mean(0).numpy()
    rows, columns = shown.shape
    stride, size = seen.net.stride, seen.net.roi_size
    extent = (0, columns * stride, rows * stride, 0)
    ax.imshow(shown, cmap="cividis", extent=extent, interpolation="nearest")
    x0, y0, x1, y1 = (float(v) for v in corners)
    for i in range(size + 1):
        x, y = x0 + (x1 - x0) * i / size, y0 + (y1 - y0) * i / size
        look = dict(color=ink_of, linewidth=1.6 if i in (0, size) else 0.6)
        ax.plot([x, x], [y0, y1], **look)
        ax.plot([x0, x1], [y, y], **look)
    ax.set(xlim=(0, width), ylim=(height, 0), xticks=[], yticks=[])
    ink.name(ax, title)


def roi_grid(seen: Opened, number: int, shift: float = 0.0) -> View:
    """One region cut into cells by RoIPool and by RoIAlign; `shift` moves it sideways.

    A region in the right half moves to the left, so that it stays inside the image.

    Units: `shift` in pixels.
    Raises: InputError for a region that there is not.
    """
    corners = region(seen, number)
    sense = 1.0 if float(geometry.centres(corners)[0]) < seen.size[1] / 2 else -1.0
    one = sense * torch.tensor([1.0, 0.0, 1.0, 0.0])
    corners = corners + shift * one
    whole = torch.tensor(rounded(corners, seen.net.stride), dtype=torch.float32)
    both = {kind: pooled(seen, corners, kind) for kind in ("pool", "align")}
    figure, axes = ink.panels(5, width=8.6, height=2.1, ratios=[1.1, 1.1, 0.9, 1.1, 0.9])
    ink.picture(axes[0], seen.image, f"region {number}, moved by {shift:g}")
    ink.box(axes[0], corners, ink.FOUND)
    cells(axes[1], seen, whole, "RoIPool: whole places", "white")
    ink.heat(axes[2], both["pool"], "its largest values")
    cells(axes[3], seen, corners, "RoIAlign: as it is", "white")
    ink.heat(axes[4], both["align"], "values between places")
    before = {kind: pooled(seen, corners - one, kind) for kind in both}
    change = {
        kind: 100 * float((both[kind] - before[kind]).norm() / both[kind].norm().clamp(min=1e-9))
        for kind in both
    }
    width = geometry.sides(corners)[0]
    words = (
        f"The region is {float(width):.1f} pixels wide, "
        f"{float(width) / seen.net.stride:.1f} places of the map. RoIPool takes it as "
        f"{float(whole[2] - whole[0]):.0f} pixels, from {whole[0]:.0f} instead of "
        f"{float(corners[0]):.1f}. The last pixel of the move changed RoIPool's values by "
        f"{change['pool']:.0f} % and RoIAlign's by {change['align']:.0f} %."
    )
    return View(words=words, figure=figure)


def head(seen: Opened, number: int) -> View:
    """Class probabilities of a region, and where the head moves it for the likeliest class.

    Raises: InputError for a region that there is not.
    """
    corners, first = region(seen, number), seen.trace.first
    scores = first.scores[number - 1]
    best = int(scores[1:].argmax())
    moved = first.boxes[number - 1, best]
    names = ["background", *seen.classes]
    figure, (left, right) = ink.panels(2, width=7.2, height=3.1, ratios=[1, 1.1])
    ink.picture(left, seen.image, "dashed: region; solid: where it moves")
    ink.box(left, corners, ink.FAINT, dashed=True)
    ink.box(left, moved, ink.FOUND, words=f"{names[best + 1]} {float(scores[best + 1]):.2f}")
    ink.bars(right, names, scores, marked=int(scores.argmax()), title=f"region {number}: classes")
    overlaps = [opened.best_overlap(b[None], seen.truth)[0].item() for b in (corners, moved)]
    words = (
        f"Region {number} is most likely **{names[int(scores.argmax())]}** "
        f"({float(scores.max()):.2f}). Moved for {names[best + 1]}, its IoU with the nearest "
        f"object goes from {overlaps[0]:.2f} to {overlaps[1]:.2f}."
    )
    return View(words=words, figure=figure)


def detections(seen: Opened, score: float, nms: float = 0.3) -> View:
    """What is left at a score threshold, right or wrong, beside what was to be found."""
    found = opened.detections_at(seen, score, nms)
    hits = opened.right(found, seen)
    figure, (left, right) = ink.panels(2, width=6.6, height=3.2)
    ink.picture(left, seen.image, f"to be found: {len(seen.truth)}")
    for corners, label in zip(seen.truth, seen.target.labels, strict=True):
        ink.box(left, corners, ink.TRUTH, words=seen.classes[int(label) - 1])
    ink.picture(right, seen.image, f"found: {len(found)}")
    for i in reversed(range(len(found))):
        name, good = seen.classes[int(found.labels[i]) - 1], bool(hits[i])
        ink.box(
            right,
            found.boxes[i],
            ink.FOUND if good else ink.WRONG,
            words=f"{name} {float(found.scores[i]):.2f}",
            dashed=not good,
        )
    good = int(hits.sum())
    precision = f"{100 * good / len(found):.0f} %" if len(found) else "not defined"
    recall = f"{100 * good / len(seen.truth):.0f} %" if len(seen.truth) else "not defined"
    words = (
        f"Above score {score:g}, after NMS at IoU {nms:g} for each class: {len(found)} detections, "
        f"{good} right (solid), {len(found) - good} wrong (dashed). "
        f"**Precision {precision}, recall {recall}.**"
    )
    return View(words=words, figure=figure)
