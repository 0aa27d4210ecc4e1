"""Exercises of chapters 5 and 6: training on CIFAR-10, and layer responses.

Paper: Section 4.2; Table 6; Figure 7.
Notebook: notebooks/05_cifar.py. Tests: tests/test_exercises.py.
"""

from collections.abc import Callable
from functools import cache
from math import erf, exp, pi, sqrt

from resnet_lab import elsewhere, paper
from resnet_lab.exercises import exercise
from resnet_lab.exercises.kinds import Function, Number
from resnet_lab.recipe import WARM_UP_LR, Recipe, lr_at

WARM = 400  # updates, as Section 4.2 says of ResNet-110


@exercise("added-by-option-b", 5)
def added_by_option_b() -> Number:
    """Parameters that option B adds to a CIFAR net."""
    a, b, c = (elsewhere.parameters(20, option) for option in "ABC")
    first, second, third = paper.value("architecture.cifar.filters")
    weights, outputs = first * second + second * third, second + third
    return Number(
        value=b - a,
        hint="weights, then a scale and an offset for each new channel",
        usual=[
            (weights, "you left out the BN behind each projection"),
            (weights + outputs, "a BN has a scale and an offset for each channel"),
            (weights + 3 * outputs, "a convolution before a BN has no bias"),
            (9 * weights + 2 * outputs, "a projection is 1x1, not 3x3"),
            (c - a, "that is option C on ResNet-20, with a projection in every block"),
            (0, "that is option A; a projection has weights"),
        ],
    )


@exercise("parameters-of-56-b", 5)
def parameters_of_56_b() -> Number:
    """Parameters of ResNet-56 with option B."""
    a, b, c = (elsewhere.parameters(56, option) for option in "ABC")
    return Number(
        value=b,
        hint="option A's count is in the table above; add the two projections",
        usual=[
            (a, "that is option A, as in the paper"),
            (c, "that is option C, with a projection in every block"),
            (b - a, "that is what B adds; add it to option A's"),
            (a + 9 * (b - a), "the projections stand at two places only, not in every block"),
        ],
    )


@cache
def best_below_mean(runs: int) -> float:
    """How many standard deviations the best of normal `runs` lies below their mean, on average."""
    step, total = 1e-3, 0.0
    for k in range(-8000, 8001):
        z = k * step
        above = (1 - erf(z / sqrt(2))) / 2
        total -= z * runs * exp(-z * z / 2) / sqrt(2 * pi) * above ** (runs - 1) * step
    return total


@exercise("best-of-five", 5)
def best_of_five() -> Number:
    """How far the best of five normal runs lies below their mean, in standard deviations."""
    right = best_below_mean(5)
    spread = paper.value("tables.table6.resnet_110.error_std")
    return Number(
        value=right,
        within=0.02,
        hint="draw (many, 5) normal values and take the smallest of each five",
        usual=[
            (-right, "the right size; below the mean counts as positive here"),
            (right * spread, "that is in points of error; divide by the spread"),
            (2 * right, "that is the range, from the best to the worst"),
            (best_below_mean(10), "that is the best of ten"),
            (best_below_mean(2), "that is the best of two"),
        ],
    )


def never_ending(step: int) -> float:
    """A warm-up after which the scheduler multiplies the small rate it finds."""
    return WARM_UP_LR * lr_at(step, Recipe()) / Recipe().lr


@exercise("rate-of-110", 5)
def rate_of_110() -> Function:
    """The learning rate of ResNet-110 as a function of the update, warm-up over after 400."""
    recipe = Recipe(warm_up=True)
    corners = (0, 399, 400, 401, 31_999, 32_000, 32_399, 32_400, 47_999, 48_000, 48_400, 63_999)

    def right(step: int) -> float:
        return lr_at(step, recipe, warming=step < WARM)

    def restarted(step: int) -> float:
        return WARM_UP_LR if step < WARM else lr_at(step - WARM, Recipe())

    def one_late(step: int) -> float:
        return lr_at(step, recipe, warming=step <= WARM)

    def late_drops(step: int) -> float:
        return right(step - 1 if step in recipe.drops else step)

    return Function(
        reference=right,
        inputs=[(step,) for step in corners],
        hint="0.01 at first, then 0.1, and ten times less after each drop",
        usual=[
            (restarted, "your drops wait for the warm-up; the schedule does not restart"),
            (never_ending, "your warm-up never ends: the rate stays ten times too small"),
            (lambda step: lr_at(step, Recipe()), "that is the rate without a warm-up"),
            (one_late, "updates count from 0, so the first 400 end with number 399"),
            (late_drops, "update 32,000 already has the lower rate"),
        ],
    )


