"""Sections 3.3, 4.1 and 4.2: the nets have the paper's shapes, sizes and initial weights."""

import math
from functools import cache

import pytest
import torch
import torch.nn.functional as F
import torchvision
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from resnet_lab.cost import multiply_adds, parameters
from resnet_lab.resnet import ResNet, ResNetConfig, cifar, imagenet
from resnet_lab.train import new_net


@cache
def on_paper(config):
    """The net without memory or arithmetic: shapes and counts only."""
    with torch.device("meta"):
        return ResNet(config)


def stage_shapes(net, x):
    shapes = []
    for part in (net.stem, *net.stages):
        x = part(x)
        shapes.append(tuple(x.shape[1:]))
    return shapes


def randomise(net, seed=0):
    """Random weights and BN statistics, none of them at a value that hides a mistake."""
    random = torch.Generator().manual_seed(seed)
    for name, value in net.state_dict().items():
        if name.endswith("num_batches_tracked"):
            value.fill_(7)
        elif name.endswith(("running_var", "bn1.weight", "bn2.weight", "bn3.weight")):
            value.uniform_(0.5, 1.5, generator=random)
        elif value.dim() > 1:
            std = math.sqrt(2 / value[0].numel())
            value.normal_(0, std, generator=random)
        elif name.endswith("weight"):
            value.uniform_(0.5, 1.5, generator=random)
        else:
            value.normal_(0, 0.1, generator=random)
    return net


def copy_by_position(source, target):
    """The weights of one net in another that has the same shapes in the same order."""
    ours, theirs = target.state_dict(), source.state_dict()
    assert [v.shape for v in ours.values()] == [v.shape for v in theirs.values()]
    # the last part of the name says what a tensor is in BN: weight, bias, running_mean, ...
    assert [n.split(".")[-1] for n in ours] == [n.split(".")[-1] for n in theirs]
    target.load_state_dict(dict(zip(ours, theirs.values(), strict=True)))
    return target


# --- shapes ---


def test_section_4_2_map_sizes_are_32_16_8():
    assert stage_shapes(ResNet(cifar(20)), torch.zeros(1, 3, 32, 32)) == [
        (16, 32, 32),
        (16, 32, 32),
        (32, 16, 16),
        (64, 8, 8),
    ]


def test_section_4_2_bottlenecks_have_the_same_maps_and_four_times_the_channels():
    assert stage_shapes(
        on_paper(cifar(164, bottleneck=True)), torch.zeros(1, 3, 32, 32, device="meta")
    ) == [
        (16, 32, 32),
        (64, 32, 32),
        (128, 16, 16),
        (256, 8, 8),
    ]


@pytest.mark.parametrize("depth", [18, 34, 50, 101, 152])
def test_table_1_output_sizes(depth):
    c = 4 if depth >= 50 else 1
    assert stage_shapes(on_paper(imagenet(depth)), torch.zeros(1, 3, 224, 224, device="meta")) == [
        (64, 56, 56),
        (64 * c, 56, 56),
        (128 * c, 28, 28),
        (256 * c, 14, 14),
        (512 * c, 7, 7),
    ]


@given(
    n=st.integers(1, 40),
    bottleneck=st.booleans(),
    shortcut=st.sampled_from(["none", "A", "B", "C"]),
    width=st.integers(1, 32),
)
def test_section_4_2_every_depth_6n_plus_2_counts_that_many_weighted_layers(
    n, bottleneck, shortcut, width
):
    depth = (9 if bottleneck else 6) * n + 2
    config = cifar(depth, shortcut=shortcut, bottleneck=bottleneck, width=width)
    assert config.depth == depth
    assert config.blocks == (n, n, n) and config.widths == (width, 2 * width, 4 * width)
    if n <= 4:  # count the layers of the net itself, without its projections
        net = on_paper(config)
        assert depth == sum(
            isinstance(m, nn.Conv2d | nn.Linear) and ".shortcut." not in name
            for name, m in net.named_modules()
        )


