"""The processes of a measurement: one thread each, and all of them share the same images.

Paper: Section 4.2 (the images, and many runs of small nets).
Notebook: notebooks/00_start_here.py. Tests: tests/test_bench.py.
"""

import multiprocessing
import signal
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from threading import BrokenBarrierError

import torch

from resnet_lab.errors import InputError
from resnet_lab.runner import Prepared

here: dict[str, object] = {}  # of a worker process: the images, and where all meet


@contextmanager
def pool(prepared: Prepared, n: int, *, meet: bool = False) -> Iterator[ProcessPoolExecutor]:
    """`n` processes of one thread each that share `prepared` through a file.

    With `meet` every process takes one task at a time and all start together.

    Raises: InputError if one of them dies.
    """
    context = multiprocessing.get_context("spawn")  # forking a process with threads can hang it
    barrier = context.Barrier(n) if meet else None
    with tempfile.TemporaryDirectory(prefix="resnet-lab-") as folder:
        path = Path(folder) / "images.pt"
        torch.save(vars(prepared), path)  # mapped by all: the memory of one, however many cores
        workers = ProcessPoolExecutor(n, context, initializer=enter, initargs=(path, barrier))
        try:
            yield workers
        except (BrokenProcessPool, BrokenBarrierError) as error:
            raise InputError(
                "a process of the measurement died, most likely for lack of memory; "
                "close other programs and run it again"
            ) from error
        finally:
            if barrier:
                barrier.abort()  # nobody is left waiting for one that will not come
            workers.shutdown(cancel_futures=True)


def enter(path: Path, barrier) -> None:
    """Begin the life of a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears Ctrl-C and ends us
    torch.set_num_threads(1)
    here["prepared"] = Prepared(**torch.load(path, mmap=True, weights_only=True))
    here["barrier"] = barrier


def everywhere(workers: ProcessPoolExecutor, n: int, task: Callable, *arguments) -> list:
    """What `task` returns in each of `n` processes."""
    waiting = [workers.submit(task, *arguments) for _ in range(n)]
    return [future.result() for future in waiting]
