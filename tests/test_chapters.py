"""The notebooks are chapters of one book: predictions, exercises that are solved, a way on."""

import re
from pathlib import Path

import jupytext
import pytest

from resnet_lab import exercises

SOURCES = sorted((Path(__file__).parent.parent / "notebooks").glob("[0-9]*.py"))
ASKED = re.compile(r'exercises\.check\(\s*"([\w-]+)"')
ENDING = ["## Exercises", "## Solutions", "## In this notebook"]


def cells(source: Path) -> list:
    return jupytext.read(source).cells


def is_solution(cell) -> bool:
    return "solution" in cell.metadata.get("tags", [])


def text(source: Path, kind: str = "markdown") -> str:
    return "\n\n".join(cell.source for cell in cells(source) if cell.cell_type == kind)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
class TestChapter:
    def test_it_ends_with_exercises_solutions_and_what_was_in_it(self, source):
        headings = re.findall(r"^## .+$", text(source), re.M)
        assert headings[-3:] == ENDING
        last = cells(source)[-1]
        assert last.cell_type == "markdown" and last.source.startswith("## In this notebook")
        assert len(re.findall(r"^- ", last.source, re.M)) >= 3

    def test_its_last_words_lead_to_the_next_chapter(self, source):
        number = SOURCES.index(source)
        following = SOURCES[
            (number + 1) % len(SOURCES)
        ]  # the last one leads back to the scoreboard
        assert f"({following.stem}.ipynb)" in cells(source)[-1].source.splitlines()[-1]

    def test_every_link_to_a_chapter_leads_somewhere(self, source):
        for target in re.findall(r"\]\((\d\d_\w+\.ipynb)\)", text(source)):
            assert (source.parent / target).with_suffix(".py").exists(), target

    def test_each_exercise_is_asked_once_and_solved_once(self, source):
        asked = [n for c in cells(source) if not is_solution(c) for n in ASKED.findall(c.source)]
        solved = [n for c in cells(source) if is_solution(c) for n in ASKED.findall(c.source)]
        mine = [e.name for e in exercises.every().values() if e.chapter == int(source.stem[:2])]
        assert asked == solved
        assert sorted(asked) == sorted(mine) and len(mine) >= 2

    def test_solutions_stand_in_the_order_of_the_exercises(self, source):
        numbers = [int(n) for n in re.findall(r"^\*\*(\d+)\. [A-Z]", text(source), re.M)]
        solutions = [cell for cell in cells(source) if is_solution(cell)]
        assert numbers == list(range(1, len(solutions) + 1)) and len(solutions) >= 2
        for cell in solutions:
            checked = re.findall(r"^assert exercises\.check\(.*\) == \"right\"", cell.source, re.M)
            assert len(checked) == len(ASKED.findall(cell.source)) >= 1, cell.source

    def test_solutions_follow_all_exercises(self, source):
        kinds = [is_solution(cell) for cell in cells(source) if cell.cell_type == "code"]
        assert kinds == sorted(kinds)

    def test_it_asks_for_predictions_and_each_once_before_a_result(self, source):
        """A prediction stands in the cell right before the code that settles it."""
        every = cells(source)
        lesson = every[: next(k for k, c in enumerate(every) if ENDING[0] in c.source) + 1]
        asking = [k for k, cell in enumerate(lesson) if "**Predict.**" in cell.source]
        assert len(asking) >= 6
        for k in asking:
            assert every[k + 1].cell_type == "code", every[k].source

    def test_the_lesson_has_at_most_25_code_cells(self, source):
        apart = {"parameters", "colab", "solution"}
        lesson = [
            c for c in cells(source)
            if c.cell_type == "code" and not apart & set(c.metadata.get("tags", []))
            and not ASKED.search(c.source)
        ]  # fmt: skip
        assert len(lesson) <= 25
