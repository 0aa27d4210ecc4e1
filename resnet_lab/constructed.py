"""The constructed solution: a deeper plain net that computes what a shallower one computes.

Paper: Section 1 ("the added layers are identity mapping, and the other layers are copied").
Notebook: notebooks/01_degradation.py. Tests: tests/test_constructed.py.
"""

from dataclasses import replace

import torch
from torch import nn

from resnet_lab.blocks import Block
from resnet_lab.errors import InputError
from resnet_lab.resnet import ResNet, cifar


@torch.no_grad()
def make_identity(block: Block) -> Block:
    """Set the weights of a plain block so that, in evaluation mode, it returns its input.

    The input must not be negative, which after a ReLU it never is. Every convolution becomes the
    kernel that copies its channel, every BN the map x -> x.

    Raises: InputError (a ValueError) for a block that has a shortcut or changes the shape.
    """
    convolutions = [m for m in block.residual.modules() if isinstance(m, nn.Conv2d)]
    copies = all(c.in_channels == c.out_channels and c.stride == (1, 1) for c in convolutions)
    if block.shortcut is not None or not copies:
        raise InputError("only a plain block that keeps the shape can be made the identity")
    for module in block.residual.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.dirac_(module.weight)
        if isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
            module.running_mean.zero_()
            # BN divides by sqrt(var + eps): with this variance by 1, to the last bit
            module.running_var.fill_(1 - module.eps)
    return block


@torch.no_grad()
def deepen(net: ResNet, depth: int) -> ResNet:
    """A plain net of `depth` layers with the same outputs as the shallower plain `net`.

    The layers of `net` are copied; the ones added at the end of each stage are identities. The
    result is in evaluation mode: in training mode BN would use the batch's own statistics.

    Raises: InputError (a ValueError) unless `net` is a plain CIFAR net and `depth` is 6n+2
    and not smaller.
    Paper: Section 1.
    """
    config = net.config
    deeper = cifar(depth, shortcut="none", width=config.widths[0])
    if config != replace(deeper, blocks=config.blocks, classes=config.classes):
        raise InputError(f"only the plain CIFAR nets can be deepened here, got {config.name}")
    if depth < config.depth:
        raise InputError(f"{depth} layers are fewer than the {config.depth} of the net itself")
    result = ResNet(replace(deeper, classes=config.classes)).eval()
    result.stem.load_state_dict(net.stem.state_dict())
    result.classifier.load_state_dict(net.classifier.state_dict())
    for old, new in zip(net.stages, result.stages, strict=True):
        for i, block in enumerate(new):
            if i < len(old):
                block.load_state_dict(old[i].state_dict())
            else:
                make_identity(block)
    return result
