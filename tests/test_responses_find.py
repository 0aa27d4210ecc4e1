"""What is a layer response is found by running the net: by who reads what, never by a name."""

from collections import Counter

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from resnet_lab import ResNet, cifar, imagenet
from resnet_lab.errors import InputError
from resnet_lab.layer_responses import find

X = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def roles(net: nn.Module, x: torch.Tensor = X, **choice) -> dict[str, int]:
    return dict(Counter(site.role for site in find(net.eval(), x, **choice).sites))


@pytest.mark.parametrize("depth", [20, 32, 56])
def test_figure_7_has_6n_plus_1_layers_of_3x3_in_the_nets_of_section_4_2(depth):
    """19 in 20 layers: all but the classifier; the stem is one of them."""
    assert roles(ResNet(cifar(depth, shortcut="none"))) == {"plain": depth - 1}
    half = (depth - 2) // 2
    assert roles(ResNet(cifar(depth))) == {"stem": 1, "inside": half, "end": half}


def test_the_stem_is_a_3x3_layer_on_cifar_and_a_7x7_one_on_imagenet():
    x = torch.randn(1, 3, 64, 64)
    assert roles(ResNet(imagenet(18)), x) == {"inside": 8, "end": 8}
    assert roles(ResNet(imagenet(18)), x, kernels="all")["stem"] == 1


def test_projections_are_shortcuts_and_only_counted_when_all_kernels_are():
    net = ResNet(cifar(20, shortcut="C"))
    assert "shortcut" not in roles(net)
    assert roles(net, kernels="all") == {"stem": 1, "inside": 9, "end": 9, "shortcut": 9}


def test_of_a_bottleneck_the_3x3_in_the_middle_or_all_three():
    net = ResNet(cifar(29, bottleneck=True))
    assert roles(net) == {"stem": 1, "inside": 9}
    assert roles(net, kernels="all") == {"stem": 1, "inside": 18, "end": 9}


@pytest.mark.parametrize("name, ends", [("resnet18", 8), ("resnet34", 16), ("resnet50", 0)])
def test_torchvisions_resnets(name, ends):
    torchvision = pytest.importorskip("torchvision")
    found = roles(getattr(torchvision.models, name)(), torch.randn(1, 3, 64, 64))
    assert found == ({"inside": ends, "end": ends} if ends else {"inside": 16})


@pytest.mark.parametrize("name", ["resnet18", "seresnet18", "resnet26d"])
def test_timms_resnets_are_found_whatever_their_parts_are_called(name):
    timm = pytest.importorskip("timm")
    found = find(timm.create_model(name).eval(), torch.randn(1, 3, 64, 64))
    assert len(found.sites) >= 8 and not found.missed


class Option(nn.Module):
    """An option-A block in the style of many CIFAR repositories, with names that mean nothing."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.p, self.q = nn.Conv2d(c, c, 3, padding=1), nn.Conv2d(c, c, 3, padding=1)
        self.one, self.two = nn.BatchNorm2d(c), nn.BatchNorm2d(c)

    def forward(self, x):
        out = F.relu(self.one(self.p(x)))
        out = self.two(self.q(out))
        out += x
        return F.relu(out)


def foreign() -> nn.Module:
    body = [nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), Option(4), Option(4)]
    return nn.Sequential(*body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))


def test_a_foreign_block_with_an_addition_in_place():
    found = find(foreign().eval(), X)
    assert [(s.name, s.role) for s in found.sites] == [
        ("0", "stem"),
        ("3.p", "inside"),
        ("3.q", "end"),
        ("4.p", "inside"),
        ("4.q", "end"),
    ]


def test_the_order_is_that_of_the_run_and_not_of_the_definition():
    class Backwards(nn.Module):
        def __init__(self):
            super().__init__()
            self.b, self.bn_a = nn.Conv2d(4, 5, 3), nn.BatchNorm2d(4)
            self.a, self.bn_b = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(5)

        def forward(self, x):
            return self.bn_b(self.b(F.relu(self.bn_a(self.a(x)))))

    net = Backwards().eval()
    found = find(net, X)
    assert [site.name for site in found.sites] == ["a", "b"]
    assert [site.module for site in found.sites] == [net.bn_a, net.bn_b]


def test_a_bn_used_twice_is_two_responses():
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 3, padding=1)
            self.bn = nn.BatchNorm2d(3)

        def forward(self, x):
            return self.bn(self.b(self.bn(self.a(x)).relu()))

    found = find(Shared().eval(), X)
    assert [(site.name, site.call) for site in found.sites] == [("a", 0), ("b", 1)]


class Functional(nn.Module):
    """BN as a function in the middle of a forward: no module returns its result."""

    def __init__(self, seen: bool) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)) if seen else nn.Identity()
        self.conv = nn.Conv2d(4 if seen else 3, 4, 3)
        self.register_buffer("mean", torch.zeros(4))
        self.register_buffer("var", torch.ones(4))

    def forward(self, x):
        return F.batch_norm(self.conv(self.first(x)), self.mean, self.var).relu()


def test_what_no_hook_can_see_is_named():
    found = find(Functional(True).eval(), X)
    assert [site.name for site in found.sites] == ["first.0"]
    assert found.missed[0].startswith("conv: a BN reads it, but no module returns")
    with pytest.raises(
        InputError, match="no response of Functional can be reached: conv: .*--after"
    ):
        find(Functional(False).eval(), X)


def test_a_bn_written_by_hand_is_not_taken_for_one():
    class ByHand(nn.Module):
        def forward(self, x):
            return (x - x.mean((0, 2, 3), keepdim=True)) / x.std((0, 2, 3), keepdim=True)

    net = nn.Sequential(nn.Conv2d(3, 4, 3), ByHand())
    with pytest.raises(InputError, match="runs no BN, so there is no output after BN"):
        find(net, X)


def test_a_net_without_bn_says_what_it_has_instead():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4), nn.ReLU())
    with pytest.raises(InputError, match=r"runs no BN \(it has group_norm\)"):
        find(net, X)
    assert roles(net, after="conv") == {"plain": 1}


def test_a_net_without_3x3_convolutions_is_refused_by_name():
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
    with pytest.raises(InputError, match="Sequential runs no 3x3 convolution"):
        find(net.eval(), X)
    assert len(find(net.eval(), X, kernels="all").sites) == 1


def test_before_activation_there_is_no_after_bn_as_in_figure_7():
    pre = ResNet(cifar(20, activation="pre"))
    with pytest.raises(InputError, match="pre-activation net: BN stands before its convolutions"):
        find(pre.eval(), X)
    assert roles(pre, after="conv") == {"stem": 1, "inside": 9, "end": 9}


def test_without_shortcuts_a_pre_activation_net_is_a_plain_net():
    """conv, BN, ReLU, conv, BN, ReLU: only where a block is cut differs."""
    assert roles(ResNet(cifar(20, activation="pre", shortcut="none"))) == {"plain": 19}


def test_joins_that_are_no_residual_blocks_leave_the_role_open():
    class Dense(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.bn = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4)

        def forward(self, x):
            return torch.cat([x, self.bn(self.conv(x)).relu()], 1)

    assert roles(Dense()) == {"unknown": 1}


def test_a_net_that_does_not_take_the_images_says_so_in_a_sentence():
    with pytest.raises(InputError, match=r"ResNet-20 does not run on images of \(4, 8, 8\)"):
        find(ResNet(cifar(20)).eval(), torch.zeros(1, 4, 8, 8))
