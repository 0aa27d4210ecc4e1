"""The training loops that `resnet-lab bench gpu` times, each behind the same two verbs.

`start` makes the net and trains its first updates, with all that happens only once; `advance`
trains on and returns its seconds. Both wait for the device before they look at the clock.

Paper: Section 4.2 (the same nets, images, batch and augmentation for all of them).
Notebook: notebooks/00_start_here.py. Tests: tests/test_bench_gpu.py.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch

from resnet_lab import engine, runner, train, twins
from resnet_lab.bench.limits import synchronise
from resnet_lab.bench.result import READABLE, TEXTBOOK
from resnet_lab.prepared import Prepared, stream
from resnet_lab.runs import Run
from resnet_lab.turns import PAUSE

FIRST = 10  # updates of the readable loop's start: cuDNN has chosen its kernels after them
FEWEST = 3  # windows of each run: fewer would be mostly the first one's filling of the device
LONGER = 8  # times the updates of a slow loop, for one that would be done with them in a moment
ENDLESS = 10**9  # updates: the engine's windows go on for as many rounds as are asked for


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is trained, and on what. The images are on the device and, for the textbook, here."""

    run: Run
    device: str
    here: Prepared
    there: Prepared
    workers: int  # processes of the textbook's loader


class Textbook:
    """The epoch loop everyone writes. Each section is inside of one pass over the images."""

    name, runs, precision = TEXTBOOK, 1, "float32"

    def __init__(self, setting: Setting) -> None:
        from resnet_lab.bench import textbook  # brings torchvision

        self.setting, self.loop = setting, textbook
        self.recipe = setting.run.recipe

    def updates(self, asked: int) -> int:
        """How many updates a section has."""
        return asked

    def start(self) -> float:
        """Seconds to the end of the first update: the net, the loader and its processes."""
        began = time.perf_counter()
        images, labels = self.setting.here.train_images, self.setting.here.train_labels
        self.net = train.new_net(self.setting.run.net, self.recipe.seed)
        self.loader = self.loop.make_loader(
            images, labels, batch=self.recipe.batch, workers=self.setting.workers
        )
        with pytorchs_choice():
            losses = self.one_pass()
            next(losses)
            synchronise(self.setting.device)
            seconds = time.perf_counter() - began
            losses.close()
        return seconds

    def one_pass(self) -> Iterator[float]:
        """The updates of a pass over the images; closing it ends the loader's processes."""
        return self.loop.train(self.net, self.loader, lr=self.recipe.lr, device=self.setting.device)

    def advance(self, updates: int) -> float:
        """Seconds of `updates` updates, after as many as the processes may have made ready."""
        with pytorchs_choice():
            losses = self.one_pass()
            for _ in range(ready_at_most(self.setting.workers)):
                next(losses)
            synchronise(self.setting.device)
            began = time.perf_counter()
            for _ in range(updates):
                next(losses)
            synchronise(self.setting.device)
            seconds = time.perf_counter() - began
            losses.close()  # or its processes would disturb the next contestant
        return seconds


@contextmanager
def pytorchs_choice() -> Iterator[None]:
    """cuDNN's kernels are chosen as they are unasked: ours asks, for the whole process."""
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before


def ready_at_most(workers: int) -> int:
    """Updates after which the loader hands out what it makes, and not what it had made before."""
    return 2 * workers + 2  # DataLoader asks each of its processes for two batches ahead


class Readable:
    """The loop of `train`: images on the device, bfloat16 where it is fast."""

    name, runs = READABLE, 1

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.precision = train.fast_precision(setting.device)

    def updates(self, asked: int) -> int:
        """How many updates a section has."""
        return asked

    def start(self) -> float:
        """Seconds to the end of the first updates."""
        began = time.perf_counter()
        run = self.setting.run
        self.state = train.begin(run.net, run.recipe, self.setting.device)
        self.batches = stream(self.setting.there, run)
        self.advance(FIRST)
        return time.perf_counter() - began

    def advance(self, updates: int) -> float:
        """Seconds of `updates` updates."""
        recipe = replace(self.setting.run.recipe, steps=self.state.step + updates)
        synchronise(self.setting.device)
        began = time.perf_counter()
        for _ in train.train(self.state, self.batches, recipe, precision=self.precision):
            pass
        synchronise(self.setting.device)
        return time.perf_counter() - began


class Engine:
    """The loop of `engine`: captured updates, the blocks compiled or not, several runs at once."""

    def __init__(self, setting: Setting, *, runs: int = 1, compiled: bool = False) -> None:
        self.setting, self.runs, self.compiled = setting, runs, compiled
        self.precision = train.fast_precision(setting.device)
        self.name = "engine, compiled" if compiled else "engine"
        if runs > 1:
            self.name += f", {runs} at once"

    def updates(self, asked: int) -> int:
        """How many updates of each run a section has: whole windows, and fewer of more runs."""
        window = self.setting.run.recipe.log_every
        return max(FEWEST, -(-LONGER * asked // (self.runs * window))) * window

    def start(self) -> float:
        """Seconds to the end of every run's first window: nets, kernels, capture."""
        began = time.perf_counter()
        self.courses = [self.course(seed) for seed in range(self.runs)]
        self.advance(self.setting.run.recipe.log_every)
        return time.perf_counter() - began

    def course(self, seed: int) -> Iterator[engine.Window]:
        """The windows of a run without end."""
        run = self.setting.run
        run = replace(run, recipe=replace(run.recipe, seed=seed, steps=ENDLESS))
        state = train.begin(run.net, run.recipe, self.setting.device)
        net = twins.compiled(state.net) if self.compiled else None
        return engine.windows(
            state, stream(self.setting.there, run), run.recipe, precision=self.precision, net=net
        )

    def advance(self, updates: int) -> float:
        """Seconds of `updates` updates, whole windows, of every run."""
        synchronise(self.setting.device)
        began = time.perf_counter()
        take_turns(self.courses, updates // self.setting.run.recipe.log_every)
        synchronise(self.setting.device)
        return time.perf_counter() - began


def take_turns(courses: Sequence[Iterator[engine.Window]], windows: int) -> None:
    """Train `windows` windows of every run, one of each queued on the device at any time."""
    left = dict.fromkeys(range(len(courses)), windows)
    queued = {k: next(course) for k, course in enumerate(courses)}
    while queued:
        done = [k for k, window in queued.items() if window.ready()]
        for k in done:
            queued[k].point()
            left[k] -= 1
            if left[k]:
                queued[k] = next(courses[k])
            else:
                del queued[k]
        if not done:
            time.sleep(PAUSE)


def field_of(setting: Setting, at_once: Sequence[int]) -> list[Textbook | Readable | Engine]:
    """All contestants, in the order of their turns."""
    can = twins.can_compile(setting.device)
    engines = [
        Engine(setting, runs=runs, compiled=compiled)
        for runs in (1, *at_once)
        for compiled in ((False, True) if can else (False,))
    ]
    return [Textbook(setting), Readable(setting), *engines]


def workers_here() -> int:
    """Processes of the textbook's loader: all cores, up to 8."""
    return min(8, runner.cores())
