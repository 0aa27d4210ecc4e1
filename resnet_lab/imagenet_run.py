"""One ImageNet run from its images to its weights: loads, trains, checkpoints, writes.

Paper: Sections 3.4 and 4.1.
Notebook: notebooks/04_imagenet.py. Tests: tests/test_imagenet_run.py.
"""

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import torch

from resnet_lab import (
    checkpoint,
    distributed,
    half_way,
    imagenet_checkpoint,
    imagenet_folder,
    imagenet_training,
    provenance,
    train,
    twins,
)
from resnet_lab.distributed import World
from resnet_lab.errors import InputError
from resnet_lab.files import write_whole
from resnet_lab.imagenet_feed import Feed, own_statistics
from resnet_lab.imagenet_folder import Files
from resnet_lab.imagenet_loader import broken_policy
from resnet_lab.imagenet_recipe import ImageNetRecipe, micro_batches
from resnet_lab.imagenet_training import State
from resnet_lab.resnet import ResNetConfig

Report = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class How:
    """What computes a run; none of it is part of the run's name."""

    per_device: int = 32  # images of a micro-batch; BN's statistics are theirs
    workers: int = 2  # processes that decode, for each training process
    precision: train.Precision = "float32"
    compiled: bool = False
    checkpoint_every: int = 1_000  # updates, rounded up to a point of the curve


def default_how(device: str, **given: object) -> How:
    """bfloat16 and compiled blocks where the device has them, with what is given changed."""
    usual = How(precision=train.fast_precision(device), compiled=twins.can_compile(device))
    return replace(usual, **{name: value for name, value in given.items() if value is not None})


@dataclass(frozen=True, kw_only=True)
class ImageNetRun:
    """What names a run: net, recipe and images."""

    net: ResNetConfig
    recipe: ImageNetRecipe
    images: str  # hash of the lists of training and validation images

    @property
    def stem(self) -> str:
        """Name of the run's folder: "ResNet-50_seed0-1f2e3d4c5b"."""
        text = json.dumps(asdict(self), sort_keys=True, allow_nan=False)
        digits = hashlib.sha256(text.encode()).hexdigest()[:10]
        return f"{self.net.name}_seed{self.recipe.seed}-{digits}"


def run(
    config: ResNetConfig,
    recipe: ImageNetRecipe,
    root: Path,
    out: Path,
    how: How,
    *,
    here: World,
    broken: str = "fail",
    report: Report = lambda line: None,
) -> Path:
    """Train, or go on training, to the last update; the folder with weights and record.

    The number of classes is that of the folder. Every process of `here` must call this.

    Raises: InputError for images, files or numbers that cannot be used.
    """
    micro_batches(recipe, here.size, how.per_device)  # before anything is read
    met = broken_policy(broken)
    training = imagenet_folder.find(root, "train")
    testing = imagenet_folder.find(root, "val", training.classes)
    listed = hashlib.sha256(f"{training.hash} {testing.hash}".encode()).hexdigest()[:16]
    config = replace(config, classes=len(training.classes))
    named = ImageNetRun(net=config, recipe=recipe, images=listed)
    folder = out / "imagenet" / named.stem
    if len(set(distributed.gathered(named.stem, here))) > 1:
        raise InputError("the machines see different images: their lists of files do not agree")
    if distributed.from_first((folder / "record.json").is_file(), here):
        report(f"{named.stem} is trained already")
        return folder
    path = folder / "statistics.safetensors"
    feed = Feed(
        recipe=recipe,
        per_device=how.per_device,
        workers=how.workers,
        statistics=own_statistics(path, training, recipe, how.workers, met, here),
        met=met,
        here=here,
    )
    if recipe.bn_images and not recipe.frozen_bn:
        feed.bn_batches(training)  # what cannot be done in the end is said before it begins
    state = train_all(named, feed, training, testing, folder, how, report)
    conclude(named, state, feed, training, testing, folder, how, report)
    return folder


def conclude(
    named: ImageNetRun,
    state: State,
    feed: Feed,
    training: Files,
    testing: Files,
    folder: Path,
    how: How,
    report: Report,
) -> None:
    """What follows the last update: BN statistics, the last validation error, the files."""
    if named.recipe.bn_images and not named.recipe.frozen_bn:
        count = feed.measure_bn(state.net, training)
        report(f"BN statistics: plain average over {count:,} training images")
    else:
        distributed.average_bn(state.net, feed.here)
    error = feed.centre_error(state.net, testing)
    names = sorted(set(sum(distributed.gathered([*feed.met.names], feed.here), [])))
    report(f"centre crop error {error:.2f} % on {len(testing):,} images of {testing.place}")
    for name in names:
        report(f"skipped, broken: {name}")
    if feed.here.first:
        finish(folder, named, state, how, feed.here, error, names)


def train_all(
    named: ImageNetRun,
    feed: Feed,
    training: Files,
    testing: Files,
    folder: Path,
    how: How,
    report: Report,
) -> State:
    """The state after the last update, from the run's checkpoint if there is one."""
    recipe, here, met = named.recipe, feed.here, feed.met
    state = imagenet_training.begin(named.net, recipe, here.device)
    fixed = {"per_device": how.per_device, "precision": how.precision}
    path = folder / "checkpoint.pt"
    if (content := half_way.read(path, here)) is not None:
        names = imagenet_checkpoint.load(content, path, named.stem, fixed, state, here)
        met.names.update(dict.fromkeys(names))
        report(f"goes on after update {state.step:,}")
    saved = state.step
    for point in imagenet_training.train_net(
        state,
        feed.batches(training, state.step),
        recipe,
        here=here,
        per_device=how.per_device,
        precision=how.precision,
        compiled=how.compiled,
        test=lambda net: feed.centre_error(net, testing),
    ):
        test = "" if point.test_error is None else f", validation {point.test_error:.2f} %"
        report(
            f"update {point.step:,}: rate {point.lr:g}, loss {point.train_loss:.4f}, "
            f"training error {point.train_error:.2f} %{test}"
        )
        if state.step - saved >= how.checkpoint_every:
            saved = state.step
            imagenet_checkpoint.save(path, named.stem, fixed, state, [*met.names], here)
    return state


def finish(
    folder: Path,
    named: ImageNetRun,
    state: State,
    how: How,
    here: World,
    error: float,
    broken: list[str],
) -> None:
    """Write the weights, then the record; the checkpoint has done its work.

    Raises: InputError if no validation image could be read.
    """
    if not math.isfinite(error):
        raise InputError("no validation image could be read, so there is no result to write")
    weights = checkpoint.weights(state.net)
    write_whole(folder / "weights.safetensors", weights)
    record = {
        "format": "resnet-lab imagenet record 1",
        "run": asdict(named),
        "curve": [asdict(point) for point in state.curve],
        "final": {"step": state.step, "centre_crop_error": error},
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
        "statistics": "statistics.safetensors",
        "broken_files": broken,
        "how": asdict(how)
        | {
            "device": provenance.device_name(here.device.split(":")[0]),
            "processes": here.size,
            "torch": torch.__version__,
            "resnet_lab": provenance.package_version(),
            "git": provenance.git_revision(),
            "seconds": round(state.seconds, 2),
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        },
    }
    write_whole(folder / "record.json", json.dumps(record, indent=1, allow_nan=False) + "\n")
    (folder / "checkpoint.pt").unlink(missing_ok=True)
