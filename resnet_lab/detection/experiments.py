"""What `reproduce detection` does: trains the arms on drawn scenes, then tests them in every way.

Paper: Section 4.3; Appendices A and B; Tables 7 to 9.
Notebook: notebooks/07_detection.py. Tests: tests/test_detection_experiments.py.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from filelock import FileLock

from resnet_lab import pool, reports, reproduce, runner, workers
from resnet_lab.detection import arms, run, scenes, sources
from resnet_lab.detection.arms import ARMS, Arm, Task
from resnet_lab.detection.run import How, Job
from resnet_lab.detection.sources import Start
from resnet_lab.distributed import World

CHECKPOINT_EVERY = 50  # updates: seconds


class Stopped(Exception):
    """The run was asked to stop; its last checkpoint is on disk."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much of each thing; the default is what the arms are compared at."""

    train: int | None = None  # scenes; None: all
    test: int | None = None
    steps: int | None = None  # of fine-tuning
    crops: int | None = None  # of pre-training


@dataclass(frozen=True, kw_only=True)
class Message:
    """What is told of a task."""

    task: Task
    text: str
    kind: str = "line"  # or done, stopped, failed


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All that is going to be done."""

    tasks: list[Task]
    options: bool  # test with Appendix B's options afterwards
    out: Path
    at_once: int
    device: str
    budget: float | None = None  # seconds
    size: Size = Size()


def plan(
    names: Sequence[str],
    *,
    out: Path = Path("out"),
    seeds: int | None = None,
    device: str | None = None,
    at_once: int | None = None,
    budget: float | None = None,
    size: Size = Size(),  # noqa: B008 - frozen
) -> Plan:
    """Check every choice before anything is trained. Raises: InputError."""
    found = arms.tasks(names, seeds)
    engine = runner.default_engine(device)
    return Plan(
        tasks=found,
        options=any(arms.EXPERIMENTS[name].options for name in names),
        out=out,
        at_once=min(at_once or (1 if engine.fast else runner.cores()), len(found)),
        device=engine.device,
        budget=budget,
        size=size,
    )


def job_of(task: Task, out: Path, device: str, size: Size, report: Callable[[str], None]) -> Job:
    """The run of `task`, pre-trained if its arm is; data are drawn when they are first used."""
    arm, here = ARMS[task.arm], World(device=device)
    recipe = arm.recipe(task.seed)
    if size.steps is not None:
        recipe = replace(recipe, steps=size.steps, drops=(), warm_up=0, log_every=size.steps)
    return Job(
        config=arm.config,
        recipe=recipe,
        start=start_of(arm, task.seed, out, here, size, report),
        data="scenes",
        train=images("train", size.train),
        test=images("test", size.test),
        testing=arms.TESTING,
        how=How(threads=1, checkpoint_every=CHECKPOINT_EVERY),
        here=here,
        report=report,
    )


@cache
def images(split: str, n: int | None) -> scenes.Scenes:
    """The scenes, drawn once a process."""
    return scenes.load(split, n)


def start_of(
    arm: Arm, seed: int, out: Path, here: World, size: Size, report: Callable[[str], None]
) -> Start:
    """Weights to begin with; arms that share them have them trained once, also side by side."""
    if arm.pretraining is None:
        return Start(name="random", net=None)
    how, config = arm.pretraining, arm.config
    if size.crops is not None:
        how = replace(how, crops=size.crops, epochs=1, bn_crops=size.crops)
    folder = out / "pretrained"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f".{config.name}_seed{seed}.lock"), runner.own_threads(1):
        return sources.pretrained(config, how, seed, out, here, report)


def train_task(
    task: Task,
    out: Path,
    device: str,
    size: Size,
    stop: Callable[[], bool],
    tell: Callable[[Message], None],
) -> None:
    """Train `task`, unless it is, and tell how it went. Nothing is raised for a failed run."""

    def report(line: str) -> None:
        tell(Message(task=task, text=line))
        if stop():
            raise Stopped

    try:
        job = job_of(task, out, device, size, report)
        folder = run.run(job, out)
    except Stopped:
        tell(Message(task=task, kind="stopped", text="stopped; the same command goes on"))
    except (*reports.FAILURES, OSError) as error:
        text = f"failed: {type(error).__name__}: {error}"
        tell(Message(task=task, kind="failed", text=text))
    else:
        tell(Message(task=task, kind="done", text=f"done: {folder.name}"))


def prepare(out: Path, device: str, size: Size) -> pool.Do:
    """What a process of its own does with a task."""
    return lambda task, stop, tell: train_task(task, out, device, size, stop, tell)


def train_all(steps: Plan, say: Callable[[str], None]) -> bool:
    """Train every task, `at_once` side by side with one thread each; whether all are done.

    Stops, with checkpoints written, at the first Ctrl-C or when the budget is over. Started again
    it goes on, and does nothing for runs that have their record.
    """
    done: set[Task] = set()
    end = None if steps.budget is None else time.monotonic() + steps.budget

    def hear(message: Message) -> None:
        if message.kind == "done":
            done.add(message.task)
        count = f" ({len(done)} of {len(steps.tasks)} runs)" if message.kind == "done" else ""
        say(f"{message.task.label}: {message.text}{count}")

    with workers.asked_to_stop() as asked:

        def stop() -> bool:
            return asked.is_set() or (end is not None and time.monotonic() > end)

        shared = (steps.out, steps.device, steps.size)
        if steps.at_once < 2:
            for task in steps.tasks:
                if stop():
                    break
                train_task(task, *shared, stop, hear)
        else:
            why = "its process ended; the same command goes on"
            lost = lambda task, code: hear(Message(task=task, kind="failed", text=why))  # noqa: E731
            pool.run(steps.tasks, steps.at_once, prepare, shared, stop=stop, hear=hear, lost=lost)
    return len(done) == len(steps.tasks)


def carry_out(steps: Plan, say: Callable[[str], None] = print) -> int:
    """Train, then test in every way what is trained; 0, or 1 as long as something is not done.

    Raises: InputError if another command works in the same folder.
    """
    began = time.monotonic()
    with reproduce.lock(steps.out):
        say(
            f"{len(steps.tasks)} runs on drawn scenes, {steps.at_once} at a time on "
            f"{steps.device}, one thread each. Ctrl-C saves and stops."
        )
        done = train_all(steps, say)
        if not done:
            say("Not all runs are finished; what there is is saved. The same command goes on.")
        left = None if steps.budget is None else steps.budget - (time.monotonic() - began)
        if not done or not steps.options:
            return 0 if done else 1
        from resnet_lab.detection import tested

        return 0 if tested.measure_all(steps.out, device=steps.device, budget=left, say=say) else 1
