"""Blocks and nets drawn to scale, from the modules themselves.

Paper: Figures 2, 3 and 5; Section 4.1 (options A, B, C).
Notebook: notebooks/02_shortcuts.py, notebooks/03_bottlenecks.py. Tests: tests/test_drawings.py.
"""

from collections.abc import Sequence
from itertools import groupby, pairwise, takewhile

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection, PathCollection
from matplotlib.patches import FancyArrowPatch, Rectangle
from matplotlib.path import Path

from resnet_lab.anatomy import Anatomy, Arc, Bar, Part, Shape
from resnet_lab.style import COLOURS

GREY = "0.35"
# edge and face of a map: plain is brown and residual blue, in every figure
INK = {"plain": (COLOURS["plain"][56], "#f0e2d0"), "residual": (COLOURS["ResNet"][56], "#cfe0f1")}
# kinds of shortcut: what is carried as it is, what is padded, what is projected
SHORTCUT = {
    "identity": (COLOURS["ResNet"][56], "#cfe0f1"),
    "zero padding": ("#5f7d22", "#e8efd8"),
    "projection": ("#7a4fa3", "#e6dcf2"),
}
GAP, LIFT = 1.15, 1.2  # of a block: between maps, up to the shortcut
WIDE, HIGH = 1.15, 1.0  # the widest and the highest map
Ink = tuple[str, str]  # edge, face
LETTER = 0.06  # inches a letter of a group's name takes


def block(
    ax: Axes, found: Anatomy, *, widest: int | None = None, highest: int | None = None
) -> None:
    """A block as in Figure 2, read from left to right, with every map drawn to scale.

    A map is a box as wide as it has channels and as high as its side in pixels. `widest` and
    `highest` give the scale, in channels and pixels; default the largest of this block.
    """
    steps = found.branch("residual")
    shapes = [found.shape, *(part.shape for part in found.parts)]
    scale = (
        WIDE / (widest or max(shape[0] for shape in shapes)),
        HIGH / (highest or max(shape[1] for shape in shapes)),
    )
    ink = INK["residual" if found.branch("shortcut") else "plain"]
    x = put_map(ax, 0.0, found.shape, scale, ink, "x")
    start = x / 2
    for number, part in enumerate(steps):
        if part.kind == "convolution":
            arrow(ax, x, x + GAP)
            label(ax, x + GAP / 2, 0.08, part.words, weight="bold")
            below = [*followers(steps[number + 1 :]), counts(part)]
            label(ax, x + GAP / 2, -0.08, "\n".join(below), where="top")
            x = put_map(ax, x + GAP, part.shape, scale, ink)
    end = finish(ax, found, x, scale, ink)
    shortcut(ax, found, start, x + 0.32, scale)
    ax.set(xlim=(-0.15, end + 0.1), ylim=(-0.95, LIFT + 0.6), aspect="equal")
    ax.set_axis_off()


def followers(steps: Sequence[Part]) -> list[str]:
    """BN and ReLU up to the next convolution."""
    return [step.words for step in takewhile(lambda step: step.kind != "convolution", steps)]


def counts(part: Part) -> str:
    """Weights and multiply-adds of a convolution, in words."""
    return f"{part.parameters:,}\nweights\n{part.multiply_adds / 1e6:.1f}e6\nmult-adds"


def put_map(
    ax: Axes, x: float, shape: Shape, scale: tuple[float, float], ink: Ink, name: str = ""
) -> float:
    """A feature map as a box from `x` on, its shape below it; returns where it ends."""
    wide, high = shape[0] * scale[0], shape[1] * scale[1]
    edge, face = ink
    ax.add_patch(Rectangle((x, -high / 2), wide, high, facecolor=face, edgecolor=edge, lw=1))
    text = f"{shape[0]} x\n{shape[1]}x{shape[2]}"
    label(ax, x + wide / 2, -high / 2 - 0.05, text, where="top", color=edge)
    label(ax, x + wide / 2, 0, name, style="italic", where="center", fontsize=10)
    return x + wide


