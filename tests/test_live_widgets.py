"""The panel does what its buttons say, trains nothing unasked, and keeps what it trained."""

import time

import pytest

from resnet_lab import records
from resnet_lab.errors import InputError
from resnet_lab.live_widgets import BUTTONS, LivePanel
from resnet_lab.records import Point


def quick(task, gate):
    """A trainer of made-up numbers."""
    step = 0
    while not gate(step):
        step += 10
        yield Point(step=step, lr=0.1, train_loss=1.0, train_error=50.0, test_error=51.0)


def slow(task, gate):
    """One that never comes to its end."""
    yield Point(step=1, lr=0.1, train_loss=1.0, train_error=50.0)
    while not gate(1):
        time.sleep(0.005)


def broken(task, gate):
    raise InputError("the images are gone")
    yield


@pytest.fixture
def panel(mini):
    made = []

    def panel(*nets, trainer=quick, recorded=()):
        made.append(LivePanel(mini, recorded, nets, updates=50, trainer=trainer))
        return made[-1]

    LivePanel.newest = None
    yield panel
    for one in made:
        one.close()
        one.live.wait(10)


def enabled(panel) -> set[str]:
    return {name for name, button in panel.buttons.items() if not button.disabled}


def test_nothing_is_trained_before_start(panel):
    made = panel((8, "plain"))
    assert made.live.state == "ready" and not made.live.alive
    assert "Ready. On the list: plain-8, seed 0." in made.status.value
    assert bytes(made.picture.value).startswith(b"\x89PNG") and made.table.value == ""


def test_the_nets_on_the_list_are_trained_and_a_figure_and_a_table_stay(panel):
    made = panel((8, "plain"), (8, "residual", 3))
    before = made.picture.value
    made.buttons["Start"].click()
    made.live.wait(30)
    assert "Done" in made.status.value and made.picture.value != before
    assert "ResNet-8, seed 3" in made.table.value and "50 of 50 updates" in made.table.value
    assert made.markdown().startswith("Trained here:")
    assert "n = 1 run a line, 2 lines" in made.figure().get_suptitle()


def test_the_chosen_net_is_added_and_alone_is_trained_where_none_is_listed(panel):
    made = panel()
    values = {"depth": 56, "kind": "option B", "width": 4, "seed": 2, "updates": 100}
    for name, value in values.items():
        made.choices[name].value = value
    made.buttons["Add"].click()
    assert "ResNet-56-B, width 4, seed 2" in made.status.value
    made.buttons["Clear"].click()
    made.buttons["Start"].click()
    made.live.wait(30)
    (course,) = made.live.seen().courses
    assert course.task.updates == 100 and course.task.run.net.shortcut == "B"


def test_the_buttons_that_can_be_pressed_are_those_that_do_something(panel):
    made = panel((8, "plain"), trainer=slow)
    assert enabled(made) == {"Add", "Start", "Clear"}
    made.buttons["Start"].click()
    assert enabled(made) == {"Add", "Pause", "Stop"}
    made.buttons["Pause"].click()
    assert enabled(made) == {"Add", "Go on", "Stop"} and "Paused" in made.status.value
    made.buttons["Go on"].click()
    made.buttons["Stop"].click()
    made.live.wait(10)
    assert enabled(made) == {"Add", "Start", "Clear"} and "Stopped" in made.status.value


def test_what_cannot_be_done_is_said_in_the_panel(panel):
    made = panel((8, "plain"), trainer=slow)
    made.choices["depth"].value = 8
    made.choices["updates"].value = 50
    made.buttons["Add"].click()
    assert "on the list already" in made.status.value
    made.buttons["Start"].click()
    made.buttons["Start"].click()  # twice, before the page greyed it out
    assert "press Stop first" in made.status.value


def test_an_error_in_the_thread_is_said_in_the_panel(panel):
    made = panel((8, "plain"), trainer=broken)
    made.buttons["Start"].click()
    made.live.wait(10)
    assert "Ended by an error: the images are gone" in made.status.value


def test_a_new_panel_ends_the_old_one_and_keeps_its_curves(panel):
    old = panel((8, "plain"), trainer=slow)
    old.buttons["Start"].click()
    end = time.monotonic() + 10
    while not old.live.seen().courses[:1] or not old.live.seen().courses[0].points:
        assert time.monotonic() < end
        time.sleep(0.005)
    new = panel((8, "plain"), (8, "residual"))
    assert not old.live.alive and old.live.state == "stopped"
    assert new.live.state == "ready" and "plain-8, seed 0" in new.table.value
    assert "ResNet-8" in new.status.value and new.markdown().startswith("Trained here:")


def test_a_closed_panel_trains_no_more(panel):
    made = panel((8, "plain"), trainer=slow)
    made.buttons["Start"].click()
    made.close()
    made.live.wait(10)
    assert not made.live.alive


def test_before_a_training_the_shipped_runs_of_the_first_nets_stand_there():
    from resnet_lab import data

    recorded = records.load_all(records.SHIPPED)
    LivePanel.newest = None
    made = LivePanel(data.load(name="embedded"), recorded, [(20, "plain")])
    run = next(
        r
        for r in recorded
        if (r.net, r.run.recipe.seed, r.run.images.name) == ("plain-20", 0, "embedded")
        and r.scale == "quick"
    )
    assert "shipped runs" in made.markdown() and f"{run.final.test_error:.1f}" in made.markdown()
    assert "on all test images; shipped runs" in made.figure().get_suptitle()
    assert made.markdown() == made.markdown(), "no timing in it"
    made.close()


def test_every_control_has_words_and_a_class(panel):
    made = panel()
    for control in (*made.choices.values(), *made.buttons.values()):
        assert control.description and control._dom_classes[0].startswith("lab-")
    assert all(made.buttons[name].tooltip == words for name, words in BUTTONS.items())


def test_a_net_that_there_is_not_is_said(panel):
    with pytest.raises(InputError, match="6n"):
        panel((9, "plain"))
