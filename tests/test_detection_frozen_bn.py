"""Fixed BN: the same numbers as BN at rest, and nothing that can wake it."""

import torch
from torch import nn
from torchvision.ops import FrozenBatchNorm2d

from resnet_lab.detection.frozen_bn import FrozenBN, freeze_bn
from resnet_lab.resnet import ResNet, cifar


def a_bn(seed=0):
    random = torch.Generator().manual_seed(seed)
    bn = nn.BatchNorm2d(5)
    for name in ("weight", "bias", "running_mean", "running_var"):
        getattr(bn, name).data.copy_(torch.rand(5, generator=random) + 0.5)
    return bn


def test_the_same_as_bn_at_rest_and_as_torchvisions():
    live, x = a_bn().eval(), torch.randn(2, 5, 4, 6)
    theirs = FrozenBatchNorm2d(5)
    theirs.load_state_dict(live.state_dict())
    assert torch.allclose(FrozenBN(live)(x), live(x), atol=1e-6)
    assert torch.allclose(FrozenBN(live)(x), theirs(x), atol=1e-6)


def test_nothing_wakes_it():
    net = ResNet(cifar(8))
    count = sum(isinstance(m, nn.BatchNorm2d) for m in net.modules())
    x = torch.randn(4, 3, 16, 16)
    before = net.eval()(x)
    assert freeze_bn(net) == count and freeze_bn(net) == 0
    net.train()
    net.requires_grad_(True)
    assert torch.allclose(net(x), before, atol=1e-5)
    assert torch.allclose(net(x), before, atol=1e-5)  # no statistics moved
    assert not [name for name, _ in net.named_parameters() if ".1.weight" in name]


def test_its_values_are_a_copy_under_the_names_of_live_bn():
    live = a_bn()
    frozen = FrozenBN(live)
    assert set(frozen.state_dict()) == set(live.state_dict()) - {"num_batches_tracked"}
    live.weight.data.zero_()
    assert frozen.weight.abs().min() > 0


def test_bfloat16_stays_bfloat16():
    assert FrozenBN(a_bn())(torch.randn(1, 5, 2, 2, dtype=torch.bfloat16)).dtype == torch.bfloat16
