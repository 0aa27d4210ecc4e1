"""The machinery on miniature notebooks, then the habits of the real ones (STYLE C16 to C21)."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest

from resnet_lab import notebooks
from resnet_lab.errors import InputError

HEADER = """# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---
"""
MINI = """
# %% [markdown]
# # 0. A miniature

# %% tags=["parameters"]
fast = False
depths = (20, 56)
rate = 0.1
seeds: int = 3
name = "plain"
note = None

# %% [markdown]
# What ran?

# %%
import sys

import ipywidgets
from matplotlib.figure import Figure

# %matplotlib inline
figure = Figure(figsize=(2, 1), dpi=100)
figure.subplots().plot([1, 2])
figure

# %% [markdown]
# A slider, then text in two goes.

# %%
display(ipywidgets.IntSlider())
print("one", flush=True)
print(fast, depths, rate, seeds, name, note)

# %% tags=["solution"]
assert True
"""


def write(folder: Path, stem: str, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / f"{stem}.py"
    source.write_text(HEADER + text)
    return source


def code(*cells: str) -> str:
    return "".join(f"\n# %%\n{cell}\n" for cell in cells)


@pytest.fixture
def mini(tmp_path):
    return write(tmp_path, "00_mini", MINI)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    source = write(tmp_path_factory.mktemp("built"), "00_mini", MINI)
    return source, notebooks.build(source)


def test_importing_is_cheap():
    check = (
        "import sys, resnet_lab.notebooks as n; print({'papermill', 'jupytext'} & {*sys.modules})"
    )
    ran = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"


class TestFinding:
    @pytest.fixture(autouse=True)
    def four(self, tmp_path, monkeypatch):
        for stem in ("00_start", "01_plain", "10_why", "11_where"):
            write(tmp_path, stem, MINI)
        monkeypatch.setattr(notebooks, "folder", lambda: tmp_path)

    @pytest.mark.parametrize(
        "names, stems",
        [
            (None, ["00_start", "01_plain", "10_why", "11_where"]),
            (["01"], ["01_plain"]),
            (["10_why", "00"], ["00_start", "10_why"]),
            (["notebooks/01_plain.py"], ["01_plain"]),
        ],
    )
    def test_names_and_unique_prefixes_find_notebooks(self, names, stems):
        assert [path.stem for path in notebooks.sources(names)] == stems

    @pytest.mark.parametrize("name", ["1", "02", "plain", ""])
    def test_other_names_list_the_choices(self, name):
        with pytest.raises(InputError, match="choose from .*1._wh"):
            notebooks.sources([name])


def test_a_place_without_notebooks_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(notebooks, "PACKAGE", tmp_path / "resnet_lab")
    with pytest.raises(InputError, match="no notebooks"):
        notebooks.folder()
    write(tmp_path / "resnet_lab" / "_notebooks", "00_start", MINI)  # as in the wheel
    assert notebooks.folder().name == "_notebooks"


class TestParameters:
    def test_names_and_defaults_are_read(self, mini):
        assert notebooks.parameters(mini) == {
            "fast": False,
            "depths": (20, 56),
            "rate": 0.1,
            "seeds": 3,
            "name": "plain",
            "note": None,
        }

    def test_a_notebook_may_have_none(self, tmp_path):
        assert notebooks.parameters(write(tmp_path, "00", code("x = 1"))) == {}

    def test_a_computed_value_is_refused(self, tmp_path):
        source = write(tmp_path, "00", '\n# %% tags=["parameters"]\nx = open("y")\n')
        with pytest.raises(InputError, match="plain values"):
            notebooks.parameters(source)

    def test_a_typo_gets_the_nearest_name(self, mini):
        with pytest.raises(InputError, match="did you mean 'depths'.*fast = False"):
            notebooks.check_parameters(mini, {"depth": [20]})

    @pytest.mark.parametrize(
        "name, value",
        [
            ("fast", "false"),  # papermill would inject a string that is true
            ("fast", 1),
            ("fast", None),
            ("depths", "[20, 56]"),
            ("depths", [20, "56"]),
            ("rate", "1e-3"),
            ("rate", True),
            ("seeds", 2.5),
            ("name", 1),
            ("note", {1, 2}),
        ],
    )
    def test_values_of_another_type_are_refused(self, mini, name, value):
        with pytest.raises(InputError, match=f"{name} must be"):
            notebooks.check_parameters(mini, {name: value})

    @pytest.mark.parametrize(
        "given",
        [
            {"fast": True, "depths": [20], "rate": 1, "name": Path("x")},
            {"note": "x"},
            {"note": [1]},
        ],
    )
    def test_values_that_fit_pass(self, mini, given):
        notebooks.check_parameters(mini, given)


class TestBuild:
    def test_nothing_of_the_machine_or_the_clock_is_kept(self, built):
        source, target = built
        text = target.read_text()
        assert not re.search(r"papermill|start_time|widget-view|widget-state", text)
        assert str(source.parent) not in text
        notebook = nbformat.reads(text, as_version=4)
        nbformat.validate(notebook)
        assert notebook.metadata == {"kernelspec": notebooks.KERNEL}
        assert [cell.id for cell in notebook.cells] == [f"cell-{n:02d}" for n in range(7)]
        assert [cell.metadata for cell in notebook.cells if cell.metadata] == [
            {"tags": ["parameters"]},
            {"tags": ["solution"]},
        ]

    def test_the_run_is_complete(self, built):
        cells = [c for c in nbformat.read(built[1], as_version=4).cells if c.cell_type == "code"]
        assert [cell.execution_count for cell in cells] == [1, 2, 3, 4]
        assert "image/png" in cells[1].outputs[0].data
        assert [output.output_type for output in cells[2].outputs] == ["stream"]
        assert cells[2].outputs[0].text == "one\nFalse (20, 56) 0.1 3 plain None\n"

    def test_two_builds_give_the_same_bytes(self, built):
        before = built[1].read_bytes()
        assert notebooks.build(built[0]).read_bytes() == before

    def test_the_pair_is_compared_by_cells(self, built, tmp_path):
        source, target = (Path(shutil.copy(path, tmp_path)) for path in built)
        assert notebooks.pair_differences(source) == []
        source.write_text(source.read_text().replace("rate = 0.1", "rate = 0.2"))
        assert "cell 1: another text" in notebooks.pair_differences(source)[0]
        source.write_text(source.read_text() + code("x"))
        assert "8 cells" in notebooks.pair_differences(source)[0]
        target.unlink()
        assert "missing" in notebooks.pair_differences(source)[0]

    def test_a_notebook_too_large_is_refused_and_the_old_one_kept(self, built, monkeypatch):
        before = built[1].read_bytes()
        monkeypatch.setattr(notebooks, "LIMIT", 100)
        monkeypatch.setattr(
            notebooks, "execute", lambda source, raw, given: shutil.copy(built[1], raw)
        )
        with pytest.raises(InputError, match="more than 100"):
            notebooks.build(built[0])
        assert built[1].read_bytes() == before


def test_execute_uses_this_interpreter_and_the_given_values(tmp_path, capfd):
    text = '\n# %% tags=["parameters"]\nfast = False\ndepths = (20,)\n'
    text += code("import os, sys\nprint([sys.executable, fast, depths, os.getcwd()])")
    source, target = write(tmp_path, "00_given", text), tmp_path / "out" / "00.ipynb"
    seen = []
    notebooks.execute(
        source, target, {"fast": True, "depths": (32,)}, report=lambda *at: seen.append(at)
    )
    printed = nbformat.read(target, as_version=4).cells[-1].outputs[0].text
    assert printed.strip() == str([sys.executable, True, [32], str(tmp_path)])
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert capfd.readouterr() == ("", "")  # no word of the machinery's own


def test_wrong_parameters_start_nothing(mini, tmp_path):
    with pytest.raises(InputError):
        notebooks.execute(mini, tmp_path / "x.ipynb", {"fats": True})
    assert not (tmp_path / "x.ipynb").exists()


FAILURES = {
    "error": (2, "ZeroDivisionError: division by zero", code("1", "b = 2\nb / 0", "3")),
    "timeout": (1, "took longer than 2 s", code("import time; time.sleep(60)")),
    "killed": (1, "Python itself ended", code("import os; os.kill(os.getpid(), 9)")),
    "exit": (1, "SystemExit", code("import sys; sys.exit(0)", "2")),
    "thread": (
        1,
        "in a thread: ValueError: deep",
        code(
            "import threading\ndef f(): raise ValueError('deep')\n"
            "t = threading.Thread(target=f); t.start(); t.join()"
        ),
    ),
    "widget": (
        None,
        "in a widget: KeyError: 'gone'",
        code("import ipywidgets\ndef f(x): raise KeyError('gone')\nipywidgets.interactive(f, x=3)"),
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_no_failure_stays_hidden(name, tmp_path, capfd):
    """papermill alone lets the last three pass."""
    cell, reason, text = FAILURES[name]
    target, seconds = tmp_path / "kept.ipynb", 2 if name == "timeout" else 60
    with pytest.raises(notebooks.NotebookError) as caught:
        notebooks.execute(write(tmp_path, name, text), target, {}, timeout=seconds)
    message = str(caught.value)
    assert caught.value.cell == cell and reason in message and str(target) in message
    assert "\x1b" not in message and len(message.splitlines()) < 20
    kept = nbformat.read(target, as_version=4)
    assert notebooks.failure(kept).cell == cell
    assert len(kept.cells) == text.count("# %%")  # none of papermill's own
    assert capfd.readouterr() == ("", "")


SOURCES = sorted((Path(__file__).parent.parent / "notebooks").glob("[0-9]*.py"))


def cells(path: Path) -> list[tuple[str, str, list[str]]]:
    return [(c.cell_type, c.source, c.metadata.get("tags", [])) for c in jupytext.read(path).cells]


def committed(source: Path):
    return [
        cell
        for cell in jupytext.read(source.with_suffix(".ipynb")).cells
        if cell.cell_type == "code"
    ]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
class TestNotebook:
    def test_both_files_hold_the_same_cells(self, source):
        assert notebooks.pair_differences(source) == []

    def test_code_cells_are_short_and_introduced(self, source):
        before = None
        for kind, text, tags in cells(source):
            if kind == "code" and "parameters" not in tags:
                assert sum(bool(line.strip()) for line in text.splitlines()) <= 12, text
                assert before == "markdown", f"no prose before:\n{text}"
            before = kind

    def test_first_cell_says_paper_code_tests(self, source):
        kind, opening, _ = cells(source)[0]
        assert kind == "markdown"
        assert all(word in opening for word in ("Paper:", "Code:", "Tests:"))
        root = source.parent.parent
        for name in re.findall(r"`((?:resnet_lab|tests)/[^`]+)`", opening):
            assert (root / name).exists(), name

    def test_parameters_are_plain_values(self, source):
        assert notebooks.parameters(source)

    def test_committed_run_is_complete_and_quiet(self, source):
        ran = committed(source)
        assert [cell.execution_count for cell in ran] == list(range(1, len(ran) + 1))
        for output in (output for cell in ran for output in cell.outputs):
            assert output.output_type != "error" and output.get("name") != "stderr", output

    def test_committed_run_is_small_and_knows_no_machine(self, source):
        assert source.with_suffix(".ipynb").stat().st_size <= notebooks.LIMIT
        for output in (output for cell in committed(source) for output in cell.outputs):
            shown = {
                kind: data for kind, data in output.get("data", {}).items() if "image" not in kind
            }
            text = json.dumps(shown) + output.get("text", "")
            assert not re.search(
                r"(?<![\w.])/(home|root|work|tmp|Users)/|at 0x[0-9a-f]{6}", text
            ), text

    def test_it_runs(self, source, tmp_path):
        """Fast where the notebook can be, and without drawing into the tree."""
        wanted = {"fast": True, "figures": tmp_path, "figure_folder": tmp_path}
        given = {name: wanted[name] for name in notebooks.parameters(source) if name in wanted}
        problem = ""
        try:
            notebooks.execute(source, tmp_path / "ran.ipynb", given, timeout=120)
        except notebooks.NotebookError as error:
            problem = str(error)
        if problem:  # outside `except`: the message says it all, without tracebacks
            pytest.fail(problem, pytrace=False)
