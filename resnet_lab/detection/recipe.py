"""How a detector is trained: the paper's schedules, the miniature's, and how to scale them.

Paper: Appendix A; for VOC through Faster R-CNN (Ren et al. 2015), Section 3.1.3.
Notebook: notebooks/04_imagenet.py. Tests: tests/test_detection_recipe.py.
"""

import math
from dataclasses import dataclass, replace

from resnet_lab.errors import InputError


@dataclass(frozen=True, kw_only=True)
class DetectionRecipe:
    """Fine-tuning of a detector. Defaults: VOC, as in Faster R-CNN.

    RPN and head learn at once, where the original alternates in four steps: one update here does
    what one of each does there.

    Raises: InputError (a ValueError) for a value that cannot be trained with.
    """

    lr: float = 1e-3  # before the first drop
    steps: int = 80_000  # updates
    drops: tuple[int, ...] = (60_000,)  # updates after which lr is divided by 10
    batch: int = 2  # images per update, over all devices and accumulated parts
    warm_up: int = 0  # updates in which lr rises to its value; the paper has none
    momentum: float = 0.9
    weight_decay: float = 5e-4
    bias_lr: float = 2.0  # times lr, as in the authors' programs; the paper is silent
    bias_decay: float = 0.0  # times weight_decay, the same
    largest_gradient: float = 0.0  # longer gradients are cut to this norm; 0: none is
    flip: bool = True  # mirror half of the images; the only augmentation
    log_every: int = 20  # updates between two points of the curve
    test_every: int = 0  # updates between two tests; 0: only after the last
    seed: int = 0  # of new weights, the order of images, flips and samples

    def __post_init__(self) -> None:
        object.__setattr__(self, "drops", tuple(self.drops))
        for name in ("lr", "momentum", "weight_decay", "bias_lr", "bias_decay"):
            value = float(getattr(self, name))
            object.__setattr__(self, name, value)  # so that 1 and 1.0 name the same run
            if not (math.isfinite(value) and value >= 0):
                raise InputError(f"{name} must be 0 or more, got {value}")
        for name in ("lr", "steps", "batch", "log_every"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} must be above 0, got {getattr(self, name)}")
        for name in ("warm_up", "test_every", "seed", "largest_gradient"):
            if not getattr(self, name) >= 0:
                raise InputError(f"{name} must be 0 or more, got {getattr(self, name)}")
        if self.momentum >= 1:
            raise InputError(f"momentum must be below 1, got {self.momentum}")
        if self.test_every % self.log_every:
            raise InputError(
                f"test_every must be a multiple of log_every, got {self.test_every} and "
                f"{self.log_every}"
            )
        if list(self.drops) != sorted(set(self.drops)) or any(drop < 1 for drop in self.drops):
            raise InputError(f"drops must be updates above 0 in rising order, got {self.drops}")


VOC = DetectionRecipe()
# 8 GPUs with 1 image each in the RPN steps; 240k updates, then 80k at a tenth of the rate
COCO = DetectionRecipe(steps=320_000, drops=(240_000,), batch=8)
# 1,500 scenes x 6 passes; measured in a feasibility study, not the paper's
TOY = DetectionRecipe(
    lr=0.02,
    steps=2_250,
    drops=(1_575, 2_025),
    batch=4,
    warm_up=100,
    weight_decay=1e-4,
    bias_lr=1.0,
    bias_decay=1.0,
    largest_gradient=10.0,
    log_every=50,
)


def lr_at(step: int, recipe: DetectionRecipe) -> float:
    """Learning rate of update `step`, counted from 0."""
    rising = min(1.0, (step + 1) / recipe.warm_up) if recipe.warm_up else 1.0
    return recipe.lr * rising / 10 ** sum(step >= drop for drop in recipe.drops)


def scaled(recipe: DetectionRecipe, batch: int) -> DetectionRecipe:
    """`recipe` for updates of `batch` images: as many images in all, and the rate per image kept.

    The linear rule: k times the images in an update, k times the rate, 1/k of the updates. From
    twice the images on the rate also rises to its value over 500 updates. Fewer GPUs alone need no
    scaling: they accumulate the same batch in more parts, and BN, being fixed, does not see how.

    Raises: InputError unless batch is 1 or more.
    """
    if batch < 1:
        raise InputError(f"batch must be at least 1, got {batch}")
    k = batch / recipe.batch
    return replace(
        recipe,
        batch=batch,
        lr=recipe.lr * k,
        steps=max(1, round(recipe.steps / k)),
        drops=tuple(max(1, round(drop / k)) for drop in recipe.drops),
        warm_up=max(recipe.warm_up, 500) if k >= 2 else recipe.warm_up,
    )


def parts(recipe: DetectionRecipe, processes: int, per_device: int) -> int:
    """Parts that every process accumulates, so that an update sees `recipe.batch` images.

    Raises: InputError if batch is no multiple of processes x per_device.
    """
    together = processes * per_device
    if per_device < 1 or recipe.batch % together:
        raise InputError(
            f"a batch of {recipe.batch} cannot be cut into parts of {per_device} on {processes} "
            "processes; --per-device times processes must divide --batch"
        )
    return recipe.batch // together


@dataclass(frozen=True, kw_only=True)
class Pretraining:
    """Classification of drawn crops before detection: in miniature what ImageNet is to the paper.

    Raises: InputError (a ValueError) for a value that cannot be trained with.
    """

    epochs: int = 5
    crops: int = 8_000
    side: int = 32  # pixels
    batch: int = 32
    lr: float = 0.1  # the highest; it rises over the first 30 % of updates, then falls to 0
    momentum: float = 0.9
    weight_decay: float = 1e-4
    bn_crops: int = 1_600  # over which BN's statistics are measured afterwards

    def __post_init__(self) -> None:
        for name in ("epochs", "crops", "side", "batch", "lr", "bn_crops"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} must be above 0, got {getattr(self, name)}")

    @property
    def steps(self) -> int:
        """Updates in all; images that fill no batch are left out of a pass."""
        return self.epochs * (self.crops // self.batch)


def one_cycle(step: int, recipe: Pretraining) -> float:
    """Learning rate of update `step`: from lr / 25 up to lr and down to 0, along half cosines."""
    top = 0.3 * recipe.steps
    if step < top:
        low, part = recipe.lr / 25, step / top
        return low + (recipe.lr - low) * (1 - math.cos(math.pi * part)) / 2
    part = (step - top) / max(1.0, recipe.steps - top)
    return recipe.lr * (1 + math.cos(math.pi * part)) / 2
