"""A block taken apart has the parts of Figures 2 and 5, and the cost of the whole."""

import pytest
import torch
from torch import nn

from resnet_lab import anatomy, cost
from resnet_lab.blocks import Block
from resnet_lab.claims.nets import weightless, weightless_vgg
from resnet_lab.errors import InputError
from resnet_lab.resnet import cifar, imagenet

SHAPES = {"same": (64, 64, 1), "changed": (64, 128, 2)}


def apart(shape: str, option: str, size: int = 56, **more) -> anatomy.Anatomy:
    with torch.device("meta"):
        return anatomy.of_block(Block(*SHAPES[shape], shortcut=option, **more), size)


def kinds(found: anatomy.Anatomy, branch: str) -> list[str]:
    return [part.kind for part in found.branch(branch)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("option", ["none", "A", "B", "C"])
def test_figure_2_two_layers_bn_and_a_relu_between(shape, option):
    found = apart(shape, option)
    assert kinds(found, "residual") == ["convolution", "BN", "ReLU", "convolution", "BN"]
    # Section 3.2: the second ReLU comes after the addition
    assert kinds(found, "joined") == (["ReLU"] if option == "none" else ["addition", "ReLU"])


@pytest.mark.parametrize(
    "option, same, changed",
    [
        ("none", [], []),
        ("A", ["identity"], ["zero padding"]),
        ("B", ["identity"], ["convolution", "BN"]),
        ("C", ["convolution", "BN"], ["convolution", "BN"]),
    ],
)
def test_section_4_1_the_shortcut_of_each_option(option, same, changed):
    assert kinds(apart("same", option), "shortcut") == same
    assert kinds(apart("changed", option), "shortcut") == changed


def test_the_shapes_counts_and_words_of_option_b_by_hand():
    found = apart("changed", "B")
    first, *_ = found.branch("residual")
    projection, _ = found.branch("shortcut")
    assert (found.shape, first.shape, found.parts[-1].shape) == (
        (64, 56, 56),
        (128, 28, 28),
        (128, 28, 28),
    )
    assert (first.words, projection.words) == ("3x3, 128, /2", "1x1, 128, /2")
    assert (first.parameters, projection.parameters) == (9 * 64 * 128, 64 * 128)
    assert projection.multiply_adds == 128 * 28 * 28 * 64


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("option", ["none", "A", "B", "C"])
@pytest.mark.parametrize("bottleneck", [False, True])
def test_the_parts_add_up_to_the_block(shape, option, bottleneck):
    block = Block(*SHAPES[shape], shortcut=option, bottleneck=bottleneck)
    found = anatomy.of_block(block, 14)
    assert found.parameters == cost.parameters(block)
    assert found.multiply_adds == cost.multiply_adds(block, (64, 14, 14))
    assert found.parts[-1].shape == tuple(block.eval()(torch.zeros(1, 64, 14, 14)).shape[1:])


def test_the_zeros_of_option_a_stand_where_the_module_puts_them():
    (padding,) = apart("changed", "A").branch("shortcut")
    assert padding.zeros == (32, 32)
    assert padding.words == "every 2nd pixel, 64 zero channels"


def test_a_block_is_left_as_it_was():
    block = Block(4, 4, 1).train()
    before = {name: value.clone() for name, value in block.state_dict().items()}
    anatomy.of_block(block, 8)
    assert all(torch.equal(before[name], value) for name, value in block.state_dict().items())
    assert all(m.training and not m._forward_hooks for m in block.modules())
    assert not any(m._forward_pre_hooks for m in block.modules())


def test_a_module_that_no_block_has_is_named():
    block = Block(4, 4, 1)
    block.residual[1] = nn.Sigmoid()
    with pytest.raises(InputError, match="Sigmoid"):
        anatomy.of_block(block, 8)


def test_figure_3_the_layers_and_shortcuts_of_34(paper):
    bars, arcs = anatomy.of_net(weightless(imagenet(34)), 224)
    weighted = [bar for bar in bars if "pool" not in bar.words]
    assert len(weighted) == 34 and len(arcs) == 16
    # "six 3x3 64, eight 3x3 128, twelve 3x3 256, six 3x3 512"
    assert "six 3x3 64, eight 3x3 128, twelve 3x3 256" in str(paper["figures"]["figure3"])
    words = [bar.words for bar in weighted]
    assert [words.count(f"3x3, {c}") for c in (64, 128, 256, 512)] == [6, 8, 12, 6]
    assert [bar.words for bar in bars[:3]] == ["7x7, 64", "pool", "3x3, 64"]
    assert [bar.words for bar in bars[-2:]] == ["avg pool", "fc 1000"]
    # three dotted shortcuts, where the dimensions increase
    changed = [arc for arc in arcs if arc.kind == "zero padding"]
    assert [bars[arc.end].channels for arc in changed] == [128, 256, 512]
    assert all(arc.end - arc.start == 2 for arc in arcs)


def test_shortcuts_follow_each_other_and_projections_are_no_layers():
    bars, arcs = anatomy.of_net(weightless(imagenet(50)), 224)
    assert len([bar for bar in bars if "pool" not in bar.words]) == 50
    assert [a.end for a in arcs[:-1]] == [a.start for a in arcs[1:]]
    assert [a.kind for a in arcs].count("projection") == 4


def test_figure_3_vgg_19_and_plain_nets_have_no_shortcuts():
    bars, arcs = anatomy.of_net(weightless_vgg(19), 224)
    assert arcs == []
    pools = [bar.size for bar in bars if bar.words == "pool"]
    assert pools == [112, 56, 28, 14, 7]
    assert len(bars) - len(pools) == 19
    assert anatomy.of_net(weightless(imagenet(18, shortcut="none")), 224)[1] == []


def test_the_bars_of_a_cifar_net_carry_its_cost():
    net = weightless(cifar(20))
    bars, arcs = anatomy.of_net(net, 32)
    assert sum(bar.multiply_adds for bar in bars) == cost.multiply_adds(net, (3, 32, 32))
    assert len(arcs) == 9