@given(st.integers(-20, 400), st.booleans())
def test_a_wrong_depth_is_refused_with_the_two_right_ones_around_it(depth, bottleneck):
    layers = 9 if bottleneck else 6
    if depth > 2 and (depth - 2) % layers == 0:
        assert cifar(depth, bottleneck=bottleneck).depth == depth
        return
    with pytest.raises(ValueError, match=rf"{layers}n\+2.*Section 4\.2") as caught:
        cifar(depth, bottleneck=bottleneck)
    words = str(caught.value).rsplit("is not,", 1)[1].replace("and", "").replace("are", "").split()
    below, above = map(int, words)
    for right in (below, above):
        assert cifar(right, bottleneck=bottleneck).depth == right
    if depth > layers + 2:
        assert below < depth < above == below + layers


@pytest.mark.parametrize("depth", [20, 36, 0])
def test_an_imagenet_depth_that_table_1_does_not_have_is_refused(depth):
    with pytest.raises(ValueError, match=rf"\[18, 34, 50, 101, 152\], got {depth}"):
        imagenet(depth)


@pytest.mark.parametrize(
    "changes, message",
    [
        (dict(shortcut="D"), "none, A, B or C, got 'D'"),
        (dict(blocks=(1, 1)), "same number of stages"),
        (dict(blocks=(), widths=()), "at least 1"),
        (dict(blocks=(0, 1, 1)), "at least 1"),
        (dict(widths=(0, 1, 1)), "at least 1"),
        (dict(classes=0), "at least 1"),
    ],
)
def test_a_config_that_is_no_net_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        ResNetConfig(**(dict(blocks=(1, 1, 1), widths=(4, 8, 16)) | changes))


@pytest.mark.parametrize("changes", [dict(stride_in="2x2"), dict(stem="CIFAR")])
def test_a_config_with_an_unknown_word_is_refused(changes):
    with pytest.raises(ValueError):
        ResNetConfig(**(dict(blocks=(1, 1), widths=(4, 8)) | changes))


@pytest.mark.parametrize(
    "config, name",
    [
        (cifar(56), "ResNet-56"),
        (cifar(56, shortcut="none"), "plain-56"),
        (cifar(56, shortcut="B"), "ResNet-56-B"),
        (cifar(20, width=8), "ResNet-20-w8"),
        (cifar(164, bottleneck=True), "ResNet-164-bottleneck"),
        (imagenet(34), "ResNet-34"),
        (imagenet(34, shortcut="C"), "ResNet-34-C"),
        (imagenet(34, shortcut="none"), "plain-34"),
        (imagenet(152), "ResNet-152"),
    ],
)
def test_nets_are_called_as_in_the_paper(config, name):
    assert config.name == name


# --- counts ---


@pytest.mark.parametrize(
    "depth, exact",
    [
        (20, 269_722),
        (32, 464_154),
        (44, 658_586),
        (56, 853_018),
        (110, 1_727_962),
        (1202, 19_421_274),
    ],
)
def test_table_6_parameters(depth, exact, paper):
    assert parameters(on_paper(cifar(depth))) == exact
    if depth <= 110:
        assert parameters(on_paper(cifar(depth, shortcut="none"))) == exact
    assert exact == paper["derived"]["cifar_parameters_option_A"][str(depth)]["value"]
    printed = paper["checks"][f"cifar_params_{depth}_millions"]["printed"]
    digits = 2 if depth < 110 else 1
    assert round(exact / 1e6, digits) == printed
    # by hand: 3x3 layers, scales and offsets of BN, classifier
    n = (depth - 2) // 6
    convs = 9 * (
        3 * 16 + 2 * n * 16**2 + 16 * 32 + (2 * n - 1) * 32**2 + 32 * 64 + (2 * n - 1) * 64**2
    )
    bn = 2 * (16 + 2 * n * (16 + 32 + 64))
    assert exact == convs + bn + 64 * 10 + 10


@pytest.mark.parametrize("depth", [20, 32, 44, 56, 110, 1202])
def test_option_b_adds_two_projections_to_a_cifar_net(depth, paper):
    exact = paper["derived"]["cifar_parameters_option_B"][str(depth)]["value"]
    assert parameters(on_paper(cifar(depth, shortcut="B"))) == exact
    # 16x32 and 32x64 weights, and BN over 32 and 64 channels
    assert exact == parameters(on_paper(cifar(depth))) + 16 * 32 + 32 * 64 + 2 * (32 + 64)


