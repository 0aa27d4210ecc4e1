"""Table 1's nets beside torchvision's and timm's: the same weights give the same numbers."""

import math

import pytest
import timm
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st

from resnet_lab import checkpoint, cost, evaluation, weights
from resnet_lab.errors import InputError
from resnet_lab.resnet import ResNet, ResNetConfig, cifar, imagenet

DEPTHS = [18, 34, 50, 101, 152]


def config_of(depth):
    """What both libraries build: option B at every depth, the stride in the 3x3."""
    return imagenet(depth, shortcut="B", stride_in="3x3")


def theirs(library, depth):
    with torch.device("meta"):
        if library == "torchvision":
            net = getattr(torchvision.models, f"resnet{depth}")()
        else:
            net = timm.create_model(f"resnet{depth}", pretrained=False)
    return randomise(net.to_empty(device="cpu"))


@torch.no_grad()
def randomise(net):
    """He-normal filters; every scale, offset and statistic of a BN random, none at its default."""
    random = torch.Generator().manual_seed(5)
    for name, value in net.state_dict().items():
        if name.endswith("num_batches_tracked"):
            value.fill_(3)
        elif value.dim() > 1:
            value.normal_(0, math.sqrt(2 / value[0].numel()), generator=random)
        elif name.endswith(("weight", "running_var")):
            value.uniform_(0.5, 1.5, generator=random)
        else:
            value.normal_(0, 0.1, generator=random)
    return net


@pytest.mark.parametrize("library", ["torchvision", "timm"])
@pytest.mark.parametrize("depth", DEPTHS)
def test_table_1_nets_compute_what_the_libraries_compute(library, depth):
    net = theirs(library, depth)
    ours = ResNet(config_of(depth))
    ours.load_state_dict(weights.to_ours(net.state_dict(), config_of(depth)), strict=True)
    random = torch.Generator().manual_seed(6)
    for height, width in ((97, 130), (65, 33)) if depth == 18 else ((65, 98),):  # odd and uneven
        x = torch.randn(2, 3, height, width, generator=random)
        with torch.no_grad():
            for training in (False, True):
                expected, logits = net.train(training)(x), ours.train(training)(x)
                size = float(expected.abs().max())
                # float32 has 24 bits, 6e-8; up to 152 layers of sums make a few dozen of these
                torch.testing.assert_close(logits, expected, rtol=0, atol=5e-6 * size)
    after = weights.to_ours(net.state_dict(), config_of(depth))  # training moved the statistics
    for name, value in ours.state_dict().items():
        torch.testing.assert_close(value, after[name], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("depth", DEPTHS)
def test_the_cost_is_what_torchvision_records_for_its_weights(depth):
    """Its metadata: parameters exactly, multiply-adds in 1e9 to three decimals."""
    recorded = torchvision.models.get_model_weights(f"resnet{depth}").DEFAULT.meta
    with torch.device("meta"):
        ours = ResNet(config_of(depth))
    assert cost.parameters(ours) == recorded["num_params"]
    assert round(cost.multiply_adds(ours, (3, 224, 224)) / 1e9, 3) == recorded["_ops"]


@pytest.mark.parametrize("shortcut, projections", [("none", 0), ("A", 0), ("B", 3), ("C", 16)])
def test_table_3_projections_of_the_34_layer_nets(shortcut, projections):
    found = weights.names(imagenet(34, shortcut=shortcut))
    assert sum(name.endswith("shortcut.0.weight") for name in found) == projections


@settings(max_examples=30)
@given(
    blocks=st.lists(st.integers(1, 3), min_size=1, max_size=4).map(tuple),
    width=st.integers(1, 6),
    bottleneck=st.booleans(),
    shortcut=st.sampled_from(["none", "A", "B", "C"]),
    stem=st.sampled_from(["cifar", "imagenet"]),
)
def test_the_map_names_every_tensor_once_and_there_and_back_is_nothing(
    blocks, width, bottleneck, shortcut, stem
):
    config = ResNetConfig(
        blocks=blocks,
        widths=tuple(width * 2**i for i in range(len(blocks))),
        bottleneck=bottleneck,
        shortcut=shortcut,
        stem=stem,
    )
    own = ResNet(config).state_dict()
    assert list(weights.names(config)) == list(own)
    public = weights.to_public(own, config)
    assert len(public) == len(own) and weights.are_public(public) and not weights.are_public(own)
    back = weights.to_ours(public, config)
    assert list(back) == list(own)
    assert all(torch.equal(back[name], value) for name, value in own.items())


class TestLoadNet:
    """evaluation.load_net takes both kinds of names."""

    @pytest.mark.parametrize("prefix", ["", "module."])
    @pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
    def test_a_librarys_file_loads_by_name(self, tmp_path, prefix, suffix):
        net = theirs("torchvision", 18).eval()
        tensors = {prefix + n: v for n, v in net.state_dict().items() if "num_b" not in n}
        path = tmp_path / f"resnet18{suffix}"
        if suffix == ".pth":
            torch.save({"state_dict": tensors}, path)
        else:
            path.write_bytes(checkpoint.save_tensors(tensors))
        ours = evaluation.load_net(path, imagenet(18, shortcut="B"))
        x = torch.randn(1, 3, 65, 65)
        with torch.no_grad():
            torch.testing.assert_close(ours(x), net(x), rtol=1e-4, atol=1e-4)

    @pytest.mark.parametrize(
        "config, says",
        [
            (imagenet(34, shortcut="B"), "no weights of ResNet-34-B: layer1.2.conv1.weight"),
            (imagenet(18), "no weights of ResNet-18: there is no place for layer2.0.downsample"),
            (imagenet(50), "no weights of ResNet-50: layer1.0.conv1.weight has shape"),
            (cifar(20), "no weights of ResNet-20: conv1.weight has shape"),
        ],
    )
    def test_a_file_of_another_net_is_a_sentence(self, tmp_path, config, says):
        path = tmp_path / "weights.pth"
        torch.save(torchvision.models.resnet18().state_dict(), path)
        with pytest.raises(InputError, match=f"weights.pth.*{says}"):
            evaluation.load_net(path, config)


def test_a_state_dict_that_is_not_ours_has_no_public_names():
    own = ResNet(cifar(8, width=2)).state_dict()
    with pytest.raises(InputError, match="no state dict of our ResNet-14-w2"):
        weights.to_public(own, cifar(14, width=2))
