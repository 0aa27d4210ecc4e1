"""Appendix B's improvements on one image each, before any number: what a slider shows.

Paper: Appendix B.
Notebook: notebooks/08_detection_improvements.py. Tests: tests/test_detection_improvement_views.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision import ops

from resnet_lab.detection import boxes as geometry
from resnet_lab.detection import head_views, improvements, ink, opened
from resnet_lab.detection.config import Inference
from resnet_lab.detection.faster_rcnn import FasterRCNN
from resnet_lab.detection.ink import View
from resnet_lab.detection.opened import Opened
from resnet_lab.detection.pooling import whole_image
from resnet_lab.detection.scales import Pyramid, adjacent, pyramid
from resnet_lab.detection.targets import DetectionData
from resnet_lab.errors import InputError


def candidates(seen: Opened, refine: bool, score: float = 0.05) -> tuple[Tensor, Tensor, Tensor]:
    """Boxes, scores and labels that enter NMS, with those of the second pass or without.

    Raises: InputError for a second pass where none was kept.
    """
    found = seen.trace.first
    if refine:
        if seen.trace.refined is None:
            raise InputError("open the image with refine=True to see its second pass")
        found = improvements.join(found, seen.trace.refined)
    regions, labels = (found.scores[:, 1:] > score).nonzero(as_tuple=True)
    return found.boxes[regions, labels], found.scores[regions, labels + 1], labels + 1


def voting(seen: Opened, number: int, iou: float, refine: bool) -> View:
    """One detection and the boxes that vote for where it lies; `number` counts from 1.

    Raises: InputError for a detection that there is not.
    """
    boxes, scores, labels = candidates(seen, refine)
    kept = ops.batched_nms(boxes, scores, labels, 0.3)
    if not 1 <= number <= len(kept):
        raise InputError(f"there are {len(kept)} detections, from 1")
    one = kept[number - 1]
    near = (ops.box_iou(boxes[one][None], boxes)[0] >= iou) & (labels == labels[one])
    voted = improvements.vote(boxes[one][None], labels[one][None], boxes, scores, labels, iou)[0]
    figure, (left, right) = ink.panels(2, width=6.6, height=3.2)
    ink.picture(left, seen.image, f"{int(near.sum())} boxes have a vote")
    for i in near.nonzero()[:, 0].tolist():
        ink.box(left, boxes[i], ink.FAINT, width=0.5 + 2 * float(scores[i]), alpha=0.5)
    ink.picture(right, seen.image, "dashed: before; solid: after the vote")
    for corners in seen.truth:
        ink.box(right, corners, ink.TRUTH, width=1.0)
    ink.box(right, boxes[one], ink.WRONG, dashed=True)
    ink.box(right, voted, ink.FOUND)
    zoom(right, [boxes[one], voted], seen.size)
    before, after = opened.best_overlap(torch.stack([boxes[one], voted]), seen.truth)[0].tolist()
    words = (
        f"Detection {number}, {seen.classes[int(labels[one]) - 1]} "
        f"{float(scores[one]):.2f}: {int(near.sum())} boxes of its class overlap it with IoU "
        f"{iou:g} or more{', second pass included' if refine else ''}. IoU with the nearest "
        f"object: {before:.3f} before the vote, **{after:.3f} after it**."
    )
    return View(words=words, figure=figure)


def zoom(ax: object, boxes: Sequence[Tensor], size: tuple[int, int], margin: float = 0.35) -> None:
    """Show only what lies around `boxes`."""
    corners = torch.stack(list(boxes))
    low, high = corners[:, :2].amin(0), corners[:, 2:].amax(0)
    edge = margin * (high - low).max()
    (x0, y0), (x1, y1) = (low - edge).clamp(min=0).tolist(), (high + edge).tolist()
    ax.set(xlim=(x0, min(x1, size[1])), ylim=(min(y1, size[0]), y0))


@torch.no_grad()
def context(
    seen: Opened, data: DetectionData, number: int, other: int, net: FasterRCNN | None = None
) -> View:
    """A region judged with its own scene as context, and with the scene of image `other`.

    Raises: InputError if the detector has no context, or for a region that there is not.
    """
    net = net or seen.net
    if not net.config.context:
        raise InputError("this detector was trained without context")
    corners = head_views.region(seen, number)[None]
    image, _ = data[other]
    batch = net.prepare([image])
    maps = (seen.trace.maps, net.features(batch.pixels))
    own = net.head.describe(net.pool(seen.trace.maps, [corners]))
    found = []
    for one, size in zip(maps, (seen.size, batch.sizes[0]), strict=True):
        around = net.head.describe(net.pool(one, [whole_image(size)]))
        found.append(net.judge(torch.cat([own, around], 1)).probabilities[0])
    names = ["background", *seen.classes]
    figure, axes = ink.panels(4, width=8.8, height=2.7, ratios=[1, 1.1, 0.8, 1.1])
    ink.picture(axes[0], seen.image, f"region {number} in its scene")
    ink.box(axes[0], corners[0], ink.FOUND)
    ink.bars(axes[1], names, found[0], marked=int(found[0].argmax()), title="its own scene")
    ink.picture(axes[2], image, f"scene of image {other}")
    ink.bars(axes[3], names, found[1], marked=int(found[1].argmax()), title="with that scene")
    best = [int(one.argmax()) for one in found]
    words = (
        f"The same region feature. With its own scene: **{names[best[0]]}** "
        f"{float(found[0][best[0]]):.2f}; with the scene of image {other}: **{names[best[1]]}** "
        f"{float(found[1][best[1]]):.2f}. The largest change of a class is "
        f"{float((found[1] - found[0]).abs().max()):.2f}."
    )
    return View(words=words, figure=figure)


@dataclass(frozen=True, kw_only=True, eq=False)
class Scaled:
    """An opened image with its maps at several scales, so that a slider need not run them."""

    seen: Opened
    scales: tuple[int, ...]
    pyramid: Pyramid


@torch.no_grad()
def scaled(seen: Opened, scales: tuple[int, ...]) -> Scaled:
    """The maps of `seen` at each of `scales` (shorter sides, pixels)."""
    testing = Inference(scales=scales, scale_reference=32.0)
    return Scaled(seen=seen, scales=scales, pyramid=pyramid(seen.net, seen.image, testing))


@torch.no_grad()
def multi_scale(found: Scaled, number: int) -> View:
    """A region at every scale, the two at which it is judged, and what maxout makes of them.

    Raises: InputError for a region that there is not.
    """
    seen, stack = found.seen, found.pyramid
    corners = head_views.region(seen, number)
    lower = int(adjacent(corners[None], seen.size, stack.sizes, stack.reference)[0])
    net = seen.net
    single = seen.trace.first.scores[number - 1]
    double = net.judge(stack.describe(corners[None], seen.size)).probabilities[0]
    n = len(found.scales)
    figure, axes = ink.panels(n + 2, width=9.4, height=2.5, ratios=[*([0.75] * n), 1.2, 1.2])
    widest = max(found.scales)
    for i, (ax, side, size) in enumerate(zip(axes, found.scales, stack.sizes, strict=False)):
        ink.picture(ax, seen.image, f"{side}{' *' if i in (lower, lower + 1) else ''}")
        box = corners
        ink.box(ax, box, ink.FOUND if i in (lower, lower + 1) else ink.FAINT)
        grow = widest / side  # all scales at one size of pixels
        ax.set(xlim=(0, seen.size[1] * grow), ylim=(seen.size[0] * grow, 0))
        side_here = float(geometry.areas(geometry.rescale(box, seen.size, size)).sqrt())
        ax.text(0.5, -0.06, f"{side_here:.0f} px", transform=ax.transAxes, ha="center", va="top")
    names = ["background", *seen.classes]
    marks = [int(one.argmax()) for one in (single, double)]
    ink.bars(axes[-2], names, single, marked=marks[0], title="one scale")
    ink.bars(axes[-1], names, double, marked=marks[1], title="two scales, maxout")
    axes[-1].set_yticklabels([])
    words = (
        f"Region {number} is {float(geometry.areas(corners).sqrt()):.0f} pixels a side. It is "
        f"judged at the two scales (*) on either side of {stack.reference:g} pixels: shorter sides "
        f"{found.scales[lower]} and {found.scales[lower + 1]}. One scale says "
        f"**{names[marks[0]]}** {float(single[marks[0]]):.2f}, two say **{names[marks[1]]}** "
        f"{float(double[marks[1]]):.2f}."
    )
    return View(words=words, figure=figure)


def ensemble(
    nets: Sequence[FasterRCNN], titles: Sequence[str], data: DetectionData, i: int, score: float
) -> View:
    """What each net finds in image `i`, and what they find together."""
    testing = Inference(candidates=300, proposals=100, scale_reference=32.0, score=score)
    groups = [[net] for net in nets] + [list(nets)]
    figure, axes = ink.panels(len(groups), width=3.0 * len(groups), height=3.2)
    image, target = data[i]
    said = []
    for ax, group, title in zip(axes, groups, [*titles, "together"], strict=True):
        trace = improvements.detect(group, image, testing, trace=True)
        seen = Opened(
            net=group[0], image=image, target=target, classes=tuple(data.classes), trace=trace
        )
        found = trace.found
        hits = opened.right(found, seen)
        ink.picture(ax, image, title)
        for j in reversed(range(len(found))):
            name, good = data.classes[int(found.labels[j]) - 1], bool(hits[j])
            look = dict(ink=ink.FOUND if good else ink.WRONG, dashed=not good)
            ink.box(
                ax, trace.detections.boxes[j], words=f"{name} {float(found.scores[j]):.2f}", **look
            )
        said.append(f"{title}: {int(hits.sum())} right, {int((~hits).sum())} wrong")
    words = (
        f"Image {i} has {len(target)} objects. Above score {score:g}, {'; '.join(said)} "
        "(solid: right; dashed: wrong)."
    )
    return View(words=words, figure=figure)
