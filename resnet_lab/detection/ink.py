"""How boxes, images and maps are drawn: one look for every picture of the detector.

Paper: Section 4.3.
Notebook: notebooks/07_detection.py, notebooks/08_detection_improvements.py.
Tests: tests/test_detection_ink.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from PIL import Image
from torch import Tensor

# of the palette of Okabe and Ito, which people with any colour vision can tell apart; what a
# colour means is also said by the line or in words
TRUTH, FOUND, WRONG, FAINT = "#FFFFFF", "#F0E442", "#E69F00", "#56B4E9"
BARS, MARK = "#0072B2", "#D55E00"


@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """A picture, and in words what it shows: for a reader who cannot see it, and to quote."""

    words: str
    figure: Figure

    @property
    def png(self) -> bytes:
        """The picture in 256 colours: a third of the bytes, and textures cost many."""
        canvas, small = FigureCanvasAgg(self.figure), BytesIO()
        canvas.draw()
        colours = Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])
        colours.quantize(256, method=Image.Quantize.FASTOCTREE).save(small, format="png")
        return small.getvalue()

    def _ipython_display_(self) -> None:
        from IPython import display

        picture = display.Image(self.png, alt=self.words)  # drawn first: no gap between the two
        display.display(display.Markdown(self.words))
        display.display(picture)


def panels(
    columns: int, *, width: float = 7.2, height: float = 3.0, ratios: Sequence[float] | None = None
) -> tuple[Figure, list[Axes]]:
    """An empty figure with panels side by side. Units: inches; no pyplot, as in `style.sheet`."""
    figure = Figure(figsize=(width, height), layout="constrained", dpi=80)
    made = figure.subplots(1, columns, width_ratios=ratios)
    return figure, list(np.atleast_1d(made))


def name(ax: Axes, title: str) -> None:
    """A small title right above the panel; a fixed place halves the time to lay a figure out."""
    ax.set_title(title, fontsize="small", y=1.0)


def picture(ax: Axes, image: Tensor, title: str = "") -> None:
    """An image in its own pixels. Shapes: uint8 (3, H, W)."""
    height, width = image.shape[1:]
    shown = image.permute(1, 2, 0).numpy()
    ax.imshow(shown, extent=(0, width, height, 0), interpolation="nearest")
    ax.set(xlim=(0, width), ylim=(height, 0), xticks=[], yticks=[])
    ax.set_axis_off()
    name(ax, title)


def box(
    ax: Axes,
    corners: Tensor | Sequence[float],
    ink: str,
    *,
    words: str = "",
    width: float = 1.6,
    dashed: bool = False,
    alpha: float = 1.0,
) -> None:
    """The outline of a box, dark-rimmed so that it is seen on any ground; words at its corner."""
    x0, y0, x1, y1 = (float(value) for value in corners)
    rim = [withStroke(linewidth=width + 1.4, foreground="#00000099")] if alpha > 0.5 else None
    look = dict(fill=False, edgecolor=ink, linewidth=width, alpha=alpha, path_effects=rim)
    style = (0, (3, 2)) if dashed else "-"
    ax.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, linestyle=style, **look))
    if words:
        limit, right = ax.get_ylim()[0], ax.get_xlim()[1]
        below, late = y0 < 0.08 * limit, x0 > 0.7 * right  # words must stay inside the image
        ax.text(
            min(x1, right - 0.5) if late else max(x0, 0.5),
            min(y1 + 1, limit - 1) if below else y0 - 1,
            words,
            color=ink,
            fontsize=8.5,
            va="top" if below else "bottom",
            ha="right" if late else "left",
            path_effects=[withStroke(linewidth=2.2, foreground="black")],
            clip_on=True,
        )


def heat(ax: Axes, values: Tensor, title: str = "", *, limits: tuple[float, float] | None = None):
    """A small map as squares from dark to light, which also reads in grey. Shapes: (H, W)."""
    low, high = limits or (float(values.min()), float(values.max()))
    height, width = values.shape
    shown = ax.imshow(
        values.numpy(),
        cmap="cividis",
        vmin=low,
        vmax=high,
        extent=(0, width, height, 0),
        interpolation="nearest",
    )
    ax.set(xticks=[], yticks=[])
    name(ax, title)
    return shown


def bars(
    ax: Axes, names: Sequence[str], values: Tensor, *, marked: int | None = None, title: str = ""
) -> None:
    """Probabilities as lying bars, each with its number; `marked` has another colour and a star.

    Shapes: (K,).
    """
    inks = [MARK if i == marked else BARS for i in range(len(names))]
    labels = [f"{name} *" if i == marked else name for i, name in enumerate(names)]
    ax.barh(range(len(names)), values.tolist(), color=inks, height=0.7)
    ax.set(xlim=(0, 1.18), xticks=(0, 0.5, 1))
    ax.set_yticks(range(len(names)), labels)
    ax.invert_yaxis()
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize="x-small")
    for i, value in enumerate(values.tolist()):
        number = ax.text(value + 0.02, i, f"{value:.2f}", va="center", fontsize="x-small")
        number.set_in_layout(False)  # inside the panel, whose limits leave room for it
    name(ax, title)
