"""Exercises of chapter 10: gradients, paths and lesions.

Paper: Section 4.1, and what came after it.
Notebook: notebooks/10_why_it_works.py. Tests: tests/test_exercises.py.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from resnet_lab import lesion
from resnet_lab.exercises import exercise
from resnet_lab.exercises.kinds import Made, Number
from resnet_lab.resnet import cifar

if TYPE_CHECKING:
    from resnet_lab.lesion_explore import Patient

BLOCKS, WEIGHT = 10, 0.1


@exercise("gradient-of-a-plain-chain", 10)
def gradient_of_a_plain_chain() -> Number:
    """The gradient at the input of ten blocks that each compute w x, with w = 0.1."""
    return Number(
        value=WEIGHT**BLOCKS,
        within=1e-3,
        hint="the chain rule multiplies by w, ten times",
        usual=[
            (WEIGHT * BLOCKS, "the factors of a chain are multiplied, not added"),
            (WEIGHT, "that is one block; there are ten"),
            ((1 + WEIGHT) ** BLOCKS, "that is the residual chain"),
            (0, "small, but not zero"),
        ],
    )


@exercise("gradient-of-a-residual-chain", 10)
def gradient_of_a_residual_chain() -> Number:
    """The gradient at the input of ten blocks that each compute x + w x, with w = 0.1."""
    return Number(
        value=(1 + WEIGHT) ** BLOCKS,
        within=1e-3,
        hint="each block multiplies by 1 + w",
        usual=[
            (1 + WEIGHT * BLOCKS, "that leaves out the paths through more than one block"),
            (
                1 + WEIGHT**BLOCKS,
                "every block has a shortcut of its own, not one around all of them",
            ),
            (WEIGHT**BLOCKS, "that is the plain chain"),
        ],
    )


@exercise("paths-left", 10)
def paths_left() -> Number:
    """Paths through ResNet-56 that are left when one of its blocks is out."""
    blocks = sum(cifar(56).blocks)
    return Number(
        value=2 ** (blocks - 1),
        hint="every block can be passed in two ways; one of them now in one only",
        usual=[
            (2**blocks, "that is before the lesion"),
            (2 ** (2 * blocks), "a path takes or leaves a block, not a layer"),
            (blocks - 1, "those are the blocks; each doubles the number of paths"),
            (2 * blocks, "each block doubles the number of paths: multiply, do not add"),
            (1, "that is a plain net"),
        ],
    )


@exercise("plan-without-stage-2", 10)
def plan_without_stage_2(patient: "Patient") -> Made:
    """The plan that leaves out all blocks inside stage 2, and keeps the one that changes shape."""
    names = list(patient.blocks)

    def leaves_out(stage: str, but: str = "") -> Callable[[Iterable], bool]:
        gone = [k for k, name in enumerate(names) if stage and name[0] == stage and name != but]
        plan = lesion.without(patient.net, gone)
        return lambda answer: tuple(answer) == plan

    return Made(
        right=leaves_out("2", but="2.1"),
        hint="2.1 stays; the others of stage 2 go",
        usual=[
            (leaves_out("2"), "2.1 changes the shape; it stays"),
            (
                leaves_out("3", but="3.1"),
                "that is stage 3; blocks count from 0, through all stages",
            ),
            (leaves_out("1", but="1.1"), "that is stage 1; blocks count through all stages"),
            (leaves_out(""), "that leaves out nothing"),
        ],
    )


@exercise("silenced-block", 10)
def silenced_block(patient: "Patient") -> Number:
    """The error of the net with block 2.3 silenced by its weights, in percent."""
    error = patient.error(["2.3"])
    whole, other = patient.error(), patient.error(["2.4"])
    usual = [
        (whole, "that is the whole net; is F of block 2.3 zero in your copy?"),
        (other, "that is block 2.4; the first of a stage is number 1"),
        (100 - error, "that is the accuracy"),
    ]
    return Number(
        value=error,
        within=1e-4,
        hint="silence the block in a copy of the net, then patient.sample()(copy)",
        usual=[(wrong, sentence) for wrong, sentence in usual if abs(wrong - error) > 1e-3],
    )
