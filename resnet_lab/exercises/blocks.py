"""Exercises of chapters 2 and 3: shortcuts, bottlenecks and what they cost.

Paper: Sections 3.1 to 3.3 and 4.1; Figure 5; Tables 1 and 3.
Notebook: notebooks/02_shortcuts.py. Tests: tests/test_exercises.py.
"""

import torch
from torch import nn

from resnet_lab import paper
from resnet_lab.blocks import Block
from resnet_lab.claims.nets import total, weightless
from resnet_lab.cost import multiply_adds, parameters
from resnet_lab.exercises import exercise
from resnet_lab.exercises.kinds import Made, Number, Things
from resnet_lab.resnet import imagenet

OPTIONS = ("A", "B", "C", "none")


@exercise("option-b-on-34", 2)
def option_b_on_34() -> Number:
    """Parameters that option B adds to ResNet-34."""
    a, b, c = (parameters(weightless(imagenet(34, shortcut=option))) for option in "ABC")
    net = weightless(imagenet(34, shortcut="B"))
    kernels = [m for m in net.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (1, 1)]
    weights = sum(m.weight.numel() for m in kernels)
    outputs = sum(m.out_channels for m in kernels)
    return Number(
        value=b - a,
        hint="the weights of three 1x1 kernels, and two numbers for each channel of their BN",
        usual=[
            (weights, "you left out the BN behind each projection"),
            (weights + outputs, "a BN has a scale and an offset for each channel"),
            (weights + 3 * outputs, "a convolution before a BN has no bias"),
            (9 * weights + 2 * outputs, "a projection is 1x1, not 3x3"),
            (c - a, "that is option C, with a projection in every block"),
            (c - b, "that is what C adds to B"),
            (0, "that is option A; a projection has weights"),
        ],
    )


@exercise("zeros-behind", 2)
def zeros_behind() -> Made:
    """Option A's shortcut from 64 to 128 channels, with all zeros behind the carried channels."""
    x = torch.rand(2, 64, 8, 8, generator=torch.Generator().manual_seed(0))
    carried = x[:, :, ::2, ::2]

    def at(first: int) -> object:
        return lambda s: s(x).shape[1] == 128 and torch.equal(s(x)[:, first : first + 64], carried)

    return Made(
        right=lambda s: at(0)(s) and not s(x)[:, 64:].any(),
        hint="the carried channels come first, then 64 channels of zeros",
        usual=[
            (lambda s: not callable(s), "a shortcut is asked for: a module that takes a map"),
            (at(32), "half of the zeros are still in front; set before and after"),
            (at(64), "now all zeros are in front"),
            (lambda s: s(x).shape[1] != 128, "128 channels must come out: before + after is 64"),
        ],
    )


@exercise("identity-projection", 2)
def identity_projection() -> Made:
    """A block with option C and F at zero whose projection returns its input."""
    x = torch.rand(2, 64, 8, 8, generator=torch.Generator().manual_seed(0))

    def output(block: nn.Module) -> torch.Tensor:
        with torch.no_grad():
            return block(x)

    def projects(block: nn.Module) -> bool:
        return any(isinstance(m, nn.Conv2d) for m in block.shortcut.modules())

    return Made(
        right=lambda b: torch.allclose(output(b), x, atol=1e-4),
        hint="which 64 x 64 matrix returns what it gets?",
        usual=[
            (lambda b: not isinstance(b, Block), "a block is asked for, with its shortcut inside"),
            (lambda b: b.shortcut is None, "a plain block has no shortcut to set"),
            (lambda b: not projects(b), "that shortcut is the identity already; take option C"),
            (lambda b: b.training, "call eval(): else BN subtracts the mean of the batch"),
            (
                lambda b: any(p.any() for p in b.residual.parameters()),
                "F is not zero yet; zeros.silence does it",
            ),
            (lambda b: not output(b).any(), "nothing comes out: W_s is zero"),
        ],
    )


@exercise("who-returns-x", 2)
def who_returns_x() -> Things:
    """The options whose blocks return their input when F is zero, wherever the shape stays."""
    from resnet_lab.zeros import without_f

    right = frozenset(o for o in OPTIONS if without_f(o, "same shape").startswith("x"))
    return Things(
        right=right,
        among=OPTIONS,
        unwanted={
            "C": "C has a projection in every block; it would have to learn the identity",
            "none": "a plain block with F at zero returns zero",
        },
        missing={
            "B": "B has projections only where the shape changes",
            "A": "A is the identity there",
        },
    )


