"""A deck has one slide a section, results after questions, and neither code nor solutions."""

import re
from html.parser import HTMLParser
from pathlib import Path

import jupytext
import nbformat
import nbformat.v4 as v4
import pytest
from nbconvert import SlidesExporter

from resnet_lab import notebooks, slides

SOURCES = sorted((Path(__file__).parent.parent / "notebooks").glob("[0-9]*.py"))


def code(source, *outputs, tags=()):
    shown = [v4.new_output("stream", text=text) for text in outputs]
    return v4.new_code_cell(source, outputs=shown, metadata={"tags": list(tags)} if tags else {})


MINI = v4.new_notebook(
    cells=[
        v4.new_markdown_cell("# 0. A miniature\n\nYou will see"),
        code("import sys", tags=["colab"]),
        code("fast = False", tags=["parameters"]),
        v4.new_markdown_cell("Words.\n\n## One\n\nText.\n\n**Predict.** Which?"),
        code("print(1)", "first result"),
        v4.new_markdown_cell("So it was.\n\n**Predict.** And now?"),
        code("print(2)", "second result"),
        v4.new_markdown_cell("### A part\n\nMore.\n\n## Two"),
        code("x = 3"),
        v4.new_markdown_cell("## Exercises\n\n**1. Do.** This.\n\n**2. Do.** That."),
        code("print(check)", "not answered yet"),
        v4.new_markdown_cell("## Solutions\n\nSecret words."),
        code("secret = 1", "secret", tags=["solution"]),
        v4.new_markdown_cell("## In this notebook\n\n- A [net](glossary.md#plain-net)."),
    ]
)


class Sections(HTMLParser):
    """How many slides lie side by side, and how many below each."""

    def __init__(self):
        super().__init__()
        self.depth, self.below, self.text = 0, [], ""

    def handle_starttag(self, tag, attrs):
        if tag == "section":
            self.depth += 1
            if self.depth == 1:
                self.below.append(0)
            if self.depth == 2:
                self.below[-1] += 1

    def handle_endtag(self, tag):
        self.depth -= tag == "section"

    def handle_data(self, data):
        self.text += data if self.depth else ""


def shown(notebook):
    page = Sections()
    page.feed(SlidesExporter(exclude_input=True).from_notebook_node(notebook)[0])
    return page


def kinds(notebook):
    return [(c.source.split("\n")[0], c.metadata.slideshow.slide_type) for c in notebook.cells]


def test_kinds_follow_from_what_cells_are():
    assert kinds(slides.deck(MINI)) == [
        ("# 0. A miniature", "slide"),
        ("import sys", "skip"),
        ("fast = False", "skip"),
        ("Words.", "-"),
        ("## One", "slide"),
        ("**Predict.** Which?", "-"),
        ("print(1)", "fragment"),
        ("So it was.", "-"),
        ("**Predict.** And now?", "subslide"),
        ("print(2)", "fragment"),
        ("### A part", "subslide"),
        ("## Two", "slide"),
        ("x = 3", "skip"),
        ("## Exercises", "slide"),
        ("**1. Do.** This.", "subslide"),
        ("**2. Do.** That.", "subslide"),
        ("print(check)", "skip"),
        ("## Solutions", "skip"),
        ("secret = 1", "skip"),
        ("## In this notebook", "slide"),
    ]


def test_nbconvert_makes_one_slide_a_section_of_it():
    page = shown(slides.deck(MINI))
    assert page.below == [1, 3, 1, 3, 1]
    assert (
        "A net." in page.text
        and "first result" in page.text
        and "ecret" not in page.text
        and "print" not in page.text
    )


def test_the_notebook_itself_is_left_alone():
    before = nbformat.writes(MINI)
    slides.deck(MINI)
    assert nbformat.writes(MINI) == before


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_every_chapter_has_one_slide_a_section(source):
    made = slides.deck(jupytext.read(source))
    nbformat.validate(made)
    text = "\n".join(c.source for c in jupytext.read(source).cells if c.cell_type == "markdown")
    sections = [t for t in re.findall(r"^#{1,2} (.+)$", text, re.M) if t != "Solutions"]
    page = shown(made)
    assert len(page.below) == len(sections)
    assert all(1 <= below <= 12 for below in page.below)
    long = [c.source for c in made.cells if c.cell_type == "markdown" and len(c.source) > 2_500]
    assert long == [] or source.stem == "00_start_here"  # the map is a table


def test_slides_are_written_from_what_was_built(tmp_path):
    """The chapter is run only where the built notebook is of another text."""
    source = tmp_path / "notebooks" / "00_mini.py"
    source.parent.mkdir()
    made = jupytext.reads(
        "# %% [markdown]\n# # Title\n# [2](01_x.ipynb)\n\n# %%\n6 * 7\n", fmt="py:percent"
    )
    made.metadata = {"kernelspec": dict(notebooks.KERNEL)}
    jupytext.write(made, source, fmt="py:percent")
    target = slides.write(source, tmp_path / "deck")
    assert target.name == "00_mini.slides.html" and "42" in target.read_text(encoding="utf-8")
    assert 'href="01_x.slides.html"' in target.read_text(encoding="utf-8")
    assert sorted(p.name for p in target.parent.iterdir()) == [
        "00_mini.ipynb",
        "00_mini.slides.html",
    ]
    built = jupytext.read(source)
    built.cells[1].outputs = [v4.new_output("stream", text="as it was built")]
    nbformat.write(built, source.with_suffix(".ipynb"))
    page = slides.write(source, tmp_path / "deck").read_text(encoding="utf-8")
    assert "as it was built" in page and "6 * 7" not in page
