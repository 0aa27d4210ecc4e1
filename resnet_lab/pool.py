"""Jobs in processes of their own, each on its own pipe, so that a killed one cannot block the rest.

A queue that all share has a lock, and whoever is killed while holding it stops everybody.

Paper: Section 4.2 (many runs of small nets).
Notebook: notebooks/00_start_here.py. Tests: tests/test_workers.py.
"""

import multiprocessing
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

LOOK = 0.2  # seconds between two looks at `stop`
GOODBYE = 60.0  # seconds in which processes may save and end
ENDED = object()

# one job: do(job, stop, tell), where `stop` says when to save and end
Do = Callable[[object, Callable[[], bool], Callable[[object], None]], None]


@dataclass(eq=False)
class Worker:
    """A process, our end of its pipe, and the job it is at."""

    process: BaseProcess
    link: Connection
    job: object = None

    def give(self, job: object) -> None:
        """Send a job; None sends the process home, or asks it to stop where it is."""
        self.job = job or self.job
        with suppress(OSError):  # it has died: the next look at its pipe says so
            self.link.send(job)

    def heard(self) -> object:
        """The next message, None at the end of a job, or ENDED when the process is over."""
        with suppress(EOFError, OSError):
            if self.link.poll():
                return self.link.recv()
        return ENDED


def work(link: Connection, prepare: Callable[..., Do], shared: Sequence) -> None:
    """Life of a process: take jobs until there are none left or the parent says stop, or dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears Ctrl-C and tells us

    def stop() -> bool:  # while we are at a job, only a stop, or the parent's end, can arrive
        try:
            return link.poll()
        except OSError:
            return True

    def tell(message: object) -> None:
        with suppress(OSError):  # nobody listens any more: `stop` sees that too, and we save
            link.send(message)

    def take() -> object:
        with suppress(EOFError, OSError):
            return link.recv()

    do = prepare(*shared)
    while (job := take()) is not None and not stop():
        do(job, stop, tell)
        tell(None)


def start(prepare: Callable[..., Do], shared: Sequence) -> Worker:
    """A new process. It is deaf to Ctrl-C from its first moment, so that none breaks its start."""
    context = multiprocessing.get_context("spawn")  # forking a process with threads can hang it
    link, theirs = context.Pipe()
    process = context.Process(target=work, args=(theirs, prepare, shared), daemon=True)
    with deaf_to_ctrl_c():
        process.start()
    theirs.close()  # else its end of the pipe would outlive it
    return Worker(process, link)


@contextmanager
def deaf_to_ctrl_c() -> Iterator[None]:
    """Ctrl-C does nothing here, nor ever in what is started here; for the main thread only."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


def run(
    jobs: Sequence,
    n: int,
    prepare: Callable[..., Do],
    shared: Sequence,
    *,
    stop: Callable[[], bool],
    hear: Callable[[object], None],
    lost: Callable[[object, int | None], None],
) -> None:
    """Do `jobs` in `n` processes, in each with its own `prepare(*shared)`; returns when all end.

    `hear` gets what a job tells. `lost` gets a job whose process died, with the exit code, or
    with None a job that no process was left to begin.
    """
    waiting, workers, asked = deque(jobs), [], False
    try:
        for _ in range(n):
            workers.append(start(prepare, shared))
            workers[-1].give(waiting.popleft())
        at_work = list(workers)
        while at_work:
            if not asked and (asked := stop()):
                waiting.clear()
                for worker in at_work:
                    worker.give(None)
            for worker in ready(at_work):
                if (said := worker.heard()) is ENDED:
                    at_work.remove(worker)
                    bury(worker, lost)
                elif said is None:
                    worker.job = None
                    worker.give(waiting.popleft() if waiting else None)
                else:
                    hear(said)
        for job in waiting:
            lost(job, None)
    finally:
        dismiss(workers)


def bury(worker: Worker, lost: Callable[[object, int | None], None]) -> None:
    """Report the job that a process took with it, unless it went home as it was told."""
    if worker.job is not None:
        worker.process.join(GOODBYE)
        if worker.process.exitcode != 0:
            lost(worker.job, worker.process.exitcode)


def ready(workers: list[Worker]) -> list[Worker]:
    """Those who have said something or have ended; waits a moment for the first."""
    ears = {ear: worker for worker in workers for ear in (worker.process.sentinel, worker.link)}
    heard = wait(list(ears), timeout=LOOK)
    return list({ears[ear] for ear in heard})


def dismiss(workers: list[Worker]) -> None:
    """Wait until all have ended; those still at work see their pipe closed, and save first."""
    for worker in workers:
        worker.link.close()
    end = time.monotonic() + GOODBYE
    for worker in workers:
        worker.process.join(max(0.0, end - time.monotonic()))
