"""Which ResNet is this really? By shapes and order alone, whatever the names are."""

import random
import re
from functools import cache

import pytest
import timm
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from resnet_lab import audit, cost, weights
from resnet_lab.audit.report import UNDECIDABLE
from resnet_lab.resnet import ResNet, ResNetConfig, cifar, imagenet
from resnet_lab.vgg import vgg


def on_paper(make, *arguments, **more):
    with torch.device("meta"):
        return make(*arguments, **more)


@cache
def tensors(config):
    return on_paper(ResNet, config).state_dict()


def of(library, name, **more):
    """A net of one of the libraries, without memory: shapes are all that is looked at."""
    if library is timm:
        return on_paper(timm.create_model, name, pretrained=False, **more).state_dict()
    return on_paper(getattr(library, name), **more).state_dict()


def says(report, words):
    return any(words in difference for difference in report.differences)


# --- nets of the libraries ---


@pytest.mark.parametrize("library", [torchvision.models, timm], ids=["torchvision", "timm"])
@pytest.mark.parametrize(
    "depth, blocks, kind, millions",
    [
        (18, (2, 2, 2, 2), "basic", 11.689512),
        (34, (3, 4, 6, 3), "basic", 21.797672),
        (50, (3, 4, 6, 3), "bottleneck", 25.557032),
        (101, (3, 4, 23, 3), "bottleneck", 44.549160),
        (152, (3, 8, 36, 3), "bottleneck", 60.192808),
    ],
)
def test_table_1_nets_of_both_libraries(library, depth, blocks, kind, millions):
    report = audit(of(library, f"resnet{depth}"))
    assert report.is_resnet and f"ResNet-{depth}" in report.verdict
    assert (report["depth"], report["blocks"], report["block"]) == (depth, blocks, kind)
    assert report["widths"] == (64, 128, 256, 512) and report["shortcut"] == "B"
    assert report["parameters"] == round(millions * 1e6) and report["classes"] == 1000
    assert report["order"].startswith("convolution, BN") and report["norm"] == "BN"
    if kind == "bottleneck":
        assert "not say at which stride" in report.undecidable["stride in"]
        assert not report.differences


def test_table_1_cost_of_50_layers_under_both_strides(paper):
    found = audit(of(torchvision.models, "resnet50"))["multiply-adds"]
    assert found == {
        "stride in 1x1": paper["derived"]["imagenet_multiply_adds"]["B_50"]["value"],
        "stride in 3x3": 4_089_184_256,
    }


@pytest.mark.parametrize(
    "library, name, depth, words",
    [
        (torchvision.models, "wide_resnet50_2", 50, "(a wide net)"),
        (torchvision.models, "resnext50_32x4d", 50, "Grouped 3x3 convolutions, 32 groups"),
        (torchvision.models, "resnext101_32x8d", 101, "Grouped 3x3 convolutions, 32 groups"),
        (torchvision.models, "resnext101_64x4d", 101, "Grouped 3x3 convolutions, 64 groups"),
        (timm, "resnet26", 26, "Stages of (2, 2, 2, 2) bottleneck blocks"),
        (timm, "resnet50d", 50, "Deep stem"),
        (timm, "resnet50d", 50, "probably an average pool (ResNet-D"),
        (timm, "resnet26t", 26, "Deep stem"),
        (timm, "resnetv2_50", 50, "Pre-activation"),
        (timm, "resnetv2_50d", 50, "Pre-activation"),
        (timm, "resnetv2_50x1_bit", 50, "without running statistics in place of BN"),
        (timm, "resnet50_gn", 50, "without running statistics in place of BN"),
        (timm, "seresnet50", 50, "Channel attention (as in SENet) in 16 of 16"),
        (timm, "legacy_seresnet18", 18, "Channel attention (as in SENet) in 8 of 8"),
        (timm, "ecaresnet50d", 50, "Channel attention"),
        (timm, "wide_resnet101_2", 101, "(a wide net)"),
    ],
)
def test_variants_are_told_apart(library, name, depth, words):
    report = audit(of(library, name))
    assert report.is_resnet and report["depth"] == depth
    assert says(report, words), report.differences


@pytest.mark.parametrize(
    "name, words",
    [
        ("vgg11_bn", "as in VGG"),
        ("vgg13", "as in VGG"),
        ("vgg16", "as in VGG"),
        ("vgg19", "as in VGG"),
        ("alexnet", "as in VGG or AlexNet"),
        ("densenet121", "DenseNet"),
        ("mobilenet_v2", "depthwise"),
        ("mobilenet_v3_small", "depthwise"),
        ("efficientnet_b0", "depthwise"),
        ("shufflenet_v2_x1_0", "depthwise"),
        ("convnext_tiny", "depthwise"),
        ("squeezenet1_0", "neither a basic block"),
        ("vit_b_16", "transformer"),
    ],
)
def test_something_else_is_a_plain_sentence(name, words):
    report = audit(of(torchvision.models, name))
    assert not report.is_resnet and report.verdict.startswith("This is no ResNet: ")
    assert words in report.verdict and report.verdict.endswith(".")


