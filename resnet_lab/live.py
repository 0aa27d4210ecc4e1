"""Small nets trained one after the other beside the reader: started, paused, gone on with, stopped.

No widget and no picture here, only what may happen when. The loop is that of `train`.

Paper: Section 4.2.
Notebook: notebooks/01_degradation.py, notebooks/05_cifar.py. Tests: tests/test_live.py.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from resnet_lab.errors import InputError
from resnet_lab.records import Point
from resnet_lab.runs import Run
from resnet_lab.stopwatch import Stopwatch

State = Literal["ready", "running", "paused", "done", "stopped", "failed"]


@dataclass(frozen=True, kw_only=True)
class Task:
    """A run, and the update after which it ends: its recipe may be longer."""

    run: Run
    updates: int


@dataclass(frozen=True, kw_only=True)
class Course:
    """How far a task came: its points so far, and whether it got to its last update."""

    task: Task
    points: tuple[Point, ...] = ()
    whole: bool = False


@dataclass(frozen=True, kw_only=True)
class Seen:
    """All that can be shown of the trainings at one moment."""

    state: State
    courses: tuple[Course, ...]  # begun, in their order; the last may be in training
    waiting: tuple[Task, ...]
    step: int  # updates of the net in training, or of the last one
    rate: float | None  # of it, updates a second, without pauses; None: not known yet
    problem: str  # a sentence, where an error ended it; else empty

    @property
    def left(self) -> float | None:
        """Seconds for all that is left, if updates take as long as depth says; None: not known."""
        if not self.rate or not self.courses:
            return None
        now = self.courses[-1].task
        others = sum(task.updates * task.run.net.depth for task in self.waiting)
        return (now.updates - self.step + others / now.run.net.depth) / self.rate


Gate = Callable[[int], bool]  # asked with the updates done before each update: end here?
Trainer = Callable[[Task, Gate], Iterator[Point]]


class Live:
    """Trains tasks in turn, in a thread of its own; any thread may start, pause and stop it.

    `trainer(task, gate)` yields the points; `tell()` is called, in that thread, when there is
    something new in `seen()`.
    """

    def __init__(
        self,
        trainer: Trainer,
        tell: Callable[[], None] = lambda: None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.trainer, self.tell, self.now = trainer, tell, now
        self.changed = threading.Condition()  # guards all below
        self.state: State = "ready"
        self.courses: list[Course] = []
        self.waiting: list[Task] = []
        self.step, self.problem = 0, ""
        self.clock = Stopwatch(now)
        self.thread: threading.Thread | None = None

    def seen(self) -> Seen:
        """The state now, whole."""
        with self.changed:
            seconds = self.clock.seconds()
            return Seen(
                state=self.state,
                courses=tuple(self.courses),
                waiting=tuple(self.waiting),
                step=self.step,
                rate=self.step / seconds if self.step and seconds > 0 else None,
                problem=self.problem,
            )

    @property
    def alive(self) -> bool:
        """Whether a training runs, or rests in a pause."""
        return self.thread is not None and self.thread.is_alive()

    def add(self, task: Task) -> None:
        """Train `task` after all others, anew if it was stopped before.

        Raises: InputError if it is there already.
        """
        with self.changed:
            kept = self.courses if self.alive else [c for c in self.courses if c.whole]
            if task in self.waiting or task in [course.task for course in kept]:
                raise InputError("this net is on the list already: change depth, seed or updates")
            self.courses = [c for c in self.courses if c in kept or c.task != task]
            self.waiting.append(task)

    def inherit(self, courses: Sequence[Course]) -> None:
        """Take over what another has trained; what has no point is forgotten."""
        with self.changed:
            self.courses[:0] = [course for course in courses if course.points]

    def clear(self) -> None:
        """Forget all nets and their curves. Raises: InputError while one is trained."""
        self.let_end()
        self.check_idle()
        with self.changed:
            self.state, self.step, self.problem = "ready", 0, ""
            self.courses, self.waiting, self.clock = [], [], Stopwatch(self.now)

    def let_end(self) -> None:
        """Where a stop was asked for, wait for the update that is still computed."""
        if self.state == "stopped":
            self.wait(10)

    def check_idle(self) -> None:
        """Raises: InputError while a net is trained."""
        if self.alive:
            raise InputError("a net is being trained: press Stop first, or add to the list")

    def start(self) -> None:
        """Begin with what waits. Raises: InputError if a net is trained already, or none waits."""
        self.let_end()
        with self.changed:
            self.check_idle()
            if not self.waiting:
                raise InputError("no net is on the list: choose one and add it")
            self.state, self.problem = "running", ""
            self.thread = threading.Thread(target=self.work, name="live training", daemon=True)
            self.thread.start()

    def pause(self) -> None:
        """Rest before the next update. Raises: InputError unless a net is trained."""
        with self.changed:
            if self.state != "running":
                raise InputError("nothing is being trained that could be paused")
            self.state = "paused"
            self.clock.rest()

    def go_on(self) -> None:
        """End the pause. Raises: InputError if there is none."""
        with self.changed:
            if self.state != "paused":
                raise InputError("the training is not paused")
            self.state = "running"
            self.changed.notify_all()

    def stop(self) -> None:
        """End before the next update, also in a pause; curves stay, what waits is dropped."""
        with self.changed:
            self.waiting.clear()
            if self.state in ("running", "paused"):
                self.state = "stopped"
                self.changed.notify_all()

    def wait(self, seconds: float | None = None) -> None:
        """Wait until the thread has ended, no longer than `seconds`."""
        if self.thread is not None and self.thread is not threading.current_thread():
            self.thread.join(seconds)

    def gate(self, step: int) -> bool:
        """What the trainer asks before each update: whether to end here. Lasts as long as a pause.

        `step`: updates done.
        """
        with self.changed:
            self.step = step
            task = self.courses[-1].task
            while self.state == "paused" and step < task.updates:
                self.changed.wait()
            self.clock.run()  # only now: images and net were prepared before
            end = self.state != "running" or step >= task.updates
            due = self.clock.due()
        if due and not end:
            self.tell()
        return end

    def begun(self) -> Task | None:
        """The next task, its course begun; None if none waits or all was stopped."""
        with self.changed:
            if self.state not in ("running", "paused") or not self.waiting:
                return None
            task = self.waiting.pop(0)
            self.courses.append(Course(task=task))
            self.step, self.clock = 0, Stopwatch(self.now)
            return task

    def got(self, task: Task, point: Point) -> None:
        """Keep a point of `task`, which is in training."""
        with self.changed:
            points = (*self.courses[-1].points, point)
            whole = point.step >= task.updates
            self.courses[-1] = Course(task=task, points=points, whole=whole)

    def work(self) -> None:
        """The thread: task after task, until none waits, a stop, or an error, which is told."""
        problem = ""
        try:
            while (task := self.begun()) is not None:
                for point in self.trainer(task, self.gate):
                    self.got(task, point)
                    self.tell()
        except Exception as error:  # nobody would see it: a thread has no cell
            problem = str(error)
            if not isinstance(error, InputError | FloatingPointError):  # these are sentences
                problem = f"{type(error).__name__}: {error}"
        with self.changed:
            self.clock.rest()
            if self.state in ("running", "paused") or problem:
                self.state = "failed" if problem else "done"
            self.problem = problem
            if problem:
                self.waiting.clear()
        self.tell()