@exercise("epochs-of-45k", 5)
def epochs_of_45k() -> Number:
    """Epochs in 64,000 updates, if the net is trained on 45,000 images."""
    recipe = Recipe()
    right = recipe.steps * recipe.batch / (50_000 - elsewhere.HELD_OUT)
    return Number(
        value=right,
        within=0.002,
        hint="updates x batch / images",
        usual=[
            (recipe.steps * recipe.batch / 50_000, "that is with all 50,000 images"),
            (recipe.steps / 45_000, "an update takes a batch of images, not one"),
            (45_000 / recipe.batch, "those are the updates of one epoch"),
            (recipe.steps * 256 / 45_000, "256 is the batch of ImageNet"),
        ],
    )


@exercise("points-of-110", 6)
def points_of_110(roles: str) -> Number:
    """Points of ResNet-110's curve in Figure 7."""
    return Number(
        value=len(roles),
        hint="all weighted layers but the classifier",
        usual=[
            (len(roles) + 1, "the classifier is no 3x3 layer"),
            (len(roles) - 1, "the first layer is a 3x3 layer too"),
            (roles.count("e"), "those are the ends of branches; a block has two layers"),
        ],
    )


@exercise("branch-ends-of-110", 6)
def branch_ends_of_110(roles: str) -> Number:
    """Ends of residual branches among them."""
    ends = roles.count("e")
    return Number(
        value=ends,
        hint="one a block",
        usual=[
            (len(roles), "those are all points"),
            (2 * ends, "both layers of a block; only the second goes into the addition"),
            (ends + 1, "the first layer stands in no block"),
            (ends / 3, "that is one stage"),
        ],
    )


@exercise("std-of-response", 6)
def std_of_response(gamma: tuple[float, ...], beta: tuple[float, ...]) -> Number:
    """The std of a layer's response in batch mode, from BN's scales and offsets."""
    mean = sum(beta) / len(beta)
    within = sum(g * g for g in gamma) / len(gamma)
    between = sum((b - mean) ** 2 for b in beta) / len(beta)
    return Number(
        value=sqrt(within + between),
        within=0.005,
        hint="the mean of the channels' variances, plus the variance of their means, then the root",
        usual=[
            (within + between, "that is the variance; take its root"),
            (sqrt(within), "the channels have different means, and that spreads the values too"),
            (sqrt(between), "each channel also varies around its own mean"),
            (sum(abs(g) for g in gamma) / len(gamma), "variances are averaged, not deviations"),
            (sqrt(within) + sqrt(between), "variances add, deviations do not"),
        ],
    )


@exercise("nets-needed", 6)
def nets_needed() -> Number:
    """Nets on each side that the rank test needs to be able to say "seen"."""
    from resnet_lab.layer_responses import ranks

    def best(n: int) -> float:
        return ranks.order([([[2.0]] * n, [[1.0]] * n)]).p_high

    first: Callable[[float], int] = lambda p: next(n for n in range(1, 9) if best(n) <= p)  # noqa: E731
    needed = first(0.025)
    return Number(
        value=needed,
        hint="try best(1), best(2) ...",
        usual=[
            (
                first(0.05),
                f"{first(0.05)} a side can reach {best(first(0.05)):.3f}, and 0.025 is asked for",
            ),
            (2 * needed, "that is both sides together"),
            (1, "one against one: the other order is as likely"),
        ],
    )