@pytest.mark.parametrize("name", ["skresnet18", "res2net50_26w_4s", "darknet53", "hrnet_w18_small"])
def test_relatives_with_other_blocks_are_none_either(name):
    assert "This is no ResNet" in audit(of(timm, name)).verdict


def test_usual_names_of_variants():
    for name, called in (
        ("resnext101_32x8d", "ResNeXt-101 (32x8d): "),
        ("resnext50_32x4d", "ResNeXt-50 (32x4d): "),
        ("wide_resnet101_2", "Wide ResNet-101 (x2): "),
        ("resnet34", "ResNet-34 with option B: "),
    ):
        assert audit(of(torchvision.models, name)).verdict.startswith(called)


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: nn.LSTM(8, 16, 2), "no convolution"),
        (lambda: nn.Linear(3, 4), "no convolution"),
        (lambda: nn.Conv2d(3, 8, 3), "a single convolution"),
    ],
)
def test_single_layers_are_none(make, words):
    assert words in audit(make().state_dict()).verdict
    assert words in audit(make()).verdict


def test_a_perceptron_and_our_vgg_are_none():
    perceptron = nn.Sequential(nn.Linear(9, 9), nn.ReLU(), nn.Linear(9, 2))
    assert "no convolution" in audit(perceptron.state_dict()).verdict
    assert "as in VGG" in audit(on_paper(vgg, 16).state_dict()).verdict


def test_a_backbone_inside_a_detector_is_found():
    make = torchvision.models.detection.fasterrcnn_resnet50_fpn
    report = audit(on_paper(make, weights=None, weights_backbone=None).state_dict())
    assert report.is_resnet and report["depth"] == 50 and report["classes"] is None
    assert says(report, "Only backbone.body.* is judged") and says(report, "a backbone")


def test_volumes_are_named():
    report = audit(of(torchvision.models.video, "r3d_18"))
    assert report["depth"] == 18 and says(report, "3-D convolutions")
    assert report["multiply-adds"] == UNDECIDABLE


# --- CIFAR nets ---


@pytest.mark.parametrize("depth", [20, 32, 44, 56, 110, 1202])
def test_table_6_nets(depth, paper):
    report = audit(tensors(cifar(depth)))
    derived = paper["derived"]["cifar_parameters_option_A"][str(depth)]["value"]
    assert report["depth"] == depth and report["parameters"] == derived
    assert report["widths"] == (16, 32, 64) and report["classes"] == 10
    assert not report.differences
    net = on_paper(ResNet, cifar(depth))
    assert report["multiply-adds"] == cost.multiply_adds(net, (3, 32, 32))


def test_option_a_and_a_plain_net_store_the_same_tensors():
    """Section 3.3: the comparison is fair because nothing but the addition differs."""
    plain, residual = (audit(tensors(cifar(20, shortcut=s))) for s in ("none", "A"))
    assert plain == residual
    assert "plain net" in plain.undecidable["shortcut"] and "plain-20" in plain.verdict


@pytest.mark.parametrize("shortcut, projections", [("B", 2), ("C", 9)])
def test_projections_decide_the_option(shortcut, projections):
    report = audit(tensors(cifar(20, shortcut=shortcut)))
    assert (report["shortcut"], report["projections"]) == (shortcut, projections)
    assert says(report, f"Option {shortcut} on a CIFAR net, where Section 4.2 uses A")


def test_resnet_18_for_cifar_has_other_widths_than_section_4_2():
    """The usual public one: ImageNet's stages under a 3x3 stem."""
    config = ResNetConfig(blocks=(2,) * 4, widths=(64, 128, 256, 512), shortcut="B")
    report = audit(tensors(config))
    assert says(report, "First width 64 under a 3x3 stem: Section 4.2 has 16, 32, 64")
    assert says(report, "4 stages, where Section 4.2 has three")


def test_a_164_layer_bottleneck_sold_as_110(tmp_path):
    path = tmp_path / "resnet110_cifar10.pt"
    torch.save(ResNet(cifar(164, bottleneck=True)).state_dict(), path)
    report = audit(path)
    assert report["depth"] == 164
    assert says(report, "It is called 110, but has depth 164 by counting weighted layers")
    assert says(report, "54 basic blocks would make 110")
    assert says(report, "n = 18 gives 164 layers here and 110 there")


