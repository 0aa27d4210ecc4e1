"""BN statistics after training: the plain average over batches, by hand."""

import pytest
import torch
from torch import nn

from resnet_lab import bn_statistics
from resnet_lab.errors import InputError
from resnet_lab.resnet import ResNet, cifar


@pytest.fixture
def net():
    torch.manual_seed(0)
    return ResNet(cifar(8, width=4))


def test_they_are_the_mean_over_batches_of_mean_and_variance(net):
    """By hand for the first BN: its input is the first convolution's output."""
    batches = [torch.randn(n, 3, 8, 8) * (k + 1) for k, n in enumerate((6, 6, 6))]
    conv, bn = net.stem[0], net.stem[1]
    with torch.no_grad():
        maps = [conv(x).permute(1, 0, 2, 3).flatten(1) for x in batches]
    means = sum(x.mean(1) for x in maps) / 3
    variances = sum(x.var(1, unbiased=True) for x in maps) / 3
    assert bn_statistics.estimate(net, batches) == 3
    assert torch.allclose(bn.running_mean, means, atol=1e-6)
    assert torch.allclose(bn.running_var, variances, rtol=1e-5)


def test_deeper_layers_see_what_training_shows_them(net):
    """With one batch, evaluation then gives what training gives, up to n / (n - 1)."""
    x = torch.randn(64, 3, 16, 16)
    bn_statistics.estimate(net, [x])
    evaluated = net.eval()(x)
    trained = net.train()(x)
    assert torch.allclose(evaluated, trained, rtol=0.02, atol=0.02)


def test_nothing_else_changes(net):
    net.train()
    net.stages[0].eval()
    before = {name: value.clone() for name, value in net.named_parameters()}
    modes = [module.training for module in net.modules()]
    bn_statistics.estimate(net, [torch.randn(4, 3, 8, 8)])
    assert [module.training for module in net.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in net.named_parameters())
    assert {m.momentum for m in net.modules() if isinstance(m, nn.BatchNorm2d)} == {0.1}


def test_the_last_batches_weigh_no_more_than_the_first(net):
    batches = [torch.randn(5, 3, 8, 8) for _ in range(6)]
    bn_statistics.estimate(net, batches)
    first = net.stem[1].running_var.clone()
    bn_statistics.estimate(net, batches[::-1])
    assert torch.allclose(net.stem[1].running_var, first, rtol=1e-5)


def test_without_batches_the_old_ones_stay(net):
    bn_statistics.estimate(net, [torch.randn(4, 3, 8, 8)])
    before = {name: value.clone() for name, value in net.named_buffers()}
    with pytest.raises(InputError, match="at least one batch"):
        bn_statistics.estimate(net, [])
    assert all(torch.equal(value, before[name]) for name, value in net.named_buffers())
