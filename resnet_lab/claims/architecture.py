"""Claims of the abstract and of Sections 1 to 3.2 that the nets answer without training.

Paper: abstract; Sections 1, 3.1 and 3.2; Figure 2.
Notebook: notebooks/00_start_here.py. Tests: tests/test_claims.py.
"""

import torch
import torch.nn.functional as F
from torch import nn

from resnet_lab import cost, paper
from resnet_lab.blocks import Block
from resnet_lab.claims.nets import (
    body,
    total,
    weighted,
    weightless,
    weightless_vgg,
)
from resnet_lab.claims.row import Row, fact, not_run
from resnet_lab.resnet import ResNet, cifar, imagenet

SIDE = 224  # pixels of an ImageNet crop


def abstract() -> list[Row]:
    """Depth and cost of the deepest ImageNet net beside VGG."""
    deepest, vgg_16, vgg_19 = weightless(imagenet(152)), weightless_vgg(16), weightless_vgg(19)
    depth, ratio = len(weighted(deepest)), len(weighted(deepest)) / len(weighted(vgg_19))
    said, times = (paper.number("statements.depth_vs_vgg", after=word) for word in ("", "layers,"))
    ours, least, most = (total(net, SIDE) for net in (deepest, vgg_16, vgg_19))
    return [
        fact(
            "abstract-152-layers",
            "Abstract; Table 1",
            "The deepest ImageNet net has 152 layers with weights.",
            paper=int(said),
            ours=depth,
            holds=depth == said,
        ),
        fact(
            "abstract-8x-deeper-than-vgg",
            "Abstract",
            "That is eight times the depth of a VGG net.",
            paper=times,
            ours=round(ratio, 2),
            holds=round(ratio) == times,
            why=f"against VGG-19; {depth / len(weighted(vgg_16)):.1f} times VGG-16",
        ),
        fact(
            "abstract-lower-complexity",
            "Abstract; Section 4.1",
            "The 152-layer net still takes fewer multiply-adds than VGG-16 and VGG-19.",
            paper=paper.value("statements.resnet152_complexity"),
            ours=f"{ours / 1e9:.1f}e9 against {least / 1e9:.1f}e9 and {most / 1e9:.1f}e9",
            holds=ours < least < most,
        ),
    ]


@torch.no_grad()
def section_1() -> list[Row]:
    """The constructed solution."""
    claim = (
        "1-constructed-solution",
        "Section 1",
        "A deeper plain net exists that computes what a shallower one does: copied layers, and "
        "identities for the rest.",
    )
    says = "a solution by construction: added layers are identities, the others are copied"
    try:
        from resnet_lab.constructed import deepen
    except ImportError:
        return [not_run(*claim, paper=says, why="resnet_lab.constructed cannot be imported")]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        shallow = ResNet(cifar(20, shortcut="none", width=4)).eval()
        images = torch.randn(2, 3, 8, 8)
    apart = (deepen(shallow, 56).eval()(images) - shallow(images)).abs().max().item()
    size = shallow(images).abs().max().item()
    return [
        fact(
            *claim,
            paper=says,
            ours=f"outputs of plain-20 and its 56-layer copy differ by {apart:g}",
            holds=apart <= 1e-5 * size,
            why=f"random weights and images; allowed 1e-5 of the largest output, {size:.3g}",
        )
    ]


@torch.no_grad()
def section_3_1() -> list[Row]:
    """Identity by zero weights."""
    block = Block(8, 8, 1, shortcut="A").eval()
    for parameter in block.residual.parameters():
        nn.init.zeros_(parameter)
    x = torch.arange(2 * 8 * 4 * 4.0).reshape(2, 8, 4, 4)  # as after a ReLU: none below 0
    return [
        fact(
            "3.1-zero-weights-give-identity",
            "Section 3.1",
            "With the weights of F at zero a residual block returns its (non-negative) input.",
            paper="weights driven to zero approach the identity",
            ours=f"largest difference {(block(x) - x).abs().max().item():g}",
            holds=torch.equal(block(x), x),
        ),
    ]


@torch.no_grad()
def equations() -> list[Row]:
    """Equations 1 and 2, on a block of each kind."""
    rows = []
    for number, c_in, says in ((1, 8, "F(x) + x"), (2, 4, "F(x) + W_s x")):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            block, x = Block(c_in, 8, 8 // c_in, shortcut="B").eval(), torch.randn(2, c_in, 8, 8)
        shortcut = x if number == 1 else block.shortcut(x)
        kind = "the input itself" if number == 1 else "a projection, where the shape changes,"
        rows.append(
            fact(
                f"3.2-equation-{number}",
                f"Section 3.2, Eqn. {number}; Figure 2",
                f"A block adds {kind} to F(x), and the second ReLU follows the addition.",
                paper=paper.value("architecture.residual_block.equation").split("; ")[number - 1],
                ours=f"relu({says})",
                holds=torch.equal(block(x), F.relu(block.residual(x) + shortcut)),
            )
        )
    return rows


def section_3_2() -> list[Row]:
    """What identity shortcuts cost: nothing but the addition."""
    plain, residual = (weightless(cifar(56, shortcut=option)) for option in ("none", "A"))
    more = cost.parameters(residual) - cost.parameters(plain)
    work = total(residual, 32) - total(plain, 32)
    # one addition for every output of a block, whose last convolution has the same shape
    added = sum(layer.c_out * layer.size**2 for layer in body(residual, 32)[1::2])
    share = 100 * added / total(residual, 32)
    identity_cost = paper.value("statements.identity_cost")
    place = "Sections 1 and 3.2"
    return [
        *equations(),
        fact(
            "3.2-no-extra-parameters",
            place,
            "Identity shortcuts add no parameters: ResNet-56 has as many as plain-56.",
            paper=identity_cost,
            ours=f"{more} more",
            holds=more == 0,
        ),
        fact(
            "3.2-no-extra-multiply-adds",
            place,
            "Identity shortcuts add no multiply-adds: ResNet-56 takes as many as plain-56.",
            paper=identity_cost,
            ours=f"{work} more",
            holds=work == 0,
        ),
        fact(
            "3.2-additions-are-negligible",
            "Section 3.2",
            "The additions themselves are a negligible part of the work.",
            paper=identity_cost,
            ours=f"{share:.2f} % of the multiply-adds of ResNet-56",
            holds=share < 1,
            why="negligible is read as below 1 %",
        ),
        *layers_of_f(),
    ]


def layers_of_f() -> list[Row]:
    """How many layers F has."""
    depths = [
        len(weighted(Block(64, 16 if deep else 64, 1, bottleneck=deep))) for deep in (False, True)
    ]
    return [
        fact(
            "3.2-two-or-three-layers",
            "Section 3.2; Figure 5",
            "F has two layers, or three in a bottleneck.",
            paper=paper.value("architecture.residual_block.depth_of_F"),
            ours=" and ".join(str(depth) for depth in depths),
            holds=depths == [2, 3],
        ),
        not_run(
            "3.2-single-layer-has-no-advantage",
            "Section 3.2",
            "A block whose F is a single layer shows no advantage over a plain net.",
            paper=paper.value("architecture.residual_block.depth_of_F"),
            why="the paper prints no experiment for it, and no experiment here has such a block",
        ),
    ]
