"""One line of the doctor's report, and the sentences that install what is missing.

Paper: nowhere; this is how an installation answers before a training does.
Notebook: notebooks/00_start_here.py. Tests: tests/test_doctor.py.
"""

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec

from rich.console import Console
from rich.markup import escape

TORCH = (2, 11)  # the oldest we support


@dataclass(frozen=True)
class Finding:
    """One line of the report; `remedy` is a sentence that can be typed."""

    name: str
    ok: bool | None  # None: information, or a warning if there is a remedy
    found: str
    remedy: str = ""


def pip(arguments: str) -> str:
    """A sentence that installs into this very interpreter, which need not be `python`."""
    here = shlex.quote(sys.executable)
    tool = f"{here} -m pip install" if find_spec("pip") else f"uv pip install --python {here}"
    return f"run `{tool} {arguments}`"


def torch_pair(*, cpu_only: bool = False) -> str:
    """A sentence that installs a torch and a torchvision that were built for each other."""
    index = " --index-url https://download.pytorch.org/whl/cpu" if cpu_only else ""
    return pip(f"--upgrade --force-reinstall 'torch>={TORCH[0]}.{TORCH[1]}' torchvision{index}")


def last_line(text: str) -> str:
    """The end of an error message or traceback, where Python says what happened."""
    return (text.strip().splitlines() or [""])[-1]


def print_findings(findings: Sequence[Finding], console: Console | None = None) -> None:
    """What the doctor found: a line each, with the remedy under what fails."""
    console = console or Console()
    marks = {True: "[green]ok  [/]", None: "[yellow]note[/]", False: "[red]FAIL[/]"}
    for finding in findings:
        line = escape(f"{finding.name}: {finding.found}")  # a folder may be called [red]
        console.print(f"{marks[finding.ok]} {line}", soft_wrap=True)
        if finding.remedy:
            console.print(f"     -> {escape(finding.remedy)}", soft_wrap=True)
