"""Crops and scales drawn on an image, and the plateau rule on made-up errors.

Paper: Section 3.4.
Notebook: notebooks/04_imagenet.py. Tests: tests/test_view_figures.py.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from resnet_lab import augmentation, explore_views, style
from resnet_lab.errors import InputError
from resnet_lab.explore_views import Box
from resnet_lab.imagenet_recipe import ImageNetRecipe, drops_so_far, lr_at

INKS = ("#c1272d", "#1f6fb5", "#2e8b3d", "#e08a00", "#7a4fa3", "#5b3a1e")
STRIDE = explore_views.STRIDE
ROOM = style.Room(left=0.05, right=0.05, bottom=0.05, top=0.3, between=0.1)  # titles, no axes


def put(ax: Axes, image: Tensor, extent: tuple[float, float, float, float] | None = None) -> None:
    """An image, pixel (0, 0) at the top left; no axes. Shapes: uint8 (3, H, W)."""
    ax.imshow(image.permute(1, 2, 0).numpy(), extent=extent, interpolation="antialiased")
    ax.set_axis_off()


def frame(
    ax: Axes, box: Box, ink: str, *, scale: float = 1.0, width: float = 1.8, inside: float = 0.5
) -> None:
    """The outline of a crop, dashed if it is mirrored; `scale` divides its pixels.

    It is drawn `inside` pixels within the crop, so that it stays whole at the image's edge.
    """
    corner, side = (box.left / scale, box.top / scale), box.side / scale
    look = dict(fill=False, edgecolor=ink, linewidth=width, linestyle="-")
    if box.mirrored:
        look["linestyle"] = (0, (4, 2))
    side -= 2 * inside + 1
    ax.add_patch(Rectangle((corner[0] + inside, corner[1] + inside), side, side, **look))


def training_views(image: Tensor, recipe: ImageNetRecipe, seeds: Sequence[int]) -> Figure:
    """Where each training view comes from, on the image, and the views with their colours."""
    figure = Figure(figsize=(8.2, 3.5), layout="constrained", dpi=100)
    columns = -(-len(seeds) // 2)
    grid = figure.add_gridspec(2, columns + 2, width_ratios=[1.45, 1.45] + [1] * columns)
    whole = figure.add_subplot(grid[:, :2])
    put(whole, image)
    whole.set_title("where the views lie; dashed: mirrored", fontsize="small")
    for i, seed in enumerate(seeds):
        drawn, ink = explore_views.training_draw(image, recipe, seed), INKS[i % len(INKS)]
        frame(whole, drawn.box, ink, scale=drawn.shape[0] / image.shape[1])
        ax = figure.add_subplot(grid[i // columns, 2 + i % columns])
        put(ax, drawn.coloured())
        frame(ax, Box(name="", top=0, left=0, side=recipe.crop, mirrored=False), ink)
        words = f"side {drawn.short_side}{', mirrored' if drawn.box.mirrored else ''}"
        ax.set_title(words, fontsize="x-small", color=ink)
    return figure


def ten_crops(image: Tensor, side: int = 256, crop: int = explore_views.CROP) -> Figure:
    """The boxes on the resized image and its mirror image, and the ten crops in a strip."""
    resized = augmentation.resize(image, side)
    boxes = explore_views.ten_boxes(*resized.shape[1:], crop)
    figure = Figure(figsize=(8.2, 4.4), layout="constrained", dpi=100)
    above, below = figure.subfigures(2, 1, height_ratios=[1.75, 2])
    half = len(boxes) // 2
    for ax, shown, name in zip(
        above.subplots(1, 2), (resized, resized.flip(-1)), ("image", "mirror image"), strict=True
    ):
        put(ax, shown)
        ax.set_title(f"{name}, {shown.shape[1]}x{shown.shape[2]}", fontsize="small")
        # in the mirror image the crops lie where the first five lie in the image
        for j, (box, ink) in enumerate(zip(boxes[:half], INKS, strict=False)):
            frame(ax, box, ink, inside=0.5 + 2.5 * j)  # where frames meet all are seen
    for i, (ax, box) in enumerate(zip(below.subplots(2, half).flat, boxes, strict=True)):
        put(ax, box.cut(resized))
        frame(ax, Box(name="", top=0, left=0, side=crop, mirrored=False), INKS[i % half])
        ax.set_title(f"{i + 1} {box.name}", fontsize="x-small", color=INKS[i % half])
    return figure


def five_scales(image: Tensor) -> Figure:
    """The image at the five scales, to one scale of pixels, under the grid of the last map.

    A cell is one position of the map of conv5_x; the frame is the first 7x7 window.
    """
    figure, (ax,) = style.sheet(1, width=8.2, height=2.7)
    left, gap, tallest = 0.0, 60, max(explore_views.SIDES)
    for side in explore_views.SIDES:
        found = explore_views.scale_of(tuple(image.shape[1:]), side)
        high, wide = found.image
        put(ax, image, (left, left + wide, high, 0))
        lattice(ax, found.map, left, found.image)
        first = explore_views.window_box(0, 0)
        look = dict(fill=False, edgecolor=INKS[0], linewidth=1.6)
        ax.add_patch(Rectangle((left, 0), first.side, first.side, **look))
        words = f"{high}x{wide}\nmap {found.map[0]}x{found.map[1]}\n{found.count} windows"
        ax.text(left + wide / 2, high + 25, words, ha="center", va="top", fontsize="small")
        left += wide + gap
    ax.set(xlim=(-10, left - gap + 10), ylim=(tallest + 200, -10), aspect="equal")
    return figure


def lattice(ax: Axes, cells: tuple[int, int], left: float, image: tuple[int, int]) -> None:
    """The cells of the last map on the image; the last may reach over the image's edge."""
    rows, columns = cells
    look = dict(color="white", linewidth=0.4, alpha=0.8)
    for row in range(1, rows):
        ax.plot([left, left + image[1]], [row * STRIDE] * 2, **look)
    for column in range(1, columns):
        ax.plot([left + column * STRIDE] * 2, [0, image[0]], **look)


