"""Random directions in the space of the weights, each filter as long as the net's own.

Paper: beyond it; Li et al. 2018 (arXiv 1712.09913), filter normalisation.
Notebook: notebooks/10_why_it_works.py. Tests: tests/test_landscape.py.

A random direction says nothing by its length: behind a BN a filter can be made ten times as large
with no effect on what the net computes, and a step of one is then a tenth of what it was. Filter
normalisation takes the length from the net: every filter of the direction gets the norm of the
filter of the weights at its place, so that a step of 1 is as large as the weights themselves.
"""

import hashlib
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from resnet_lab.errors import InputError

AXES = ("x", "y")
Direction = dict[str, Tensor]


def filters(net: nn.Module) -> Direction:
    """The parameters that a direction moves, by name: kernels of convolutions, matrices of linears.

    Scales and offsets of BN and all biases, whatever has fewer than two dimensions, stay where they
    are: Li et al. give them the direction zero.

    Raises: InputError if the net has no such parameter.
    """
    found = {name: p.detach() for name, p in net.named_parameters() if p.ndim > 1}
    if not found:
        raise InputError("a slice needs a net with convolutions or linear layers; this has none")
    return found


def gaussian(weights: Mapping[str, Tensor], seed: int, axis: str) -> Direction:
    """Standard normal numbers in the shapes of `weights`.

    Those of a parameter depend on its name and shape, on `seed` and `axis`, and on nothing else:
    plain-20 and ResNet-20, whose parameters have the same names and shapes, get the same numbers.

    Raises: InputError for an axis that is not x or y.
    """
    if axis not in AXES:
        raise InputError(f"a direction is x or y, got {axis!r}")
    found = {}
    for name, weight in weights.items():
        shape = tuple(weight.shape)
        text = f"{seed} {axis} {name} {shape}".encode()
        random = np.random.default_rng(int.from_bytes(hashlib.sha256(text).digest()))
        numbers = torch.from_numpy(random.standard_normal(shape, dtype=np.float32))
        found[name] = numbers.to(weight)
    return found


def filter_normalised(direction: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> Direction:
    """`direction` with every filter scaled to the norm of the filter of `weights` at its place.

    A filter is what makes one channel of output: weight[k] of a convolution, row k of a linear
    layer. Where the filter of the weights is zero, so is that of the direction.

    Shapes: each as in `weights`. Units: a step of 1 is the norm of the filter.
    Paper: Li et al. 2018, Section 4.
    """
    found = {}
    for name, weight in weights.items():
        drawn = direction[name].double()
        ratio = norms(weight) / norms(drawn).clamp_min(torch.finfo(torch.float64).tiny)
        found[name] = (drawn * ratio).to(weight.dtype)
    return found


def norms(weight: Tensor) -> Tensor:
    """Norm of each filter, in float64. Shapes: (F, ...) -> (F, 1, ...), to multiply filters by."""
    length = weight.double().flatten(1).norm(dim=1)
    return length.view(-1, *[1] * (weight.ndim - 1))


def directions(net: nn.Module, seed: int = 0, dimensions: int = 2) -> list[Direction]:
    """The filter-normalised directions x, or x and y, of `net` from `seed`.

    They are drawn one by one and not made orthogonal: with so many numbers they nearly are.

    Raises: InputError unless there are 1 or 2 dimensions, or for a net without filters.
    """
    if dimensions not in (1, 2):
        raise InputError(f"a slice has 1 or 2 dimensions, got {dimensions}")
    weights = filters(net)
    return [filter_normalised(gaussian(weights, seed, axis), weights) for axis in AXES[:dimensions]]
