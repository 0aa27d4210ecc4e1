"""From stored bytes to batches: mean subtraction, augmentation, the order of the images.

Paper: Section 4.2 (per-pixel mean; pad 4, random 32x32 crop of the image or its flip).
Notebook: notebooks/01_degradation.py. Tests: tests/test_batches.py.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


def normalise(images: Tensor, mean: Tensor, std: Tensor | None = None) -> Tensor:
    """Images in 0..1, `mean` subtracted; `std` is for nets of others, the paper has none.

    Shapes: uint8 (N, C, H, W), mean (C, H, W) or (C, 1, 1) -> float32 (N, C, H, W).
    """
    x = (images / 255).sub_(mean)
    return x if std is None else x.div_(std)


def crop_and_flip(x: Tensor, dy: Tensor, dx: Tensor, flip: Tensor, pad: int) -> Tensor:
    """The window at (dy, dx) of each zero-padded image, mirrored where `flip` is true.

    Shapes: (N, C, H, W), three times (N,) with 0 <= dy, dx <= 2 * pad -> (N, C, H, W),
    in channels_last memory order.
    """
    n, _, height, width = x.shape
    padded = F.pad(x, (pad, pad, pad, pad))
    rows = dy[:, None] + torch.arange(height, device=x.device)  # (N, H)
    columns = torch.arange(width, device=x.device).expand(n, width)
    columns = dx[:, None] + torch.where(flip[:, None], columns.flip(1), columns)  # (N, W)
    index = torch.arange(n, device=x.device)[:, None, None]
    # the indexed axes come first, so this gather writes (N, H, W, C): channels_last for free
    return padded[index, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


@dataclass(frozen=True)
class EpochPlan:
    """The random choices for N images, those of one pass for example; each (N,)."""

    order: Tensor
    dy: Tensor
    dx: Tensor
    flip: Tensor


def epoch_plan(n: int, *, pad: int, flip: bool, seed: int, epoch: int) -> EpochPlan:
    """Plan of pass number `epoch`: a pure function of its arguments, the same on every device."""
    entropy = np.random.SeedSequence((seed, epoch)).generate_state(1, np.uint64)[0]
    random = torch.Generator().manual_seed(int(entropy))
    order = torch.randperm(n, generator=random)
    dy, dx = torch.randint(0, 2 * pad + 1, (2, n), generator=random)
    mirrored = torch.randint(0, 2, (n,), generator=random).bool()
    return EpochPlan(order, dy, dx, mirrored if flip else torch.zeros(n, dtype=torch.bool))


def ready_for(device: torch.device, tensor: Tensor) -> Tensor:
    """`tensor` where a copy of it to `device` need not wait for the work queued there."""
    return tensor.pin_memory() if device.type == "cuda" else tensor


class Stream:
    """An endless stream of augmented training batches, addressed by the number of the update.

    Batch k holds images k * batch to (k + 1) * batch - 1 of the concatenated epochs: every batch is
    full and every image is seen once per pass. Nothing is remembered between batches, so a run
    that goes on from update k sees what it would have seen.

    Shapes: images uint8 (N, C, H, W), labels int64 (N,), mean (C, H, W).
    """

    def __init__(
        self,
        images: Tensor,
        labels: Tensor,
        mean: Tensor,
        *,
        batch: int,
        pad: int,
        flip: bool,
        seed: int,
    ) -> None:
        self.images, self.labels, self.mean = images, labels, mean
        self.batch, self.pad, self.flip, self.seed = batch, pad, flip, seed
        self._plans: dict[int, EpochPlan] = {}

    def _plan(self, epoch: int) -> EpochPlan:
        if epoch not in self._plans:
            # a batch can touch the end of one pass and the start of the next, never more than
            # the passes it spans; older plans are dropped
            self._plans = {e: p for e, p in self._plans.items() if abs(e - epoch) == 1}
            self._plans[epoch] = epoch_plan(
                len(self.images), pad=self.pad, flip=self.flip, seed=self.seed, epoch=epoch
            )
        return self._plans[epoch]

    def plan(self, step: int, updates: int = 1) -> EpochPlan:
        """Which images `updates` updates from `step` on see, with crops and flips.

        Shapes: each (updates * batch,).
        """
        n, position = len(self.images), step * self.batch
        end = position + updates * self.batch
        pieces = []
        while position < end:
            epoch, offset = divmod(position, n)
            stop = min(n, offset + end - position)
            whole = self._plan(epoch)
            pieces.append([field[offset:stop] for field in vars(whole).values()])
            position += stop - offset
        return EpochPlan(*(torch.cat(field) for field in zip(*pieces, strict=True)))

    def augment(self, plan: EpochPlan) -> tuple[Tensor, Tensor]:
        """The images and labels of `plan`, whose fields are on the device of the images.

        Shapes: -> float32 (n, C, H, W) in channels_last memory order, int64 (n,).
        """
        x = normalise(self.images[plan.order], self.mean)
        return crop_and_flip(x, plan.dy, plan.dx, plan.flip, self.pad), self.labels[plan.order]

    def __call__(self, step: int) -> tuple[Tensor, Tensor]:
        """Images and labels of update `step`.

        Shapes: -> float32 (batch, C, H, W) in channels_last memory order, int64 (batch,).
        """
        device = self.images.device
        fields = torch.stack([field.long() for field in vars(self.plan(step)).values()])
        order, dy, dx, flip = ready_for(device, fields).to(device, non_blocking=True)
        return self.augment(EpochPlan(order, dy, dx, flip.bool()))
