"""An image set made on the spot: ten shapes in any pose, pattern, colour and clutter.

Paper: Section 4.2 uses CIFAR-10; this stands in where it is absent (32x32 colour, ten classes).
Notebook: notebooks/01_degradation.py. Tests: tests/test_embedded.py.

The bytes are the same on every machine: pixels are integer arithmetic, random numbers raw Philox
words, and sines and outlines are rounded far above the last bit, where math libraries differ.
Colours say nothing of the class: all shapes cover one area, and nothing else knows the label.
"""

import math
from functools import cache

import numpy as np

CLASSES = tuple("disc ring crescent triangle square star cross heart arrow bowtie".split())
VERSION = "2"  # part of cache keys: change it whenever a byte changes

SIZE = 32  # pixels
SPLITS = {"train": (1, 20_000), "test": (2, 4_000)}  # key of the random stream, images
CHUNK = 250  # images drawn together; small enough to stay in the processor's cache

CLUTTER = ("bar", "wedge", "ell")  # shapes that are no class
CELLS = 128  # side of a shape's table
RADIUS = 30  # cells; the disc with the area that every shape has
TILE = 64  # side of a pattern's table, which repeats
TURN = 1024  # steps in a full turn

# How hard it is. Lengths are in 1/16 pixel.
OBJECT_RADIUS = (112, 176)
OBJECT_SHIFT = 64  # at most, from the middle
OBJECT_TURN = 300  # at most, from upright; 105 degrees
STRETCH = 48  # of 256: one axis up to 1.19 times longer, the other shorter
BACKGROUND = (0, 100)
FOREGROUND = (155, 255)
PATTERN_CONTRAST = 72
PATTERN_PERIOD = (72, 140)
CLUTTER_RADIUS = (40, 90)
CLUTTER_PIECES = 2
OCCLUDER_RADIUS = (32, 96)
FOG_COLOUR = (96, 160)
FOG = 120  # of 128, at most: how much of the picture a patterned haze hides
NOISE = (4, 12)  # of 64; 10 is a standard deviation of 16 grey levels

SINE = np.array([round(16384 * math.sin(2 * math.pi * k / TURN)) for k in range(TURN)])
PIXELS = np.arange(SIZE, dtype=np.int32) * 16 + 8  # centres
HEART = ((0.2, -0.85), (0.55, -1), (0.9, -0.85), (1.05, -0.45), (0.9, 0.05), (0.5, 0.65))
Loop = list[tuple[float, float]]