def view(image: Tensor, side: int, number: int) -> Figure:
    """One of the ten crops at one scale, and the window of the map that lies nearest to it.

    Raises: InputError for a number that is none of 1 to 10, or a scale below the crop.
    """
    resized = augmentation.resize(image, side)
    boxes = explore_views.ten_boxes(*resized.shape[1:])
    if not 1 <= number <= len(boxes):
        raise InputError(f"there are crops 1 to {len(boxes)}, not {number}")
    box, found = boxes[number - 1], explore_views.scale_of(tuple(image.shape[1:]), side)
    figure, panels = style.sheet(3, width=8.2, height=3.0, room=ROOM)
    title = {"fontsize": "small", "y": 1}  # with a place no panel is measured to find one
    put(panels[0], resized)
    for one in boxes[:5]:
        frame(panels[0], one, "0.55", width=0.7)
    frame(panels[0], box, INKS[0], width=2.2)
    panels[0].set_title(f"side {side}: {found.image[0]}x{found.image[1]}", **title)
    put(panels[1], box.cut(resized))
    panels[1].set_title(f"crop {number}: {box.name}", **title)
    (rows, columns), (high, wide) = found.map, found.windows
    top, left = (min(round(a / STRIDE), n - 1) for a, n in ((box.top, high), (box.left, wide)))
    panels[2].pcolormesh(np.zeros((rows, columns)), cmap="Blues", edgecolors="0.75", linewidth=0.5)
    size = [min(7, n) for n in found.map]
    look = dict(facecolor=INKS[0], alpha=0.3, edgecolor=INKS[0], linewidth=2)
    panels[2].add_patch(Rectangle((left, top), size[1], size[0], **look))
    panels[2].set(xlim=(-0.2, columns + 0.2), ylim=(rows + 0.2, -0.2), aspect="equal")
    panels[2].set_axis_off()
    words = f"map {rows}x{columns}: {high}x{wide} = {found.count} window{'s' * (found.count > 1)}"
    panels[2].set_title(words, **title)
    return figure


def plateau(errors: Sequence[float], recipe: ImageNetRecipe) -> Figure:
    """Made-up validation errors, and the rate that the plateau rule makes of them.

    Units: errors in percent, one every `recipe.test_every` updates.
    """
    figure, (ax, below) = style.sheet(2, width=8.2, height=2.8)
    steps = recipe.test_every * np.arange(1, len(errors) + 1)
    rates = [lr_at(int(s), errors[: i + 1], recipe) for i, s in enumerate(steps)]
    ax.plot(steps, errors, "o-", color="0.35", markersize=3, linewidth=1)
    below.step(steps, rates, where="post", color=INKS[1], linewidth=1.8)
    before = recipe.lr
    for step, rate in zip(steps, rates, strict=True):
        if rate != before:
            ax.axvline(step, color=INKS[1], linewidth=0.9, linestyle="--")
        before = rate
    for panel in (ax, below):
        panel.set_xlabel("updates (thousands)")
        panel.xaxis.set_major_formatter(in_thousands)
    ax.set_ylabel("validation error (%)")
    ax.set_title("made-up errors, no training", fontsize="small")
    below.set(ylabel="learning rate", yscale="log", ylim=(recipe.lr / 300, recipe.lr * 2))
    below.set_title("what the rule makes of them", fontsize="small")
    return figure


def in_thousands(value: float, _position: int) -> str:
    """Updates as thousands."""
    return f"{value / 1000:g}"


def made_up_errors(recipe: ImageNetRecipe, tests: int = 40) -> list[float]:
    """Errors that fall, flatten, and fall again when the rule lowers the rate: not trained."""
    random = np.random.default_rng(1)
    found: list[float] = []
    drops, since = 0, 0
    for test in range(tests):
        now = drops_so_far(found, recipe)
        drops, since = now, test if now > drops else since
        floor, height, time = ((46.0, 52.0, 2.5), (31.0, 9.0, 1.2), (27.5, 2.5, 1.0))[min(now, 2)]
        above = height * np.exp(-(test - since) / time)
        found.append(round(float(floor + above + random.normal(0, 0.15)), 2))
    return found
