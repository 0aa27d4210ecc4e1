"""Section 1: a deeper net that is no worse exists, and can be written down."""

import pytest
import torch

from resnet_lab.blocks import Block
from resnet_lab.constructed import deepen, make_identity
from resnet_lab.resnet import ResNet, cifar


def trained_looking(depth: int, **options) -> ResNet:
    """A net whose BN layers have statistics, scales and offsets as after some training."""
    torch.manual_seed(depth)
    net = ResNet(cifar(depth, **options)).eval()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.3, 3)
            torch.nn.init.uniform_(module.weight, 0.5, 2)
            torch.nn.init.normal_(module.bias)
    return net


@pytest.mark.parametrize("width, size", [(8, 16), (16, 32), (4, 7)])
@pytest.mark.parametrize("depth", [20, 26, 56])
def test_section_1_a_deeper_net_with_identical_outputs_exists(depth, width, size):
    net = trained_looking(20, shortcut="none", width=width)
    x = torch.randn(8, 3, size, size)
    with torch.no_grad():
        assert torch.equal(net(x), deepen(net, depth)(x))


def test_the_added_layers_are_real_layers():
    net = trained_looking(20, shortcut="none")
    deep = deepen(net, 56)
    assert deep.config == cifar(56, shortcut="none")
    assert set(deep.state_dict()) == set(ResNet(cifar(56)).state_dict())


def test_the_shallow_net_is_not_changed_and_shares_nothing():
    net = trained_looking(8, shortcut="none", width=4)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    deep = deepen(net, 14)
    for parameter in deep.parameters():
        parameter.data.zero_()
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_an_identity_block_copies_what_is_not_negative():
    block = make_identity(Block(8, 8, 1, shortcut="none").eval())
    x = torch.rand(4, 8, 5, 5) * 1e3
    assert torch.equal(block(x), x)


@pytest.mark.parametrize(
    "block",
    [Block(8, 8, 1, shortcut="A"), Block(8, 16, 2, shortcut="none"), Block(8, 8, 2)],
    ids=["residual", "shape changes", "stride"],
)
def test_only_a_plain_block_of_one_shape_can_be_the_identity(block):
    with pytest.raises(ValueError, match="plain block that keeps the shape"):
        make_identity(block)


def test_wrong_nets_and_depths_are_refused_by_a_sentence():
    plain = trained_looking(20, shortcut="none", width=4)
    with pytest.raises(ValueError, match="only the plain CIFAR nets"):
        deepen(trained_looking(20, width=4), 56)
    with pytest.raises(ValueError, match="14 layers are fewer than the 20"):
        deepen(plain, 14)
    with pytest.raises(ValueError, match="6n.2"):
        deepen(plain, 57)
