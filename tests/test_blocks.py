"""Sections 3.1 to 3.3 and 4.1: a block is F plus its shortcut; options A, B, C are as stated."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from resnet_lab.blocks import Block, PadShortcut, conv_bn, make_shortcut

OPTIONS = ("none", "A", "B", "C")


def noise(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def convolutions(module):
    return [m for m in module.modules() if isinstance(m, nn.Conv2d)]


def slow_option_a(x, c_out, stride):
    """Option A pixel by pixel: a copy of every stride-th pixel, all other channels zero."""
    n, c, height, width = x.shape
    rows, columns = range(0, height, stride), range(0, width, stride)
    y = np.zeros((n, c_out, len(rows), len(columns)), x.dtype)
    before = (c_out - c) // 2
    for channel in range(c):
        for i, row in enumerate(rows):
            for j, column in enumerate(columns):
                y[:, before + channel, i, j] = x[:, channel, row, column]
    return y


@given(
    n=st.integers(1, 3),
    c=st.integers(1, 5),
    new=st.integers(0, 7),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    stride=st.integers(1, 3),
)
def test_option_a_subsamples_and_pads_with_zeros_on_both_sides(n, c, new, height, width, stride):
    x = np.arange(1, n * c * height * width + 1, dtype=np.float32).reshape(n, c, height, width)
    y = PadShortcut(new, stride)(torch.from_numpy(x)).numpy()
    np.testing.assert_array_equal(y, slow_option_a(x, c + new, stride))
    # no pixel of x is zero, so the zero channels can be seen: half of them come first
    empty = (y == 0).all(axis=(0, 2, 3))
    assert empty.tolist() == [True] * (new // 2) + [False] * c + [True] * (new - new // 2)


def test_option_a_has_no_parameters_and_is_the_identity_where_the_shape_stays():
    assert isinstance(make_shortcut("A", 16, 16, 1), nn.Identity)
    for c_in, c_out, stride in ((16, 32, 2), (16, 16, 2), (16, 64, 1)):
        shortcut = make_shortcut("A", c_in, c_out, stride)
        assert not list(shortcut.parameters()) and not list(shortcut.buffers())
        size = (8 + stride - 1) // stride
        assert shortcut(noise(2, c_in, 8, 8)).shape == (2, c_out, size, size)


def test_option_a_passes_the_gradient_to_the_sampled_pixels_only():
    x = noise(1, 2, 5, 5).requires_grad_()
    PadShortcut(2, 2)(x).sum().backward()
    expected = torch.zeros(5, 5)
    expected[::2, ::2] = 1
    assert torch.equal(x.grad, expected.expand(1, 2, 5, 5))


@pytest.mark.parametrize(
    "option, c_in, c_out, stride, projects",
    [
        ("B", 16, 16, 1, False),
        ("B", 16, 32, 2, True),
        ("B", 64, 256, 1, True),  # conv2_1 of a bottleneck net: more channels, same map
        ("B", 16, 16, 2, True),
        ("C", 16, 16, 1, True),
        ("C", 16, 32, 2, True),
    ],
)
def test_options_b_and_c_are_1x1_convolutions_with_bn(option, c_in, c_out, stride, projects):
    shortcut = make_shortcut(option, c_in, c_out, stride)
    if not projects:
        assert isinstance(shortcut, nn.Identity)
        return
    conv, bn = shortcut
    assert isinstance(conv, nn.Conv2d) and isinstance(bn, nn.BatchNorm2d)
    assert conv.bias is None and conv.kernel_size == (1, 1) and conv.padding == (0, 0)
    # Eqn. 2's W_s is a matrix over channels, applied at every stride-th pixel
    x = noise(2, c_in, 7, 7)
    product = torch.einsum("oc,nchw->nohw", conv.weight[:, :, 0, 0], x[:, :, ::stride, ::stride])
    mean = product.mean((0, 2, 3), keepdim=True)
    var = product.var((0, 2, 3), correction=0, keepdim=True)
    torch.testing.assert_close(
        shortcut(x), (product - mean) / (var + 1e-5).sqrt(), atol=1e-5, rtol=1e-4
    )


@pytest.mark.parametrize("bottleneck", [False, True])
@pytest.mark.parametrize("option", ["A", "B"])
def test_section_3_1_a_block_with_zero_residual_is_the_identity(option, bottleneck):
    """The identity is reached by driving F to zero."""
    block = Block(8, 2 if bottleneck else 8, 1, bottleneck=bottleneck, shortcut=option)
    for p in block.residual.parameters():
        nn.init.zeros_(p)
    x = noise(2, 8, 5, 5).abs()  # non-negative, so the last relu changes nothing
    for mode in (True, False):
        assert torch.equal(block.train(mode)(x), x)
    negative = -x
    assert torch.equal(block(negative), torch.zeros_like(x))


def test_a_plain_block_has_no_shortcut_and_otherwise_the_same_parts():
    plain, residual = Block(8, 16, 2, shortcut="none"), Block(8, 16, 2, shortcut="A")
    assert plain.shortcut is None
    assert list(plain.state_dict()) == list(residual.state_dict())
    plain.load_state_dict(residual.state_dict())
    x = noise(2, 8, 6, 6)
    torch.testing.assert_close(plain(x), F.relu(residual.residual(x)))


@pytest.mark.parametrize("bottleneck", [False, True])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("option", OPTIONS)
def test_eqn_1_a_block_is_relu_of_f_plus_shortcut(option, stride, bottleneck):
    block = Block(8, 16, stride, bottleneck=bottleneck, shortcut=option).eval()
    x = noise(2, 8, 7, 7)
    before = x.clone()
    y = block(x)
    assert torch.equal(x, before)  # nothing in place reaches the input
    residual = block.residual(x)
    expected = residual if option == "none" else residual + block.shortcut(x)
    torch.testing.assert_close(y, expected.clamp(min=0))
    size = 7 if stride == 1 else 4  # halves rounded up
    assert y.shape == (2, 64 if bottleneck else 16, size, size)


@pytest.mark.parametrize("option", OPTIONS)
def test_the_gradient_of_a_block_is_right(option):
    """In-place relus must not damage what backward needs; checked against differences."""
    torch.manual_seed(0)
    block = Block(2, 4, 2, shortcut=option).double()
    assert torch.autograd.gradcheck(block, noise(2, 2, 5, 5).double().requires_grad_())


def test_figure_5_two_3x3_convolutions_or_1x1_3x3_1x1():
    basic, bottleneck = Block(64, 64, 1), Block(256, 64, 1, bottleneck=True)
    shapes = [tuple(c.weight.shape) for c in convolutions(basic.residual)]
    assert shapes == [(64, 64, 3, 3), (64, 64, 3, 3)]
    shapes = [tuple(c.weight.shape) for c in convolutions(bottleneck.residual)]
    assert shapes == [(64, 256, 1, 1), (64, 64, 3, 3), (256, 64, 1, 1)]
    # "BN right after each convolution and before activation"; the last relu is after the addition
    kinds = [type(m) for m in bottleneck.residual.modules() if not isinstance(m, nn.Sequential)]
    unit = [nn.Conv2d, nn.BatchNorm2d]
    assert kinds == [*unit, nn.ReLU, *unit, nn.ReLU, *unit]


@pytest.mark.parametrize("stride_in, strides", [("1x1", [2, 1, 1]), ("3x3", [1, 2, 1])])
def test_a_bottleneck_strides_in_the_convolution_that_is_asked_for(stride_in, strides):
    block = Block(16, 8, 2, bottleneck=True, stride_in=stride_in)
    assert [c.stride for c in convolutions(block.residual)] == [(s, s) for s in strides]


def test_a_basic_block_strides_in_its_first_convolution():
    assert [c.stride for c in convolutions(Block(16, 32, 2).residual)] == [(2, 2), (1, 1)]


def test_convolutions_before_bn_have_no_bias_and_keep_the_map():
    for kernel in (1, 3, 7):
        conv, _ = conv_bn(3, 5, kernel)
        assert conv.bias is None
        assert conv_bn(3, 5, kernel)(noise(2, 3, 9, 9)).shape == (2, 5, 9, 9)


@pytest.mark.parametrize("wrong", ["a", "D", "", None, "None"])
def test_a_wrong_shortcut_option_is_named_with_the_right_ones(wrong):
    with pytest.raises(ValueError, match="none, A, B or C, got") as caught:
        Block(8, 8, 1, shortcut=wrong)
    assert repr(wrong) in str(caught.value)


def test_option_a_cannot_drop_channels():
    """Zeros can be added to a map, but no option of the paper takes channels away."""
    with pytest.raises(ValueError):
        Block(16, 8, 1, shortcut="A")
