"""Mean and spread of a stream of numbers in one pass, without losing their digits.

Paper: Figure 7 (the standard deviation of a layer's output over a data set).
Notebook: notebooks/06_layer_responses.py. Tests: tests/test_moments.py.
"""

from dataclasses import dataclass, field
from math import sqrt

import torch
from torch import Tensor

from resnet_lab.errors import InputError


@dataclass
class Moments:
    """Count, mean and sum of squared deviations of each channel, in float64.

    The sum of squares minus the square of the sum, the obvious way to a variance in one pass,
    cancels to nothing where the mean is large beside the spread. Here the deviations of each batch
    are taken from its own mean and batches are merged by Chan, Golub and LeVeque (1979).
    """

    count: int = 0  # values a channel
    mean: Tensor = field(default_factory=lambda: torch.zeros((), dtype=torch.float64))
    m2: Tensor = field(default_factory=lambda: torch.zeros((), dtype=torch.float64))

    def add(self, values: Tensor) -> None:
        """Count `values` in. Shapes: (N, C) or (N, C, ...); C the same at every call."""
        if self.count and values.shape[1] != len(self.mean):
            raise InputError(
                f"{len(self.mean)} channels were counted before and now {values.shape[1]} come"
            )
        # float64 before anything else: a float32 mean would be off already
        flat = values.detach().to(torch.float64).transpose(0, 1).reshape(values.shape[1], -1)
        mean = flat.mean(1)
        self.merge(Moments(flat.shape[1], mean, (flat - mean[:, None]).square().sum(1)))

    def merge(self, other: "Moments") -> None:
        """Take in what `other` has counted, as if its values had come here."""
        if not other.count:
            return
        if not self.count:
            self.count, self.mean, self.m2 = other.count, other.mean.clone(), other.m2.clone()
            return
        total = self.count + other.count
        gap = other.mean - self.mean
        self.m2 = self.m2 + other.m2 + gap.square() * (self.count * other.count / total)
        self.mean = self.mean + gap * (other.count / total)
        self.count = total

    @property
    def std(self) -> float:
        """Standard deviation of all values of all channels around their common mean."""
        between = (self.mean - self.mean.mean()).square().mean()
        return sqrt(float((self.m2 / self.count).mean() + between))

    @property
    def channel_std(self) -> float:
        """Root of the channels' mean variance: what is left when each has its own mean."""
        return sqrt(float((self.m2 / self.count).mean()))

    @property
    def level(self) -> float:
        """Mean of all values."""
        return float(self.mean.mean())

    @property
    def finite(self) -> bool:
        """Whether no value was infinite or not a number."""
        return bool(torch.isfinite(self.mean).all() and torch.isfinite(self.m2).all())
