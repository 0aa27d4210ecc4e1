"""How long a reader waits in the kernel for each control of a chapter to redraw its picture.

Paper: nowhere; a slider over real runs must answer at once.
Notebook: notebooks/00_start_here.py. Tests: tests/test_bench_controls.py.
"""

import contextlib
import io
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from resnet_lab import notebooks


@dataclass(frozen=True, kw_only=True)
class Waits:
    """Milliseconds of one control, by the clock and of this process's own work."""

    name: str
    first: tuple[float, ...]  # of each value for the first time: it is drawn
    work: tuple[float, ...]  # of the same redraws, processor time: other programs do not count
    again: tuple[float, ...]  # of the same values again: they are kept


def measure(source: Path, most: int = 8) -> Iterator[Waits]:
    """Run a chapter but for its solutions, then move each of its controls over `most` values."""
    import ipywidgets
    import jupytext

    made: list[ipywidgets.Widget] = []
    names: dict[str, object] = {"__name__": source.stem, "display": lambda *shown: None}
    folder = Path.cwd()
    os.chdir(source.parent)  # as a kernel does
    ipywidgets.Widget.on_widget_constructed(made.append)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            for cell in jupytext.read(source).cells:
                if cell.cell_type == "code" and "solution" not in cell.metadata.get("tags", []):
                    text = cell.source.replace("%matplotlib inline", "")
                    exec(compile(text, source.name, "exec"), names)
    finally:
        ipywidgets.Widget.on_widget_constructed(None)
        os.chdir(folder)
    for control in made:
        if values := values_of(control, most):
            yield moved(control, values)


def values_of(control: object, most: int) -> list:
    """Up to `most` values of a slider, toggle or menu, from end to end; none of anything else."""
    if hasattr(control, "options") and hasattr(control, "index"):
        every = [value for _, value in control._options_full]
    elif hasattr(control, "min") and hasattr(control, "step"):
        count = round((control.max - control.min) / control.step)
        every = [control.min + k * control.step for k in range(count + 1)]
    else:
        return []
    stride = max(1, -(-len(every) // most))
    return [value for value in every[::stride] if value != control.value]


def moved(control: object, values: list) -> Waits:
    """Set `values` one after the other, then the first value of all, and all of it again."""
    waits: dict[str, list[float]] = {"first": [], "work": [], "again": []}
    start = control.value
    for turn in ("first", "again"):
        for value in (*values, start):
            began, worked = time.perf_counter(), time.process_time()
            control.value = value
            if turn == "again" or value != start:
                waits[turn].append(1e3 * (time.perf_counter() - began))
            if turn == "first" and value != start:
                waits["work"].append(1e3 * (time.process_time() - worked))
    name = control.description or "?"
    return Waits(name=name, **{turn: tuple(found) for turn, found in waits.items()})


def line(stem: str, waits: Waits) -> str:
    """One control in words: n, median and largest of each turn."""
    parts = [
        f"{word} {median(found):.0f} (at most {max(found):.0f}) ms"
        for word, found in (("drawn", waits.first), ("own work", waits.work), ("kept", waits.again))
    ]
    return f"{stem}, {waits.name}: n={len(waits.first)}: {'; '.join(parts)}"


def report(names: list[str] | None) -> Iterator[str]:
    """A line for each control of the chapters that `names` begin. Raises: InputError."""
    for source in notebooks.sources(names):
        for waits in measure(source):
            yield line(source.stem, waits)