@pytest.mark.parametrize("depth", [29, 47, 164])
@pytest.mark.parametrize("option, projections", [("A", 0), ("none", 0), ("B", 3)])
def test_section_4_2_a_bottleneck_cifar_net_by_hand(depth, option, projections):
    """9n+2 layers: w to 4w channels in every block, so option B projects in every stage."""
    n, total, c = (depth - 2) // 9, 27 * 16 + 2 * 16, 16
    for w in (16, 32, 64):
        first, other = ((c_in * w + 9 * w * w + 4 * w * w) for c_in in (c, 4 * w))
        total += first + (n - 1) * other + n * 2 * (w + w + 4 * w)
        total += (c * 4 * w + 2 * 4 * w) if projections else 0
        c = 4 * w
    net = on_paper(cifar(depth, bottleneck=True, shortcut=option))
    assert parameters(net) == total + 256 * 10 + 10
    convs = [n for n, m in net.named_modules() if isinstance(m, nn.Conv2d)]
    assert sum(".shortcut" in name for name in convs) == projections


@pytest.mark.parametrize("name", ["A_18", "A_34", "B_18", "B_34", "C_34", "B_50", "B_101", "B_152"])
def test_table_1_and_3_parameters_of_the_imagenet_nets(name, paper):
    option, depth = name.split("_")
    derived = paper["derived"]["imagenet_parameters"]
    key = f"plain_or_A_{depth}" if option == "A" else name
    assert parameters(on_paper(imagenet(int(depth), shortcut=option))) == derived[key]["value"]
    if option == "A":
        assert parameters(on_paper(imagenet(int(depth), shortcut="none"))) == derived[key]["value"]


@pytest.mark.parametrize("name", ["A_18", "A_34", "B_34", "B_50", "B_101", "B_152"])
def test_table_1_multiply_adds_of_the_imagenet_nets(name, paper):
    option, depth = name.split("_")
    net = on_paper(imagenet(int(depth), shortcut=option))
    exact = paper["derived"]["imagenet_multiply_adds"][name]["value"]
    assert multiply_adds(net, (3, 224, 224)) == exact
    if check := paper["checks"].get(f"flops_{depth}_{option}_billions"):
        assert exact / 1e9 == pytest.approx(check["printed"], abs=0.1)


@pytest.mark.parametrize(
    "depth, exact", [(50, 4_089_184_256), (101, 7_801_405_440), (152, 11_513_626_624)]
)
def test_the_stride_in_the_3x3_costs_more_and_has_as_many_parameters(depth, exact):
    """Torchvision records 4.09, 7.80 and 11.51 e9 for its own."""
    theirs, ours = on_paper(imagenet(depth, stride_in="3x3")), on_paper(imagenet(depth))
    assert multiply_adds(theirs, (3, 224, 224)) == exact
    assert parameters(theirs) == parameters(ours)


# --- identities ---


def test_section_3_3_plain_and_residual_nets_have_the_same_weights():
    """Option A adds no parameter, so nets of equal size are compared."""
    plain, residual = ResNet(cifar(20, shortcut="none")), ResNet(cifar(20))
    residual.load_state_dict(plain.state_dict())
    plain.load_state_dict(residual.state_dict())
    x = torch.rand(2, 3, 32, 32)
    assert not torch.allclose(plain.eval()(x), residual.eval()(x))  # the shortcuts do something


def test_one_seed_starts_a_plain_and_a_residual_net_from_the_same_weights():
    plain, residual = new_net(cifar(20, shortcut="none"), 3), new_net(cifar(20), 3)
    for name, value in plain.state_dict().items():
        assert torch.equal(value, residual.state_dict()[name])
    other = new_net(cifar(20), 4).state_dict()
    assert not torch.equal(plain.state_dict()["stem.0.weight"], other["stem.0.weight"])


def test_a_seed_leaves_the_global_random_state_alone():
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    new_net(cifar(8, width=4), 5)
    assert torch.equal(torch.rand(3), expected)


def test_section_1_a_deeper_net_can_be_the_shallower_one_by_construction():
    """The added layers are identity mappings, the others are copied from the shallower net."""
    shallow, deep = randomise(ResNet(cifar(8, width=4))).eval(), ResNet(cifar(20, width=4)).eval()
    for name in ("stem", "classifier"):
        getattr(deep, name).load_state_dict(getattr(shallow, name).state_dict())
    for ours, theirs in zip(deep.stages, shallow.stages, strict=True):
        ours[0].load_state_dict(theirs[0].state_dict())
        for block in ours[1:]:
            for p in block.residual.parameters():
                nn.init.zeros_(p)
    x = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    assert torch.equal(deep(x), shallow(x))


