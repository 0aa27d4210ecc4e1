"""A student's copy runs, has no answers, and keeps everything else."""

import re
from pathlib import Path

import jupytext
import nbformat
import pytest

from resnet_lab import exercises, glossary, notebook_student, notebooks

SOURCES = sorted((Path(__file__).parent.parent / "notebooks").glob("[0-9]*.py"))
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
figure_folder = "../figures"

# %% [markdown]
# It draws.
#
# ## Exercises
#
# **1. Add.** What is 1 + 1?

# %%
answer = None  # your answer
print(answer, figure_folder)

# %% [markdown]
# ## Solutions
#
# The secret is to count to two.

# %% tags=["solution"]
answer = 1 + 1
assert answer == 2

# %% [markdown]
# More words of the solution.

# %% tags=["solution"]
other = answer + 1

# %% [markdown]
# ## In this notebook
#
# - You added.
"""


@pytest.fixture
def mini(tmp_path):
    source = tmp_path / "notebooks" / "00_mini.py"
    source.parent.mkdir()
    source.write_text(HEADER + MINI, encoding="utf-8")
    return source


def test_the_copy_has_no_word_of_a_solution_and_no_output(mini, tmp_path):
    target = notebook_student.write(mini, tmp_path / "class")
    copy = nbformat.read(target, as_version=4)
    nbformat.validate(copy)
    text = target.read_text(encoding="utf-8")
    assert "secret" not in text and "More words" not in text and "1 + 1\n" not in text
    assert all(not cell.get("outputs") for cell in copy.cells)
    assert all(
        cell.get("execution_count") is None for cell in copy.cells if cell.cell_type == "code"
    )
    room = [cell.source for cell in copy.cells if "your solution" in cell.source]
    assert room == ["# your solution of exercise 1", "# your solution of exercise 2"]
    assert "It draws." in text and "- You added." in text and "**1. Add.**" in text
    assert (tmp_path / "class" / glossary.FILE).exists()


def test_the_copy_runs_and_draws_beside_itself(mini, tmp_path):
    target = notebook_student.write(mini, tmp_path / "class")
    notebooks.execute(target, tmp_path / "ran.ipynb", {})
    ran = nbformat.read(tmp_path / "ran.ipynb", as_version=4)
    printed = [output.text for cell in ran.cells for output in cell.get("outputs", [])]
    assert printed == ["None figures\n"]


def test_two_copies_are_the_same_bytes(mini, tmp_path):
    first = notebook_student.write(mini, tmp_path / "a").read_bytes()
    assert notebook_student.write(mini, tmp_path / "b").read_bytes() == first


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
class TestChapter:
    def test_no_line_of_a_solution_is_left(self, source):
        copy = "\n".join(cell.source for cell in notebook_student.copy_of(source).cells)
        lesson = [
            c for c in jupytext.read(source).cells if "solution" not in c.metadata.get("tags", [])
        ]
        elsewhere = "\n".join(cell.source for cell in lesson).partition("## Solutions")[0]
        for cell in jupytext.read(source).cells:
            if "solution" not in cell.metadata.get("tags", []):
                continue
            for line in (line.strip() for line in cell.source.splitlines()):
                if len(line) > 12 and line not in elsewhere:
                    assert line not in copy, line

    def test_the_rest_is_as_it_was(self, source):
        copy = notebook_student.copy_of(source).cells
        text = "\n\n".join(cell.source for cell in copy)
        for cell in jupytext.read(source).cells:
            tags = set(cell.metadata.get("tags", []))
            if cell.cell_type == "code" and not {"solution", "parameters"} & tags:
                assert cell.source in text
        assert copy[-1].source.startswith("## In this notebook")
        assert notebook_student.YOURS in text

    def test_the_stubs_do_not_hold_what_they_ask_for(self, source):
        """Every value that is asked for lives in the checker, and the stub says None."""
        text = "\n".join(c.source for c in notebook_student.copy_of(source).cells)
        asked = re.findall(r'exercises\.check\(\s*"([\w-]+)"', text)
        assert len(asked) >= 2 and set(asked) <= set(exercises.every())
        for stub in re.findall(r"^.*# your answers?\b.*$", text, re.M):
            assert "None" in stub, stub

    @pytest.mark.slow
    def test_it_runs_from_top_to_bottom(self, source, tmp_path):
        target = notebook_student.write(source, tmp_path / "class")
        names = notebooks.parameters(source)
        given = {"fast": True} if "fast" in names else {}
        notebooks.execute(target, tmp_path / "ran.ipynb", given, timeout=300)
        ran = nbformat.read(tmp_path / "ran.ipynb", as_version=4)
        printed = "".join(o.get("text", "") for c in ran.cells for o in c.get("outputs", []))
        assert "not answered yet" in printed and "not yet:" not in printed
