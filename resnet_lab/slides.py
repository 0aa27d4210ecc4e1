"""A chapter as slides: one a section, a prediction before each result, no code.

Paper: nowhere; the slides are the chapter's own words and pictures.
Notebook: notebooks/00_start_here.py. Tests: tests/test_slides.py.
"""

import copy
import re
from pathlib import Path
from typing import TYPE_CHECKING

from resnet_lab import glossary
from resnet_lab.files import write_whole
from resnet_lab.notebook_student import SOLUTIONS
from resnet_lab.notebooks import execute, pair_differences

if TYPE_CHECKING:
    from nbformat import NotebookNode

HIDDEN = {"parameters", "injected-parameters", "colab", "solution"}
# where a Markdown cell is cut: headings, predictions, exercises
CUT = re.compile(r"^(?=#{1,3} |\*\*Predict\.\*\*|\*\*\d+\. )", re.M)


def deck(notebook: "NotebookNode") -> "NotebookNode":
    """A copy of `notebook` whose cells say what they are in a slide show, for any converter.

    A heading opens a slide. Within it, each prediction that follows a result opens one below,
    as does each exercise; results come one step later than the question. What has no
    result is skipped, and so are solutions.
    """
    from nbformat.v4 import new_markdown_cell

    made, section, shown = copy.deepcopy(notebook), "", False
    cells: list[NotebookNode] = []
    for cell in made.cells:
        texts = [cell.source]
        if cell.cell_type == "markdown":
            words = glossary.LINK.sub(r"\1", cell.source)  # a lecture needs no links to words
            texts = [text.strip() for text in CUT.split(words) if text.strip()]
        for text in texts:
            part = new_markdown_cell(text) if cell.cell_type == "markdown" else cell
            if part.cell_type == "markdown" and re.match(r"#{1,2} ", text):
                section, shown = text.splitlines()[0], False
            kind = kind_of(part, section, shown)
            part.metadata = {"slideshow": {"slide_type": kind}}
            shown = shown or (part.cell_type == "code" and kind != "skip")
            shown = False if kind in ("slide", "subslide") else shown
            cells.append(part)
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number:03d}"
    made.cells = cells
    return made


def kind_of(cell: "NotebookNode", section: str, shown: bool) -> str:
    """The slide type of a cell in `section`, in which a result has been `shown` on this slide."""
    text = cell.source
    if section == SOLUTIONS or HIDDEN & set(cell.metadata.get("tags", [])):
        return "skip"
    if cell.cell_type == "code":
        asks = section.startswith("## Exercises")
        return "fragment" if cell.get("outputs") and not asks else "skip"
    if re.match(r"#{1,2} ", text):
        return "slide"
    if text.startswith("### ") or re.match(r"\*\*\d+\. ", text):
        return "subslide"
    if text.startswith("**Predict.**") and shown:
        return "subslide"
    return "-"


def outputs_of(source: Path, folder: Path) -> "NotebookNode":
    """The chapter with its results: the built one where it fits the text, else run here."""
    import nbformat

    built = source.with_suffix(".ipynb")
    if pair_differences(source):
        built = folder / f"{source.stem}.ran.ipynb"
        execute(source, built, {})
    found = nbformat.read(built, as_version=4)
    built.unlink() if built.parent == folder else None
    return found


def write(source: Path, folder: Path) -> Path:
    """The chapter's slides as one HTML file in `folder`; beside it the notebook they are made from.

    The page loads reveal.js from the address that nbconvert knows, so showing it needs a network.
    """
    import nbformat
    from nbconvert import SlidesExporter

    folder.mkdir(parents=True, exist_ok=True)
    made = deck(outputs_of(source, folder))
    write_whole(folder / f"{source.stem}.ipynb", nbformat.writes(made) + "\n")
    exporter = SlidesExporter(
        exclude_input=True, exclude_input_prompt=True, exclude_output_prompt=True
    )
    exporter.reveal_scroll = True  # a long table must not be cut off
    page, _ = exporter.from_notebook_node(made)
    target = folder / f"{source.stem}.slides.html"
    write_whole(target, re.sub(r'(href="\d\d_\w+)\.ipynb"', r'\1.slides.html"', page))
    return target
