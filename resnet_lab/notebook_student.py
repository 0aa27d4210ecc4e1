"""Chapters for a class: the same notebooks without solutions and without what they printed.

Paper: nowhere; the exercises are those of the chapters.
Notebook: notebooks/00_start_here.py. Tests: tests/test_notebook_student.py.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from resnet_lab import glossary
from resnet_lab.files import write_whole
from resnet_lab.notebook_runs import KERNEL

if TYPE_CHECKING:
    from nbformat import NotebookNode

SOLUTIONS = "## Solutions"
HEADING = re.compile(r"^#{1,2} ", re.M)
YOURS = """\
## Your solutions

The cells above say whether an answer is right. Here is room for how you found it."""


def write(source: Path, folder: Path) -> Path:
    """The student's copy of the chapter `source`, in `folder`; the glossary goes with it."""
    import nbformat

    target = folder / f"{source.stem}.ipynb"
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(target, nbformat.writes(copy_of(source)) + "\n")
    write_whole(folder / glossary.FILE, glossary.markdown())
    return target


def copy_of(source: Path) -> "NotebookNode":
    """The chapter with an empty cell for each solution; it still runs from top to bottom."""
    import jupytext
    from nbformat.v4 import new_markdown_cell

    notebook, kept, solving, number = jupytext.read(source), [], False, 0
    for cell in pieces(notebook.cells):
        if cell.cell_type == "markdown" and HEADING.match(cell.source):
            solving = cell.source.startswith(SOLUTIONS)
            if solving:
                cell = new_markdown_cell(YOURS)
                kept.append(cell)
                continue
        if "solution" in cell.metadata.get("tags", []):
            number += 1
            cell.source = f"# your solution of exercise {number}"
            cell.metadata = {}
        elif solving:
            continue  # words that explain a solution
        kept.append(own_folder(cell))
    for place, cell in enumerate(kept):
        cell.id = f"cell-{place:02d}"
    notebook.cells, notebook.metadata = kept, {"kernelspec": dict(KERNEL)}
    return notebook


def pieces(cells: list["NotebookNode"]) -> list["NotebookNode"]:
    """The cells, with Markdown cut before each heading of the first two levels."""
    from nbformat.v4 import new_markdown_cell

    found = []
    for cell in cells:
        cuts = [match.start() for match in HEADING.finditer(cell.source)]
        if cell.cell_type != "markdown" or not cuts or cuts == [0]:
            found.append(cell)
            continue
        ends = sorted({0, *cuts, len(cell.source)})
        texts = (cell.source[a:b].strip() for a, b in zip(ends, ends[1:], strict=False))
        found += [new_markdown_cell(text) for text in texts if text]
    return found


def own_folder(cell: "NotebookNode") -> "NotebookNode":
    """A student's figures go beside the copy, not into the folder above it."""
    if "parameters" in cell.metadata.get("tags", []):
        cell.source = cell.source.replace(
            'figure_folder = "../figures"', 'figure_folder = "figures"'
        )
    return cell
