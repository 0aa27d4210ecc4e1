"""The first cell installs in Colab and only there; the address stands in one form everywhere."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import jupytext
import pytest

from resnet_lab import colab
from resnet_lab.errors import InputError

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "notebooks").glob("[0-9]*.py"))
ADDRESS = "https://github.com/somebody/resnet-lab"

FAKE_PIP = "import json, sys; print('PIP ' + json.dumps(sys.argv[1:]))\n"
COLAB = "import sys, types\nsys.modules['google.colab'] = types.ModuleType('google.colab')\n"


def run(cell: str, folder: Path, *, there: bool, typed: str = "") -> list[list[str]]:
    """What a fake pip was asked for when the cell ran, in Colab or not."""
    (folder / "pip").mkdir(exist_ok=True)
    (folder / "pip" / "__init__.py").write_text("", encoding="utf-8")
    (folder / "pip" / "__main__.py").write_text(FAKE_PIP, encoding="utf-8")
    script = (COLAB if there else "") + cell
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=typed,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(folder)},
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    lines = [line.partition("PIP ")[2] for line in done.stdout.splitlines() if "PIP " in line]
    return [json.loads(line) for line in lines]


def test_elsewhere_nothing_is_installed(tmp_path):
    assert run(colab.cell(ADDRESS), tmp_path, there=False) == []
    assert run(colab.cell(), tmp_path, there=False) == []


def test_in_colab_the_package_is_installed_from_its_repository(tmp_path):
    asked = run(colab.cell(ADDRESS), tmp_path, there=True)
    assert asked == [["install", "-q", f"git+{ADDRESS}"]]


def test_without_a_known_address_the_reader_is_asked(tmp_path):
    asked = run(colab.cell(), tmp_path, there=True, typed=f"{ADDRESS}\n")
    assert asked == [["install", "-q", f"git+{ADDRESS}"]]


def test_a_failed_installation_stops_the_notebook(tmp_path):
    (tmp_path / "pip").mkdir()
    (tmp_path / "pip" / "__main__.py").write_text("raise SystemExit(1)\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", COLAB + colab.cell(ADDRESS)],
        capture_output=True,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )
    assert done.returncode != 0 and b"CalledProcessError" in done.stderr


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_every_chapter_has_the_link_and_the_cell_with_the_projects_address(source):
    """Whatever CITATION.cff says is the address, the chapters say too."""
    address = colab.known(ROOT / "CITATION.cff")
    opening, first = jupytext.read(source).cells[:2]
    assert colab.link(source.stem, address) in opening.source
    assert first.metadata["tags"] == ["colab"] and first.source == colab.cell(address)
    everything = "".join(cell.source for cell in jupytext.read(source).cells[2:])
    assert "google.colab" not in everything and "pip install" not in everything


def test_a_chapters_link_opens_its_built_notebook():
    assert colab.link("05_cifar", ADDRESS) == (
        "[Open in Colab](https://colab.research.google.com/github/somebody/resnet-lab"
        "/blob/main/notebooks/05_cifar.ipynb)"
    )


@pytest.mark.parametrize("given", [ADDRESS, ADDRESS + "/", ADDRESS + ".git", f" {ADDRESS} "])
def test_an_address_is_written_in_one_form(given):
    assert colab.checked(given) == ADDRESS


@pytest.mark.parametrize(
    "given",
    [
        "",
        "somebody/resnet-lab",
        "http://github.com/a/b",
        "https://github.com/a",
        ADDRESS + "/tree/main",
        "git@github.com:a/b.git",
        'https://github.com/a/b"; x',
        "https://example.org/a/b",
    ],
)
def test_what_colab_cannot_open_is_refused(given):
    with pytest.raises(InputError, match="like https://github.com/NAME/PROJECT"):
        colab.checked(given)


def test_connecting_changes_texts_and_nothing_else(tmp_path, monkeypatch):
    folder = tmp_path / "notebooks"
    folder.mkdir()
    shutil.copy(ROOT / "CITATION.cff", tmp_path)
    source = Path(shutil.copy(SOURCES[0], folder))
    built = source.with_suffix(".ipynb")
    jupytext.write(jupytext.read(source), built)
    monkeypatch.setattr(colab, "sources", lambda: [source])
    before = json.loads(built.read_text())
    for address in (ADDRESS, "https://github.com/somebody/else"):  # a second time as well
        colab.connect(address)
        cells = jupytext.read(source).cells
        assert colab.link(source.stem, address) in cells[0].source
        assert cells[1].source == colab.cell(address)
        assert colab.known(tmp_path / "CITATION.cff") == address
        after = json.loads(built.read_text())
        assert [c.source for c in jupytext.read(built).cells] == [c.source for c in cells]
        assert after["cells"][2:] == before["cells"][2:]
    citation = (tmp_path / "CITATION.cff").read_text()
    assert citation.count("repository-code") == 1
    original = (ROOT / "CITATION.cff").read_text()
    assert [line for line in citation.splitlines() if "repository-code" not in line] == [
        line for line in original.splitlines() if "repository-code" not in line
    ]
