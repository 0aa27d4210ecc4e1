"""Boxes are drawn where they are; a view has words, and a picture in few bytes."""

import io

import pytest
import torch
from PIL import Image

from resnet_lab.detection import ink
from resnet_lab.detection.ink import View


def test_a_box_lies_at_its_corners_and_its_words_inside_the_image():
    figure, (ax,) = ink.panels(1)
    ink.picture(ax, torch.zeros(3, 20, 30, dtype=torch.uint8), "title")
    for corners in ([2, 3, 8, 9], [25, 0, 30, 5]):
        ink.box(ax, corners, ink.FOUND, words="disc")
    first, second = ax.patches
    assert first.get_bbox().extents.tolist() == [2, 3, 8, 9]
    left, right = ax.texts
    assert (left.get_ha(), left.get_va()) == ("left", "bottom")
    assert (right.get_ha(), right.get_va()) == ("right", "top")  # at the corner of the image
    assert all(0 <= text.get_position()[0] <= 30 for text in ax.texts)


def test_bars_say_their_numbers_and_mark_more_than_by_colour():
    figure, (ax,) = ink.panels(1)
    ink.bars(ax, ["a", "b"], torch.tensor([0.25, 0.75]), marked=1)
    assert [text.get_text() for text in ax.texts] == ["0.25", "0.75"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b *"]
    assert [bar.get_width() for bar in ax.patches] == [0.25, 0.75]


@pytest.mark.parametrize("limits, expected", [(None, (1.0, 4.0)), ((0.0, 10.0), (0.0, 10.0))])
def test_a_map_is_drawn_between_its_limits(limits, expected):
    figure, (ax,) = ink.panels(1)
    shown = ink.heat(ax, torch.tensor([[1.0, 2], [3, 4]]), limits=limits)
    assert shown.get_clim() == expected


def test_a_view_shows_its_words_then_a_small_picture(monkeypatch):
    figure, (ax,) = ink.panels(1, width=4, height=3)
    ink.picture(ax, torch.randint(0, 255, (3, 96, 96), dtype=torch.uint8))
    view, shown = View(words="**words**", figure=figure), []
    monkeypatch.setattr("IPython.display.display", shown.append)
    view._ipython_display_()
    assert shown[0].data == "**words**" and shown[1].alt == "**words**"
    picture = Image.open(io.BytesIO(shown[1].data))
    assert picture.size == (320, 240) and picture.mode == "P"
    whole = io.BytesIO()
    figure.savefig(whole, format="png")
    assert len(view.png) < len(whole.getvalue()) / 1.5


def test_the_inks_are_of_one_palette_for_any_colour_vision():
    """Okabe and Ito 2008, and white."""
    palette = {"#F0E442", "#E69F00", "#56B4E9", "#0072B2", "#D55E00", "#FFFFFF"}
    assert {ink.TRUTH, ink.FOUND, ink.WRONG, ink.FAINT, ink.BARS, ink.MARK} <= palette
