"""The book from committed notebooks: taken as they are, unless they are not those of their text."""

import nbformat
import pytest
from bs4 import BeautifulSoup
from test_notebooks import write

from resnet_lab import notebooks
from resnet_lab.book import Material, chapters, site

TEXT = "\n# %% [markdown]\n# # 1. A chapter\n\n# %%\n1 + 1\n"


@pytest.fixture
def source(tmp_path, monkeypatch):
    """A notebook with its committed run and a figure, in a clone's folders."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    write(folder, "01_chapter", TEXT)
    path = folder / "01_chapter.py"
    monkeypatch.setattr(notebooks, "folder", lambda: folder)
    monkeypatch.setattr(notebooks, "execute", lambda *_: pytest.fail("nothing is to be run"))
    cells = [nbformat.v4.new_markdown_cell("# 1. A chapter"), nbformat.v4.new_code_cell("1 + 1")]
    cells[1].execution_count = 1
    cells[1].outputs = [nbformat.v4.new_output("stream", text="committed")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path.with_suffix(".ipynb"))
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "01_chapter.png").write_bytes(b"png")
    return path


def make(tmp_path):
    (info,) = chapters.make_book(tmp_path / "out", {}, material=Material(), as_committed=True)
    return info


def test_a_committed_run_is_taken_with_its_figure(source, tmp_path):
    info = make(tmp_path)
    assert (info.status, info.figures) == ("saved", ("figures/01_chapter.png",))
    assert "committed" in (tmp_path / "out/01_chapter.html").read_text(encoding="utf-8")
    index = BeautifulSoup((tmp_path / "out/index.html").read_text(), "html.parser")
    assert "Results as saved" in index.select_one(".status").text
    assert make(tmp_path).status == "saved"  # and again, over the first


@pytest.mark.parametrize("harm", ["edited", "missing", "not run", "error"])
def test_what_is_not_a_whole_run_of_the_text_is_run(source, tmp_path, monkeypatch, harm):
    committed = source.with_suffix(".ipynb")
    node = nbformat.read(committed, as_version=4)
    if harm == "edited":
        source.write_text(source.read_text(encoding="utf-8") + "\n# %%\n2\n", encoding="utf-8")
    elif harm == "missing":
        committed.unlink()
    elif harm == "not run":
        node.cells[1].execution_count = None
        nbformat.write(node, committed)
    else:
        node.cells[1].outputs = [nbformat.v4.new_output("error", ename="E", evalue="e")]
        nbformat.write(node, committed)
    ran = []

    def execute(path, target, given):
        ran.append(path.stem)
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(node, target)

    monkeypatch.setattr(notebooks, "execute", execute)
    assert make(tmp_path).status == "ran" and ran == ["01_chapter"]


def test_run_runs_what_is_committed(source, tmp_path, monkeypatch):
    ran = []

    def execute(path, target, given):
        ran.append(path.stem)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.with_suffix(".ipynb").read_bytes())

    monkeypatch.setattr(notebooks, "execute", execute)
    monkeypatch.setattr(site, "gather", lambda *_, **__: Material())
    said = []
    assert site.write(tmp_path / "out", tmp_path, run=True, say=said.append) is False
    assert ran == ["01_chapter"] and "MB in all" in said[-1]
