"""How far the runs are: bars on a terminal, lines in a log or a notebook.

Paper: nowhere; training takes minutes to hours and says so.
Notebook: notebooks/00_start_here.py. Tests: tests/test_progress.py.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from resnet_lab.records import Point
from resnet_lab.reports import Report
from resnet_lab.runner import Job


def name_of(job: Job) -> str:
    """A run's name for people: "plain-56, seed 0"."""
    net = job.run.net
    kind = "plain" if net.shortcut == "none" else "ResNet"
    return f"{kind}-{net.depth}, seed {job.run.recipe.seed}"


def duration(seconds: float) -> str:
    """Seconds as people say them: "48 s", "5 min 10 s", "2 h 5 min"."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    minutes, rest = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


class Display:
    """Shows what `workers.train_all` tells; use with `with`, and pass `tell` to it."""

    def __init__(self, jobs: Sequence[Job], console: Console | None = None) -> None:
        self.console = console or Console()
        self.bars = Progress(
            TextColumn("{task.description:<20}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[status]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=False),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self.live = self.console.is_terminal
        self.tasks: dict[str, TaskID] = {}
        self.first: dict[str, tuple[int, float]] = {}  # where each run began this time
        self.total = sum(job.run.recipe.steps for job in jobs)
        self.all = self.bars.add_task("all runs", total=self.total, status="updates")
        self.steps = {job.run.hash: 0 for job in jobs}
        self.before = dict(self.steps)  # updates done in earlier sessions

    def __enter__(self) -> "Display":
        self.bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.bars.stop()

    def say(self, text: str) -> None:
        """A line that stays, above the bars."""
        self.bars.console.print(text, highlight=False, soft_wrap=True)

    def skip(self, job: Job) -> None:
        """Count a run that has its record already."""
        self.begin(job.run.hash, job.run.recipe.steps)

    def begin(self, key: str, step: int) -> None:
        """Leave the updates of earlier sessions out, or the time left would come out too short."""
        self.total -= step
        self.before[key] = self.steps[key] = step
        self.bars.update(self.all, total=self.total)

    def tell(self, report: Report) -> None:
        """Show one report of a worker."""
        job, key = report.job, report.job.run.hash
        if report.kind == "point":
            self.point(report)
        elif report.kind == "done":
            if key in self.tasks:
                self.bars.remove_task(self.tasks.pop(key))
            self.say(f"  {name_of(job)}: done")
        elif report.kind == "failed":
            self.say(f"  {name_of(job)}: failed: {report.message}")
        else:
            self.say(f"  {name_of(job)}: stopped, saved after {self.steps[key]:,} updates or later")

    def point(self, report: Report) -> None:
        """Move the bars; without a terminal, print a line at every tenth of a run."""
        job, key = report.job, report.job.run.hash
        total = job.run.recipe.steps
        if key not in self.first:
            self.first[key] = (report.step, report.seconds)
            self.tasks[key] = self.bars.add_task(
                name_of(job), total=total, completed=report.step, status=""
            )
            self.begin(key, report.step)
            if report.step:
                self.say(f"  {name_of(job)}: goes on after update {report.step:,}")
        before, self.steps[key] = self.steps[key], report.step
        done = sum(self.steps.values()) - sum(self.before.values())
        self.bars.update(self.all, completed=done)
        if report.point is None:
            return
        step0, seconds0 = self.first[key]
        rate = (report.step - step0) / max(report.seconds - seconds0, 1e-9)
        status = f"training error {report.point.train_error:4.1f} %"
        rated = f"{status}, {rate:.1f} updates/s"
        self.bars.update(self.tasks[key], completed=report.step, status=rated)
        if not self.live and 10 * before // total < 10 * report.step // total:
            left = duration((total - report.step) / rate) if rate > 0 else "?"
            self.say(f"  {name_of(job)}: update {report.step:,} of {total:,}, {rated}, {left} left")


def watch(points: Iterable[Point], steps: int) -> Iterator[Point]:
    """The points of `train.train`, each printed with the speed and the time left.

    For notebooks: plain text, so that it can still be read in a saved one.
    Units: `steps` are the updates that will be done in all.
    """
    began = time.perf_counter()
    for point in points:
        speed = point.step / (time.perf_counter() - began)
        print(
            f"update {point.step:,} of {steps:,}: training error {point.train_error:.1f} %, "
            f"{speed:.0f} updates/s, {duration((steps - point.step) / speed)} left"
        )
        yield point
