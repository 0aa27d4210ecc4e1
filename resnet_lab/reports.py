"""What is told of a run while it is trained, from wherever it is trained.

Paper: nowhere; training takes minutes to hours and says how far it is.
Notebook: notebooks/00_start_here.py. Tests: tests/test_workers.py.
"""

from dataclasses import dataclass
from typing import Literal

from resnet_lab.errors import InputError
from resnet_lab.records import Point
from resnet_lab.runner import Job
from resnet_lab.train import State

FAILURES = (InputError, FloatingPointError, RuntimeError, MemoryError)


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a worker says: a point was reached, or the run ended one way or another."""

    job: Job
    kind: Literal["point", "done", "stopped", "failed"]
    step: int = 0
    seconds: float = 0.0
    point: Point | None = None
    message: str = ""  # why it failed


def failure(job: Job, error: BaseException) -> Report:
    """What is told of a run that ended in one of FAILURES."""
    message = str(error)
    if not isinstance(error, InputError | FloatingPointError):
        first = (message.splitlines() or [""])[0]  # torch says many lines; the first one names it
        message = f"{type(error).__name__}: {first}".removesuffix(": ")
    return Report(job=job, kind="failed", message=message)


def point_of(job: Job, state: State) -> Report:
    """What is told of a run under way."""
    point = state.curve[-1] if state.curve else None
    return Report(job=job, kind="point", step=state.step, seconds=state.seconds, point=point)
