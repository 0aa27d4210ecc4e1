"""How a CIFAR-10 net is trained, and the learning rate as a pure function of the update.

Paper: Section 4.2.
Notebook: notebooks/01_degradation.py. Tests: tests/test_recipe.py.
"""

import math
from dataclasses import dataclass

from resnet_lab.errors import InputError

WARM_UP_LR = 0.01  # Section 4.2, ResNet-110
WARM_UP_ERROR = 80.0  # percent: below this training error the warm-up is over


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a CIFAR-10 net is trained. Defaults: Section 4.2.

    Raises: InputError (a ValueError) for a value that cannot be trained with.
    """

    lr: float = 0.1  # learning rate before the first drop
    drops: tuple[int, ...] = (32_000, 48_000)  # updates after which lr is divided by 10
    steps: int = 64_000  # updates
    batch: int = 128  # images per update
    momentum: float = 0.9
    weight_decay: float = 1e-4  # a gradient term, weight_decay * w, as in Caffe
    warm_up: bool = False  # ResNet-110: rate 0.01 until the training error is below 80 %
    warm_up_steps: int = 0  # a fixed warm-up instead, as in the authors' later 1603.05027
    pad: int = 4  # zero pixels on each side, after mean subtraction, before the random crop
    flip: bool = True  # mirror half of the crops
    log_every: int = 100  # updates between two points of the curve; also the warm-up's window
    test_every: int = 400  # updates between two measurements of the test error
    seed: int = 0  # of the initial weights, the order of the images and their augmentation

    def __post_init__(self) -> None:
        for name in ("lr", "momentum", "weight_decay"):  # so that 1 and 1.0 name the same run
            object.__setattr__(self, name, float(getattr(self, name)))
        for name in ("lr", "steps", "batch", "log_every", "test_every"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} must be above 0, got {getattr(self, name)}")
        for name in ("momentum", "weight_decay", "warm_up_steps", "pad", "seed"):
            if not getattr(self, name) >= 0:
                raise InputError(f"{name} must be 0 or more, got {getattr(self, name)}")
        for name in ("steps", "batch", "warm_up_steps", "pad", "log_every", "test_every", "seed"):
            if not isinstance(getattr(self, name), int):
                raise InputError(f"{name} must be a whole number, got {getattr(self, name)}")
        if not math.isfinite(self.lr * self.weight_decay):
            raise InputError(
                f"lr and weight_decay must be finite, got {self.lr} and {self.weight_decay}"
            )
        if self.seed >= 2**63 or self.pad > 32:
            raise InputError(
                f"seed must be below 2**63 and pad at most 32, got {self.seed} and {self.pad}"
            )
        if self.momentum >= 1:
            raise InputError(f"momentum must be below 1, got {self.momentum}")
        if list(self.drops) != sorted(set(self.drops)) or any(drop < 1 for drop in self.drops):
            raise InputError(f"drops must be updates above 0 in rising order, got {self.drops}")
        if self.test_every % self.log_every:
            raise InputError(
                f"test_every must be a multiple of log_every, "
                f"got {self.test_every} and {self.log_every}"
            )


def lr_at(step: int, recipe: Recipe, *, warming: bool = False) -> float:
    """Learning rate of update `step`, counted from 0.

    `warming` says whether the warm-up is still on: it caps the rate and does not move the drops,
    so the schedule is not restarted when it ends.
    """
    rate = recipe.lr / 10 ** sum(step >= drop for drop in recipe.drops)
    warming = (recipe.warm_up and warming) or step < recipe.warm_up_steps
    return min(rate, WARM_UP_LR) if warming else rate
