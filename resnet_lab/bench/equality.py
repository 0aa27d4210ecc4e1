"""bfloat16 against float32, and the engine against the readable loop: one training, or two.

Update by update where rounding allows it, else by an equivalence test of the final errors.

Paper: Section 4.2 (the same nets and recipe on both sides).
Notebook: notebooks/00_start_here.py. Tests: tests/test_equality.py.
"""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn

from resnet_lab import arms, engine, experiments, runner, train, twins
from resnet_lab.bench import processes
from resnet_lab.bench.equivalence import Equivalence, line_equal
from resnet_lab.bench.processes import pool
from resnet_lab.bench.result import images_name
from resnet_lab.data import Dataset
from resnet_lab.errors import InputError
from resnet_lab.prepared import Prepared, prepare, stream
from resnet_lab.runs import Run

Errors = tuple[float, float]  # in training and test, after the last update


@dataclass(frozen=True, kw_only=True)
class Side:
    """One way to compute the same training."""

    precision: train.Precision = "float32"
    fast: bool = False  # the loop of `engine`, not that of `train`
    compiled: bool = False  # with the blocks of `twins.compiled`

    @property
    def name(self) -> str:
        """What a result calls it."""
        loop = "readable loop"
        if self.fast:
            loop = "compiled engine" if self.compiled else "engine"
        return f"{loop} in {self.precision}"


PRECISIONS = ((Side(), Side(precision="bfloat16")),)


def loops(device: str) -> tuple[tuple[Side, Side], ...]:
    """The engine as `device` is used by default, against the readable loop.

    First against float32, which is what it must not differ from; then at its own precision.
    """
    precision = train.fast_precision(device)
    fast = Side(precision=precision, fast=True, compiled=twins.can_compile(device))
    bases = dict.fromkeys((Side(), Side(precision=precision)))
    return tuple((base, fast) for base in bases)


def equal_results(
    dataset: Dataset,
    *,
    pairs: Sequence[tuple[Side, Side]] = PRECISIONS,
    device: str = "cpu",
    scale: str = "quick",
    depths: Sequence[int] = (20, 56),
    shortcuts: Sequence[str] = ("none", "A"),
    seeds: int = 8,
    steps: int = 300,
    margin: float = 2.0,
    runs: int | None = None,
    report: Callable[[str], None] = lambda line: None,
) -> list[Equivalence]:
    """Train every net from each seed on every side, and compare the errors of each pair of sides.

    The recipe is that of `scale`, cut to `steps` updates with its drops at the same shares.
    `margin`, in percent points, is the difference that would matter: a choice, not derived from
    data. 2.0 is well below the 5.7 points by which single quick runs must differ before
    `claims.rules` decides anything from them. A processor trains `runs` at once, one a core if
    None; a GPU one after the other.

    Raises: InputError for fewer than two seeds, or a process that died.
    """
    if seeds < 2:
        raise InputError(f"equality needs at least 2 seeds, got {seeds}")
    nets = [(depth, shortcut) for depth in depths for shortcut in shortcuts]
    sides = list(dict.fromkeys(side for pair in pairs for side in pair))
    images = short_run(dataset, *nets[0], 0, steps, scale).images
    found = []
    with trainer(prepare(dataset, images), device, runs) as begin:
        waiting = {
            (net, seed, side): begin(short_run(dataset, *net, seed, steps, scale), side)
            for net in nets
            for seed in range(seeds)
            for side in sides
        }
        for net in nets:
            errors = {side: [waiting[net, k, side]() for k in range(seeds)] for side in sides}
            name = arms.net_at(scale, *net).name
            for pair in pairs:
                for one in equivalences(pair, errors):
                    how = {"images": images_name(dataset, images), "steps": steps}
                    found.append(Equivalence(net=name, margin=margin, **how, **one))
                    report(line_equal(found[-1]))
    return found


@contextmanager
def trainer(
    images: Prepared, device: str, runs: int | None
) -> Iterator[Callable[[Run, Side], Callable[[], Errors]]]:
    """A function that takes a run and a side, and gives one that waits for their errors."""
    if device != "cpu":
        there = Prepared(**{name: tensor.to(device) for name, tensor in vars(images).items()})
        yield lambda run, side: partial(errors_after, there, run, side)
        return
    with pool(images, runs or runner.cores()) as workers:
        yield lambda run, side: workers.submit(errors_in_process, run, side).result


