"""One ImageNet run from its images to its weights: loads, trains, checkpoints, writes.

Paper: Sections 3.4 and 4.1.
Notebook: notebooks/04_imagenet.py. Tests: tests/test_imagenet_run.py.
"""

import hashlib
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import torch
from torch import Tensor, nn

from resnet_lab import (
    augmentation,
    bn_statistics,
    checkpoint,
    distributed,
    imagenet_checkpoint,
    imagenet_folder,
    imagenet_training,
    provenance,
    train,
    twins,
)
from resnet_lab.augmentation import Statistics
from resnet_lab.distributed import World
from resnet_lab.errors import InputError
from resnet_lab.files import write_whole
from resnet_lab.imagenet_folder import Files
from resnet_lab.imagenet_loader import (
    Broken,
    CentreCrop,
    broken_policy,
    image_statistics,
    test_batches,
    training_batches,
)
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
    config = replace(config, classes=len(training.classes))
    listed = hashlib.sha256(f"{training.hash} {testing.hash}".encode()).hexdigest()[:16]
    named = ImageNetRun(net=config, recipe=recipe, images=listed)
    folder = out / "imagenet" / named.stem
    if (folder / "record.json").is_file():
        report(f"{named.stem} is trained already")
        return folder
    statistics = own_statistics(folder, training, recipe, how, met, here)
    state = imagenet_training.begin(config, recipe, here.device)
    fixed = {"per_device": how.per_device, "precision": how.precision}
    half_done = folder / "checkpoint.pt"
    if half_done.is_file():
        names = imagenet_checkpoint.load(half_done, named.stem, fixed, state, here)
        met.names.update(dict.fromkeys(names))
        report(f"goes on after update {state.step:,}")
    batches = on_device(training, recipe, how, statistics, met, here, start=state.step)
    points = imagenet_training.train_net(
        state,
        batches,
        recipe,
        here=here,
        per_device=how.per_device,
        precision=how.precision,
        compiled=how.compiled,
        test=lambda net: centre_error(net, testing, recipe, how, statistics, met, here),
    )
    last_saved = state.step
    for point in points:
        test = "" if point.test_error is None else f", validation {point.test_error:.2f} %"
        report(
            f"update {point.step:,}: rate {point.lr:g}, loss {point.train_loss:.4f}, "
            f"training error {point.train_error:.2f} %{test}"
        )
        if state.step - last_saved >= how.checkpoint_every:
            last_saved = state.step
            imagenet_checkpoint.save(half_done, named.stem, fixed, state, [*met.names], here)
    if recipe.bn_images and not recipe.frozen_bn:
        count = measure_bn(state, training, recipe, how, statistics, met, here)
        report(f"BN statistics: plain average over {count:,} training images")
    else:
        distributed.average_bn(state.net, here)
    final = centre_error(state.net, testing, recipe, how, statistics, met, here)
    names = sorted(set(sum(distributed.gathered([*met.names], here), [])))
    report(f"centre crop error {final:.2f} % on {len(testing):,} images of {testing.place}")
    for name in names:
        report(f"skipped, broken: {name}")
    if here.first:
        finish(folder, named, state, how, here, statistics, final, names)
        half_done.unlink(missing_ok=True)
    return folder


def own_statistics(
    folder: Path, files: Files, recipe: ImageNetRecipe, how: How, met: Broken, here: World
) -> Statistics:
    """The run's statistics of its training images: measured once, by the first process."""
    path = folder / "statistics.safetensors"
    if here.first and not path.is_file():
        measured = image_statistics(files, recipe, how.workers, met)
        write_whole(path, measured.as_bytes())
    content = distributed.gathered(path.read_bytes() if here.first else b"", here)[0]
    return augmentation.parse_statistics(content, path.name)


def on_device(
    files: Files,
    recipe: ImageNetRecipe,
    how: How,
    statistics: Statistics,
    met: Broken,
    here: World,
    *,
    start: int,
) -> Iterator[tuple[Tensor, Tensor]]:
    """The micro-batches of this process, normalised and coloured on its device."""
    for images, labels, colour, names in training_batches(
        files,
        recipe,
        start=start,
        rank=here.rank,
        world_size=here.size,
        per_device=how.per_device,
        workers=how.workers,
        device=here.device,
    ):
        met.meet(names, len(files))
        moved = [one.to(here.device, non_blocking=True) for one in (images, labels, colour)]
        yield statistics.normalise(moved[0], moved[2] if recipe.colour else None), moved[1]


@torch.no_grad()
def centre_error(
    net: nn.Module,
    files: Files,
    recipe: ImageNetRecipe,
    how: How,
    statistics: Statistics,
    met: Broken,
    here: World,
) -> float:
    """Validation error in percent on centre crops (Figure 4); every process takes its share."""
    sums = torch.zeros(2, dtype=torch.float64, device=here.device)  # wrong, whole images
    views = CentreCrop(recipe.test_side, recipe.crop)
    mine = list(range(here.rank, len(files), here.size))
    net.eval()
    for images, labels, names in test_batches(
        files, views, mine, batch=how.per_device, workers=how.workers, device=here.device
    ):
        met.meet(names, len(files))
        if images:
            x = statistics.normalise(torch.stack([one[0] for one in images]).to(here.device))
            y = torch.tensor(labels, device=here.device)
            with train.true_float32():
                wrong = (net(x).argmax(1) != y).sum()
            sums += torch.stack([wrong.double(), torch.tensor(float(len(y))).to(wrong.device)])
    wrong, count = distributed.total(sums, here).tolist()
    return 100 * wrong / count if count else math.nan


def measure_bn(
    state: State,
    files: Files,
    recipe: ImageNetRecipe,
    how: How,
    statistics: Statistics,
    met: Broken,
    here: World,
) -> int:
    """Replace BN's moving averages by plain ones over augmented training images; how many."""
    each = max(1, min(recipe.bn_images, len(files)) // (here.size * how.per_device))
    # the images of the first updates: with every process's share they are all different
    batches = on_device(files, recipe_of_pass(recipe), how, statistics, met, here, start=0)
    found = bn_statistics.estimate(state.net, (next(batches)[0] for _ in range(each)))
    distributed.average_bn(state.net, here)
    return found * here.size * how.per_device


def recipe_of_pass(recipe: ImageNetRecipe) -> ImageNetRecipe:
    """The recipe with enough updates for a whole pass over the images of the BN statistics."""
    return replace(recipe, steps=max(recipe.steps, recipe.bn_images // recipe.batch + 1))


def finish(
    folder: Path,
    named: ImageNetRun,
    state: State,
    how: How,
    here: World,
    statistics: Statistics,
    error: float,
    broken: list[str],
) -> None:
    """Write the weights, then the record."""
    weights = checkpoint.weights(state.net)
    write_whole(folder / "weights.safetensors", weights)
    record = {
        "format": "resnet-lab imagenet record 1",
        "run": asdict(named),
        "curve": [asdict(point) for point in state.curve],
        "final": {"step": state.step, "centre_crop_error": error},
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
        "statistics": statistics.source,
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
    if not math.isfinite(error):
        raise InputError("no validation image could be read, so there is no result to write")
    write_whole(folder / "record.json", json.dumps(record, indent=1, allow_nan=False) + "\n")