def images(split: str) -> tuple[np.ndarray, np.ndarray]:
    """The images and their labels, in the fixed order 0, 1, ... 9, 0, 1, ...

    Shapes: uint8 (N, 3, 32, 32) and int64 (N,), N = 20,000 in "train" and 4,000 in "test".
    Raises: ValueError if there is no such split.
    """
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
    stream, count = SPLITS[split]
    chunks = [_chunk(stream, number) for number in range(count // CHUNK)]
    return np.concatenate(chunks), np.arange(count, dtype=np.int64) % len(CLASSES)


def _chunk(stream: int, number: int) -> np.ndarray:
    """CHUNK images, painted back to front: background, clutter, the object, a piece over it."""
    dice = _Dice(stream, number)
    picture = np.zeros((CHUNK, 3, SIZE, SIZE), np.int16)
    _paint(picture, np.int16(128), dice.roll(*BACKGROUND, 3), dice)
    for _ in range(CLUTTER_PIECES):
        shape = len(CLASSES) + dice.roll(0, len(CLUTTER) - 1)
        pose = _pose(dice, CLUTTER_RADIUS), dice.roll(0, 511), dice.roll(0, 511)
        _paint(picture, _look_up(_shapes(), shape, *pose), dice.roll(0, 255, 3), dice)

    label = np.arange(CHUNK) % len(CLASSES)
    x, y = 256 + dice.peaked(OBJECT_SHIFT), 256 + dice.peaked(OBJECT_SHIFT)
    pose = _pose(dice, OBJECT_RADIUS, dice.peaked(OBJECT_TURN)), x, y
    _paint(picture, _look_up(_shapes(), label, *pose), dice.roll(*FOREGROUND, 3), dice)

    bar = np.full(CHUNK, len(CLASSES))  # the first of CLUTTER
    pose = _pose(dice, OCCLUDER_RADIUS), x + dice.roll(-128, 128), y + dice.roll(-128, 128)
    _paint(picture, _look_up(_shapes(), bar, *pose), dice.roll(0, 255, 3), dice)

    fog = (FOG * dice.roll(0, 256) ** 3 >> 24).astype(np.int16)[:, None, None]  # mostly thin
    _paint(picture, fog, dice.roll(*FOG_COLOUR, 3), dice)
    picture += dice.bump(3, SIZE, SIZE) * dice.roll(*NOISE, 1, 1, 1).astype(np.int16) >> 6
    return np.clip(picture, 0, 255).astype(np.uint8)


class _Dice:
    """Random integers for CHUNK images, from raw words and integer arithmetic only.

    NumPy promises the words of a bit generator for ever, but not what Generator makes of them.
    """

    def __init__(self, stream: int, number: int) -> None:
        self.words = np.random.Philox(key=np.array([stream, number], np.uint64)).random_raw

    def roll(self, low: int, high: int, *shape: int) -> np.ndarray:
        """Integers from low to high inclusive, equally likely; (CHUNK, *shape)."""
        fraction = self.words(CHUNK * math.prod(shape)) >> np.uint64(40)
        steps = fraction * np.uint64(high - low + 1) >> np.uint64(24)
        return (steps.astype(np.int32) + np.int32(low)).reshape(CHUNK, *shape)

    def peaked(self, limit: int) -> np.ndarray:
        """Integers within +-limit, most of them near 0; (CHUNK,)."""
        return self.roll(-limit, limit) * self.roll(0, 256) >> 8

    def bump(self, *shape: int) -> np.ndarray:
        """Integers within +-255, standard deviation 104: sums of two bytes; (CHUNK, *shape)."""
        words, bytes_ = self.words(CHUNK * math.prod(shape) // 4), np.uint64(0x00FF00FF00FF00FF)
        sums = (words & bytes_) + (words >> np.uint64(8) & bytes_)  # four in each word
        return sums.astype("<u8").view("<i2").reshape(CHUNK, *shape) - np.int16(255)


def _pose(
    dice: _Dice, radius: tuple[int, int], turn: np.ndarray | None = None, cells: int = RADIUS
) -> np.ndarray:
    """Matrices from 1/16 pixel to 1/4096 cell: turn, stretch along a random axis, scale.

    Shapes: (2, 2, CHUNK). Without `turn` every angle is equally likely.
    """
    scale = cells * 16 * 256 // dice.roll(*radius)
    stretch = dice.roll(256 - STRETCH, 256 + STRETCH)
    wide, tall = scale * stretch // 256, scale * 256 // stretch
    axis = dice.roll(0, TURN - 1)
    back = (dice.roll(0, TURN - 1) if turn is None else turn) - axis
    (c, s), (cb, sb) = ((SINE[(a + TURN // 4) % TURN], SINE[a % TURN]) for a in (axis, back))
    cc, ss, cs, sc = c * cb >> 14, s * sb >> 14, c * sb >> 14, s * cb >> 14
    rows = [
        [wide * cc - tall * ss, -wide * sc - tall * cs],
        [wide * cs + tall * sc, -wide * ss + tall * cc],
    ]
    return (np.array(rows) >> 14).astype(np.int32)


def _look_up(
    table: np.ndarray, which: np.ndarray, matrix: np.ndarray, x: np.ndarray, y: np.ndarray
) -> np.ndarray:
    """Entries of `table[which]` seen through a pose with its middle at (x, y).

    Shapes: (K, side, side), (CHUNK,), (2, 2, CHUNK), (CHUNK,), (CHUNK,) -> (CHUNK, 32, 32).
    """
    side = table.shape[1]  # a power of two
    across, down = PIXELS - x[:, None], PIXELS - y[:, None]
    u, v = ((m * across)[:, None, :] + (n * down)[:, :, None] for m, n in matrix[..., None])
    for axis in (u, v):
        axis >>= 12
        if side == TILE:
            axis &= TILE - 1
        else:  # a shape's table is empty along its border
            axis += side // 2
            np.clip(axis, 0, side - 1, out=axis)
    v *= side
    v += u
    v += (which * side * side).astype(np.int32)[:, None, None]
    return table.reshape(-1).take(v)


def _paint(picture: np.ndarray, cover: np.ndarray, colour: np.ndarray, dice: _Dice) -> None:
    """Lay a patterned colour over `picture` in place, where `cover` (of 128) says.

    Shapes: (CHUNK, 3, 32, 32), (CHUNK, 32, 32) or a scalar, (CHUNK, 3). All int16: 255 * 128 fits.
    """
    other = colour + (2 * dice.roll(0, 1, 3) - 1) * dice.roll(0, PATTERN_CONTRAST, 1)
    other = 255 - abs(255 - abs(other))  # reflected into 0 ... 255
    kind = dice.roll(0, len(_patterns()) - 1)
    pose = _pose(dice, PATTERN_PERIOD, cells=TILE), dice.roll(0, 511), dice.roll(0, 511)
    pattern = _look_up(_patterns(), kind, *pose)
    contrast = (other - colour).astype(np.int16)[:, :, None, None]
    base = colour.astype(np.int16)[:, :, None, None]
    for channel in range(3):
        layer = (contrast[:, channel] * pattern >> 7) + base[:, channel] - picture[:, channel]
        picture[:, channel] += layer * cover >> 7


@cache
def _shapes() -> np.ndarray:
    """How much of each cell the classes and then the clutter cover, of 128; (K, 128, 128)."""
    tables, centres = [], 8 * (np.arange(2 * CELLS) - CELLS) + 4  # of half cells, in 1/16 cell
    for loops in _outlines().values():
        inside = np.zeros((2 * CELLS, 2 * CELLS), bool)
        for corners in loops:
            for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1], strict=True):
                low, high = sorted((y0, y1))
                side = (centres - x0) * (y1 - y0) - (centres[:, None] - y0) * (x1 - x0)
                left = side < 0 if y1 > y0 else side > 0
                inside ^= left & ((centres >= low) & (centres < high))[:, None]
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(inside, 4), (10, 10))[::2, ::2]
        tables.append(windows.sum((2, 3), dtype=np.int64) * 128 // 100)  # edges a pixel wide
    return np.stack(tables).astype(np.int16)


@cache
def _patterns() -> np.ndarray:
    """Plain, striped, checked and two cloudy tiles, 0 to 128; (5, 64, 64)."""
    ramp = np.abs(np.arange(TILE) - TILE // 2) * 2 - TILE // 2  # -32 ... 32
    stripes = np.broadcast_to(ramp, (TILE, TILE))
    tiles = [np.zeros((TILE, TILE), np.int64)]
    tiles += [np.clip(4 * tile + 64, 0, 128) for tile in (stripes, stripes + ramp[:, None])]
    words = np.random.Philox(key=np.array([0, 0], np.uint64)).random_raw
    grain = (words(TILE * TILE) >> np.uint64(63)).astype(np.int64).reshape(TILE, TILE)
    for size in (5, 11):
        shifts = [(i, j) for i in range(size) for j in range(size)]
        excess = 2 * sum(np.roll(grain, shift, (0, 1)) for shift in shifts) - size**2
        tiles.append(np.clip(64 + 32 * excess // size, 0, 128))
    return np.stack(tiles).astype(np.int16)


def _outlines() -> dict[str, list[Loop]]:
    """Closed outlines in 1/16 cell, y downwards, all of one area; a second one is a hole."""
    star = zip(_arc(5), _arc(5, 0.42, 0.1, 1.1), strict=True)  # tips and dents
    bite = [(x, y - 0.62) for x, y in _arc(36, 0.712, 0.7695, 0.2305)]
    a = 0.36
    shapes = {
        "disc": [_arc(48)],
        "ring": [_arc(48), _arc(48, 0.55)],
        "crescent": [[(x, y - 0.25) for x, y in _arc(36, 1, 0.125, 0.875) + bite]],
        "triangle": [_arc(3)],
        "square": [_arc(4, 1, 0.125, 1.125)],
        "star": [[point for pair in star for point in pair]],
        "cross": [_mirror((a, -1), (a, -a), (1, -a), (1, a), (a, a), (a, 1))],
        "heart": [_mirror((0, -0.4), *HEART, (0, 1.2))],
        "arrow": [_mirror((0, -1.3), (1.1, 0), (0.45, 0), (0.45, 1.2))],
        "bowtie": [_mirror((0, -0.25), (1.3, -1), (1.3, 1), (0, 0.25))],
        "bar": [_mirror((0.8, -3), (0.8, 3))],
        "wedge": [[(-1, -1.2), (1.6, -0.2), (0.3, 1.3), (-1.2, 0.7)]],
        "ell": [[(-1, -1), (-0.2, -1), (-0.2, 0.2), (1, 0.2), (1, 1), (-1, 1)]],
    }
    for loops in shapes.values():
        scale = 16 * RADIUS / math.sqrt((_area(loops[0]) - sum(map(_area, loops[1:]))) / math.pi)
        loops[:] = [[(round(scale * x), round(scale * y)) for x, y in loop] for loop in loops]
    return shapes


def _arc(corners: int, radius: float = 1.0, start: float = 0.0, end: float = 1.0) -> Loop:
    """Points on a circle, clockwise from the top; angles in turns, `end` not included."""
    angles = [2 * math.pi * (start + (end - start) * k / corners) for k in range(corners)]
    return [(radius * math.sin(a), -radius * math.cos(a)) for a in angles]


def _mirror(*right: tuple[float, float]) -> Loop:  # the right half, from top to bottom
    return [*right, *((-x, y) for x, y in reversed(right))]


def _area(loop: Loop) -> float:
    edges = zip(loop, loop[1:] + loop[:1], strict=True)
    return abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in edges)) / 2