def equivalences(
    pair: tuple[Side, Side], errors: dict[Side, list[Errors]]
) -> Iterator[dict[str, object]]:
    """What is compared of a pair: the training errors, then the test errors."""
    base, other = pair
    for i, measure in enumerate(("training error", "test error")):
        yield {
            "measure": measure,
            "sides": (base.name, other.name),
            "base": tuple(each[i] for each in errors[base]),
            "other": tuple(each[i] for each in errors[other]),
        }


def short_run(
    dataset: Dataset, depth: int, shortcut: str, seed: int, steps: int, scale: str = "quick"
) -> Run:
    """The run of a net at `scale`, cut to `steps` updates."""
    run = experiments.job(scale, dataset, depth, shortcut, seed).run
    window = min(run.recipe.log_every, steps)
    recipe = replace(
        run.recipe,
        steps=steps,
        drops=tuple(sorted({max(1, steps // 2), max(1, 3 * steps // 4)})),
        log_every=window,
        test_every=window * steps,  # only the end is compared
    )
    return replace(run, recipe=recipe)


def errors_in_process(run: Run, side: Side) -> Errors:
    """`errors_after` in a worker process."""
    return errors_after(processes.here["prepared"], run, side)


def errors_after(images: Prepared, run: Run, side: Side) -> Errors:
    """Training and test error of `run` after its last update, where the images are."""
    test = train.SingleView(images=images.test_images, labels=images.test_labels, mean=images.mean)
    state = train.begin(run.net, run.recipe, images.mean.device)
    how = {"precision": side.precision, "test": test}
    if side.fast:
        net = twins.compiled(state.net) if side.compiled else None
        *_, last = engine.train(state, stream(images, run), run.recipe, net=net, **how)
        gc.collect()  # a twin's blocks and their new forward know each other, and hold memory
    else:
        *_, last = train.train(state, stream(images, run), run.recipe, **how)
    return last.train_error, last.test_error


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How far two trainings from the same weights are apart after `step` updates.

    Rounding alone grows from update to update, in single small tensors without measure: where a
    sum is near 0, its sign decides which way a ReLU goes. So the weights are taken as one vector,
    and their difference as a part of the way that they went: 1 would be no relation at all.
    """

    step: int
    loss: float  # relative, of the mean over the updates since the last point
    weights: float  # |a - b| / |a - start|
    statistics: float  # the same for BN's running means and variances


def step_by_step(
    images: Prepared, run: Run, *, updates: int, window: int = 1, compiled: bool = False
) -> list[Difference]:
    """Train `run` with the readable loop and with the engine, in float32, and compare as they go.

    Both see the same images, crops and flips, where the images are. They are compared every
    `window` updates.
    """
    recipe = replace(run.recipe, steps=updates, log_every=window, test_every=window * updates)
    device = images.mean.device
    slow, fast = (train.begin(run.net, recipe, device) for _ in range(2))
    start = vectors(slow.net)
    net = twins.compiled(fast.net) if compiled else None
    batches = stream(images, replace(run, recipe=recipe))
    pairs = zip(
        train.train(slow, batches, recipe),
        engine.train(fast, batches, recipe, net=net),
        strict=True,
    )
    found = []
    for a, b in pairs:
        states = zip(start, vectors(slow.net), vectors(fast.net), strict=True)
        weights, statistics = ((x - y).norm() / (x - begun).norm() for begun, x, y in states)
        found.append(
            Difference(
                step=a.step,
                loss=abs(a.train_loss - b.train_loss) / a.train_loss,
                weights=weights.item(),
                statistics=statistics.item(),
            )
        )
    return found


def vectors(net: nn.Module) -> tuple[Tensor, Tensor]:
    """The weights of `net`, and its BN statistics, each as one vector of their own memory."""
    return tuple(
        torch.cat([tensor.detach().double().flatten() for tensor in tensors])
        for tensors in (net.parameters(), net.buffers())
    )
