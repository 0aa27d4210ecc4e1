"""Tables 2 to 5 as the paper prints them, with ours where somebody has run it; two recipes.

Paper: Tables 2 to 5; Sections 3.4 and 4.2 (the recipes).
Notebook: notebooks/04_imagenet.py. Tests: tests/test_imagenet_tables.py.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from resnet_lab import paper
from resnet_lab.errors import InputError
from resnet_lab.imagenet_recipe import ImageNetRecipe
from resnet_lab.imagenet_rows import VALIDATION

CLASSES = 1000
NOT_RUN = "not run"
PROTOCOLS = {2: "10-crop", 3: "10-crop", 4: "multi-scale", 5: ""}  # Table 5: any, by several nets
NAMES = {
    "vgg16": "VGG-16",
    "googlenet": "GoogLeNet",
    "prelu_net": "PReLU-net",
    "vgg_ilsvrc14": "VGG (ILSVRC'14)",
    "googlenet_ilsvrc14": "GoogLeNet (ILSVRC'14)",
    "vgg_v5": "VGG (v5)",
    "bn_inception": "BN-inception",
    "resnet_ilsvrc15": "ResNet (ILSVRC'15)",
}


@dataclass(frozen=True, kw_only=True)
class Result:
    """What `resnet-lab evaluate imagenet` wrote. Errors are percent."""

    net: str
    weights: tuple[str, ...]
    protocol: str
    top1: float
    top5: float
    images: int  # that were scored, without broken ones
    whole: bool  # all of ImageNet's validation set, broken files counted
    printed: tuple[float | None, float | None]  # the paper's row that it names
    differs: tuple[str, ...]


def results(*folders: Path) -> list[Result]:
    """Every result under `folders`, where `--out`, or `--out`/records, is one of them.

    Raises: InputError for a file that is no result.
    """
    found = {}
    for folder in folders:
        for place in (folder, folder.parent):
            for path in sorted((place / "imagenet" / "evaluations").glob("*.json")):
                found[path.resolve()] = read(path)
    return list(found.values())


def read(path: Path) -> Result:
    """The result at `path`. Raises: InputError if it is none."""
    try:
        fields = json.loads(path.read_bytes())
        images, broken = fields["images"], len(fields["broken_files"])
        return Result(
            net=fields["net"],
            weights=tuple(fields["weights"]),
            protocol=fields["protocol"]["name"],
            top1=float(fields["top1"]),
            top5=float(fields["top5"]),
            images=images,
            whole=images + broken == VALIDATION and fields["classes"] == CLASSES,
            printed=(fields["paper"]["top1"], fields["paper"]["top5"]),
            differs=tuple(fields["differs"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is no result of an evaluation ({error!r})") from error


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of the paper. Errors are percent; None where it prints a dash, or no such column."""

    name: str
    top1: float | None
    top5: float | None
    ours: bool  # a net of this paper, which could be run here


def rows(table: int) -> list[Row]:
    """The rows of Table 2, 3, 4 or 5, in its order."""
    group, found = f"tables.table{table}.", []
    inside = [path.removeprefix(group) for path in paper.paths() if path.startswith(group)]
    names = [path.split(".")[0] for path in inside]
    for name in dict.fromkeys(names):
        if name in ("protocol", "ensemble_make_up"):
            continue
        single = {2: "top1", 5: "top5"}.get(table)
        errors = {"top1": None, "top5": None}
        for error in errors:
            path = group + name if single == error else f"{group}{name}.{error}"
            if path in paper.paths():
                value = paper.leaf(path).value
                errors[error] = value if isinstance(value, float) else None
        ours = name.startswith(("plain_", "resnet_"))
        found.append(Row(name=title(name), ours=ours, **errors))
    return found


def title(name: str) -> str:
    """The paper's name of a row: "resnet_34_A" is "ResNet-34 A"."""
    if name in NAMES:
        return NAMES[name]
    kind, depth, *option = name.split("_")
    return " ".join([f"{'ResNet' if kind == 'resnet' else kind}-{depth}", *option])


