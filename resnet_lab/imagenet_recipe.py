"""How an ImageNet net is trained, and when its learning rate drops.

Paper: Sections 3.4 and 4.1.
Notebook: notebooks/04_imagenet.py. Tests: tests/test_imagenet_recipe.py.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from resnet_lab.errors import InputError


@dataclass(frozen=True, kw_only=True)
class ImageNetRecipe:
    """How an ImageNet net is trained. Defaults: Section 3.4, and our choice where it is silent.

    Raises: InputError (a ValueError) for a value that cannot be trained with.
    """

    lr: float = 0.1  # learning rate before the first drop
    steps: int = 600_000  # updates at most
    batch: int = 256  # images per update, over all devices and accumulated micro-batches
    momentum: float = 0.9
    weight_decay: float = 1e-4  # a gradient term, weight_decay * w, as in Caffe
    # "divided by 10 when the error plateaus": what a plateau is, the paper does not say
    patience: int = 5  # tests without a gain that make a plateau
    min_gain: float = 0.5  # percentage points below the best error that count as a gain
    drops: int = 2  # drops at most; Figure 4 shows two
    drop_at: tuple[int, ...] = ()  # updates after which lr drops, in place of the plateau rule
    short_side: tuple[int, int] = (256, 480)  # pixels; drawn for every image, both included
    crop: int = 224  # pixels
    flip: bool = True  # mirror half of the crops
    colour: float = 0.1  # std of the multiples of AlexNet's colour components; 0: none
    mean: str = "pixel"  # or channel: what is subtracted
    statistics: str = "images"  # mean and colour of the training images; or published (ImageNet)
    statistics_images: int = 10_000  # images they are taken from, at most
    test_side: int = 256  # pixels; the shorter side of the centre crop's image
    frozen_bn: bool = False  # Appendix A's BN for fine-tuning: statistics stay as they are
    bn_images: int = 51_200  # training images of the BN statistics that are written in the end
    log_every: int = 100  # updates between two points of the curve
    test_every: int = 5_000  # updates between two validation errors: about a pass over ImageNet
    seed: int = 0  # of the initial weights, the order of the images and their augmentation

    def __post_init__(self) -> None:
        for name in ("lr", "momentum", "weight_decay", "min_gain", "colour"):
            value = float(getattr(self, name))
            object.__setattr__(self, name, value)  # so that 1 and 1.0 name the same run
            if not (math.isfinite(value) and value >= 0):
                raise InputError(f"{name} must be 0 or more, got {value}")
        for name in ("lr", "steps", "batch", "patience", "crop", "test_side", "log_every"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} must be above 0, got {getattr(self, name)}")
        if self.test_every < 1 or self.test_every % self.log_every:
            raise InputError(
                "test_every must be a multiple of log_every, "
                f"got {self.test_every} and {self.log_every}"
            )
        if min(self.drops, self.seed, self.bn_images) < 0 or self.statistics_images < 2:
            raise InputError("drops, seed and bn_images must be 0 or more, statistics_images 2")
        if self.momentum >= 1:
            raise InputError(f"momentum must be below 1, got {self.momentum}")
        if len(self.short_side) != 2 or not self.crop <= self.short_side[0] <= self.short_side[1]:
            raise InputError(
                f"short_side must be two numbers in rising order, the first at least the crop of "
                f"{self.crop}, got {self.short_side}"
            )
        if self.test_side < self.crop:
            raise InputError(f"a {self.crop} crop does not fit into test_side {self.test_side}")
        if list(self.drop_at) != sorted(set(self.drop_at)) or any(u < 1 for u in self.drop_at):
            raise InputError(f"drop_at must be updates above 0 in rising order, got {self.drop_at}")
        if self.mean not in ("pixel", "channel") or self.statistics not in ("images", "published"):
            raise InputError("mean must be pixel or channel, and statistics images or published")
        if self.mean == "pixel" and self.statistics == "published":
            raise InputError("published statistics hold a mean per channel: --mean channel")


def drops_so_far(errors: Sequence[float], recipe: ImageNetRecipe) -> int:
    """How often the rate has been divided by 10 after these validation errors, oldest first.

    A plateau is `patience` tests in a row, none of which is `min_gain` points below the best
    error that counted before; counting starts again after a drop.

    Units: errors in percent.
    Paper: Section 3.4, "divided by 10 when the error plateaus".
    """
    best, waiting, drops = math.inf, 0, 0
    for error in errors:
        if error <= best - recipe.min_gain:
            best, waiting = error, 0
            continue
        waiting += 1
        if waiting == recipe.patience and drops < recipe.drops:
            drops, waiting = drops + 1, 0
    return drops


def lr_at(step: int, errors: Sequence[float], recipe: ImageNetRecipe) -> float:
    """Learning rate of update `step`, counted from 0, after these validation errors."""
    if recipe.drop_at:
        return recipe.lr / 10 ** sum(step >= drop for drop in recipe.drop_at)
    return recipe.lr / 10 ** drops_so_far(errors, recipe)


def micro_batches(recipe: ImageNetRecipe, world_size: int, per_device: int) -> int:
    """Micro-batches that every device accumulates, so that an update sees `recipe.batch` images.

    Raises: InputError if batch is no multiple of world_size x per_device.
    """
    together = world_size * per_device
    if per_device < 1 or recipe.batch % together:
        raise InputError(
            f"a batch of {recipe.batch} cannot be cut into parts of {per_device} images on "
            f"{world_size} processes; --per-device times processes must divide it"
        )
    return recipe.batch // together


def positions(
    step: int, part: int, recipe: ImageNetRecipe, rank: int, world_size: int, per_device: int
) -> range:
    """Where in the endless order of images micro-batch `part` of update `step` lies on `rank`.

    Micro-batch by micro-batch, device by device: two devices with one micro-batch each see what
    one device with two micro-batches sees, in groups of the same images.
    """
    first = step * recipe.batch + (part * world_size + rank) * per_device
    return range(first, first + per_device)
