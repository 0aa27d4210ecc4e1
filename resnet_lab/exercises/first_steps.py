"""Exercises of chapters 0 and 1: the family of nets, and nets made deeper by hand.

Paper: Sections 1, 3.1 and 4.2; Table 6.
Notebook: notebooks/01_degradation.py. Tests: tests/test_exercises.py.
"""

import torch
from torch import nn

from resnet_lab import paper
from resnet_lab.claims.nets import weightless
from resnet_lab.cost import parameters
from resnet_lab.exercises import exercise
from resnet_lab.exercises.kinds import Choice, Function, Made, Number
from resnet_lab.resnet import cifar


@exercise("depth-of-n-9", 0)
def depth_of_n_9() -> Number:
    """Which depth has n = 9?"""
    n = paper.value("tables.table6.resnet_56.n")
    basic = next(d for d in range(8, 200, 6) if cifar(d).blocks == (n, n, n))
    return Number(
        value=basic,
        hint="count the layers with weights: the first, 2n in each of three stages, the classifier",
        usual=[
            (6 * n, "the first layer and the classifier have weights too"),
            (6 * n + 1, "one of the first layer and the classifier is missing"),
            (9 * n + 2, "that is the family of bottlenecks, with three layers a block"),
            (3 * n, "those are the blocks; each has two layers"),
        ],
    )


@exercise("n-of-1202", 0)
def n_of_1202() -> Number:
    """Which n has ResNet-1202?"""
    n = cifar(1202).blocks[0]
    return Number(
        value=n,
        hint="6n + 2 = 1202",
        usual=[
            (3 * n, "those are all its blocks; n is the number in one of three stages"),
            (1202 / 6, "take the first layer and the classifier off before you divide"),
            ((1202 - 2) / 9, "9n + 2 is the family of bottlenecks"),
            (2 * n, "those are the layers of one stage; a block has two"),
        ],
    )


@exercise("depth-as-expression", 0)
def depth_as_expression() -> Function:
    """The depth of a CIFAR net as an expression of n."""
    depths = {cifar(depth).blocks[0]: depth for depth in range(8, 200, 6)}
    return Function(
        reference=lambda n: depths[n],
        inputs=[(n,) for n in (1, 3, 9, 18)],
        names=("n",),
        hint="try it on Table 6: n = 3 is ResNet-20",
        usual=[
            (lambda n: 9 * n + 2, "that is the family of bottlenecks, with three layers a block"),
            (lambda n: 6 * n, "the first layer and the classifier have weights too"),
            (lambda n: 3 * n + 2, "a block has two layers"),
            (lambda n: 2 * n + 2, "there are three stages of n blocks"),
        ],
    )


@exercise("error-of-resnet-56", 0)
def error_of_resnet_56() -> Number:
    """The test error of ResNet-56 in Table 6, in percent."""
    right = paper.value("tables.table6.resnet_56.error")
    others = {d: paper.value(f"tables.table6.resnet_{d}.error") for d in (20, 32, 44, 1202)}
    usual = [(error, f"that is ResNet-{depth}") for depth, error in others.items()]
    mean = paper.value("tables.table6.resnet_110.error_mean")
    usual += [(mean, "that is the mean of ResNet-110"), (100 - right, "that is the accuracy")]
    return Number(value=right, hint="change the path", usual=usual)


@exercise("experiment-of-table-6", 0)
def experiment_of_table_6() -> Choice:
    """Which experiment trains the residual nets whose rows say "not run" at the paper's scale?"""
    from resnet_lab.experiments import EXPERIMENTS

    wrong = {name: f"that makes {e.place}: {e.title}" for name, e in EXPERIMENTS.items()}
    return Choice(
        options={name: (e.place,) if name == "table_6" else () for name, e in EXPERIMENTS.items()},
        right="table_6",
        usual=wrong
        | {"figure_6": "it also trains them, and the plain nets; one is for Table 6 alone"},
    )


@exercise("six-more-layers", 1)
def six_more_layers() -> Number:
    """Parameters that a step of n, six more layers, adds to a CIFAR net."""
    deep, shallow = (weightless(cifar(depth)) for depth in (26, 20))
    right = parameters(deep) - parameters(shallow)
    widths = paper.value("architecture.cifar.filters")
    convolutions = sum(2 * 9 * c * c for c in widths)
    return Number(
        value=right,
        hint="two convolutions and two BN in each of three stages",
        usual=[
            (right / 2, "that is one layer a stage; a block has two"),
            (convolutions, "you left out the BN: a scale and an offset for each channel"),
            (convolutions + sum(2 * c for c in widths), "a BN has a scale and an offset"),
            (right + sum(2 * c for c in widths), "a convolution before a BN has no bias"),
            (parameters(deep), "that is the whole net of 26 layers"),
        ],
    )


@exercise("stretched-to-110", 1)
def stretched_to_110(at_20: float) -> Number:
    """The test error of the trained net after it was stretched to 110 layers, in percent."""
    return Number(
        value=at_20,
        within=0.0005,
        hint="think of what the new layers do to what comes in",
        usual=[
            (90.0, "that is guessing; do the new layers change anything?"),
            (100 - at_20, "that is the accuracy"),
        ],
    )


@exercise("do-nothing-block", 1)
def do_nothing_block() -> Made:
    """A residual block, changed so that it returns its non-negative input."""
    x = torch.rand(4, 16, 8, 8, generator=torch.Generator().manual_seed(0))

    def output(block: object) -> torch.Tensor:
        with torch.no_grad():
            return block(x)  # type: ignore[operator]

    def near(wanted: torch.Tensor) -> object:
        return lambda block: torch.allclose(output(block), wanted, atol=1e-3)

    return Made(
        right=lambda block: torch.equal(output(block), x),
        hint="what must F be, so that F(x) + x is x?",
        usual=[
            (lambda b: not isinstance(b, nn.Module), "return the block itself, changed in place"),
            (
                lambda b: getattr(b, "shortcut", b) is None,
                "that is a plain block; take the residual one",
            ),
            (
                lambda b: not hasattr(b, "residual"),
                "that is another module; change the block that you are given",
            ),
            (lambda b: b.training, "the block is in training mode; call eval()"),
            (
                near(2 * x),
                "F copies its input, so the block returns it twice; F must be zero",
            ),
            (near(torch.zeros_like(x)), "nothing comes out: the shortcut is gone as well"),
        ],
    )


@exercise("not-overfitting", 1)
def not_overfitting() -> Choice:
    """Which measurement shows that plain-56 is not merely overfitting?"""
    return Choice(
        options={
            "training error": ("train error", "error in training", "training set error"),
            "test error": ("validation error",),
            "number of parameters": ("parameters", "size"),
            "gap between training and test error": (
                "gap",
                "difference between training and test error",
            ),
        },
        right="training error",
        usual={
            "test error": "it is higher in either case, overfitting or not",
            "number of parameters": "a net with many of them may overfit, or not",
            "gap between training and test error": "a small gap is no proof of anything",
        },
    )
