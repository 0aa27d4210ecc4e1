"""BN statistics measured anew after training, as the authors did for the nets they released.

Paper: Section 3.4; Appendix A ("we compute the BN statistics for each layer on the training set").
Notebook: notebooks/04_imagenet.py. Tests: tests/test_bn_statistics.py.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from resnet_lab.errors import InputError


@torch.no_grad()
def estimate(net: nn.Module, batches: Iterable[Tensor]) -> int:
    """Set every BN's mean and variance to the plain average over `batches`; how many there were.

    Averaged are the batches' means and their unbiased variances (divided by values - 1), each
    batch counting the same: no moving average, no weight on the last ones. The spread of the means
    between batches is not in the variance, as in training itself; large batches make it small.
    The weights stay as they are, and the net's mode.

    Shapes: float32 (N, 3, H, W) each.
    Raises: InputError if there are no batches.
    """
    layers = [m for m in net.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    modes = {module: module.training for module in net.modules()}
    momenta = [layer.momentum for layer in layers]
    before = [{name: value.clone() for name, value in layer.named_buffers()} for layer in layers]
    net.eval()
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # torch's way to say: plain average over all batches
        layer.train()
    count = 0
    try:
        for images in batches:
            net(images)
            count += 1
        if not count:
            for layer, values in zip(layers, before, strict=True):
                for name, value in layer.named_buffers():
                    value.copy_(values[name])
            raise InputError("BN statistics need at least one batch of images")
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
        for module, mode in modes.items():
            module.training = mode
    return count
