"""Nets of all kinds, as people write them: what an audit must not invent, and not choke on."""

import pytest
import timm
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations, prune

from resnet_lab import audit
from resnet_lab.errors import InputError
from resnet_lab.resnet import ResNet, cifar


def says(report, words):
    return any(words in difference for difference in report.differences)


def conv(c_in, c_out, stride=1, **more):
    return nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False, **more)


@pytest.mark.parametrize("look_at", [lambda net: net, lambda net: net.state_dict()])
def test_a_lazy_layer_is_a_sentence(look_at):
    with pytest.raises(InputError, match="run the net once"):
        audit(look_at(nn.Sequential(nn.LazyConv2d(16, 3), nn.ReLU(), nn.LazyLinear(10))))


def test_what_is_no_tensor_in_a_state_dict_is_left_out():
    """Quantized layers keep a dtype and packed weights beside their tensors."""

    class Quantized(nn.Linear):
        def _save_to_state_dict(self, destination, prefix, keep_vars):
            super()._save_to_state_dict(destination, prefix, keep_vars)
            destination[f"{prefix}_packed_params.dtype"] = torch.qint8

    net = ResNet(cifar(8, width=4))
    before = audit(net)
    net.classifier = Quantized(net.classifier.in_features, 10)
    assert audit(net) == before


# --- what only looks like blocks ---


def pair(c_in, c_out):
    """Two convolutions, as every stage of a U-Net or a VGG has them."""
    layers = [conv(c_in, c_out), nn.BatchNorm2d(c_out), nn.ReLU()]
    return [*layers, conv(c_out, c_out), nn.BatchNorm2d(c_out), nn.ReLU()]


class UNet(nn.Module):
    """Two stages down, two up; what goes up is transposed or resized."""

    def __init__(self, transposed):
        super().__init__()

        def up(c):
            if transposed:
                return nn.ConvTranspose2d(c, c // 2, 2, 2)
            return nn.Sequential(nn.Upsample(scale_factor=2), conv(c, c // 2))

        self.down = nn.ModuleList([nn.Sequential(*pair(*c)) for c in [(3, 8), (8, 16), (16, 32)]])
        self.ups = nn.ModuleList([up(32), up(16)])
        self.after = nn.ModuleList([nn.Sequential(*pair(*c)) for c in [(32, 16), (16, 8)]])
        self.last = nn.Conv2d(8, 2, 1)

    def forward(self, x):
        maps = []
        for stage in self.down:
            maps.append(x := stage(F.max_pool2d(x, 2) if maps else x))
        for up, stage, beside in zip(self.ups, self.after, maps[-2::-1], strict=True):
            x = stage(torch.cat([up(x), beside], 1))
        return self.last(x)


def stack(*widths):
    layers = [nn.Sequential(conv(3, widths[0]), nn.BatchNorm2d(widths[0]), nn.ReLU())]
    for c_in, c_out in zip(widths, widths[1:], strict=False):
        layers.append(nn.Sequential(conv(c_in, c_out), nn.BatchNorm2d(c_out), nn.ReLU()))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(widths[-1], 10))


@pytest.mark.parametrize(
    "net",
    [UNet(True), UNet(False), stack(32, 64, 64, 128, 128), stack(32, 32, 32)],
    ids=["unet", "unet resized", "small", "all"],
)
def test_pairs_of_layers_are_no_blocks(net):
    assert not audit(net).is_resnet
    assert not audit(net.state_dict()).is_resnet


# --- what a run shows ---


class Block(nn.Module):
    """A basic block with its parts exchanged."""

    def __init__(self, c_in, c_out, stride, act, norm, join):
        super().__init__()
        self.conv1, self.norm1 = conv(c_in, c_out, stride), norm(c_out)
        self.conv2, self.norm2 = conv(c_out, c_out), norm(c_out)
        self.act, self.join, self.stride = act(), join, stride
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x):
        y = self.norm2(self.conv2(self.act(self.norm1(self.conv1(x)))))
        if self.stride > 1:
            x = x[:, :, ::2, ::2]
            x = torch.cat([x, torch.zeros_like(x)], 1)
        return self.act(self.join(self, x, y))


def added(block, x, y):
    return x + y


def net_of(act=nn.ReLU, norm=nn.BatchNorm2d, join=added):
    sizes = [(8, 8, 1), (8, 8, 1), (8, 16, 2), (16, 16, 1), (16, 32, 2), (32, 32, 1)]
    blocks = [Block(*size, act, norm, join) for size in sizes]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10)]
    return nn.Sequential(conv(3, 8), norm(8), act(), *blocks, *head)


@pytest.mark.parametrize(
    "join",
    [
        lambda block, x, y: x + 0.5 * y,
        lambda block, x, y: x + y * block.scale,
        lambda block, x, y: torch.add(x, y, alpha=0.1),
    ],
    ids=["number", "learned", "alpha"],
)
def test_a_scaled_branch_is_no_attention(join):
    report = audit(net_of(join=join))
    assert report["attention"] == 0 and report["shortcut"] == "A"
    assert says(report, "scaled by a constant in 6 of 6 blocks")
    assert audit(net_of(join=join).state_dict())["attention"] == 0