@exercise("bottleneck-by-hand", 3)
def bottleneck_by_hand() -> Number:
    """Multiply-adds of the bottleneck of Figure 5 on a 56x56 map."""
    with torch.random.fork_rng(devices=[]):
        block = Block(256, 64, 1, bottleneck=True, shortcut="A")
        projected = Block(256, 64, 1, bottleneck=True, shortcut="C")
        basic = Block(64, 64, 1)
    right = multiply_adds(block, (256, 56, 56))
    return Number(
        value=right,
        hint="three layers, 1x1, 3x3 and 1x1: positions x inputs x kernel x outputs, then the sum",
        usual=[
            (2 * right, "2 FLOPs for each multiply-add; the paper counts one"),
            (right / 56**2, "that is one position; the map has 56 x 56"),
            (right / 56, "the map has 56 positions in both directions"),
            (
                multiply_adds(projected, (256, 56, 56)),
                "you counted a projection; this shortcut is the identity",
            ),
            (
                multiply_adds(basic, (64, 56, 56)),
                "that is the basic block, on the left of Figure 5",
            ),
            (56**2 * 64 * 9 * 64, "that is the 3x3 layer alone"),
            (56**2 * 2 * 256 * 64, "those are the two 1x1 layers; the 3x3 is missing"),
        ],
    )


@exercise("saved-by-option-a", 3)
def saved_by_option_a() -> Number:
    """Multiply-adds that ResNet-50 saves without its four projections."""
    b, a, c = (total(weightless(imagenet(50, shortcut=option)), 224) for option in "BAC")
    sides = (56, 28, 14, 7)
    ends = ((64, 256), (256, 512), (512, 1024), (1024, 2048))
    each = [s * s * i * o for s, (i, o) in zip(sides, ends, strict=True)]
    return Number(
        value=b - a,
        hint="one 1x1 layer a stage; its cost is positions x inputs x outputs",
        usual=[
            (2 * (b - a), "2 FLOPs for each multiply-add; the paper counts one"),
            (sum(each[1:]), "conv2_x has a projection too: from 64 to 256 channels"),
            (each[0] + 4 * sum(each[1:]), "a projection strides: it works on the smaller map"),
            (c - a, "that is option C, with a projection in every block"),
            (sum(i * o for i, o in ends), "those are the weights; each works at every position"),
        ],
    )


@exercise("resnet-200", 3)
def resnet_200() -> Made:
    """A configuration of 200 layers from bottlenecks, with 3 blocks in the first and last stage."""
    blocks = (200 - 2) // 3
    return Made(
        right=lambda c: c.depth == 200 and len(c.blocks) == 4 and c.blocks[0] == c.blocks[3] == 3,
        hint=f"{blocks} blocks in all, 3 of them in the first stage and 3 in the last",
        usual=[
            (lambda c: isinstance(c, nn.Module), "that is a net; its configuration is asked for"),
            (
                lambda c: not hasattr(c, "blocks"),
                "take a configuration: replace(imagenet(152), blocks=...)",
            ),
            (
                lambda c: not c.bottleneck,
                "those are basic blocks of two layers; start from imagenet(152)",
            ),
            (lambda c: c.depth == 152, "that is the net of Table 1"),
            (lambda c: c.depth == 202, "the first layer and the classifier are two of the 200"),
        ],
    )


@exercise("stride-3x3", 3)
def stride_3x3() -> Number:
    """How many multiply-adds more ResNet-50 takes with the stride in the 3x3."""
    ours, theirs = (total(weightless(imagenet(50, stride_in=k)), 224) for k in ("1x1", "3x3"))
    printed = paper.value("tables.table1.networks.50.flops")
    return Number(
        value=theirs - ours,
        within=0.002,
        hint="in three blocks, the 1x1 before the stride works on four times as many positions",
        usual=[
            (theirs, "that is all of it; how much more than with the stride in the 1x1?"),
            (theirs - printed, "take our count, not the rounded print"),
            (2 * (theirs - ours), "2 FLOPs for each multiply-add; the paper counts one"),
            (0, "the parameters stay; what changes is the map on which a layer works"),
        ],
    )
