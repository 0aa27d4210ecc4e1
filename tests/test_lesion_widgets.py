"""Buttons take blocks away and put them back, and another net has its own buttons."""

import pytest
from test_lesion_explore import chosen, embedded  # noqa: F401

from resnet_lab import lesion_widgets
from resnet_lab.errors import InputError


@pytest.fixture
def clicker(chosen, embedded, shown):  # noqa: F811
    small = [r for r in chosen if r.run.net.depth == 20]
    made = lesion_widgets.BlockClicker(small, embedded)
    made.drawn = shown
    return made


def test_a_pressed_button_is_a_block_left_out(clicker):
    assert len(clicker.buttons) == 9 and clicker.removed == []
    clicker.buttons[4].value = True
    clicker.buttons[5].value = True
    assert clicker.removed == ["2.2", "2.3"] and len(clicker.drawn) == 3
    assert clicker.drawn[-1].axes[0].get_title().endswith("left out: 2.2, 2.3")
    clicker.back.click()
    assert clicker.removed == [] and len(clicker.drawn) == 3  # the whole net was drawn before
    clicker.buttons[5].value = True  # still listened to
    assert len(clicker.drawn) == 4


def test_every_block_and_none(clicker):
    for button in clicker.buttons:
        button.value = True
    assert clicker.removed == [b.description for b in clicker.buttons]


def test_another_net_begins_whole(clicker):
    clicker.buttons[0].value = True
    clicker.choice.value = len(clicker.choice.options) - 1
    assert clicker.removed == [] and "plain-20" in clicker.drawn[-1].axes[0].get_title()


def test_buttons_have_words_and_a_class_that_a_browser_finds(clicker):
    assert clicker.buttons[3].tooltip == "leave out block 1 of stage 2"
    assert all("lab-block" in button._dom_classes for button in clicker.buttons)
    assert "lab-net" in clicker.choice._dom_classes


def test_no_net_is_said(embedded):  # noqa: F811
    with pytest.raises(InputError, match="reproduce"):
        lesion_widgets.BlockClicker([], embedded)