def test_a_gate_is_attention():
    report = audit(net_of(join=lambda block, x, y: x + y * y.mean((2, 3), keepdim=True).sigmoid()))
    assert report["attention"] == 6 and not says(report, "scaled")


def test_a_norm_over_one_image_is_no_bn():
    report = audit(net_of(norm=lambda c: nn.InstanceNorm2d(c, affine=True)))
    assert report["norm"] == "instance norm, or a BN without statistics"
    assert says(report, "Instance norm, or a BN without statistics in place of BN")


@pytest.mark.parametrize(
    "act, words",
    [
        (nn.LeakyReLU, "leaky ReLU"),
        (nn.PReLU, "PReLU"),
        (nn.ReLU6, "ReLU6"),
        (nn.Mish, "mish"),
        (nn.SiLU, "SiLU"),
        (nn.Tanh, "tanh"),
    ],
)
def test_every_other_activation_is_named(act, words):
    assert says(audit(net_of(act=act)), f"No ReLU in its run, but {words}")
    assert audit(net_of(act=act).state_dict())["attention"] == 0
    assert not says(audit(net_of()), "ReLU")


def pruned(layer):
    prune.l1_unstructured(layer, "weight", 0.5)


@pytest.mark.parametrize("change", [pruned, parametrizations.spectral_norm])
def test_buffers_are_no_parameters_and_a_mask_is_no_convolution(change):
    net = ResNet(cifar(8, width=4))
    expected = audit(net)["parameters"]
    for layer in [x for x in net.modules() if isinstance(x, nn.Conv2d)]:
        change(layer)
    assert audit(net)["parameters"] == expected
    assert audit(net.state_dict())["parameters"] == expected


def test_what_a_net_prints_is_no_part_of_the_report(capsys, tmp_path, monkeypatch):
    (tmp_path / "loud_zoo.py").write_text(
        "from resnet_lab.resnet import ResNet, cifar\n"
        "class Net(ResNet):\n"
        "    def forward(self, x):\n"
        "        print('forward')\n"
        "        return super().forward(x)\n"
        "def make():\n"
        "    print('made')\n"
        "    return Net(cifar(8, width=4))\n"
    )
    monkeypatch.chdir(tmp_path)
    assert audit("loud_zoo:make").is_resnet
    out, err = capsys.readouterr()
    assert not out and "made" in err and "forward" in err


def test_a_sum_in_another_way_is_undecidable():
    report = audit(net_of(join=lambda block, x, y: torch.stack([y, x]).sum(0)))
    assert "used again behind it" in report.undecidable["shortcut"]
    assert report.verdict.startswith("ResNet-14") and "or plain-14" in report.verdict
    assert audit(net_of(join=lambda block, x, y: y))["shortcut"] == "none"


class Detector(nn.Module):
    """A backbone, and a head that takes two of its maps."""

    def __init__(self):
        super().__init__()
        self.backbone = net_of()[:-3]
        self.head = nn.Conv2d(48, 5, 3)

    def forward(self, x):
        middle = self.backbone[:-2](x)
        return self.head(torch.cat([F.max_pool2d(middle, 2), self.backbone[-2:](middle)], 1))


def test_a_backbone_inside_of_a_module_is_found_with_its_run():
    report = audit(Detector())
    assert report.is_resnet and report["depth"] == 14 and report["shortcut"] == "A"
    assert says(report, "Only backbone.* is judged") and report["classes"] is None
    assert report["parameters"] == sum(p.numel() for p in Detector().backbone.parameters())


def test_one_is_no_plural_and_signals_are_not_in_the_paper():
    net = net_of()
    net[0], net[-1] = conv(1, 8), nn.Linear(32, 1)
    report = audit(net)
    assert says(report, "Images of 1 channel,") and says(report, "with 1 class;")
    net = timm.create_model("resnet18")
    flat = {n: t[..., 0] if t.dim() == 4 else t for n, t in net.state_dict().items()}
    assert "not in the paper" in audit(flat).verdict


@pytest.mark.parametrize(
    ("name", "difference"),
    [
        ("resnetblur50", "A fixed low-pass filter in 4 places"),
        ("ecaresnet50d", "Channel attention"),
    ],
)
def test_what_is_computed_as_a_convolution_but_is_none_hides_no_block(name, difference):
    """timm's fixed blur filters, and ECA's convolution over the channels: run and file agree."""
    net = timm.create_model(name)
    run, file = audit(net), audit(net.state_dict())
    for report in (run, file):
        assert report.is_resnet and report["depth"] == 50 and report["block"] == "bottleneck"
    assert says(run, difference)


def test_an_uncommon_block_is_named_when_there_is_one():
    said = audit(timm.create_model("res2net50_26w_4s")).verdict
    assert "no ResNet" in said and "12 bridge 1x1, 3x3, 3x3, 3x3, 1x1" in said
