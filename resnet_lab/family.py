"""What a CIFAR net of any depth costs, at once: 1202 layers take seconds to build and to walk.

Paper: Section 4.2 (the family of 6n+2 layers); Table 6.
Notebook: notebooks/01_degradation.py. Tests: tests/test_family.py.
"""

from functools import cache

import torch

from resnet_lab import cost
from resnet_lab.blocks import Shortcut
from resnet_lab.resnet import ResNet, cifar


@cache
def small_counts(shortcut: Shortcut, width: int, n: int) -> tuple[int, int]:
    """Parameters, and multiply-adds of a 32x32 image, of the CIFAR net with n blocks a stage."""
    with torch.device("meta"):  # shapes and counts need no numbers
        net = ResNet(cifar(6 * n + 2, shortcut=shortcut, width=width))
        return cost.parameters(net), cost.multiply_adds(net, (3, 32, 32))


def counts(depth: int, shortcut: Shortcut = "A", width: int = 16) -> tuple[int, int]:
    """As `small_counts`, for any depth at once: each further block of a stage adds the same.

    Raises: InputError unless depth is 6n+2.
    """
    more = cifar(depth).blocks[0] - 2  # than in the second smallest net
    one, two = (small_counts(shortcut, width, n) for n in (1, 2))
    return two[0] + more * (two[0] - one[0]), two[1] + more * (two[1] - one[1])
