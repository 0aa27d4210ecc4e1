"""Batch normalisation that is fixed: a constant scale and offset for each channel.

Paper: Appendix A ("the BN layers become linear activations with constant offsets and scales").
Notebook: notebooks/04_imagenet.py. Tests: tests/test_detection_frozen_bn.py.
"""

import torch
from torch import Tensor, nn


class FrozenBN(nn.Module):
    """BN with the statistics and weights it was made with; nothing in it learns.

    All of it are buffers, so that neither `.train()` nor an optimizer can undo it, under the names
    that live BN has. It keeps no input for a backward pass: the memory that the paper saves.

    Shapes: (N, C, H, W) -> the same.
    """

    def __init__(self, live: nn.BatchNorm2d) -> None:
        super().__init__()
        self.eps = live.eps
        for name in ("weight", "bias", "running_mean", "running_var"):
            self.register_buffer(name, getattr(live, name).detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        scale = self.weight * (self.running_var + self.eps).rsqrt()
        offset = self.bias - self.running_mean * scale
        scale, offset = (value.to(x.dtype).view(-1, 1, 1) for value in (scale, offset))
        return torch.addcmul(offset, x, scale)


def freeze_bn(module: nn.Module) -> int:
    """Put a FrozenBN in the place of every BN inside `module`; how many there were."""
    count = 0
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            setattr(module, name, FrozenBN(child))
            count += 1
        else:
            count += freeze_bn(child)
    return count
