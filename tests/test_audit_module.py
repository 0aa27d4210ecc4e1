"""What a run decides that weights cannot: additions, strides, order; by values, not by names."""

import pytest
import timm
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

from resnet_lab import audit
from resnet_lab.resnet import ResNet, ResNetConfig, cifar, imagenet


def says(report, words):
    return any(words in difference for difference in report.differences)


# --- our nets ---


@pytest.mark.parametrize("bottleneck, depth", [(False, 14), (True, 20)])
@pytest.mark.parametrize("shortcut", ["none", "A", "B", "C"])
def test_every_option_is_decided_by_running(shortcut, bottleneck, depth):
    report = audit(ResNet(cifar(depth, shortcut=shortcut, bottleneck=bottleneck)))
    assert report["shortcut"] == shortcut and report["depth"] == depth
    assert report["order"].startswith("convolution, BN") or shortcut == "none"
    assert report.verdict.startswith(f"{'plain' if shortcut == 'none' else 'ResNet'}-{depth}")


@pytest.mark.parametrize("stride_in", ["1x1", "3x3"])
def test_the_stride_is_seen_and_the_cost_follows_it(stride_in):
    config = ResNetConfig(
        blocks=(1, 2), widths=(8, 16), bottleneck=True, shortcut="B", stride_in=stride_in
    )
    report = audit(ResNet(config))
    by_weights = audit(ResNet(config).state_dict())
    assert report["stride in"] == stride_in and not report.undecidable
    assert report["multiply-adds"] == by_weights["multiply-adds"][f"stride in {stride_in}"]


def test_table_6_resnet_20_is_as_in_the_paper():
    report = audit(ResNet(cifar(20)))
    assert report.verdict == "ResNet-20: Section 4.2's." and not report.differences
    assert report["multiply-adds"] == 40_551_040 and report["parameters"] == 269_722
    assert not report.undecidable


def test_a_very_deep_net_that_overflows_is_still_read():
    """Fresh weights and BN that does nothing: the values double with every block."""
    report = audit(ResNet(cifar(320, width=2)))
    assert report["depth"] == 320 and report["shortcut"] == "A"


def test_auditing_leaves_the_net_as_it_was():
    net = ResNet(cifar(8, width=4)).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    audit(net)
    assert all(module.training for module in net.modules())
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    assert not any(module._forward_hooks for module in net.modules())


def test_table_1_torchvision_strides_in_the_3x3():
    report = audit(torchvision.models.resnet50())
    assert report["stride in"] == "3x3" and report["multiply-adds"] == 4_089_184_256
    assert says(report, "Stride in the 3x3 convolution: Table 1's cost (3.8e9")
    assert len(report.differences) == 1 and report["shortcut"] == "B"


@pytest.mark.parametrize(
    "name, words",
    [
        ("resnet18d", "shortcuts pool their input (ResNet-D"),
        ("resnetv2_18", "Pre-activation"),
        ("seresnet18", "Channel attention (as in SENet) in 8 of 8"),
        ("resnet10t", "Deep stem"),
        ("skresnet18", "This is no ResNet: it has 8 shortcuts"),
        ("darknet17", "This is no ResNet"),
    ],
)
def test_variants_of_timm(name, words):
    report = audit(timm.create_model(name, pretrained=False))
    assert words in report.verdict or says(report, words), report


@pytest.mark.parametrize(
    "name, words", [("vgg11", "as in VGG"), ("mobilenet_v3_small", "depthwise")]
)
def test_modules_that_are_no_resnet(name, words):
    report = audit(getattr(torchvision.models, name)())
    assert not report.is_resnet and words in report.verdict


# --- nets of this file, which hold what is seldom seen ---