class OtherBlock(nn.Module):
    """A block of the widely used option-A CIFAR code, from its description and in its layout."""

    def __init__(self, c_in, planes, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, planes, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride=1, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.pad = planes // 4 if (stride != 1 or c_in != planes) else None

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.pad is not None:
            x = x[:, :, ::2, ::2]
            zeros = x.new_zeros(len(x), self.pad, *x.shape[2:])
            x = torch.cat([zeros, x, zeros], 1)
        return F.relu(out + x)


class OtherNet(nn.Module):
    """The net around it: conv1, bn1, layer1 to layer3, average pool, linear."""

    def __init__(self, n):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        for stage, (c_in, planes) in enumerate(((16, 16), (16, 32), (32, 64)), 1):
            blocks = [OtherBlock(c_in, planes, 1 if stage == 1 else 2)]
            blocks += [OtherBlock(planes, planes, 1) for _ in range(n - 1)]
            setattr(self, f"layer{stage}", nn.Sequential(*blocks))
        self.linear = nn.Linear(64, 10)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        x = F.avg_pool2d(x, x.shape[3])
        return self.linear(x.view(len(x), -1))


@pytest.mark.parametrize("n", [3, 9])
def test_published_option_a_weights_give_the_same_logits_here(n):
    theirs = randomise(OtherNet(n)).double()  # so that only a mistake can make a difference
    random = torch.Generator().manual_seed(1)
    x = torch.randn(16, 3, 32, 32, generator=random).double()
    x += 2 * torch.randn(16, 3, 1, 1, generator=random)  # colours, so that the images differ
    with torch.no_grad():
        for _ in range(3):  # random BN statistics, brought near to what the net sees
            theirs.train()(x)
        theirs.linear.bias -= theirs.eval()(x).mean(0)  # else one class wins everywhere
        ours = copy_by_position(theirs, ResNet(cifar(6 * n + 2)).double())
        expected, logits = theirs.eval()(x), ours.eval()(x)
    assert len(expected.argmax(1).unique()) > 1  # the answers depend on the image
    torch.testing.assert_close(logits, expected, rtol=1e-9, atol=1e-9)
    assert torch.equal(logits.argmax(1), expected.argmax(1))


@pytest.mark.parametrize(
    "make, config",
    [
        (torchvision.models.resnet18, imagenet(18, shortcut="B")),
        (torchvision.models.resnet34, imagenet(34, shortcut="B")),
        (torchvision.models.resnet50, imagenet(50, stride_in="3x3")),
    ],
)
def test_torchvision_with_the_same_weights_computes_the_same(make, config):
    theirs = randomise(make())
    ours = copy_by_position(theirs, ResNet(config))
    x = torch.randn(2, 3, 75, 75, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        for training in (False, True):
            expected, logits = theirs.train(training)(x), ours.train(training)(x)
            scale = float(expected.abs().max())
            torch.testing.assert_close(logits / scale, expected / scale, rtol=1e-4, atol=1e-5)
    # in training mode both have moved their BN statistics to the same place
    for a, b in zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4)


# --- initial weights ---


@pytest.mark.parametrize("config", [cifar(56), cifar(29, bottleneck=True, shortcut="B")])
def test_section_4_2_initial_weights_are_he_normal(config):
    """Zero mean, std sqrt(2 / fan-in), as in [13]; BN starts as the identity, biases at 0."""
    net = new_net(config, 0)
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            w = module.weight.detach().double()
            n = w.numel()
            z = w * math.sqrt(w[0].numel() / 2)  # standard normal, if the std is sqrt(2 / fan-in)
            # of n normal values the mean has the std 1 / sqrt(n), the std has 1 / sqrt(2 n) and the
            # share p within +-1 has sqrt(p (1 - p) / n); five of these are exceeded once in 10^6
            assert abs(z.mean()) < 5 / math.sqrt(n)
            assert abs(z.std() - 1) < 5 / math.sqrt(2 * n)
            p = 0.6827
            share = (z.abs() < 1).double().mean()
            assert abs(share - p) < 5 * math.sqrt(p * (1 - p) / n)
            assert module.bias is None or not module.bias.any()
        if isinstance(module, nn.BatchNorm2d):
            assert (module.weight == 1).all() and not module.bias.any()
            assert not module.running_mean.any() and (module.running_var == 1).all()
