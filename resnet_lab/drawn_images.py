"""A small ImageNet look-alike that is drawn on the spot, odd and broken files included.

Paper: nowhere; it lets the protocols of Section 3.4 run from end to end without ImageNet.
Notebook: notebooks/04_imagenet.py. Tests: tests/test_imagenet_folder.py.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from resnet_lab.errors import InputError

COLOURS = ((220, 60, 50), (60, 120, 220), (70, 180, 80), (230, 190, 40), (150, 80, 190))
KINDS = ("ellipse", "rectangle", "triangle")


def draw(
    root: Path, *, classes: int = 4, train: int = 40, val: int = 10, oddities: bool = True
) -> Path:
    """Write root/train and root/val with `train` and `val` JPEG files a class; `root`.

    Sides are random, between 40 and 160 pixels. With `oddities` the first class also holds a grey
    and a CMYK image, a PNG named .JPEG, an image of 3x200 pixels, a JPEG cut short, an empty one
    and a text file: two files are broken in each split.

    Raises: InputError if `root` is there already, or there are more classes than can be drawn.
    """
    most = len(COLOURS) * len(KINDS)
    if not 1 <= classes <= most:
        raise InputError(f"between 1 and {most} classes can be drawn, not {classes}")
    if root.exists():
        raise InputError(f"{root} is there already; name a new folder")
    random = np.random.default_rng(0)
    for split, count in (("train", train), ("val", val)):
        for label in range(classes):
            folder = root / split / f"class_{label:02d}"
            folder.mkdir(parents=True)
            for i in range(count):
                image(label, random).save(folder / f"{split}_{i:04d}.JPEG", quality=90)
        if oddities:
            add_oddities(root / split / "class_00", random)
    return root


def image(label: int, random: np.random.Generator) -> Image.Image:
    """A shape whose kind and colour are the class's, on a noisy ground of random size."""
    width, height = (int(side) for side in random.integers(40, 161, size=2))
    ground = random.integers(90, 166, size=(height, width, 3), dtype=np.uint8)
    canvas = Image.fromarray(ground)
    size = int(min(width, height) * random.uniform(0.5, 0.9))
    x, y = (int(random.integers(0, side - size + 1)) for side in (width, height))
    colour = COLOURS[label % len(COLOURS)]
    pen = ImageDraw.Draw(canvas)
    match KINDS[label % len(KINDS)]:
        case "ellipse":
            pen.ellipse((x, y, x + size, y + size), fill=colour)
        case "rectangle":
            pen.rectangle((x, y, x + size, y + size), fill=colour)
        case "triangle":
            pen.polygon([(x, y + size), (x + size, y + size), (x + size // 2, y)], fill=colour)
    return canvas


def add_oddities(folder: Path, random: np.random.Generator) -> None:
    """What is met in real folders: five odd images that can be read, two that cannot, a text."""
    image(0, random).convert("L").save(folder / "odd_grey.JPEG")
    image(0, random).convert("CMYK").save(folder / "odd_cmyk.JPEG")
    image(0, random).save(folder / "odd_png_inside.JPEG", format="PNG")
    image(0, random).resize((3, 200)).save(folder / "odd_thin.JPEG")
    image(0, random).convert("RGBA").save(folder / "odd_alpha.png")
    image(0, random).save(folder / "whole.JPEG")
    content = (folder / "whole.JPEG").read_bytes()
    (folder / "whole.JPEG").unlink()
    (folder / "broken_cut.JPEG").write_bytes(content[: len(content) // 2])
    (folder / "broken_empty.JPEG").write_bytes(b"")
    (folder / "notes.txt").write_text("not an image\n", encoding="utf-8")