class Basic(nn.Module):
    """A block whose shortcut is given as a function."""

    def __init__(self, c_in, c, stride, shortcut, act=F.relu):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(c)
        self.conv2 = nn.Conv2d(c, c, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(c)
        self.way, self.stride, self.act = shortcut, stride, act

    def forward(self, x):
        y = self.bn2(self.conv2(self.act(self.bn1(self.conv1(x)))))
        return self.act(self.way(self, x, y))


def identity(block, x, y):
    if x.shape == y.shape:
        return x + y
    x, new = x[:, :, ::2, ::2], y.shape[1] - x.shape[1]
    return y + F.pad(x, (0, 0, 0, 0, 0, new))  # all the new channels last


def averaged(block, x, y):
    if x.shape == y.shape:
        return y + x
    x = F.avg_pool2d(x, 2)
    return y + torch.cat([x, x.mul(0)], 1)


def nothing(block, x, y):
    return y


def zeros(block, x, y):
    return y + 0 * x if x.shape == y.shape else y


def only_where_it_fits(block, x, y):
    return y + x if x.shape == y.shape else y


class Net(nn.Module):
    """Three stages of two blocks, whatever the shortcut."""

    def __init__(self, way, act=F.relu, flat=False):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(16)
        sizes = [(16, 16, 1), (16, 16, 1), (16, 32, 2), (32, 32, 1), (32, 64, 2), (64, 64, 1)]
        self.body = nn.Sequential(*[Basic(*size, way, act) for size in sizes])
        self.last = nn.Linear(64 * (64 if flat else 1), 10)
        self.flat = flat

    def forward(self, x):
        x = self.body(F.relu(self.norm(self.stem(x))))
        return self.last(x.flatten(1) if self.flat else x.mean((2, 3)))


@pytest.mark.parametrize(
    "way, option",
    [
        (identity, "A"),
        (averaged, "A"),
        (nothing, "none"),
        (zeros, "none"),
        (only_where_it_fits, "mixed: 2 of 6 blocks have no shortcut"),
    ],
)
def test_a_shortcut_is_what_passes_not_what_is_written(way, option):
    report = audit(Net(way))
    assert report.is_resnet and report["shortcut"] == option
    assert report["blocks"] == (2, 2, 2) and report["depth"] == 14
    weights_alone = audit(Net(way).state_dict())
    assert "shortcut" in weights_alone.undecidable  # the same tensors in all five


def test_zeros_added_and_pooled_inputs_are_named():
    assert says(audit(Net(zeros)), "nothing but zeros")
    assert says(audit(Net(averaged)), "2 shortcuts pool their input")
    assert not says(audit(Net(identity)), "pool")


def test_another_activation_is_named():
    assert says(audit(Net(identity, act=F.silu)), "SiLU")


def test_a_stack_whose_classifier_sees_places_is_no_plain_net():
    assert not audit(Net(nothing, flat=True)).is_resnet
    report = audit(Net(identity, flat=True))
    assert report.is_resnet and says(report, "no global average pool")


class Shared(nn.Module):
    """One block run three times."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.block = Basic(8, 8, 1, identity)
        self.last = nn.Linear(8, 10)

    def forward(self, x):
        x = self.stem(x)
        for _ in range(3):
            x = self.block(x)
        return self.last(x.mean((2, 3)))


def test_shared_weights_are_named():
    report = audit(Shared())
    assert report["depth"] == 8 and says(report, "Weights are shared: 4 convolutions")


class Fails(Net):
    def forward(self, x):
        raise ValueError("needs a mask\nand more")


def test_a_net_that_does_not_run_is_judged_by_its_weights():
    report = audit(Fails(identity))
    assert report.is_resnet and report["shortcut"] == "undecidable"
    assert says(report, "it did not run (needs a mask): judged by its weights alone")


def test_grey_images_volumes_and_one_size_only():
    grey = torchvision.models.resnet18(num_classes=10)
    grey.conv1 = nn.Conv2d(1, 64, 7, 2, 3, bias=False)
    assert says(audit(grey), "Images of 1 channel,")
    assert says(audit(torchvision.models.video.r3d_18()), "3-D convolutions")


@pytest.mark.filterwarnings("ignore")  # torch deprecates what people still have
def test_a_scripted_wrapped_or_half_precision_net_runs_too():
    net = ResNet(cifar(8, width=4))
    wrapped = (nn.DataParallel(net), torch.jit.script(torchvision.models.resnet18()))
    assert [audit(other)["shortcut"] for other in wrapped] == ["A", "B"]
    assert audit(net.bfloat16())["shortcut"] == "A"


def test_bottlenecks_of_another_stride_and_dilation():
    net = torchvision.models.resnet50(replace_stride_with_dilation=[False, True, True])
    report = audit(net)
    assert says(report, "Dilated convolutions")
    assert says(report, "Stages that stride in a convolution of their first block: [1]")


def test_imagenet_34_options_of_table_3():
    for shortcut in "ABC":
        report = audit(ResNet(imagenet(34, shortcut=shortcut)))
        assert report["shortcut"] == shortcut and report["depth"] == 34
