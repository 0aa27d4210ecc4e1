"""A whole slice: what was chosen, its points measured in order, stopped and gone on with.

Paper: beyond it; Li et al. 2018 (arXiv 1712.09913).
Notebook: notebooks/10_why_it_works.py. Tests: tests/test_landscape_slices.py.
"""

import hashlib
import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Literal, get_args

from torch import Tensor, nn

from resnet_lab import data
from resnet_lab.batches import normalise
from resnet_lab.errors import InputError
from resnet_lab.files import write_whole
from resnet_lab.landscape import directions, surface
from resnet_lab.prepared import Prepared, prepare
from resnet_lab.runs import Images

MAGIC = "resnet-lab landscape 1"
SAVE_SECONDS = 1.0
DIGITS = 6  # significant; more of them are rounding of float32

Score = tuple[float, float]  # mean loss, error in percent


@dataclass(frozen=True, kw_only=True)
class Choice:
    """All that is chosen about a slice; the net, its weights and the data set come from a run.

    Raises: InputError for what cannot be measured.
    """

    dimensions: int = 2
    points: int = 25  # along each direction; odd, so that the middle one is the net itself
    radius: float = 1.0  # the largest step along a direction; 1 is the length of the weights
    bn: surface.BN = "running"
    split: Literal["train", "test"] = "train"
    n: int = 500  # images: the first of the split in `data.canonical_order`
    direction_seed: int = 0

    def __post_init__(self) -> None:
        if self.dimensions not in (1, 2):
            raise InputError(f"a slice has 1 or 2 dimensions, got {self.dimensions}")
        if self.points < 3 or self.points % 2 == 0:
            raise InputError(
                f"points must be odd and at least 3, got {self.points}: "
                "the middle one is the net itself"
            )
        if not (math.isfinite(self.radius) and self.radius > 0):
            raise InputError(f"the radius is a step above 0, got {self.radius}")
        if self.bn not in get_args(surface.BN):
            raise InputError(f"bn must be running or recomputed, got {self.bn!r}")
        if self.split not in ("train", "test"):
            raise InputError(f"split must be train or test, got {self.split!r}")
        if self.n < 2:
            raise InputError(f"a slice is measured on at least 2 images, got {self.n}")

    @property
    def steps(self) -> list[float]:
        """Steps along a direction, from -radius over 0 to radius."""
        half = self.points // 2
        return [i * self.radius / half for i in range(-half, half + 1)]

    @property
    def grid(self) -> list[surface.Point]:
        """Every point, y outside and x inside, as the rows of a picture from below: (x, y)."""
        if self.dimensions == 1:
            return [(x,) for x in self.steps]
        return [(x, y) for y, x in product(self.steps, self.steps)]

    def settings(self) -> dict[str, str | int | float]:
        """The same for a finding."""
        return asdict(self) | {"radius": float(self.radius), "normalised": "filter"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """The images on which the loss is measured, as the net takes them.

    Shapes: float32 (n, 3, size, size), int64 (n,).
    """

    images: Tensor
    labels: Tensor


def sample(
    dataset: data.Dataset,
    choice: Choice,
    *,
    size: int,
    held_out: int = 0,
    mean: Tensor | None = None,
    std: Tensor | None = None,
    device: str = "cpu",
) -> Sample:
    """The `choice.n` first images of the split, in an order that no layout changes, as they are.

    `mean` None: the per-pixel mean of the training images, as our runs subtract it.
    Raises: InputError if there are fewer images.
    """
    there = len(dataset.train_labels) - held_out
    if choice.split == "test":
        there = held_out or len(dataset.test_labels)
    if choice.n > there:
        raise InputError(
            f"{choice.n:,} images were asked for; the {choice.split} split of {dataset.label} has "
            f"{there:,}"
        )
    prepared = prepared_once(dataset, size, held_out)
    images, labels = prepared.train_images, prepared.train_labels
    if choice.split == "test":
        order = data.canonical_order(prepared.test_images, prepared.test_labels)
        images, labels = prepared.test_images[order], prepared.test_labels[order]
    mean = prepared.mean if mean is None else mean
    return Sample(
        images=normalise(images[: choice.n], mean, std).to(device),
        labels=labels[: choice.n].to(device),
    )


@lru_cache(maxsize=1)
def prepared_once(dataset: data.Dataset, size: int, held_out: int) -> Prepared:
    """`prepare`, kept for the next net: putting all images in order takes a second or more."""
    return prepare(dataset, Images(name=dataset.name, size=size, held_out=held_out))


@dataclass
class Progress:
    """How far a slice is."""

    scores: list[Score]
    seconds: float = 0.0  # spent on them, in all sessions
    threads: int = 0  # that they were computed with; another number rounds otherwise


class HalfWay:
    """The file of a slice half done; `key` names net, weights, images and choice."""

    def __init__(self, path: Path, key: str) -> None:
        self.path, self.key = path, key

    def load(self, threads: int) -> Progress:
        """What is done; of a slice that is new, nothing, to be computed with `threads`.

        Raises: InputError if the file is damaged or of another slice.
        """
        remedy = "delete it to measure this slice from its start"
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return Progress(scores=[], threads=threads)
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{self.path} cannot be read; {remedy}") from error
        try:
            head = json.loads(text)
            found = head.pop("sha256")
            known = head["is"] == MAGIC
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise InputError(f"{self.path} is cut short or damaged; {remedy}") from error
        if not known or found != digest(head):
            raise InputError(f"{self.path} is cut short or damaged; {remedy}")
        if head["key"] != self.key:
            raise InputError(f"{self.path} is of another slice; {remedy}")
        scores = [(loss, error) for loss, error in head["scores"]]
        return Progress(scores=scores, seconds=head["seconds"], threads=head["threads"])

    def save(self, done: Progress) -> None:
        """Write it whole. Numbers keep all their bits, so that going on changes nothing."""
        head = {"is": MAGIC, "key": self.key} | asdict(done)
        write_whole(self.path, json.dumps(head | {"sha256": digest(head)}))


def digest(fields: dict) -> str:
    """Hash of plain values."""
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def measure(
    net: nn.Module,
    choice: Choice,
    images: Sample,
    done: Progress | None = None,
    *,
    half: HalfWay | None = None,
    tell: Callable[[int], None] = lambda done: None,
    stop: Callable[[], bool] = lambda: False,
) -> Progress:
    """`done` with the scores of all points of `choice`, or fewer if `stop` said yes first.

    With `half` what is done is on disk every second and at the end, also on Ctrl-C. `tell` is
    called with the number of points done before the first and after each.
    """
    done = done or Progress(scores=[])
    grid = choice.grid
    along = directions.directions(net, choice.direction_seed, choice.dimensions)
    began = time.perf_counter() - done.seconds
    saved = time.perf_counter()
    rest = surface.at_points(
        net, along, grid[len(done.scores) :], images.images, images.labels, bn=choice.bn
    )
    tell(len(done.scores))
    try:
        while len(done.scores) < len(grid) and not stop():
            done.scores.append(next(rest))
            done.seconds = time.perf_counter() - began
            tell(len(done.scores))
            if half and time.perf_counter() - saved >= SAVE_SECONDS:
                half.save(done)
                saved = time.perf_counter()
    finally:
        if half and done.scores:
            half.save(done)
    return done


def values(choice: Choice, scores: list[Score]) -> dict[str, list[float | None]]:
    """Steps, mean losses and errors (percent) for a finding, point by point as in `Choice.grid`.

    Rounded to six significant digits; None where the loss is not finite.
    Raises: InputError if a point is missing.
    """
    if len(scores) != len(choice.grid):
        raise InputError(f"{len(scores)} of {len(choice.grid)} points were measured; go on first")
    losses, errors = zip(*scores, strict=True)
    found = {"steps": choice.steps, "loss": losses, "error": errors}
    return {name: [rounded(value) for value in column] for name, column in found.items()}


def rounded(value: float) -> float | None:
    """`value` to six significant digits; None for what JSON does not have."""
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
