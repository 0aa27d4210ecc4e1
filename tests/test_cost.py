"""Tables 1 and 6, Section 3.3: what a net costs, in the paper's way of counting."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from resnet_lab.cost import multiply_adds, parameters
from resnet_lab.resnet import ResNet, cifar, imagenet
from resnet_lab.vgg import vgg


def on_paper(make, *arguments):
    with torch.device("meta"):
        return make(*arguments)


def counted_by_torch(net, image):
    """Torch counts two operations per multiply-add."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net.eval()(torch.zeros(1, *image, device=next(net.parameters()).device))
    total, odd = divmod(counter.get_total_flops(), 2)
    assert not odd
    return total


def by_hand(n, width=16, size=32):
    """The 3x3 layers of a 6n+2 net: outputs times 9 c_in; then the classifier."""
    total = size**2 * width * 27
    c = width
    for stage in range(3):
        w, s = width * 2**stage, size // 2**stage
        total += s**2 * w * 9 * c + (2 * n - 1) * s**2 * w * 9 * w
        c = w
    return total + c * 10


@pytest.mark.parametrize(
    "depth, millions",
    [(20, 40.55), (32, 68.86), (44, 97.17), (56, 125.49), (110, 252.89), (1202, 2829)],
)
def test_section_4_2_multiply_adds_of_the_cifar_nets(depth, millions):
    exact = multiply_adds(on_paper(ResNet, cifar(depth)), (3, 32, 32))
    assert exact == by_hand((depth - 2) // 6)
    assert exact / 1e6 == pytest.approx(millions, abs=0.5 if depth == 1202 else 0.005)


@settings(max_examples=20)
@given(n=st.integers(1, 3), width=st.integers(1, 20), size=st.sampled_from([4, 8, 16, 32]))
def test_the_count_follows_depth_width_and_image_size(n, width, size):
    net = on_paper(ResNet, cifar(6 * n + 2, width=width))
    assert multiply_adds(net, (3, size, size)) == by_hand(n, width, size)


@pytest.mark.parametrize(
    "config, image",
    [
        (cifar(20), (3, 32, 32)),
        (cifar(20, shortcut="B"), (3, 32, 32)),
        (cifar(20, shortcut="C", width=5), (3, 15, 17)),
        (cifar(29, bottleneck=True), (3, 32, 32)),
        (cifar(29, bottleneck=True, shortcut="none"), (3, 16, 16)),
        (imagenet(18), (3, 224, 224)),
        (imagenet(50), (3, 224, 224)),
        (imagenet(50, stride_in="3x3"), (3, 97, 65)),
        (imagenet(152), (3, 224, 224)),
    ],
)
def test_torchs_counter_agrees(config, image):
    net = on_paper(ResNet, config)
    assert multiply_adds(net, image) == counted_by_torch(net, image)


@pytest.mark.parametrize("depth, printed", [(16, 15.3), (19, 19.6)])
def test_section_4_1_multiply_adds_of_vgg(depth, printed, paper):
    net = on_paper(vgg, depth)
    exact = multiply_adds(net, (3, 224, 224))
    derived = paper["derived"]["imagenet_multiply_adds"]
    assert exact == counted_by_torch(net, (3, 224, 224)) == derived[f"vgg{depth}_with_fc"]["value"]
    fully_connected = sum(m.weight.numel() for m in net if isinstance(m, nn.Linear))
    assert exact - fully_connected == derived[f"vgg{depth}_conv_only"]["value"]
    # 15.3 is VGG-16 without its linear layers, 19.6 is VGG-19 with them
    counted = exact if depth == 19 else exact - fully_connected
    assert round(counted / 1e9, 1) == printed


def test_vgg_has_the_weights_of_torchvisions():
    import torchvision

    for depth, make in ((16, torchvision.models.vgg16), (19, torchvision.models.vgg19)):
        ours, theirs = on_paper(vgg, depth), on_paper(lambda make=make: make(init_weights=False))
        shapes = [[p.shape for p in net.parameters()] for net in (ours, theirs)]
        assert shapes[0] == shapes[1]
        assert parameters(ours) == sum(p.numel() for p in theirs.parameters())


def test_a_vgg_of_another_depth_is_refused():
    with pytest.raises(ValueError, match="16 or 19, got 11"):
        vgg(11)


def test_section_3_3_the_34_layer_net_costs_18_percent_of_vgg_19():
    ours = multiply_adds(on_paper(ResNet, imagenet(34)), (3, 224, 224))
    theirs = multiply_adds(on_paper(vgg, 19), (3, 224, 224))
    assert 0.18 < ours / theirs < 0.19


def test_section_3_3_identity_shortcuts_cost_nothing():
    for depth in (20, 56):
        plain, residual = (on_paper(ResNet, cifar(depth, shortcut=s)) for s in ("none", "A"))
        assert parameters(plain) == parameters(residual)
        assert multiply_adds(plain, (3, 32, 32)) == multiply_adds(residual, (3, 32, 32))


@pytest.mark.parametrize("training", [True, False])
def test_counting_leaves_the_net_as_it_was(training):
    net = ResNet(cifar(8, width=4)).train(training)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    multiply_adds(net, (3, 16, 16))
    assert all(module.training == training for module in net.modules())
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    assert not any(module._forward_hooks for module in net.modules())
    assert all(p.grad is None for p in net.parameters())


def test_an_image_that_does_not_fit_leaves_the_net_as_it_was():
    net = ResNet(cifar(8, width=4))
    with pytest.raises(RuntimeError):
        multiply_adds(net, (1, 16, 16))
    assert net.training and not any(module._forward_hooks for module in net.modules())


def test_the_count_does_not_depend_on_the_precision_of_the_weights():
    net = ResNet(cifar(8, width=4))
    assert multiply_adds(net, (3, 16, 16)) == multiply_adds(net.double(), (3, 16, 16))


def test_a_grouped_convolution_is_counted_once_per_group():
    net = nn.Conv2d(8, 12, 3, padding=1, groups=4)
    # 12 maps of 5x5, each from 8 / 4 channels
    assert multiply_adds(net, (8, 5, 5)) == 12 * 25 * 9 * 2 == counted_by_torch(net, (8, 5, 5))


def test_parameters_are_counted_in_table_6s_way():
    net = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.Linear(4, 10))
    assert parameters(net) == 108 + 8 + 50  # weights, scales and offsets, classifier with bias
