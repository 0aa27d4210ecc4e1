"""Every control of a chapter is found and moved, and put back where it was."""

import ipywidgets
import pytest
from typer.testing import CliRunner

from resnet_lab.bench import controls
from resnet_lab.cli import app

CHAPTER = """# %%
import ipywidgets

from resnet_lab import widgets

print("a cell's own words")
drawn = []
box = widgets.draw(
    lambda depth, kind: drawn.append((depth, kind)) or f"{depth} {kind}",
    depth=widgets.depth_slider((8, 14, 20), 14),
    kind=widgets.shortcut_toggle(),
)
display(box)

# %% tags=["solution"]
raise RuntimeError("solutions are not run")
"""


def test_each_control_goes_through_its_values_twice_and_back(tmp_path, capsys):
    (tmp_path / "00_mini.py").write_text(CHAPTER)
    found = list(controls.measure(tmp_path / "00_mini.py"))
    assert [(w.name, len(w.first), len(w.again)) for w in found] == [
        ("depth", 2, 3),
        ("shortcut", 1, 2),
    ]
    assert all(len(w.first) == len(w.work) for w in found)
    assert capsys.readouterr().out == ""
    assert controls.line("00", found[0]).startswith("00, depth: n=2: drawn ")


@pytest.mark.parametrize(
    "control, values",
    [
        (ipywidgets.IntSlider(min=1, max=9, value=1), [4, 7]),
        (ipywidgets.Dropdown(options=[("a", 1), ("b", 2)]), [2]),
        (ipywidgets.HTML("words"), []),
    ],
)
def test_values_go_from_end_to_end(control, values):
    assert controls.values_of(control, most=3) == values


def test_a_chapter_that_there_is_not_is_one_sentence():
    done = CliRunner().invoke(app, ["bench", "widgets", "99"])
    assert done.exit_code != 0
