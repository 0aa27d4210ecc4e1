"""One picture, drawn by code, on which crops and scales can be told apart: left is not right.

Paper: Section 3.4 (what happens to an image before a net sees it).
Notebook: notebooks/04_imagenet.py. Tests: tests/test_drawn_scene.py.
"""

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

SIZE = (500, 375)  # pixels; width and height that are common in ImageNet
FINER = 3  # times as many pixels while drawing, so that edges are smooth


def scene(width: int = SIZE[0], height: int = SIZE[1]) -> Tensor:
    """A sailing boat, an island with a lighthouse, and a sun.

    Shapes: -> uint8 (3, height, width).
    """
    canvas = Image.new("RGB", (width * FINER, height * FINER))
    pen, unit = ImageDraw.Draw(canvas), (width * FINER / 100, height * FINER / 75)

    def at(*points: tuple[float, float]) -> list[tuple[float, float]]:
        """Points of a grid of 100 x 75, in pixels."""
        return [(x * unit[0], y * unit[1]) for x, y in points]

    background(canvas)
    pen.ellipse(at((80, 5), (92, 17)), fill=(255, 226, 120))
    island(pen, at)
    boat(pen, at)
    pixels = np.asarray(canvas.resize((width, height), Image.Resampling.BOX))
    return torch.from_numpy(pixels.transpose(2, 0, 1).copy())


def background(canvas: Image.Image) -> None:
    """Sky above sea, each from light to dark."""
    height, width = canvas.height, canvas.width
    horizon = int(0.55 * height)
    sky = np.linspace((96, 160, 225), (225, 235, 245), horizon)
    sea = np.linspace((60, 140, 170), (20, 60, 105), height - horizon)
    rows = np.concatenate([sky, sea]).astype(np.uint8)
    canvas.paste(Image.fromarray(np.repeat(rows[:, None], width, axis=1)))


def island(pen: ImageDraw.ImageDraw, at) -> None:
    """Low and far away on the left, with a striped lighthouse."""
    pen.polygon(at((0, 41), (0, 37), (8, 34), (19, 36), (28, 41)), fill=(86, 120, 70))
    for i, shade in enumerate(((245, 245, 240), (200, 60, 50)) * 2):
        top, x = 34 - 4 * (i + 1), 0.25 * i
        pen.rectangle(at((8.5 + x, top), (12.5 - x, top + 4)), fill=shade)
    pen.polygon(at((9, 18), (10.5, 15.5), (12, 18)), fill=(70, 70, 80))


def boat(pen: ImageDraw.ImageDraw, at) -> None:
    """Right of the middle: hull, mast, a sail of stripes and a small sail before it."""
    pen.polygon(at((38, 55), (78, 55), (71, 64), (45, 64)), fill=(165, 45, 45))
    pen.polygon(at((38, 55), (78, 55), (77, 57), (39.5, 57)), fill=(240, 235, 225))
    pen.rectangle(at((56.4, 11), (57.4, 55)), fill=(95, 65, 40))
    pen.polygon(at((58.3, 13), (58.3, 52), (76, 52)), fill=(250, 246, 235))
    pen.polygon(at((58.3, 30), (58.3, 39), (70.1, 39), (66, 30)), fill=(230, 140, 40))
    pen.polygon(at((55.5, 17), (55.5, 52), (40, 52)), fill=(235, 238, 242))
    for x, y in ((14, 52), (24, 66), (84, 49), (88, 68), (48, 70), (4, 60)):
        pen.rectangle(at((x, y), (x + 7, y + 0.5)), fill=(150, 195, 215))
