"""What averaging the nets of several seeds buys, measured on the test images.

Paper: Table 5 and Section 4.1 (an ensemble of six models); here with CIFAR nets.
Notebook: notebooks/04_imagenet.py. Tests: tests/test_ensembles.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from statistics import mean, stdev

import torch
from matplotlib.axes import Axes
from torch import Tensor, nn

from resnet_lab import arms, data, evaluation, train, trained
from resnet_lab.errors import InputError
from resnet_lab.records import Record
from resnet_lab.resnet import ResNet
from resnet_lab.style import COLOURS


@dataclass(frozen=True, kw_only=True, eq=False)
class Member:
    """A recorded run whose weights are there, and what its net says of every test image."""

    record: Record
    scores: Tensor  # float32 (N, classes), probabilities
    error: float  # percent, measured from the scores


def with_weights(
    recorded: Sequence[Record], images: str, folders: Sequence[Path], *, net: str = "ResNet-20"
) -> list[tuple[Record, Path]]:
    """The quick runs of `net` on `images` whose very weights lie in one of `folders`, by seed."""
    chosen = arms.select(recorded, label=net, scale="quick", images=images)
    return trained.with_weights(chosen, folders)


def members(
    pairs: Sequence[tuple[Record, Path]], dataset: data.Dataset, *, most: int | None = None
) -> list[Member]:
    """What each net says of the test images, or of the first `most` of them."""
    labels, found = dataset.test_labels[:most], []
    subtract: dict[int, Tensor] = {}
    for record, path in pairs:
        size = record.run.images.size
        if size not in subtract:
            subtract[size] = data.per_pixel_mean(data.shrink(dataset.train_images, size))
        images = data.shrink(dataset.test_images[:most], size)
        scores = probabilities(evaluation.load_net(path, record.run.net), images, subtract[size])
        found.append(Member(record=record, scores=scores, error=wrong(scores, labels)))
    return found


@torch.no_grad()
def probabilities(net: ResNet, images: Tensor, subtract: Tensor, batch: int = 500) -> Tensor:
    """The softmax of every image, from a single view.

    Shapes: uint8 (N, 3, H, W), (3, H, W) -> float32 (N, classes).
    """
    with train.true_float32():
        return torch.cat(
            [net(part.float() / 255 - subtract).softmax(1) for part in images.split(batch)]
        )


def wrong(scores: Tensor, labels: Tensor) -> float:
    """Error in percent. Shapes: (N, classes), (N,)."""
    return 100 * (scores.argmax(1) != labels).double().mean().item()


def of_scores(chosen: Sequence[Member], labels: Tensor) -> float:
    """Error of the mean of the members' probabilities, in percent."""
    return wrong(torch.stack([one.scores for one in chosen]).mean(0), labels)


def of_votes(chosen: Sequence[Member], labels: Tensor) -> float:
    """Error of the label that most members name; of several, the one with the smallest number."""
    classes = chosen[0].scores.shape[1]
    ballots = torch.stack([one.scores.argmax(1) for one in chosen])
    return wrong(nn.functional.one_hot(ballots, classes).sum(0), labels)


def by_size(found: Sequence[Member], labels: Tensor) -> dict[int, list[float]]:
    """Number of members -> error of every ensemble of so many of them, in percent."""
    return {
        n: [of_scores(chosen, labels) for chosen in combinations(found, n)]
        for n in range(1, len(found) + 1)
    }


def table(found: Sequence[Member], labels: Tensor) -> str:
    """Each net and all of them together, as Markdown. Raises: InputError for fewer than two."""
    if len(found) < 2:
        raise InputError("an ensemble needs the weights of two runs or more of one net")
    name, alone = found[0].record.net, [one.error for one in found]
    together, votes = of_scores(found, labels), of_votes(found, labels)
    rows = ["| nets | test error, % | its record says, % |", "|---|---|---|"]
    for one in found:
        seed = one.record.run.recipe.seed
        rows.append(
            f"| {name}, seed {seed} | {one.error:.2f} | {one.record.final.test_error:.2f} |"
        )
    rows.append(
        f"| one net: mean ± deviation over seeds | {mean(alone):.2f} ± {stdev(alone):.2f} | |"
    )
    rows.append(f"| all {len(found)}, labels voted | {votes:.2f} | |")
    rows.append(f"| **all {len(found)}, probabilities averaged** | **{together:.2f}** | |")
    return "\n".join(rows)


def gains(found: Sequence[Member], labels: Tensor) -> str:
    """A sentence: what the ensemble gains, beside the spread of its members."""
    alone, together = [one.error for one in found], of_scores(found, labels)
    return (
        f"{len(labels):,} test images: the average of {len(found)} nets is "
        f"{mean(alone) - together:.2f} points below its members' mean and "
        f"{min(alone) - together:.2f} below the best of them; the members differ by "
        f"{max(alone) - min(alone):.2f}"
    )


def draw(ax: Axes, found: Sequence[Member], labels: Tensor) -> None:
    """Error against the number of nets averaged: a dot is an ensemble, the line joins the means.

    Units: errors in percent.
    """
    shade, sizes = COLOURS["ResNet"][56], by_size(found, labels)
    ax.plot([*sizes], [mean(errors) for errors in sizes.values()], color=shade, linewidth=1.8)
    for n, errors in sizes.items():
        ax.plot([n] * len(errors), errors, "o", color=shade, markersize=4, alpha=0.7)
    ax.set(xlabel="nets averaged", ylabel="test error (%)", xticks=[*sizes])
    ax.margins(0.08, 0.2)  # not from zero: the steps between means are what is compared
