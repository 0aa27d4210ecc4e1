"""Outlines and patterns of the drawn scenes, as tables of integers.

Sines are rounded to integers far above the last bit, where math libraries differ.

Paper: nowhere; the scenes stand in for VOC and COCO where those are absent.
Notebook: notebooks/07_detection.py. Tests: tests/test_detection_scenes.py.
"""

import math
from functools import cache

import numpy as np

# Each class of the first scene has one in the second that looks like it: what surrounds an object
# then helps to tell which it is.
FIELD = ("disc", "square", "triangle", "ring")
WATER = ("hexagon", "cross", "star", "crescent")
CLASSES = FIELD + WATER
CLUTTER = ("line", "wedge", "ell", "stone", "splinter", "cloud")

CELLS = 512  # side of a shape's table
RADIUS = 120  # cells; the disc with the area that every shape has
TILE = 64  # side of a pattern's table, which repeats
PLAIN, STRIPES, CHECKS, RAMP, GRAIN = range(5)

Loop = list[tuple[float, float]]


@cache
def covers() -> np.ndarray:
    """Which cells each class and then each clutter shape covers; bool (14, 512, 512)."""
    tables = []
    for loops in outlines().values():
        inside = np.zeros((CELLS, CELLS), bool)
        for loop in loops:
            inside ^= filled(loop)
        tables.append(inside)
    return np.stack(tables)


@cache
def reaches() -> tuple[int, ...]:
    """How far each shape extends from its middle, in 1/256 of RADIUS, rounded up."""
    furthest = [max(x * x + y * y for loop in loops for x, y in loop) for loops in loops_of_all()]
    return tuple(math.isqrt(int(square)) * 256 // (16 * RADIUS) + 2 for square in furthest)


def loops_of_all() -> list[list[Loop]]:
    """The outlines in the order of the tables."""
    return list(outlines().values())


def filled(loop: Loop) -> np.ndarray:
    """Cells whose centre lies inside: an odd number of edges to its right; bool (512, 512)."""
    inside = np.zeros((CELLS, CELLS), bool)
    centres = (16 * np.arange(CELLS) + 8 - 8 * CELLS).astype(np.int32)  # in 1/16 cell
    for (x0, y0), (x1, y1) in zip(loop, loop[1:] + loop[:1], strict=True):
        rows = np.flatnonzero((centres >= min(y0, y1)) & (centres < max(y0, y1)))
        if len(rows):
            y = centres[rows, None]
            side = (centres - x0) * (y1 - y0) - (y - y0) * (x1 - x0)
            inside[rows] ^= side < 0 if y1 > y0 else side > 0
    return inside


@cache
def patterns() -> np.ndarray:
    """Plain, stripes, checks, a ramp up and down, and grain; int16 (5, 64, 64), 0 to 128."""
    ramp = np.abs(np.arange(TILE) - TILE // 2) * 2 - TILE // 2  # -32 ... 32
    stripes = np.broadcast_to(ramp, (TILE, TILE))
    checks = np.where((stripes >= 0) ^ (stripes.T >= 0), 128, 0)
    words = np.random.Philox(key=np.array([0, 0], np.uint64)).random_raw(TILE * TILE)
    bits = (words >> np.uint64(63)).astype(np.int64).reshape(TILE, TILE)
    shifts = [(i, j) for i in range(5) for j in range(5)]
    excess = 2 * sum(np.roll(bits, shift, (0, 1)) for shift in shifts) - 25
    tiles = [
        np.zeros((TILE, TILE), np.int64),
        np.clip(4 * stripes + 64, 0, 128),
        checks,
        2 * stripes + 64,
        np.clip(64 + 32 * excess // 5, 0, 128),
    ]
    return np.stack(tiles).astype(np.int16)


@cache
def outlines() -> dict[str, list[Loop]]:
    """Closed outlines in 1/16 cell, y downwards; a second one is a hole. Classes have one area."""
    star = [p for pair in zip(arc(5), arc(5, 0.45, 0.1, 1.1), strict=True) for p in pair]
    bite = [(x, y - 0.62) for x, y in arc(36, 0.712, 0.7695, 0.2305)]
    moon = [(x, y - 0.25) for x, y in arc(36, 1, 0.125, 0.896)]
    a = 0.38
    shapes = {
        "disc": [arc(48)],
        "square": [arc(4, 1, 0.125, 1.125)],
        "triangle": [arc(3)],
        "ring": [arc(48), arc(48, 0.55)],
        "hexagon": [arc(6)],
        "cross": [mirrored((a, -1), (a, -a), (1, -a), (1, a), (a, a), (a, 1))],
        "star": [star],
        "crescent": [moon + bite],
        "line": [mirrored((0.1, -2), (0.1, 2))],
        "wedge": [[(-1, -1.2), (1.6, -0.2), (0.3, 1.3), (-1.2, 0.7)]],
        "ell": [[(-1, -1), (-0.2, -1), (-0.2, 0.2), (1, 0.2), (1, 1), (-1, 1)]],
        "stone": [bumpy(9, 7, 10, 6, 9, 10, 7, 8)],
        "splinter": [bumpy(10, 4, 6, 11, 5, 4, 9)],
        "cloud": [bumpy(8, 10, 7, 11, 8, 9, 6, 10, 9, 7, 10)],
    }
    for name, loops in shapes.items():
        own = (area(loops[0]) - sum(map(area, loops[1:]))) / math.pi if name in CLASSES else 1
        scale = 16 * RADIUS / math.sqrt(own)
        loops[:] = [[(round(scale * x), round(scale * y)) for x, y in loop] for loop in loops]
    return shapes


def arc(corners: int, radius: float = 1, start: float = 0, end: float = 1) -> Loop:
    """Points on a circle, clockwise from the top; angles in turns, `end` not included."""
    angles = [2 * math.pi * (start + (end - start) * k / corners) for k in range(corners)]
    return [(radius * math.sin(a), -radius * math.cos(a)) for a in angles]


def bumpy(*radii: int) -> Loop:
    """An irregular outline: one corner a radius, in tenths, at equal angles."""
    corners = zip(arc(len(radii)), radii, strict=True)
    return [(x * r / 10, y * r / 10) for (x, y), r in corners]


def mirrored(*right: tuple[float, float]) -> Loop:
    """A loop from its right half, listed from top to bottom."""
    return [*right, *((-x, y) for x, y in reversed(right))]


def area(loop: Loop) -> float:
    """Area within a loop, by the shoelace rule."""
    edges = zip(loop, loop[1:] + loop[:1], strict=True)
    return abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in edges)) / 2