def finish(ax: Axes, found: Anatomy, x: float, scale: tuple[float, float], ink: Ink) -> float:
    """The addition, if there is one, the last ReLU and the map that comes out; where it ends."""
    for part in found.branch("joined"):
        if part.kind == "addition":
            arrow(ax, x, x + 0.22)
            circle = dict(boxstyle="circle,pad=0.15", facecolor="white", edgecolor=ink[0])
            ax.text(x + 0.32, 0.0, "+", ha="center", va="center", fontsize=11, bbox=circle)
            x += 0.42
        else:
            arrow(ax, x, x + 0.75)
            label(ax, x + 0.36, 0.08, part.words, weight="bold")
            x += 0.75
    return put_map(ax, x, found.parts[-1].shape, scale, ink, "y")


def shortcut(
    ax: Axes, found: Anatomy, start: float, end: float, scale: tuple[float, float]
) -> None:
    """The branch above the block: a line, with the map that it makes where it is no identity."""
    parts = found.branch("shortcut")
    if not parts:
        label(ax, (start + end) / 2, LIFT, "no shortcut: a plain block", where="center")
        return
    first, middle = parts[0], (start + end) / 2
    kind = "projection" if first.kind == "convolution" else first.kind
    colour, face = SHORTCUT[kind]
    top = found.shape[1] * scale[1] / 2
    ax.plot([start, start, end], [top, LIFT, LIFT], color=colour, lw=1.6)
    look = dict(arrowstyle="->", color=colour, lw=1.6)
    ax.annotate("", (end, 0.14), (end, LIFT + 0.012), arrowprops=look)
    if kind == "identity":
        label(ax, middle, LIFT + 0.06, "identity: x as it is", color=colour)
        return
    left, shape = middle + 0.2, parts[-1].shape
    carried(ax, left, parts[-1], first.zeros, scale, (colour, face))
    lines = [*first.words.split(", "), "no weights"]
    if kind == "projection":
        work = f"{first.multiply_adds / 1e6:.1f}e6 mult-adds"
        words = " - ".join(part.words for part in parts)
        lines = [f"projection: {words}", f"{first.parameters:,} weights", work]
    label(ax, left - 0.08, LIFT + 0.06, "\n".join(lines), color=colour, ha="right")
    empty = f"\n{sum(first.zeros)} of them zero" if sum(first.zeros) else ""
    text = f"{shape[0]} x {shape[1]}x{shape[2]}{empty}"
    label(ax, left + shape[0] * scale[0] + 0.08, LIFT + 0.06, text, color=colour, ha="left")


def carried(
    ax: Axes,
    left: float,
    part: Part,
    zeros: tuple[int, int],
    scale: tuple[float, float],
    ink: Ink,
) -> None:
    """The map of a shortcut: channels that carry something filled, channels of zeros hatched."""
    channels, high = part.shape[0], part.shape[1] * scale[1]
    edges = [0, zeros[0], channels - zeros[1], channels]
    for (a, b), empty in zip(pairwise(edges), (True, False, True), strict=True):
        if b > a:
            look = dict(facecolor="white", hatch="////") if empty else dict(facecolor=ink[1])
            corner, wide = (left + a * scale[0], LIFT - high / 2), (b - a) * scale[0]
            ax.add_patch(Rectangle(corner, wide, high, edgecolor=ink[0], lw=1, zorder=3, **look))


def arrow(ax: Axes, start: float, end: float) -> None:
    """An arrow from map to map."""
    look = dict(arrowstyle="->", mutation_scale=8, color=GREY, shrinkA=1, shrinkB=1)
    ax.add_patch(FancyArrowPatch((start, 0.0), (end, 0.0), **look))


