"""A classification net cut in two: what all regions share, and what runs for each region.

Of a ResNet, conv1 to conv4_x are shared and conv5_x runs per region ("C4"); of VGG-16, the 13
convolutions are shared and its two hidden linear layers run per region.

Paper: Section 4.3; Appendix A.
Notebook: notebooks/04_imagenet.py. Tests: tests/test_detection_backbones.py.
"""

from collections import OrderedDict
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from resnet_lab.detection.config import DetectorConfig
from resnet_lab.detection.frozen_bn import freeze_bn
from resnet_lab.resnet import ResNet
from resnet_lab.vgg import vgg


@dataclass(frozen=True, kw_only=True)
class Halves:
    """The two halves of a net, with what the detector must know of them."""

    shared: nn.Sequential  # conv1, conv2, ...: (N, 3, H, W) -> (N, channels, H / stride, W / ...)
    per_region: nn.Module  # (K, channels, roi_size, roi_size) -> (K, features)
    stride: int  # pixels of the image to a place of the map
    channels: int
    features: int
    roi_size: int


class PerRegionStage(nn.Sequential):
    """The last stage of a ResNet, and the mean over its map.

    Shapes: (K, C, size, size) -> (K, features).
    """

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).mean((2, 3))


def classifier(config: DetectorConfig) -> nn.Module:
    """The whole classification net whose halves the detector uses, for pre-training.

    Shapes: (N, 3, H, W) -> (N, classes of the backbone's own config, or 1000).
    """
    if config.backbone == "vgg16":
        return vgg(16)
    net = ResNet(config.backbone)
    if config.stem_stride is not None:  # no weight depends on it
        net.stem[0].stride = (config.stem_stride, config.stem_stride)
    return net


def split(net: nn.Module, config: DetectorConfig) -> Halves:
    """The halves of `net` (from `classifier`), which share its weights; its last layer is left out.

    Frozen as `config` says: BN replaced for good, the first parts without gradients.
    """
    halves = split_vgg(net, config) if config.backbone == "vgg16" else split_resnet(net, config)
    if config.frozen_bn:
        freeze_bn(halves.shared)
        freeze_bn(halves.per_region)
    for part in list(halves.shared)[: config.frozen_parts]:
        part.requires_grad_(False)
    return halves


def split_resnet(net: ResNet, config: DetectorConfig) -> Halves:
    """conv1 to the last stage but one, and the last stage."""
    *stages, last = net.stages
    parts = [("conv1", net.stem)]
    parts += [(f"conv{number}", stage) for number, stage in enumerate(stages, 2)]
    stem = 4 if config.backbone.stem == "imagenet" else 1
    if config.stem_stride is not None:
        stem = config.stem_stride * (2 if config.backbone.stem == "imagenet" else 1)
    widths = [width * (4 if config.backbone.bottleneck else 1) for width in config.backbone.widths]
    return Halves(
        shared=nn.Sequential(OrderedDict(parts)),
        per_region=PerRegionStage(*last, net.last),  # a BN and ReLU if pre-activation, else nothing
        stride=stem * 2 ** (len(stages) - 1),
        channels=widths[-2],
        features=widths[-1],
        roi_size=config.roi_size or 14,  # conv5_1 strides: 14 becomes 7, as in classification
    )


def split_vgg(net: nn.Sequential, config: DetectorConfig) -> Halves:
    """The convolutions up to the last pool, which RoI pooling replaces, and fc6 and fc7."""
    layers = list(net)
    pools = [i for i, layer in enumerate(layers) if isinstance(layer, nn.MaxPool2d)]
    starts = [0, *(i + 1 for i in pools[:-1])]
    ends = [*starts[1:], pools[-1]]
    parts = [
        (f"conv{number}", nn.Sequential(*layers[start:end]))
        for number, (start, end) in enumerate(zip(starts, ends, strict=True), 1)
    ]
    hidden = layers[pools[-1] + 1 : -1]
    return Halves(
        shared=nn.Sequential(OrderedDict(parts)),
        per_region=nn.Sequential(*hidden),
        stride=2 ** (len(pools) - 1),
        channels=next(m.out_channels for m in reversed(layers) if isinstance(m, nn.Conv2d)),
        features=layers[-1].in_features,
        roi_size=config.roi_size or 7,
    )


@torch.no_grad()
def initialise(layer: nn.Conv2d | nn.Linear, std: float) -> None:
    """Zero-mean Gaussian weights, biases 0: how Faster R-CNN begins its new layers."""
    nn.init.normal_(layer.weight, std=std)
    nn.init.zeros_(layer.bias)
