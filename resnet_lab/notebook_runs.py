"""One notebook, run from its text on this interpreter, with errors that nobody can miss.

Paper: nowhere; this is how a notebook becomes a result.
Notebook: notebooks/00_start_here.py. Tests: tests/test_notebooks.py.
"""

import logging
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from resnet_lab.files import write_whole
from resnet_lab.notebook_parameters import check_parameters, plain

if TYPE_CHECKING:
    from nbformat import NotebookNode

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
STATE = "application/vnd.jupyter.widget-state+json"
INJECTED, MARKER = "injected-parameters", "papermill-error-cell-tag"  # papermill's own tags
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class NotebookError(Exception):
    """A notebook stopped, or an error hid in it. The message is for the reader, without colours.

    `cell` is the number in the brackets of `In [ ]`, or None where the place is not known.
    """

    def __init__(self, message: str, cell: int | None) -> None:
        super().__init__(message)
        self.cell = cell


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Where and why an executed notebook failed."""

    cell: int | None  # None for an error inside a widget, which belongs to no cell
    source: str
    reason: str


def execute(
    source: Path,
    target: Path,
    given: dict[str, object],
    *,
    timeout: int | None = None,
    report: Callable[[int, int], None] | None = None,
) -> None:
    """Run `source` with the parameters `given`; write the executed notebook to `target`.

    `report` gets the number of the code cell that starts, and how many there are.
    Units: `timeout` in seconds per cell.
    Raises: InputError for wrong parameters; NotebookError if a cell, a thread or a widget failed:
    then `target` holds the notebook up to there.
    """
    import nbformat

    check_parameters(source, given)
    with TemporaryDirectory() as scratch, quiet():
        done = run(source, Path(scratch), given, timeout, report or (lambda cell, cells: None))
    write_whole(target, nbformat.writes(done) + "\n")
    failed = failure(done)
    if failed:
        where = f"cell [{failed.cell}]" if failed.cell else "the end"
        lines = [f"    {line}" for line in failed.source.splitlines()[-12:]]
        message = [f"{source.stem} stopped at {where}: {failed.reason}", *lines]
        raise NotebookError("\n".join([*message, f"What it did is kept in {target}"]), failed.cell)


def run(
    source: Path,
    scratch: Path,
    given: dict[str, object],
    timeout: int | None,
    report: Callable[[int, int], None],
) -> "NotebookNode":
    """The notebook as far as it ran; an error that left no output of its own is added as one."""
    import jupytext
    import nbformat
    import papermill

    node, raw = jupytext.read(source), scratch / "raw.ipynb"
    code = [index for index, cell in enumerate(node.cells) if cell.cell_type == "code"]
    total, begun = len(code) + bool(given), code[:1]  # begun: indices of the cells that ran

    def begin(cell: "NotebookNode", cell_index: int) -> None:
        if cell.cell_type == "code":
            begun.append(cell_index)
            report(len(begun) - 1, total)

    try:
        papermill.execute_notebook(
            node, raw, {name: plain(value) for name, value in given.items()},
            kernel_name=KERNEL["name"], language="python", cwd=source.parent,
            progress_bar=False, execution_timeout=timeout, coalesce_streams=True,
            kernel_manager_class=own_kernel(scratch), on_cell_start=begin,
        )  # fmt: skip
        problem = None
    except papermill.PapermillExecutionError:
        problem = None  # the cell's own output says it
    except Exception as error:  # a timeout, a dead kernel, a kernel that does not start
        problem = error
    if problem and not raw.exists():
        raise problem
    done = nbformat.read(raw, as_version=4)
    done.cells = [cell for cell in done.cells if MARKER not in cell.metadata.get("tags", [])]
    if problem:
        cut_off(done.cells[begun[-1]], problem, timeout)
    return done


def cut_off(cell: "NotebookNode", problem: Exception, timeout: int | None) -> None:
    """Give `cell` an error output that says why it was ended from outside."""
    from nbformat.v4 import new_output

    name = type(problem).__name__
    text = str(problem).splitlines()[0] if str(problem) else ""
    if name == "CellTimeoutError":
        text = f"the cell took longer than {timeout} s"
    if name == "DeadKernelError":
        text = "Python itself ended here, as it does when memory runs out"
    # an error of its own is but the interrupt that follows a timeout
    kept = [output for output in cell.get("outputs", []) if output.output_type != "error"]
    error = new_output("error", ename=name, evalue=text, traceback=[f"{name}: {text}"])
    cell.outputs = [*kept, error]


def failure(notebook: "NotebookNode") -> Failure | None:
    """Where an executed notebook failed, also where papermill saw nothing: threads and widgets."""
    number = 0
    for cell in notebook.cells:
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        number = cell.execution_count or number + 1
        for output in cell.outputs:
            if output.output_type == "error":
                return Failure(cell=number, source=cell.source, reason=reason(output))
            if output.output_type == "stream" and "Exception in thread" in output.text:
                last = "in a thread: " + ANSI.sub("", output.text).strip().splitlines()[-1]
                return Failure(cell=number, source=cell.source, reason=last)
        if cell.execution_count is None:
            return Failure(cell=number, source=cell.source, reason="was not run")
    state = notebook.metadata.get("widgets", {}).get(STATE, {}).get("state", {})
    for model in state.values():
        for output in model["state"].get("outputs", ()):
            if output["output_type"] == "error":
                return Failure(cell=None, source="", reason=f"in a widget: {reason(output)}")
    return None


def reason(output: dict[str, str]) -> str:
    """The last line of a traceback, short and without colours."""
    text = " ".join(f"{output['ename']}: {output['evalue']}".split())
    return ANSI.sub("", text).removesuffix(":")[:400]


def own_kernel(scratch: Path) -> type:
    """A manager whose kernels run on this interpreter, whatever kernel specs the user has.

    What the kernel writes past its cells are warnings of its own; they are dropped.
    """
    import zmq
    from jupyter_client.asynchronous import AsyncKernelClient
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    class OwnKernel(AsyncKernelManager):
        @property
        def kernel_spec(self) -> KernelSpec:
            command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
            # a private profile: startup files of the user must not change what a notebook shows
            env = {"IPYTHONDIR": str(scratch / "ipython"), "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
            return KernelSpec(argv=command, env=env, **KERNEL)

        def client(self, **words: object) -> AsyncKernelClient:
            self.talking = super().client(**words)
            return self.talking

        async def _async_is_alive(self) -> bool:
            # Asked every second while a cell runs. On a busy machine pyzmq 27.3 can miss the
            # signal that a reply has come, and then the notebook waits for ever; asking a socket
            # for its events makes it look.
            for channel in (self.talking.shell_channel, self.talking.iopub_channel):
                channel.socket.get(zmq.EVENTS)
            return await super()._async_is_alive()

        is_alive = _async_is_alive

        async def _async_launch_kernel(self, kernel_cmd: list[str], **words: object) -> None:
            words |= {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            await super()._async_launch_kernel(kernel_cmd, **words)

    return OwnKernel


@contextmanager
def quiet():
    """Keep the loggers of the notebook machinery off the terminal: we report errors ourselves."""
    loggers = [logging.getLogger(name) for name in ("papermill", "traitlets")]
    before = [logger.disabled for logger in loggers]
    for logger in loggers:
        logger.disabled = True
    try:
        yield
    finally:
        for logger, was in zip(loggers, before, strict=True):
            logger.disabled = was
