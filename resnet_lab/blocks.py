"""Residual blocks and their shortcuts.

Paper: Sections 3.1 to 3.3 and 4.1; Figures 2 and 5; Table 3 (options A, B, C).
Notebook: notebooks/02_shortcuts.py. Tests: tests/test_blocks.py.
"""

from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from resnet_lab.errors import InputError

Shortcut = Literal["none", "A", "B", "C"]
Activation = Literal["post", "pre"]


def conv(c_in: int, c_out: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    """A convolution with no bias: the offset of a BN behind it does the same work.

    Shapes: (N, c_in, H, W) -> (N, c_out, H / stride, W / stride), halves rounded up.
    """
    return nn.Conv2d(c_in, c_out, kernel, stride, padding=kernel // 2, bias=False)


def conv_bn(c_in: int, c_out: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """Convolution and batch normalisation, "right after each convolution" (Section 3.4).

    Shapes: (N, c_in, H, W) -> (N, c_out, H / stride, W / stride), halves rounded up.
    """
    return nn.Sequential(conv(c_in, c_out, kernel, stride), nn.BatchNorm2d(c_out))


def bn_relu(c: int) -> nn.Sequential:
    """Batch normalisation and ReLU, which stand before a convolution in a pre-activation net."""
    return nn.Sequential(nn.BatchNorm2d(c), nn.ReLU(inplace=True))


class PadShortcut(nn.Module):
    """Option A where the shape changes: subsample the map, fill new channels with zeros.

    Shapes: (N, C, H, W) -> (N, C + new, H / stride, W / stride), halves rounded up.
    """

    def __init__(self, new: int, stride: int) -> None:
        super().__init__()
        if new < 0:
            raise InputError(f"option A adds zero channels, it cannot take {-new} away")
        # The paper does not say where the zero channels go. Half of them on each side is what
        # published option-A weights assume; any other place is the same net, channels renamed.
        self.before, self.after = new // 2, new - new // 2
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        x = x[:, :, :: self.stride, :: self.stride]
        return F.pad(x, (0, 0, 0, 0, self.before, self.after))


def make_shortcut(
    option: Shortcut, c_in: int, c_out: int, stride: int, *, bn: bool = True
) -> nn.Module | None:
    """Shortcut options of Section 4.1; "none" gives the plain net of Section 3.3.

    Projections have a BN behind them unless `bn` is false.

    Raises: InputError (a ValueError) for any other option.
    """
    same_shape = c_in == c_out and stride == 1
    project = conv_bn if bn else conv
    match option:
        case "none":
            return None
        case "A":  # identity; new channels are zero, so no parameters
            return nn.Identity() if same_shape else PadShortcut(c_out - c_in, stride)
        case "B":  # projection only where the shape changes
            return nn.Identity() if same_shape else project(c_in, c_out, 1, stride)
        case "C":  # projection everywhere
            return project(c_in, c_out, 1, stride)
    raise InputError(f"shortcut option must be none, A, B or C, got {option!r}")


class Block(nn.Module):
    """y = relu(F(x) + shortcut(x)): Eqn. 1 and 2, Figures 2 and 5.

    With `activation` "pre" BN and ReLU stand before each convolution and nothing behind the
    addition: y = F(x) + shortcut(x), He et al. 2016, "Identity Mappings in Deep Residual Networks".
    `activated` says that x has just come through BN and ReLU and needs no second time.

    Shapes: (N, c_in, H, W) -> (N, c_out, H / stride, W / stride), where c_out is
    `width`, or 4 * `width` with a bottleneck.
    """

    def __init__(
        self,
        c_in: int,
        width: int,
        stride: int,
        *,
        bottleneck: bool = False,
        shortcut: Shortcut = "A",
        stride_in: Literal["1x1", "3x3"] = "1x1",
        activation: Activation = "post",
        activated: bool = False,
    ) -> None:
        super().__init__()
        if stride_in not in ("1x1", "3x3"):
            raise InputError(f"stride_in must be 1x1 or 3x3, got {stride_in!r}")
        if activation not in ("post", "pre"):
            raise InputError(f"activation must be post or pre, got {activation!r}")
        c_out = 4 * width if bottleneck else width
        if bottleneck:
            # the paper does not say which convolution strides; the first 1x1 matches Table 1's
            # 3.8e9 multiply-adds, the 3x3 is torchvision's choice
            first, second = (stride, 1) if stride_in == "1x1" else (1, stride)
            layers = [(c_in, width, 1, first), (width, width, 3, second), (width, c_out, 1, 1)]
        else:
            layers = [(c_in, width, 3, stride), (width, c_out, 3, 1)]
        self.activation = activation
        if activation == "post":
            self.residual = relu_between([conv_bn(*layer) for layer in layers])
            self.shortcut = make_shortcut(shortcut, c_in, c_out, stride)
        else:
            self.before = nn.Identity() if activated else bn_relu(c_in)
            self.residual = pre_activated(layers)
            self.shortcut = make_shortcut(shortcut, c_in, c_out, stride, bn=False)

    def forward(self, x: Tensor) -> Tensor:
        if self.activation == "pre":
            return self.pre_activation(x)
        y = self.residual(x)
        if self.shortcut is not None:  # all that separates a residual net from a plain one
            y = y + self.shortcut(x)
        return F.relu(y, inplace=True)

    def pre_activation(self, x: Tensor) -> Tensor:
        """The same with nothing behind the addition, so that a chain of blocks is a sum."""
        activated = self.before(x)
        y = self.residual(activated)
        if self.shortcut is not None:
            # a projection reads what the residual reads, as in the authors' code
            y = y + self.shortcut(activated if isinstance(self.shortcut, nn.Conv2d) else x)
        return y


def relu_between(parts: list[nn.Module]) -> nn.Sequential:
    """`parts` in their order with a ReLU between each two."""
    chain = [module for part in parts for module in (part, nn.ReLU(inplace=True))]
    return nn.Sequential(*chain[:-1])


def pre_activated(layers: list[tuple[int, int, int, int]]) -> nn.Sequential:
    """Convolutions (c_in, c_out, kernel, stride), each but the first with BN and ReLU before it."""
    first, *rest = layers
    parts = [conv(*first)]
    for layer in rest:
        parts += [bn_relu(layer[0]), conv(*layer)]
    return nn.Sequential(*parts)