@pytest.mark.parametrize(
    "name",
    ["resnet20", "ResNet-20-w8_seed0-738201", "preact_resnet20", "cifar10", "resnet_v2_20", "x"],
)
def test_a_true_name_is_no_difference(name, tmp_path):
    torch.save(ResNet(cifar(20)).state_dict(), tmp_path / f"{name}.pt")
    assert not audit(tmp_path / f"{name}.pt").differences


# --- other people's names ---


def kuangliu(name):
    name = weights_name(name).replace("downsample", "shortcut")
    return name.replace("fc.", "linear.")


def weights_name(name, config=None):
    """Our name -> torchvision's."""
    name = re.sub(r"^stem\.0", "conv1", re.sub(r"^stem\.1", "bn1", name))
    name = re.sub(r"^stages\.(\d)\.", lambda m: f"layer{int(m[1]) + 1}.", name)
    for k in range(3):
        name = name.replace(f"residual.{2 * k}.0", f"conv{k + 1}")
        name = name.replace(f"residual.{2 * k}.1", f"bn{k + 1}")
    return name.replace("shortcut", "downsample").replace("classifier", "fc")


def detectron(name):
    name = re.sub(r"layer(\d)", lambda m: f"res{int(m[1]) + 1}", weights_name(name))
    name = re.sub(r"^(conv1|bn1)", r"stem.\1", name).replace("downsample.0", "shortcut")
    name = name.replace("downsample.1", "shortcut.norm")
    return re.sub(r"bn(\d)", r"conv\1.norm", name)


def caffe(name):
    name = weights_name(name)
    found = re.match(r"layer(\d)\.(\d+)\.(conv|bn|downsample\.)(\d)(.*)", name)
    if not found:
        return name.replace("bn1", "bn_conv1").replace("fc", "fc1000")
    stage, block, what, k, leaf = found.groups()
    branch = "branch1" if "down" in what else f"branch2{'abc'[int(k) - 1]}"
    kind = "bn" if what == "bn" or (what, k) == ("downsample.", "1") else "res"
    letter = "a" if block == "0" else f"b{block}"
    return f"{kind}{int(stage) + 1}{letter}_{branch}{leaf}"


def keras(name):
    name = weights_name(name)
    found = re.match(r"layer(\d)\.(\d+)\.(conv|bn|downsample\.)(\d)(.*)", name)
    leaf = name.split(".")[-1]
    leaf = {"running_mean": "moving_mean", "running_var": "moving_variance"}.get(leaf, leaf)
    if not found:
        kind, leaf = "bn" if "bn" in name else "conv", leaf
        if name.startswith("fc"):
            return f"probs/{'kernel' if leaf == 'weight' else leaf}"
        return f"conv1_{kind}/{gamma(kind, leaf)}"
    stage, block, what, k, _ = found.groups()
    down = "down" in what
    kind = "bn" if what == "bn" or (down and k == "1") else "conv"
    place = f"conv{int(stage) + 1}_block{int(block) + 1}_{0 if down else k}_{kind}"
    return f"{place}/{gamma(kind, leaf)}"


def gamma(kind, leaf):
    return {"weight": "gamma" if kind == "bn" else "kernel", "bias": "beta"}.get(leaf, leaf)


def hugging_face(name):
    name = name.replace("stem.", "resnet.embedder.embedder.")
    name = re.sub(r"^stages\.(\d)\.(\d+)", r"resnet.encoder.stages.\1.layers.\2", name)
    name = re.sub(r"residual\.(\d)", lambda m: f"layer.{int(m[1]) // 2}", name)
    name = re.sub(r"\.([01])\.(\w+)$", lambda m: f".{'cn'[int(m[1])]}.{m[2]}", name)
    name = name.replace(".c.", ".convolution.").replace(".n.", ".normalization.")
    return name.replace("classifier", "classifier.1")


SCHEMES = {
    "ours": lambda name: name,
    "torchvision": weights_name,
    "kuangliu": kuangliu,
    "detectron": detectron,
    "caffe": caffe,
    "hugging face": hugging_face,
    "data parallel": lambda name: f"module.{weights_name(name)}",
    "compiled": lambda name: f"_orig_mod.module.{weights_name(name)}",
    "backbone": lambda name: f"encoder.net.{weights_name(name)}",
    "underscores": lambda name: (
        weights_name(name).rpartition(".")[0].replace(".", "_") + "." + name.rpartition(".")[2]
    ),
    "words for stages": lambda name: (
        "net.trunk."
        + name.replace("stages.0", "first")
        .replace("stages.1", "second")
        .replace("stages.2", "third")
    ),
    "children in a row": lambda name: (
        re.sub(r"^layer(\d)", lambda m: str(int(m[1]) + 3), weights_name(name))
        .replace("conv1.", "0.", int(name.startswith("stem")))
        .replace("bn1.", "1.", int(name.startswith("stem")))
    ),
}

