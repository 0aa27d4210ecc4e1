"""Chapters as they are committed: their outputs are there, so a book takes seconds.

Paper: nowhere; this is how the book reaches a page on the web without a training.
Notebook: notebooks/00_start_here.py. Tests: tests/test_book_saved.py.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from resnet_lab import notebooks
from resnet_lab.book.index import PageInfo
from resnet_lab.files import write_whole


def take(source: Path, out: Path, info: PageInfo, report: Callable[[str], None]) -> PageInfo | None:
    """The committed notebook put into `out`, with its figures; None if it must be run.

    That is so where there is none, where its cells are not those of `source`, or where a cell
    has not run.
    """
    committed = source.with_suffix(".ipynb")
    problems = notebooks.pair_differences(source) or unfinished(committed)
    if problems:
        report(f"{source.stem}: {problems[0]}")
        return None
    write_whole(out / "notebooks" / committed.name, committed.read_bytes())
    pictures = sorted((source.parent.parent / "figures").glob(f"{source.stem}*.png"))
    for picture in pictures:
        write_whole(out / "figures" / picture.name, picture.read_bytes())
    report(f"{source.stem}: as committed")
    names = tuple(f"figures/{picture.name}" for picture in pictures)
    return replace(info, status="saved", figures=names, cell=None, message="", seconds=0.0)


def unfinished(committed: Path) -> list[str]:
    """A sentence for the first code cell of `committed` that has no result or an error."""
    import nbformat

    for number, cell in enumerate(nbformat.read(committed, as_version=4).cells):
        if cell.cell_type != "code":
            continue
        if any(output.output_type == "error" for output in cell.outputs):
            return [f"cell {number} of {committed.name} ended with an error"]
        if cell.source.strip() and cell.execution_count is None:
            return [f"cell {number} of {committed.name} has not run"]
    return []
