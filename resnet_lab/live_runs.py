"""The nets of the live panel, and the project's own loop that trains them.

Paper: Section 4.2.
Notebook: notebooks/01_degradation.py, notebooks/05_cifar.py. Tests: tests/test_live_runs.py.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache

from resnet_lab import data, experiments, prepared, runner, train
from resnet_lab.arms import QUICK_WIDTH, recipe_at
from resnet_lab.blocks import Shortcut
from resnet_lab.errors import InputError
from resnet_lab.live import Course, Gate, Task, Trainer
from resnet_lab.records import Point, Record
from resnet_lab.resnet import cifar
from resnet_lab.runs import Run

DEPTHS = (8, 14, 20, 32, 44, 56)
WIDTHS = (4, 8, 16)  # filters of the first stage: half, the usual and twice that of quick scale
KINDS: dict[str, Shortcut] = {"plain": "none", "residual": "A", "option B": "B"}
UPDATES = (50, 100, 200, 400, 800, 1_200)
TESTED = 1_000  # test images: a measurement must not take longer than the updates before it


def task_of(
    dataset: data.Dataset,
    depth: int,
    kind: str = "plain",
    *,
    width: int = QUICK_WIDTH,
    seed: int = 0,
    updates: int = 200,
) -> Task:
    """The first `updates` of a net at quick scale, with more points than the shipped runs have.

    Raises: InputError for a depth, kind or number of updates that there is not.
    """
    if kind not in KINDS:
        raise InputError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    recipe = replace(recipe_at("quick", depth, seed), log_every=10, test_every=50)
    if not (0 < updates <= recipe.steps and updates % recipe.test_every == 0):
        raise InputError(
            f"updates must be a multiple of {recipe.test_every} up to {recipe.steps}, got {updates}"
        )
    net = cifar(depth, shortcut=KINDS[kind], width=width)
    images = experiments.images_at("quick", dataset)
    return Task(run=Run(net=net, recipe=recipe, images=images), updates=updates)


def name_of(task: Task) -> str:
    """ "plain-20, seed 0"; with option and width where they are not the usual ones."""
    config = task.run.net
    kind = "plain" if config.shortcut == "none" else "ResNet"
    option = f"-{config.shortcut}" if config.shortcut in ("B", "C") else ""
    width = config.widths[0]
    thin = "" if width == QUICK_WIDTH else f", width {width}"
    return f"{kind}-{config.depth}{option}{thin}, seed {task.run.recipe.seed}"


def trainer_on(dataset: data.Dataset) -> Trainer:
    """What trains tasks on `dataset`: `train.train`, on one core fewer than there are."""
    prepare = cache(lambda images: prepared.prepare(dataset, images))

    def trainer(task: Task, gate: Gate) -> Iterator[Point]:
        run = task.run
        prepared.check_images(run.images, dataset)
        seen = prepare(run.images)
        state = train.begin(run.net, run.recipe)
        test = train.SingleView(
            images=seen.test_images[:TESTED], labels=seen.test_labels[:TESTED], mean=seen.mean
        )
        # the other core draws what sliders ask for meanwhile
        with runner.own_threads(max(1, runner.cores() - 1)):
            yield from train.train(
                state,
                prepared.stream(seen, run),
                run.recipe,
                precision=train.fast_precision(),
                test=test,
                stop=lambda: gate(state.step),
            )

    return trainer


def shipped(records: Iterable[Record], task: Task) -> Record | None:
    """The recorded run of the same net, images and seed, trained by the same rates, if any."""
    for record in records:
        run = record.run
        same = replace(
            run.recipe,
            log_every=task.run.recipe.log_every,
            test_every=task.run.recipe.test_every,
        )
        if (run.net, run.images, same) == (task.run.net, task.run.images, task.run.recipe):
            return record
    return None


def course_of(record: Record) -> Course:
    """A recorded run as a course, so that one figure can draw both."""
    task = Task(run=record.run, updates=record.final.step)
    return Course(task=task, points=record.curve, whole=True)