ORDERS = {
    "as made": list,
    "alphabetic": sorted,
    "reversed": lambda items: list(items)[::-1],
    "shuffled": lambda items: random.Random(0).sample(list(items), len(list(items))),
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(
    "config",
    [
        cifar(20),
        cifar(110, shortcut="C"),
        cifar(29, bottleneck=True, shortcut="B"),
        imagenet(101),
    ],
    ids=lambda config: config.name,
)
def test_names_and_order_do_not_matter(config, scheme, order):
    if scheme == "words for stages" and len(config.blocks) == 4:
        pytest.skip("three words for three stages")
    own = tensors(config)
    renamed = {SCHEMES[scheme](name): value for name, value in own.items()}
    assert len(renamed) == len(own)
    keep = {n: v for n, v in renamed.items() if not n.endswith("num_batches_tracked")}
    report = audit(dict(ORDERS[order](keep.items())))
    assert report["depth"] == config.depth and report["blocks"] == config.blocks
    assert report["widths"] == config.widths and report["classes"] == config.classes
    expected = config.shortcut if config.shortcut in "BC" else UNDECIDABLE
    assert report["shortcut"] == expected and report["norm"] == "BN"
    assert report["parameters"] == cost.parameters(on_paper(ResNet, config))
    assert not str(report["order"]).startswith(("pre", "norms"))


def slim(name):
    """TensorFlow's older models: every name with slashes, the classifier a 1x1 convolution."""
    name = weights_name(name)
    kind = "bn" if "bn" in name or "downsample.1" in name else "conv"
    layer, leaf = name.rsplit(".", 1)
    leaf = {"running_mean": "moving_mean", "running_var": "moving_variance"}.get(leaf, leaf)
    leaf = {"weight": "gamma" if kind == "bn" else "weights"}.get(leaf, leaf)
    leaf = "biases" if layer == "fc" and leaf == "bias" else leaf.replace("bias", "beta")
    layer = re.sub(r"layer(\d)\.(\d+)", lambda m: f"block{m[1]}/unit_{int(m[2]) + 1}/v1", layer)
    layer = re.sub(r"downsample\.[01]", "shortcut", layer.replace("fc", "logits"))
    layer = re.sub(r"bn(\d)", r"conv\1", layer.replace(".", "/"))
    return f"resnet/{layer}/{'BatchNorm/' if kind == 'bn' else ''}{leaf}"


def flax(name):
    """A tree for the weights and one for the statistics."""
    name = weights_name(name)
    kind = "bn" if "bn" in name or "downsample.1" in name else "conv"
    layer, leaf = name.rsplit(".", 1)
    tree = "batch_stats" if "running" in leaf else "params"
    leaf = {"running_mean": "mean", "running_var": "var"}.get(leaf, leaf)
    leaf = {"weight": "scale" if kind == "bn" else "kernel"}.get(leaf, leaf)
    before = {"1": 0, "2": 3, "3": 7, "4": 13}
    layer = re.sub(r"layer(\d)\.(\d+)", lambda m: f"ResNetBlock_{before[m[1]] + int(m[2])}", layer)
    layer = layer.replace("downsample.0", "conv_proj").replace("downsample.1", "norm_proj")
    layer = re.sub(r"conv(\d)", lambda m: f"Conv_{int(m[1]) - 1}", layer)
    layer = re.sub(r"bn(\d)", lambda m: f"BatchNorm_{int(m[1]) - 1}", layer)
    layer = layer.replace("fc", "Dense_0")
    return f"{tree}/{layer}/{leaf}"


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("scheme", [keras, slim, flax])
@pytest.mark.parametrize("config", [imagenet(50), imagenet(34, shortcut="B")])
def test_names_of_other_frameworks_and_filters_stored_channels_last(config, scheme, order):
    own = tensors(config)
    found = {}
    for name, value in own.items():
        if name.endswith("num_batches_tracked"):
            continue
        if value.dim() == 4:
            value = value.permute(2, 3, 1, 0)
        value = value.T if value.dim() == 2 else value
        if scheme is slim and value.dim() == 2:
            value = value[None, None]
        found[scheme(name)] = value
    assert len(found) == sum("num_batches" not in name for name in own)
    report = audit(dict(ORDERS[order](found.items())))
    assert report.is_resnet, report.verdict
    assert report["depth"] == config.depth and report["widths"] == config.widths
    assert report["shortcut"] == "B" and report["classes"] == 1000 and report["norm"] == "BN"
    assert report["parameters"] == cost.parameters(on_paper(ResNet, config))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("config", [cifar(20, shortcut="B"), cifar(110), imagenet(50)])
def test_layers_numbered_through_by_kind(config, order):
    """conv2d, conv2d_1, ..., as Keras numbers layers that have no names."""
    found, numbers = {}, {"conv2d": 0, "batch_normalization": 0, "dense": 0}
    place = {}
    for name, value in tensors(config).items():
        layer, leaf = name.rsplit(".", 1)
        kind = {4: "conv2d", 2: "dense"}.get(value.dim(), "batch_normalization")
        if layer not in place:
            number = numbers[kind]
            numbers[kind] += 1
            place[layer] = f"{kind}_{number}" if number else kind
        found[f"{place[layer]}.{leaf}"] = value
    report = audit(dict(ORDERS[order](found.items())))
    assert report["depth"] == config.depth and report["blocks"] == config.blocks
    assert report["projections"] == sum("shortcut.0.w" in n for n in tensors(config))


def test_numbered_tensors_without_a_word():
    config = imagenet(50)
    values = [v for n, v in tensors(config).items() if "num_batches" not in n]
    report = audit({f"{i}": value for i, value in enumerate(values)})
    assert report["depth"] == 50 and report["shortcut"] == "B"


def test_half_precision_is_no_difference():
    net = ResNet(cifar(20)).half()
    assert not audit(net.state_dict()).differences


def test_convolutions_with_folded_bn_are_named():
    found = {}
    for name, value in tensors(imagenet(18, shortcut="B")).items():
        if value.dim() == 4:
            found[name] = value
            found[name.replace("weight", "bias")] = value[:, 0, 0, 0]
        elif name.startswith("classifier"):
            found[name] = value
    report = audit(found)
    assert report["norm"] == "none" and "norms" in report.undecidable["order"]
    assert says(report, "20 convolutions have a bias") and says(report, "No batch normalisation")


@settings(max_examples=60)
@given(data=st.data())
def test_every_config_is_recovered_up_to_what_cannot_be_decided(data):
    stages = data.draw(st.integers(1, 4))
    width = data.draw(st.integers(2, 24))
    config = ResNetConfig(
        blocks=data.draw(st.tuples(*[st.integers(1, 4)] * stages)),
        widths=tuple(width * 2**i for i in range(stages)),
        bottleneck=data.draw(st.booleans()),
        shortcut=data.draw(st.sampled_from(["none", "A", "B", "C"])),
        stem=data.draw(st.sampled_from(["cifar", "imagenet"])),
        stride_in=data.draw(st.sampled_from(["1x1", "3x3"])),
        classes=data.draw(st.integers(1, 30)),
    )
    scheme = data.draw(st.sampled_from(["ours", "torchvision", "kuangliu", "detectron", "caffe"]))
    net = on_paper(ResNet, config)
    items = [(SCHEMES[scheme](n), v) for n, v in net.state_dict().items()]
    report = audit(dict(data.draw(st.permutations(items)) if data.draw(st.booleans()) else items))
    projections = sum(name.endswith("shortcut.0.weight") for name in weights.names(config))
    even = stages >= 3 and len(set(config.blocks)) == 1
    if not (projections or config.bottleneck or even or sum(config.blocks) >= 6):
        assert not report.is_resnet  # so few pairs of layers are in any stack
        return
    assert report.is_resnet, report.verdict
    assert report["block"] == ("bottleneck" if config.bottleneck else "basic")
    assert report["blocks"] == config.blocks and report["widths"] == config.widths
    assert report["depth"] == config.depth and report["classes"] == config.classes
    assert report["stem"].startswith("CIFAR" if config.stem == "cifar" else "ImageNet")
    assert report["projections"] == projections
    if projections == sum(config.blocks) and config.bottleneck and max(config.blocks) == 1:
        assert report["shortcut"] == "B"  # every block changes shape: B and C are the same net
    elif projections:
        assert report["shortcut"] == config.shortcut
    else:  # no shortcut, or only shortcuts without weights
        assert report["shortcut"] == UNDECIDABLE
    assert not report["order"].startswith("pre")
    image = (3, 32, 32) if config.stem == "cifar" else (3, 224, 224)
    found = report["multiply-adds"]
    if isinstance(found, dict):
        found = found[f"stride in {config.stride_in}"]
    assert found == cost.multiply_adds(net, image)
