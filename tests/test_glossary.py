"""Every linked term exists, every term is linked, and the three pages say the same."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from resnet_lab import glossary
from resnet_lab.book import glossary_page, pages

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
SOURCES = sorted(NOTEBOOKS.glob("[0-9]*.py"))
TERMS = glossary.terms()


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_every_link_of_a_chapter_resolves(source):
    found = glossary.links(source.read_text(encoding="utf-8"))
    assert len(found) >= 5, "a chapter explains its terms"
    assert [anchor for anchor in found if anchor not in TERMS] == []
    assert len(found) == len(set(found)), "a term is linked where it first appears"


def test_every_term_is_linked_by_some_chapter():
    text = "".join(source.read_text(encoding="utf-8") for source in SOURCES)
    assert set(TERMS) - set(glossary.links(text)) == set()


@pytest.mark.parametrize("term", TERMS.values(), ids=lambda term: term.anchor)
def test_an_entry_is_one_to_three_sentences_with_a_place(term):
    sentences = re.findall(r"[.!?](?= |$)", re.sub(r"et al\.|\d\.\d", "", term.text))
    assert 1 <= len(sentences) <= 3 and term.text.endswith(".")
    assert re.search(r"Section|Table|Figure|Appendix|not in the paper", term.place)
    assert len(term.text) < 330


@pytest.mark.parametrize(
    "heading, anchor",
    [
        ("Option A", "option-a"),
        ("R-CNN", "r-cnn"),
        ("Top-5 error", "top-5-error"),
        ("ReLU", "relu"),
    ],
)
def test_anchors_are_those_that_code_hosts_make_of_headings(heading, anchor):
    assert TERMS[anchor].name == heading


def test_the_page_beside_the_notebooks_is_written_from_the_entries():
    """`python -c "from resnet_lab import glossary; ..."` is not needed: the student's copies
    and the book make theirs from the same entries.
    """
    assert (NOTEBOOKS / glossary.FILE).read_text(encoding="utf-8") == glossary.markdown()
    headings = re.findall(r"^## (.+)$", glossary.markdown(), re.M)
    assert headings == [term.name for term in TERMS.values()]
    assert headings == sorted(headings, key=str.lower)


class Ids(HTMLParser):
    def __init__(self):
        super().__init__()
        self.ids, self.loaded = [], []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids += [attrs["id"]] if "id" in attrs else []
        self.loaded += [attrs[key] for key in ("src",) if key in attrs]


def test_the_books_page_has_every_anchor_and_loads_nothing(tmp_path):
    page = Ids()
    text = glossary_page.write(tmp_path).read_text(encoding="utf-8")
    page.feed(text)
    assert [name for name in page.ids if name in TERMS] == list(TERMS)
    assert page.loaded == ["book.js"], "the book's own script, and nothing else"
    assert "Content-Security-Policy" in text and 'href="index.html"' in text


def test_links_of_chapters_lead_to_the_books_page():
    import nbformat.v4 as v4

    cell = v4.new_markdown_cell("A [shortcut](glossary.md#shortcut), [next](02_shortcuts.ipynb).")
    html = pages.cells(v4.new_notebook(cells=[cell]), NOTEBOOKS)
    assert 'href="glossary.html#shortcut"' in html and 'href="02_shortcuts.html"' in html
