"""Live curves and words show the points they are given, their n and their scale."""

import pytest

from resnet_lab import live_figures, live_runs, pictures
from resnet_lab.live import Course, Seen
from resnet_lab.records import Point


def points(last: int) -> tuple[Point, ...]:
    return tuple(
        Point(
            step=step,
            lr=0.01,
            train_loss=2.0,
            train_error=90.0 - step / 10,
            test_error=91.0 - step / 10 if step % 50 == 0 else None,
        )
        for step in range(10, last + 1, 10)
    )


@pytest.fixture
def courses(mini):
    kinds = [("plain", 0), ("residual", 0), ("plain", 1)]
    tasks = [live_runs.task_of(mini, 20, kind, seed=seed, updates=100) for kind, seed in kinds]
    lasts = (100, 100, 40)
    return [
        Course(task=task, points=points(last), whole=last == 100)
        for task, last in zip(tasks, lasts, strict=True)
    ]


def seen(courses=(), **changes) -> Seen:
    usual = dict(courses=tuple(courses), waiting=(), step=0, rate=None, problem="", state="ready")
    return Seen(**(usual | changes))


def test_each_net_has_both_curves_with_its_numbers_a_mark_and_its_name(courses):
    (ax,) = live_figures.curves(courses).axes
    drawn = ax.get_lines()
    assert len(drawn) == 5  # the third net has no test error yet
    assert list(drawn[0].get_xdata()) == list(range(10, 101, 10))
    assert list(drawn[0].get_ydata()) == [89.0 - k for k in range(10)]
    assert list(drawn[1].get_ydata()) == [86.0, 81.0]
    assert (drawn[0].get_linestyle(), drawn[1].get_linestyle()) == ("--", "-")
    names = [text.get_text() for text in ax.texts]
    assert set(names) == {"■ ResNet-20, seed 0", "● plain-20, seed 0", "▲ plain-20, seed 1"}
    assert len({line.get_marker() for line in drawn[1::2]}) == 2


def test_the_face_says_images_scale_and_n(courses):
    title = live_figures.curves(courses).get_suptitle()
    assert "CIFAR-10, reduced scale: thin nets, 16x16 images; n = 1 run a line, 3 lines" in title
    assert "1,000 test images" in title and "grey" not in title


def test_the_shipped_run_stands_behind_in_grey_as_far_as_the_axis_goes(courses):
    longer = Course(task=courses[0].task, points=points(200), whole=True)
    figure = live_figures.curves(courses, {0: longer})
    grey = [x for x in figure.axes[0].get_lines() if x.get_color() == live_figures.GREY]
    assert len(grey) == 2 and max(grey[0].get_xdata()) == 100
    assert "grey: the shipped run" in figure.get_suptitle()


def test_a_shipped_run_whose_first_point_is_later_is_left_out(courses):
    late = Course(task=courses[0].task, points=points(200)[15:], whole=True)
    live_figures.curves(courses, {0: late})


def test_nothing_trained_is_said_on_an_empty_picture(courses):
    for none in ([], [Course(task=courses[0].task)]):
        (ax,) = live_figures.curves(none).axes
        assert [text.get_text() for text in ax.texts] == ["no net was trained yet"]
        assert pictures.png(ax.figure).startswith(b"\x89PNG")


def test_the_table_has_a_row_a_net_and_tells_what_was_not_measured(courses):
    rows = live_figures.rows([*courses, Course(task=courses[0].task)])
    assert rows[0] == ("plain-20, seed 0", "100 of 100 updates", "80.0", "81.0", "yes")
    assert rows[2] == ("plain-20, seed 1", "40 of 100 updates", "86.0", "not measured yet", "no")
    assert rows[3][1:4] == ("0 of 100 updates", "–", "not measured yet")
    assert live_figures.markdown(courses).splitlines()[2].startswith("| plain-20, seed 0 | 100 of")
    assert live_figures.page(courses).count("<tr>") == 4 and live_figures.page([]) == ""


@pytest.mark.parametrize(
    "changes, words",
    [
        ({}, "Ready. The list is empty."),
        ({"state": "running"}, "Starting."),
        ({"state": "failed", "problem": "the loss is nan"}, "Ended by an error: the loss is nan"),
    ],
)
def test_the_line_before_any_curve(changes, words):
    assert live_figures.sentence(seen(**changes)) == words


def test_the_line_of_a_training_has_update_rate_speed_time_left_and_what_follows(courses):
    now = seen(courses[:1], state="running", step=40, rate=10.0, waiting=(courses[1].task,))
    assert live_figures.sentence(now) == (
        "plain-20, seed 0: update 40 of 100, learning rate 0.01, 10.0 updates/s, "
        "about 16 s left. Then: ResNet-20, seed 0."
    )
    paused = seen(courses[:1], state="paused", step=40, rate=10.0)
    assert live_figures.sentence(paused).startswith("Paused. plain-20, seed 0: update 40")
    stopped = seen(courses[:1], state="stopped", step=40)
    assert live_figures.sentence(stopped).startswith("Stopped: plain-20, seed 0 after 40 updates")
    assert live_figures.sentence(seen(courses[:1], state="done")) == "Done. The list is empty."
    fresh = seen([Course(task=courses[0].task)], state="running")
    assert live_figures.sentence(fresh) == "Preparing images and net: plain-20, seed 0."
