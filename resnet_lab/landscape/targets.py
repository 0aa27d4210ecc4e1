"""Around which weights a slice is laid: those of a recorded run, or those in a file.

Paper: beyond it; Li et al. 2018 (arXiv 1712.09913), whose nets are those of Section 4.2.
Notebook: notebooks/10_why_it_works.py. Tests: tests/test_cli_landscape.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from resnet_lab import arms, data, evaluation, findings, records, trained
from resnet_lab.errors import InputError
from resnet_lab.findings import Finding
from resnet_lab.landscape import slices
from resnet_lab.landscape.slices import Choice, Progress, Sample
from resnet_lab.prepared import check_images
from resnet_lab.records import Record
from resnet_lab.resnet import ResNet, ResNetConfig

LENS = "landscape"
NETS = ("plain-20", "plain-56", "ResNet-20", "ResNet-56")


@dataclass(frozen=True, kw_only=True, eq=False)
class Target:
    """A net with its weights, and how it takes images."""

    name: str  # for people: "plain-56, seed 0"
    net: ResNet
    weights_sha256: str
    size: int  # pixels
    record: Record | None = None  # None: weights from a file
    mean: Tensor | None = None  # None: per-pixel mean of the training images
    std: Tensor | None = None

    @property
    def held_out(self) -> int:
        """Training images that the run did not see."""
        return self.record.run.images.held_out if self.record else 0

    def sample(self, dataset: data.Dataset, choice: Choice, device: str = "cpu") -> Sample:
        """The images of `choice` as this net takes them. Raises: InputError."""
        how = {"size": self.size, "mean": self.mean, "std": self.std, "held_out": self.held_out}
        return slices.sample(dataset, choice, **how, device=device)


def recorded(
    net: str, seed: int, scale: str, dataset: data.Dataset, out: Path = Path("out")
) -> Target:
    """The net of that name from the run of that seed on `dataset`, in `out` or shipped.

    Raises: InputError if there is no such run, or its weights are nowhere.
    """
    arms.recipe_at(scale, 20)  # refuses an unknown scale
    folders = [out / "records", records.SHIPPED]
    found = [
        r
        for r in records.load_all(*folders)
        if r.scale == scale and r.run.images.content_hash == dataset.content_hash
    ]
    runs = arms.select(found, label=net, scale=scale, images=dataset.name)
    seeds = {r.run.recipe.seed: r for r in runs}
    if not seeds:
        there = ", ".join(sorted({arms.label_of(r) for r in found})) or "no net at all"
        raise InputError(
            f"no run of {net} at {scale} scale on {dataset.label} is recorded, only of {there}; "
            "name one of these or a .safetensors file"
        )
    if seed not in seeds:
        raise InputError(
            f"no run of {net} on {dataset.label} has seed {seed}; choose "
            f"{' or '.join(map(str, sorted(seeds)))}"
        )
    return of_record(seeds[seed], folders)


def of_record(record: Record, folders: Sequence[Path] = (records.SHIPPED,)) -> Target:
    """The net of `record`. Raises: InputError if its weights are in none of `folders`."""
    return Target(
        name=f"{arms.label_of(record)}, seed {record.run.recipe.seed}",
        net=trained.load(record, folders),
        weights_sha256=record.weights_sha256,
        size=record.run.images.size,
        record=record,
    )


def of_file(
    path: Path,
    config: ResNetConfig,
    *,
    size: int = 32,
    by_position: bool = False,
    mean: Tensor | None = None,
    std: Tensor | None = None,
) -> Target:
    """The net of `config` with the weights at `path`. Raises: InputError as `load_net` does."""
    net = evaluation.load_net(path, config, by_position)
    return Target(
        name=f"{config.name} from {path.name}",
        net=net,
        weights_sha256=trained.digest(path),
        size=size,
        mean=mean,
        std=std,
    )


def finding(target: Target, choice: Choice, dataset: data.Dataset, device: str = "cpu") -> Finding:
    """The finding of a recorded net, with no values yet: its name, and the code it is made with.

    Raises: InputError for weights from a file, or of a run on other images than `dataset`.
    """
    if target.record is None:
        raise InputError(f"{target.name} is no recorded run, so it has no finding")
    check_images(target.record.run.images, dataset)
    return Finding(
        format=findings.FORMAT,
        lens=LENS,
        scale=target.record.scale,
        run=target.record.run,
        weights_sha256=target.weights_sha256,
        settings=choice.settings(),
        values={},
        how=findings.how(0.0, device=device),
    )


def filled(empty: Finding, choice: Choice, done: Progress) -> Finding:
    """`empty` with the values of the points and the time they took.

    Raises: InputError if a point is missing.
    """
    how = replace(empty.how, seconds=round(done.seconds, 2), threads=done.threads)
    return replace(empty, values=slices.values(choice, done.scores), how=how)
