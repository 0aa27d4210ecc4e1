"""Draws one scene: ground, clutter, then objects that hide one another; and says what is seen.

The bytes are the same on every machine: integers, raw Philox words and tables throughout.

Paper: nowhere; the scenes stand in for VOC and COCO where those are absent.
Notebook: notebooks/07_detection.py. Tests: tests/test_detection_scenes.py.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from resnet_lab.detection import shapes
from resnet_lab.embedded import SINE, TURN

# Lengths are in 1/16 pixel of a scene of 96 pixels; wider scenes have larger things.
OBJECTS = (1, 6)
OCTAVES = (7, 7, 7, 14, 14, 14, 14, 28, 28)  # diameters in pixels: from one up to its double
CROP_RADIUS = (104, 176)
OBJECT_TURN = 96  # of 1024, at most, from upright: 34 degrees
STRETCH = 56  # of 256: how much wider or narrower than tall
OVERLAP = (1, 2)  # at most this part of the smaller of two boxes lies in the other
CLUTTER_PIECES = (3, 7)
CLUTTER_RADIUS = (40, 160)
PERIOD = (72, 150)
GROUND = (((30, 80), (80, 140), (20, 70)), ((30, 80), (70, 130), (110, 180)))  # green; blue
GROUND_SPREAD = 28
CONTRAST = (36, 110)
NOISE = (2, 7)  # of 64; 6 is a standard deviation of 10 grey levels
TRIES = 12  # places tried for an object; then it is left out


@dataclass(frozen=True)
class Seen:
    """An object as it shows in the picture: its visible box, half-open pixels."""

    label: int  # counted from 0
    box: tuple[int, int, int, int]  # x0, y0, x1, y1
    difficult: bool


class Dice:
    """Random integers of one image, from raw words and integer arithmetic only."""

    def __init__(self, stream: int, number: int) -> None:
        self.raw = np.random.Philox(key=np.array([stream, number], np.uint64)).random_raw
        self.words = iter(self.raw(1024).tolist())

    def roll(self, low: int, high: int) -> int:
        """An integer from low to high inclusive, equally likely."""
        return ((next(self.words) >> 40) * (high - low + 1) >> 24) + low

    def pose(self, most: int) -> tuple[int, int]:
        """A turn of up to `most` either way, and a stretch."""
        return self.roll(-most, most), self.roll(256 - STRETCH, 256 + STRETCH)

    def colour(self, low: int, high: int) -> np.ndarray:
        """int16 (3, 1, 1)."""
        three = [self.roll(low, high) for _ in range(3)]
        return np.array(three, np.int16).reshape(3, 1, 1)

    def bump(self, *shape: int) -> np.ndarray:
        """Integers within +-255, standard deviation 104, sums of two bytes; int16 `shape`."""
        count = int(np.prod(shape))
        words, low = self.raw(-(-count // 4)), np.uint64(0x00FF00FF00FF00FF)
        sums = (words & low) + (words >> np.uint64(8) & low)  # four in each word
        return sums.astype("<u8").view("<i2")[:count].reshape(shape) - np.int16(255)


class Canvas:
    """A square picture and, for each pixel, which object it shows."""

    def __init__(self, side: int, unit: int, dice: Dice) -> None:
        self.side, self.unit, self.dice = side, unit, dice  # unit: 1/256 of the usual lengths
        self.picture = np.zeros((3, side, side), np.int16)
        self.owner = np.full((side, side), -1, np.int8)

    def length(self, low: int, high: int) -> int:
        """A random length in 1/16 pixel, scaled to this canvas."""
        return max(1, self.dice.roll(low, high) * self.unit >> 8)

    def ground(self, scene: int) -> None:
        """Slowly changing colour with grain (scene 0, a field) or waves (scene 1, water)."""
        dice, side = self.dice, self.side
        base = np.array([dice.roll(*span) for span in GROUND[scene]])
        steps = np.array([dice.roll(-GROUND_SPREAD, GROUND_SPREAD) for _ in range(48)])
        grid = (base[:, None, None] + steps.reshape(3, 4, 4)).astype(np.float64)
        weights = between(side, 4)
        self.picture[:] = weights @ grid @ weights.T // 65536  # exact: all are small integers
        turn = dice.roll(0, TURN - 1) if scene == 0 else dice.roll(TURN // 4 - 60, TURN // 4 + 60)
        period = self.length(*((250, 400) if scene == 0 else (110, 200)))
        kind = shapes.GRAIN if scene == 0 else shapes.STRIPES
        tile = self.pattern(kind, period, turn, slice(0, side), slice(0, side))
        self.picture += (tile - 64) * np.int16(dice.roll(24, 60)) >> 7

    def pattern(self, kind: int, period: int, turn: int, rows: slice, columns: slice):
        """A repeating tile in a window, 0 to 128; int16 (h, w)."""
        scale = shapes.TILE * 4096 // period
        c, s = int(SINE[(turn + TURN // 4) % TURN]) * scale >> 14, int(SINE[turn]) * scale >> 14
        x, y = (
            np.arange(one.start, one.stop, dtype=np.int32) * 16 + self.dice.roll(0, 1023)
            for one in (columns, rows)
        )
        y = y[:, None]
        u, v = (x * c + y * s) >> 12, (y * c - x * s) >> 12
        index = ((v & shapes.TILE - 1) * shapes.TILE) + (u & shapes.TILE - 1)
        return shapes.patterns()[kind].reshape(-1).take(index)

    def paint(self, shape: int, x: int, y: int, radius: int, turn: int, stretch: int, owner: int):
        """Lay one patterned shape on the picture; (x, y) and radius in 1/16 pixel.

        A pixel is looked up at four places; with two of them or more it belongs to `owner`.
        """
        reach = (radius * shapes.reaches()[shape] >> 8) * (256 + STRETCH + 16) // 256 + 16
        rows, columns = (
            slice(max(0, (middle - reach) // 16), min(self.side, (middle + reach) // 16 + 1))
            for middle in (y, x)
        )
        if rows.start >= rows.stop or columns.start >= columns.stop:
            return
        across, down = (
            np.arange(2 * s.start, 2 * s.stop, dtype=np.int32) * 8 + 4 - middle
            for s, middle in ((columns, x), (rows, y))
        )
        scale = shapes.RADIUS * 4096 // radius
        wide, tall = scale * stretch >> 8, (scale << 8) // stretch
        c, s = int(SINE[(turn + TURN // 4) % TURN]), int(SINE[turn % TURN])
        half = shapes.CELLS // 2
        u = (across * (wide * c >> 14) + (down * (wide * s >> 14))[:, None]) >> 12
        v = (across * -(tall * s >> 14) + (down * (tall * c >> 14))[:, None]) >> 12
        np.clip(u, -half, half - 1, out=u)  # the border of a table is empty
        np.clip(v, -half, half - 1, out=v)
        v += half
        v *= shapes.CELLS
        v += u + half
        hits = shapes.covers()[shape].reshape(-1).take(v).view(np.int8)
        cover = hits[::2, ::2] + hits[1::2, ::2] + hits[::2, 1::2] + hits[1::2, 1::2]
        self.lay(cover, rows, columns, radius)
        self.owner[rows, columns][cover >= 2] = owner

    def lay(self, cover: np.ndarray, rows: slice, columns: slice, radius: int) -> None:
        """Mix a random pattern of two colours into a window, by `cover` of 4."""
        dice = self.dice
        kind = (shapes.PLAIN, shapes.STRIPES, shapes.CHECKS, shapes.RAMP)[dice.roll(0, 3)]
        period = 4 * radius if kind == shapes.RAMP else self.length(*PERIOD)
        pattern = self.pattern(kind, period, dice.roll(0, TURN - 1), rows, columns)
        colour = dice.colour(0, 255)
        away = np.where(colour > 127, -1, 1) * np.int16(dice.roll(*CONTRAST))
        window = self.picture[:, rows, columns]
        layer = (pattern * away.astype(np.int16) >> 7) + colour - window
        layer *= cover
        window += layer >> 2


@cache
def between(side: int, knots: int) -> np.ndarray:
    """Weights, of 256, that make `side` values from `knots` by straight lines; (side, knots)."""
    weights = np.zeros((side, knots))
    for i in range(side):
        left, part = divmod((2 * i + 1) * 128 * (knots - 1) // side, 256)
        weights[i, left], weights[i, left + 1] = 256 - part, part
    return weights


def scene(side: int, prior: int, stream: int, number: int) -> tuple[np.ndarray, list[Seen]]:
    """A picture and what is seen in it; `prior` : 1 is how much likelier a scene's own shapes are.

    Shapes: -> uint8 (3, side, side).
    """
    dice = Dice(stream, number)
    canvas = Canvas(side, side * 256 // 96, dice)
    where = dice.roll(0, 1)
    canvas.ground(where)
    for _ in range(dice.roll(*CLUTTER_PIECES)):
        clutter(canvas, *(dice.roll(0, 16 * side) for _ in range(2)))
    placed: list[tuple[int, int, int, int]] = []  # label, x, y, radius
    for _ in range(dice.roll(*OBJECTS)):
        own = dice.roll(0, prior) > 0
        label = (where if own else 1 - where) * len(shapes.FIELD) + dice.roll(0, 3)
        octave = 16 * OCTAVES[dice.roll(0, len(OCTAVES) - 1)]
        radius = canvas.length(octave // 2, octave)
        for _ in range(TRIES):
            x, y = (dice.roll(radius // 2, 16 * side - radius // 2) for _ in range(2))
            if all(apart((x, y, radius), other[1:]) for other in placed):
                placed.append((label, x, y, radius))
                break
    for k, (label, x, y, radius) in enumerate(placed):
        turn, stretch = (
            dice.roll(-OBJECT_TURN, OBJECT_TURN),
            dice.roll(256 - STRETCH, 256 + STRETCH),
        )
        canvas.paint(label, x, y, radius, turn, stretch, k)
    return finished(canvas), [s for k, p in enumerate(placed) if (s := seen(canvas, k, p))]


def crop(side: int, label: int, stream: int, number: int) -> np.ndarray:
    """One centred object on a ground like a scene's, with clutter scaled by the area.

    Shapes: -> uint8 (3, side, side); `side` is a third of the scene's.
    """
    dice = Dice(stream, number)
    canvas = Canvas(side, side * 256 // 32, dice)
    canvas.ground(dice.roll(0, 1))
    if dice.roll(0, 1):
        clutter(canvas, *(dice.roll(0, 16 * side) for _ in range(2)))
    radius = canvas.length(*CROP_RADIUS)
    x, y = (8 * side + canvas.length(16, 80) - canvas.length(16, 80) for _ in range(2))
    canvas.paint(label, x, y, radius, *dice.pose(OBJECT_TURN), 0)
    return finished(canvas)


def clutter(canvas: Canvas, x: int, y: int) -> None:
    """A line or a lump of no class."""
    shape = len(shapes.CLASSES) + canvas.dice.roll(0, len(shapes.CLUTTER) - 1)
    pose = canvas.dice.pose(TURN // 2)
    canvas.paint(shape, x, y, canvas.length(*CLUTTER_RADIUS), *pose, -1)


def apart(a: tuple[int, int, int], b: tuple[int, int, int]) -> bool:
    """Whether the squares around two discs overlap by no more than OVERLAP of the smaller."""
    sides = [min(a[k] + a[2], b[k] + b[2]) - max(a[k] - a[2], b[k] - b[2]) for k in (0, 1)]
    most, of = OVERLAP
    return min(sides) <= 0 or of * sides[0] * sides[1] <= most * 4 * min(a[2], b[2]) ** 2


def seen(canvas: Canvas, k: int, placed: tuple[int, int, int, int]) -> Seen | None:
    """The visible extent of object `k`; None if nothing of it is left.

    Difficult: under 40 % of its area shows, or neither side of its box has 10 pixels of 96.
    """
    mask = canvas.owner == k
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return None
    box = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
    label, radius = placed[0], placed[3]
    whole = radius * radius * 201 >> 14  # pi r^2 in pixels
    small = max(box[2] - box[0], box[3] - box[1]) * 256 < 10 * canvas.unit
    return Seen(label, box, bool(small or 10 * int(mask.sum()) < 4 * whole))


def finished(canvas: Canvas) -> np.ndarray:
    """The picture with noise, as bytes."""
    noise = canvas.dice.bump(*canvas.picture.shape) * np.int16(canvas.dice.roll(*NOISE)) >> 6
    return np.clip(canvas.picture + noise, 0, 255).astype(np.uint8)