def label(ax: Axes, x: float, y: float, text: str, *, where: str = "bottom", **look) -> None:
    """Small text whose bottom, top or centre is at `y`."""
    look = dict(fontsize=7, color=GREY, ha="center", linespacing=1.1) | look
    ax.text(x, y, text, va=where, **look)


def net(ax: Axes, bars: Sequence[Bar], arcs: Sequence[Arc], *, slots: int | None = None) -> None:
    """A whole net as in Figure 3, from left to right: a bar a layer, pools in grey.

    A bar is as high as the root of its map's side, so that 7 pixels are seen beside 224. Arcs are
    shortcuts: solid where they carry the input as it is, dashed where the shape changes.
    Layers on one map size are named once. `slots` leaves room for a longer net beside it.
    """
    heights = np.sqrt([bar.size for bar in bars])
    edge, face = INK["residual" if arcs else "plain"]
    rects = [Rectangle((number - 0.36, 0), 0.72, high) for number, high in enumerate(heights)]
    faces = ["0.8" if "pool" in bar.words else face for bar in bars]
    ax.add_collection(PatchCollection(rects, facecolors=faces, edgecolors=edge, linewidths=0.6))
    draw_arcs(ax, arcs, heights)
    room = slots or len(bars)
    ax.set(xlim=(-0.8, room - 0.2), ylim=(-0.1, 1.2 * heights.max()))
    name_groups(ax, bars, room)
    ax.set_axis_off()


def draw_arcs(ax: Axes, arcs: Sequence[Arc], heights: np.ndarray) -> None:
    """Curves from the end of one layer to the end of another, over what lies between."""
    for kind, (colour, _) in SHORTCUT.items():
        paths = []
        for arc in (arc for arc in arcs if arc.kind == kind):
            lift = heights[arc.start : arc.end + 1].max() + 0.18 * heights.max()
            points = [(arc.start, heights[arc.start]), (arc.start, lift), (arc.end, lift)]
            points.append((arc.end, heights[arc.end]))
            paths.append(Path(points, [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4]))
        if paths:
            look = dict(edgecolors=colour, linestyles="-" if kind == "identity" else "--", lw=1)
            ax.add_collection(PathCollection(paths, facecolors="none", **look))


def group_words(group: Sequence[Bar]) -> list[str]:
    """Lines that name layers on one map size: how many, of which kinds, the size, their work.

    Units: multiply-adds of the layers drawn; those of projections are not among them.
    """
    kinds = list(dict.fromkeys(bar.words for bar in group))
    stride = f", /{group[0].stride}" if len(group) == 1 and group[0].stride > 1 else ""
    lines = [f"{len(group)} x {kinds[0]}" if len(group) > 1 else kinds[0] + stride]
    if len(kinds) > 1:
        lines = [f"{len(group)} layers", *kinds]
    work = sum(bar.multiply_adds for bar in group)
    said = f"{work / 1e9:.2f}e9" if work > 1e8 else f"{work / 1e6:.1f}e6"
    return [*lines, f"{group[0].size}x{group[0].size}", said]


def name_groups(ax: Axes, bars: Sequence[Bar], room: int) -> None:
    """Under the layers of each map size their name; where two would touch, the next goes lower."""
    inch = ax.figure.get_figwidth() / (room + 0.6)  # of one bar
    start, right, drop, tall = 0, -np.inf, 0.0, 0
    for (_, pool), members in groupby(bars, key=lambda bar: (bar.size, "pool" in bar.words)):
        group = list(members)
        middle, start = start + (len(group) - 1) / 2, start + len(group)
        if pool:
            continue
        lines = group_words(group)
        half = max(len(line) for line in lines) * LETTER / inch / 2
        drop = 0.0 if middle - half > right else drop + 8.2 * tall + 4
        right, tall = max(right, middle + half), len(lines)
        look = dict(textcoords="offset points", ha="center", va="top", fontsize=6.5, color=GREY)
        ax.annotate("\n".join(lines), (middle, 0), xytext=(0, -3 - drop), linespacing=1.1, **look)
