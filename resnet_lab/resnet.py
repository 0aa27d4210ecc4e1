"""Plain and residual nets of the paper, from one configuration.

Paper: Sections 3.3, 4.1 and 4.2; Figures 3 and 5; Tables 1 and 6.
Notebook: notebooks/01_degradation.py. Tests: tests/test_resnet.py.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import torch.nn.functional as F
from torch import Tensor, nn

from resnet_lab.blocks import Activation, Block, Shortcut, bn_relu, conv_bn
from resnet_lab.errors import InputError

IMAGENET_BLOCKS = {  # Table 1: depth -> (blocks per stage, bottleneck)
    18: ((2, 2, 2, 2), False),
    34: ((3, 4, 6, 3), False),
    50: ((3, 4, 6, 3), True),
    101: ((3, 4, 23, 3), True),
    152: ((3, 8, 36, 3), True),
}


@dataclass(frozen=True, kw_only=True)
class ResNetConfig:
    """Everything the paper varies between its nets (Table 1; Section 4.2)."""

    blocks: tuple[int, ...]  # blocks per stage
    widths: tuple[int, ...]  # 3x3 filters per stage
    bottleneck: bool = False  # Figure 5, right
    shortcut: Shortcut = "A"  # "none" is the plain net
    stride_in: Literal["1x1", "3x3"] = "1x1"  # which convolution of a bottleneck strides
    stem: Literal["cifar", "imagenet"] = "cifar"
    classes: int = 10
    # BN and ReLU behind each convolution, or before it (He et al. 2016, "Identity Mappings")
    activation: Activation = "post"

    def __post_init__(self) -> None:
        if self.shortcut not in get_args(Shortcut):
            raise InputError(f"shortcut option must be none, A, B or C, got {self.shortcut!r}")
        if self.stride_in not in ("1x1", "3x3"):
            raise InputError(f"stride_in must be 1x1 or 3x3, got {self.stride_in!r}")
        if self.activation not in get_args(Activation):
            raise InputError(f"activation must be post or pre, got {self.activation!r}")
        if self.stem not in ("cifar", "imagenet"):
            raise InputError(f"stem must be cifar or imagenet, got {self.stem!r}")
        if len(self.blocks) != len(self.widths) or not self.blocks:
            raise InputError("blocks and widths must name the same number of stages, at least 1")
        if min(*self.blocks, *self.widths, self.classes) < 1:
            raise InputError("blocks, widths and classes must all be at least 1")

    @property
    def depth(self) -> int:
        """Weighted layers, as in "ResNet-56": stem, blocks and classifier; no projections."""
        return 2 + sum(self.blocks) * (3 if self.bottleneck else 2)

    @property
    def name(self) -> str:
        """The paper's name: "plain-56", "ResNet-56"; with what is not its default behind it."""
        extras = ""
        usual = "B" if self.bottleneck and self.stem == "imagenet" else "A"
        if self.shortcut not in ("none", usual):
            extras += f"-{self.shortcut}"
        if self.stem == "cifar" and self.bottleneck:
            extras += "-bottleneck"
        if self.bottleneck and self.stride_in == "3x3":
            extras += "-3x3"
        if self.activation == "pre":
            extras += "-pre-activation"
        if self.stem == "cifar" and self.widths[0] != 16:
            extras += f"-w{self.widths[0]}"
        return f"{'plain' if self.shortcut == 'none' else 'ResNet'}-{self.depth}{extras}"


def cifar(
    depth: int,
    *,
    shortcut: Shortcut = "A",
    bottleneck: bool = False,
    width: int = 16,
    activation: Activation = "post",
) -> ResNetConfig:
    """The CIFAR-10 net of Section 4.2, with `width` filters in its first stage.

    Raises: InputError (a ValueError) unless depth is 6n+2 (9n+2 with bottlenecks).
    """
    layers = 9 if bottleneck else 6
    n, rest = divmod(depth - 2, layers)
    if rest or n < 1:
        below = max(1, n) * layers + 2
        raise InputError(
            f"depth must be {layers}n+2, as in Section 4.2: "
            f"{depth} is not, {below} and {below + layers} are"
        )
    return ResNetConfig(
        blocks=(n, n, n),
        widths=(width, 2 * width, 4 * width),
        shortcut=shortcut,
        bottleneck=bottleneck,
        activation=activation,
    )


def imagenet(
    depth: int, *, shortcut: Shortcut | None = None, stride_in: Literal["1x1", "3x3"] = "1x1"
) -> ResNetConfig:
    """The ImageNet net of Table 1; option A for basic blocks, B for bottlenecks unless given.

    Raises: InputError (a ValueError) for a depth that Table 1 does not have.
    """
    if depth not in IMAGENET_BLOCKS:
        raise InputError(f"depth must be one of Table 1's {sorted(IMAGENET_BLOCKS)}, got {depth}")
    blocks, bottleneck = IMAGENET_BLOCKS[depth]
    return ResNetConfig(
        blocks=blocks,
        widths=(64, 128, 256, 512),
        bottleneck=bottleneck,
        shortcut=shortcut or ("B" if bottleneck else "A"),
        stride_in=stride_in,
        stem="imagenet",
        classes=1000,
    )


class ResNet(nn.Module):
    """A plain or residual net: stem, stages of blocks, global average pool, classifier.

    Shapes: (N, 3, H, W) -> (N, classes).
    """

    def __init__(self, config: ResNetConfig) -> None:
        super().__init__()
        self.config = config
        c = config.widths[0]
        self.stem = nn.Sequential(*conv_bn(3, c, 3), nn.ReLU(inplace=True))
        if config.stem == "imagenet":
            self.stem = nn.Sequential(
                *conv_bn(3, c, 7, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, padding=1)
            )
        self.stages = nn.Sequential()
        for stage, (count, width) in enumerate(zip(config.blocks, config.widths, strict=True)):
            blocks = []
            for i in range(count):
                stride = 2 if stage > 0 and i == 0 else 1  # only a stage's first block strides
                blocks.append(
                    Block(
                        c,
                        width,
                        stride,
                        bottleneck=config.bottleneck,
                        shortcut=config.shortcut,
                        stride_in=config.stride_in,
                        activation=config.activation,
                        activated=stage == 0 and i == 0,  # by the stem
                    )
                )
                c = 4 * width if config.bottleneck else width
            self.stages.append(nn.Sequential(*blocks))
        # a pre-activation net has had no ReLU behind its last addition
        self.last = bn_relu(c) if config.activation == "pre" else nn.Identity()
        self.classifier = nn.Linear(c, config.classes)
        initialise(self)

    def maps(self, x: Tensor) -> Tensor:
        """What is averaged before the classifier. Shapes: (N, 3, H, W) -> (N, C, h, w)."""
        return self.last(self.stages(self.stem(x)))

    def forward(self, x: Tensor) -> Tensor:
        x = self.maps(x)
        x = F.adaptive_avg_pool2d(x, 1).flatten(1)
        return self.classifier(x)


def initialise(net: nn.Module) -> None:
    """Zero-mean Gaussian weights, std sqrt(2 / fan-in); biases 0 (Section 3.4, through [13])."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
