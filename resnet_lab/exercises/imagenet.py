"""Exercises of chapter 4: crops, windows, batches, ensembles.

Paper: Sections 3.4 and 4.1; Tables 2 to 5.
Notebook: notebooks/04_imagenet.py. Tests: tests/test_exercises.py.
"""

import torch

from resnet_lab.exercises import exercise
from resnet_lab.exercises.kinds import Made, Number
from resnet_lab.imagenet_evaluation import STRIDE, Protocol
from resnet_lab.imagenet_recipe import ImageNetRecipe, micro_batches

IMAGES = 1_281_167  # of the training set, which Section 4.1 rounds to 1.28 million


@exercise("windows-at-640", 4)
def windows_at_640() -> Number:
    """Windows of the fully-convolutional net on a square image of side 640."""
    from resnet_lab.explore_views import scale_of

    cells, window = 640 // STRIDE, Protocol().crop // STRIDE
    return Number(
        value=scale_of((500, 500), 640).count,
        hint=f"a map of 640 / {STRIDE} places a side, a window of {window} x {window}",
        usual=[
            (cells**2, "those are the places of the map; a window covers several"),
            ((cells - window) ** 2, "one more fits: a window of 7 on a map of 7 has one place"),
            (cells - window + 1, "that is one row of windows"),
            (
                (640 - Protocol().crop + 1) ** 2,
                "those are crops at every pixel; the map moves by 32",
            ),
            ((cells // window) ** 2, "the windows overlap: they move by one place of the map"),
        ],
    )


@exercise("times-256", 4)
def times_256() -> Number:
    """How many times as many windows there are at side 640 as at side 256."""
    from resnet_lab.explore_views import scale_of

    large, small = (scale_of((500, 500), side).count for side in (640, 256))
    return Number(
        value=large / small,
        within=1e-3,
        hint="count the windows of both",
        usual=[
            (
                (640 / 256) ** 2,
                "that is the ratio of the areas; the border takes more of the small map",
            ),
            (large, "those are the windows at 640; divide by those at 256"),
            (640 / 256, "that is the ratio of the sides"),
        ],
    )


@exercise("seen-by-all-five", 4)
def seen_by_all_five() -> Number:
    """Pixels of a 256x256 image that are in all of the first five crops."""
    from resnet_lab.explore_views import ten_boxes

    side, crop = Protocol().side, Protocol().crop
    seen = torch.zeros(side, side)
    for box in ten_boxes(side, side)[:5]:
        seen[box.top : box.top + box.side, box.left : box.left + box.side] += 1
    left = side - crop
    return Number(
        value=int((seen == 5).sum()),
        hint=f"a corner crop leaves out {left} columns and {left} rows",
        usual=[
            (crop**2, "that is one crop"),
            (crop - left, "that is one side of it"),
            (
                (crop - 2 * left) ** 2,
                "of the columns of one crop only 32 are missing in the other, not 64",
            ),
            (0, "the crops are nearly as large as the image"),
            (side**2, "the first row is in two crops only"),
        ],
    )


def probabilities(answer: object) -> torch.Tensor:
    """The answer as a table of three nets and two classes."""
    return torch.as_tensor(answer, dtype=torch.float64)


@exercise("outvoted", 4)
def outvoted() -> Made:
    """Probabilities of three nets for which most nets name class 1, and the average class 0."""

    def rows_sum_to_one(p: torch.Tensor) -> bool:
        return bool((p >= 0).all()) and torch.allclose(p.sum(1), torch.ones(3).double(), atol=1e-6)

    return Made(
        right=lambda a: (
            int(probabilities(a).argmax(1).sum()) == 2
            and int(probabilities(a).mean(0).argmax()) == 0
        ),
        hint="let one net be sure and two unsure",
        usual=[
            (
                lambda a: tuple(probabilities(a).shape) == (2, 3),
                "a row is a net, a column a class: turn it round",
            ),
            (
                lambda a: tuple(probabilities(a).shape) != (3, 2),
                "three nets, two classes: a (3, 2) tensor",
            ),
            (
                lambda a: not rows_sum_to_one(probabilities(a)),
                "the probabilities of each net sum to 1",
            ),
            (
                lambda a: int(probabilities(a).argmax(1).sum()) == 1,
                "here two nets name class 0: swap the classes",
            ),
            (
                lambda a: int(probabilities(a).mean(0).argmax()) == 1,
                "the average still names class 1: make the third net surer",
            ),
        ],
    )


@exercise("parts-of-a-batch", 4)
def parts_of_a_batch() -> Number:
    """Parts that each of 4 devices with 16 images adds up for one update."""
    recipe = ImageNetRecipe()
    return Number(
        value=micro_batches(recipe, 4, 16),
        hint=f"{recipe.batch} images in all",
        usual=[
            (recipe.batch / 16, "that is for one device; the other three work too"),
            (recipe.batch / 4, "those are the images of one device; it holds 16 at a time"),
        ],
    )


@exercise("updates-a-pass", 4)
def updates_a_pass() -> Number:
    """Updates in a pass over ImageNet's 1,281,167 training images."""
    batch = ImageNetRecipe().batch
    return Number(
        value=IMAGES / batch,
        within=2e-4,
        hint="images / batch",
        usual=[
            (IMAGES / 128, "128 is the batch of CIFAR-10"),
            (IMAGES / 32, "32 is what one of eight devices sees; the update waits for all"),
            (IMAGES, "those are the images"),
        ],
    )
