"""VGG-16 and VGG-19, the nets the paper measures its cost against.

Paper: Section 3.3 and Figure 3, left; Section 4.1. Nets: Simonyan and Zisserman 2015, D and E.
Notebook: notebooks/03_bottlenecks.py. Tests: tests/test_cost.py.
"""

from torch import nn

from resnet_lab.errors import InputError

CONVOLUTIONS = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}  # per map size


def vgg(depth: int) -> nn.Sequential:
    """VGG-16 or VGG-19: stacks of 3x3 convolutions with max pools, then three linear layers.

    Shapes: (N, 3, 224, 224) -> (N, 1000).
    Raises: InputError (a ValueError) for any other depth.
    """
    if depth not in CONVOLUTIONS:
        raise InputError(f"depth must be 16 or 19, got {depth}")
    layers: list[nn.Module] = []
    c = 3
    for count, width in zip(CONVOLUTIONS[depth], (64, 128, 256, 512, 512), strict=True):
        for _ in range(count):
            layers += [nn.Conv2d(c, width, 3, padding=1), nn.ReLU(inplace=True)]
            c = width
        layers.append(nn.MaxPool2d(2))
    layers.append(nn.Flatten())
    for c_in, c_out in ((512 * 7 * 7, 4096), (4096, 4096)):
        layers += [nn.Linear(c_in, c_out), nn.ReLU(inplace=True), nn.Dropout()]
    return nn.Sequential(*layers, nn.Linear(4096, 1000))
