"""What a net costs: parameters and multiply-adds.

Paper: Tables 1 and 6; Section 3.3 ("FLOPs (multiply-adds)").
Notebook: notebooks/03_bottlenecks.py. Tests: tests/test_cost.py.
"""

from math import prod

import torch
from torch import nn


def parameters(net: nn.Module) -> int:
    """Number of learned values: convolutions, BN scales and offsets, classifier."""
    return sum(p.numel() for p in net.parameters())


def multiply_adds(net: nn.Module, image: tuple[int, int, int]) -> int:
    """Multiply-adds of one forward pass over one image; convolutions and linear layers only.

    Shapes: `image` is (C, H, W).
    Paper: Table 1 and Figure 3 call these FLOPs; BN, pooling and the additions of the
    shortcuts are not counted, which is how 3.6e9 comes out for 34 layers.
    """
    total = 0

    def count(module: nn.Module, _inputs: tuple, output: torch.Tensor) -> None:
        nonlocal total
        # every value of the output is a dot product with one filter
        total += output.numel() * prod(module.weight.shape[1:])

    layers = [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    training = {module: module.training for module in net.modules()}
    parameter = next(net.parameters())
    try:
        with torch.no_grad():  # eval: the pass must not move the BN statistics
            net.eval()(torch.zeros(1, *image, device=parameter.device, dtype=parameter.dtype))
    finally:
        for module, mode in training.items():
            module.training = mode
        for hook in hooks:
            hook.remove()
    return total
