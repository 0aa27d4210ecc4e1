"""Several runs on one GPU: while one waits for its point, the others compute.

A net of 20 layers cannot fill a GPU. Each run queues its updates on a stream of its own, and this
loop serves whichever has reached its next point. One process and one thread do all of it: GPUs
do not let the kernels of two processes run side by side.

Paper: Section 4.2 (many runs of small nets).
Notebook: notebooks/05_cifar.py. Tests: tests/test_turns.py.
"""

import gc
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from resnet_lab import memory, runner
from resnet_lab.data import Dataset
from resnet_lab.reports import FAILURES, Report, failure, point_of
from resnet_lab.runner import Engine, Job, Prepared
from resnet_lab.runs import Images

PAUSE = 2e-4  # seconds between two looks at the runs; an update of a small net takes longer

Course = Generator[Callable[[], bool], None, object]


@dataclass
class Turn:
    """A run under way, and whether the device is done with what it queued last."""

    job: Job
    course: Course
    ready: Callable[[], bool] = lambda: True


def take_turns(
    jobs: Sequence[Job],
    dataset: Dataset,
    out: Path,
    engine: Engine,
    at_once: int,
    stop: Callable[[], bool],
    tell: Callable[[Report], None],
) -> None:
    """Train `jobs` with the fast loop, up to `at_once` of them side by side in one process.

    A run that does not fit into the memory beside the others waits until there is room. Each run
    is the same as if it had been alone. Nothing is raised for a failed run: `tell` gets it.
    """

    @cache  # one copy on the device for all runs on the same images
    def prepared(images: Images) -> Prepared:
        runner.check_images(images, dataset)
        return runner.prepare(dataset, images, engine.device)

    def begin(job: Job) -> Turn:
        half = runner.half_way_path(out, job.run)
        course = runner.training(
            job,
            prepared(job.run.images),
            out,
            runner.half_way_engine(half, job.run, engine),
            report=lambda state: tell(point_of(job, state)),
            stop=stop,
        )
        return Turn(job, course)

    def go_on(turn: Turn) -> bool:
        """Let `turn` queue its next work if it can; whether it did."""
        if not turn.ready():
            return False
        turn.ready = next(turn.course)
        return True

    waiting, turns = deque(jobs), []
    room = True  # whether the next run fits, as far as is known
    with runner.own_threads(engine.threads):
        while turns or (waiting and not stop()):
            # one at a time: the room for the next is known when the last has taken its own
            if waiting and len(turns) < at_once and room and not stop():
                run = waiting[0].run
                room = not turns or memory.fits(run, engine.precision, engine.device)
                if room:
                    job = waiting.popleft()
                    try:
                        turns.append(begin(job))
                    except FAILURES as error:
                        tell(failure(job, error))
            served = False
            for turn in list(turns):
                try:
                    served |= go_on(turn)
                    continue
                except StopIteration as end:
                    tell(Report(job=turn.job, kind="done" if end.value else "stopped"))
                except FAILURES as error:
                    if memory.ran_out(error) and len(turns) > 1:
                        at_once = len(turns) - 1  # alone it may fit: it goes on from its checkpoint
                        waiting.appendleft(turn.job)
                    else:
                        tell(failure(turn.job, error))
                turns.remove(turn)
                del turn
                if engine.device == "cuda":  # a twin's blocks and their new forward know each other
                    gc.collect()
                room = served = True
            if turns and not served:
                time.sleep(PAUSE)
