"""The look of every figure: colours, an empty sheet, labels at the ends of lines.

Paper: nowhere; one look for all its figures.
Notebook: notebooks/01_degradation.py. Tests: tests/test_figures.py.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from resnet_lab.errors import InputError
from resnet_lab.files import write_whole
from resnet_lab.records import Record

# one colour a kind of net, the deeper the darker; the same in every figure
COLOURS = {
    "plain": {20: "#d9a05b", 32: "#c98335", 44: "#a9641c", 56: "#7f4508", 110: "#4d2800"},
    "ResNet": {
        20: "#7fb2dd",
        32: "#5596cf",
        44: "#337ab8",
        56: "#155c9c",
        110: "#0b3d6e",
        1202: "#041f3b",
    },
}
CHANGED = "#a3266b"  # a net trained by a changed recipe: "ResNet-110, no warm-up"
QUICK = "reduced scale: thin nets, small images, {steps} updates"


def colour(net: str) -> str:
    """Colour of a net by its name, "plain-20": brown for plain, blue for residual.

    "ResNet-110, no warm-up", a changed recipe, has a colour of its own.
    """
    if "," in net:
        return CHANGED
    kind, depth = net.split("-")[:2]
    known = COLOURS[kind]
    nearest = min(known, key=lambda d: abs(np.log(d / int(depth))))
    return known[nearest]


@dataclass(frozen=True, kw_only=True)
class Room:
    """What stays free around the panels of a sheet and between two of them, for words and numbers.

    Units: inches. The defaults hold two lines of title, and "ResNet-110-B" where a line ends.
    """

    left: float = 0.65
    right: float = 0.98
    bottom: float = 0.48
    top: float = 0.48
    between: float = 1.62


def sheet(
    columns: int = 1, *, width: float = 7.2, height: float = 3.6, room: Room | None = None
) -> tuple[Figure, list[Axes]]:
    """An empty figure with `columns` panels side by side, in the style of the whole project.

    The panels take what the words around them leave. With `room` they stay where they are: for a
    slider's figures, since to measure all words takes as long as to draw them, and a panel that
    moves with its numbers cannot be compared with the one before.

    Units: inches. A Figure without pyplot: widgets may draw from a second thread, where pyplot
    mixes the figures up.
    """
    figure = Figure(figsize=(width, height), layout=None if room else "constrained", dpi=100)
    panels = list(np.atleast_1d(figure.subplots(1, columns)))
    for ax in panels:
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(axis="y", color="0.9")
        ax.set_axisbelow(True)
    if room:
        panel = (width - room.left - room.right - (columns - 1) * room.between) / columns
        figure.subplots_adjust(
            left=room.left / width,
            right=1 - room.right / width,
            bottom=room.bottom / height,
            top=1 - room.top / height,
            wspace=room.between / panel,
        )
    return figure, panels


def describe(records: Sequence[Record]) -> str:
    """What a figure of `records` must say on its face: the images, and whether it is reduced.

    Raises: InputError if they are not of one scale and one image set.
    """
    kinds = {(r.scale, r.run.images.name, r.run.images.size) for r in records}
    if len(kinds) != 1:
        raise InputError("a figure shows runs of one scale on one set of images, and at least one")
    scale, name, size = kinds.pop()
    # more than one number where an experiment is about the length of the training
    steps = " or ".join(f"{n:,}" for n in sorted({r.run.recipe.steps for r in records}))
    images = {"cifar10": "CIFAR-10", "embedded": "embedded data"}[name]
    if scale == "paper":
        return f"{images}, {steps} updates"
    return f"{images}, {QUICK.format(steps=steps)}"


def counted(groups: Iterable[Sequence], of: str = "net", called: str = "n =") -> str:
    """How many runs stand behind a figure: "n = 3 to 5 a net", or "no run"."""
    counts = sorted({len(group) for group in groups})
    if not counts:
        return "no run"
    n = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return f"{called} {n} a {of}"


def spread(values: Sequence[float], gap: float) -> list[float]:
    """`values`, in rising order, moved as little as puts `gap` between neighbours.

    Those that are too close are spread around their mean; none is moved below 0.
    """
    groups: list[list[float]] = []
    for value in values:
        groups.append([value])
        # a group that reaches into the one below it joins that
        while len(groups) > 1 and lowest(groups[-1], gap) < lowest(groups[-2], gap) + gap * len(
            groups[-2]
        ):
            groups[-2:] = [groups[-2] + groups[-1]]
    return [lowest(group, gap) + gap * i for group in groups for i in range(len(group))]


def lowest(group: Sequence[float], gap: float) -> float:
    """Where the first of `group` goes when they stand `gap` apart around their mean."""
    return max(0.0, sum(group) / len(group) - gap * (len(group) - 1) / 2)


def label_ends(
    ax: Axes,
    ends: dict[str, tuple[float, float]],
    names: dict[str, str] | None = None,
    *,
    lines: int = 1,
) -> None:
    """Write each net's name, or its entry in `names`, where its line ends; no two overlap.

    `lines` is the most lines that a name has.
    """
    low, high = ax.get_ylim()
    ordered = sorted(ends.items(), key=lambda item: item[1][1])
    heights = spread([y for _, (_, y) in ordered], 0.062 * lines * (high - min(low, 0)))
    for (net, (x, y)), height in zip(ordered, heights, strict=True):
        ax.annotate(
            (names or {}).get(net, net),
            (x, y),
            xytext=(1.02, height),
            textcoords=("axes fraction", "data"),
            color=colour(net),
            va="center",
            fontsize="small",
            annotation_clip=False,
        )


def save(figure: Figure, path: Path) -> None:
    """Write `figure` as a PNG at `path`, whole or not at all. Raises: InputError."""
    picture = BytesIO()
    figure.savefig(picture, format="png", dpi=150, metadata={"Software": None})
    write_whole(path, picture.getvalue())