def of_row(table: int, row: Row, found: Sequence[Result]) -> list[Result]:
    """The results on all of ImageNet's validation set that belong into `row`.

    A drawn look-alike, or a part of the images, never does.
    """
    if table == 5:
        return [r for r in found if row.ours and r.whole and len(r.weights) > 1]
    key = (row.top1, row.top5)
    return [
        r
        for r in found
        if row.ours
        and r.whole
        and len(r.weights) == 1
        and r.protocol == PROTOCOLS[table]
        # a net of Table 2 may name its row of Table 3, which prints the same top-1 error
        and (r.printed == key or (table == 2 and r.printed[0] == row.top1))
    ]


def markdown(table: int, found: Sequence[Result] = ()) -> str:
    """Table 2, 3, 4 or 5 as the paper prints it, ours beside it.

    Units: percent.
    """
    shown = {2: ("top1",), 5: ("top5",)}.get(table, ("top1", "top5"))
    words = [word.replace("top", "top-") for word in shown]
    heads = [*(f"paper: {w}" for w in words), *(f"ours: {w}" for w in words), "weights, differs"]
    lines = [f"| Table {table} | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for row in rows(table):
        own = [number(getattr(row, name)) for name in shown]
        met = of_row(table, row, found)
        empty = NOT_RUN if row.ours else "–"
        for one in met:
            values = [number(getattr(one, name)) for name in shown]
            other = ["on the validation set, not the test set"] if table == 5 else []
            notes = "; ".join([", ".join(one.weights), *other, *one.differs])
            lines.append(f"| {row.name} | {' | '.join(own + values)} | {notes} |")
        if not met:
            lines.append(f"| {row.name} | {' | '.join(own + [empty] * len(shown))} | |")
    return "\n".join(lines)


def number(value: float | None) -> str:
    """Two digits, or a dash."""
    return "–" if value is None else f"{value:.2f}"


# what differs between Sections 3.4 and 4.2: a word for it, the fact for ImageNet, that for CIFAR-10
RECIPES = (
    ("images", "dataset", "dataset"),
    ("batch", "batch_size", "batch_size"),
    ("updates", "max_iterations", "iterations"),
    ("rate at the start", "lr_start", "lr_start"),
    ("the rate drops", "lr_schedule", "lr_drops"),
    ("weight decay", "weight_decay", "weight_decay"),
    ("momentum", "momentum", "momentum"),
    ("scale", "scale_augmentation", None),
    ("crop and flip", "crop", "augmentation"),
    ("colour", "colour", None),
    ("warm-up", "warm_up", "warm_up_110"),
    ("test", "test_comparison", "test"),
)


def recipes() -> str:
    """The recipe of Section 3.4 beside that of Section 4.2, as Markdown; equal rows say so."""
    lines = ["| | ImageNet, Section 3.4 | CIFAR-10, Section 4.2 |", "|---|---|---|"]
    for word, *names in RECIPES:
        cells = [
            fact(f"recipes.{data}.{name}") if name else "–"
            for data, name in zip(("imagenet", "cifar10"), names, strict=True)
        ]
        if cells[0] == cells[1]:
            cells[1] = "the same"
        lines.append(f"| {word} | {cells[0]} | {cells[1]} |")
    return "\n".join(lines)


def fact(path: str) -> str:
    """What the paper says at `path`, for a cell of a table."""
    leaf = paper.leaf(path)
    if leaf.status == paper.NOT_PRINTED:
        return "not in the paper"
    if isinstance(leaf.value, list):
        return f"{' and '.join(f'{n:,}' for n in leaf.value)} ({leaf.unit})"
    return f"{leaf.value:,}" if isinstance(leaf.value, int) else str(leaf.value)


def rule(recipe: ImageNetRecipe) -> str:
    """Our reading of "when the error plateaus", in words."""
    return (
        f"a test every {recipe.test_every:,} updates; {recipe.patience} in a row without a gain of "
        f"{recipe.min_gain} points: the rate is divided by 10, at most {recipe.drops} times"
    )
