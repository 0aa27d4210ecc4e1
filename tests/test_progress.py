"""Bars on a terminal, lines elsewhere; both say how far and how long."""

import io

import pytest
from conftest import mini_job
from rich.console import Console

from resnet_lab.progress import Display, duration, name_of, watch
from resnet_lab.records import Point
from resnet_lab.reports import Report


@pytest.mark.parametrize(
    "seconds, text",
    [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (310, "5 min 10 s"), (7500, "2 h 5 min")],
)
def test_durations_as_people_say_them(seconds, text):
    assert duration(seconds) == text


def test_runs_are_named_as_in_the_paper():
    assert name_of(mini_job(seed=3)) == "ResNet-8, seed 3"


def told(terminal: bool) -> str:
    job = mini_job(steps=20, drops=(), log_every=5, test_every=5)
    console = Console(file=io.StringIO(), force_terminal=terminal, width=120)
    with Display([job], console) as display:
        display.tell(Report(job=job, kind="point"))
        for step in (5, 10, 15, 20):
            point = Point(step=step, lr=0.1, train_loss=1.0, train_error=50.0)
            display.tell(Report(job=job, kind="point", step=step, seconds=step / 10, point=point))
        display.tell(Report(job=job, kind="done"))
    return console.file.getvalue()


def test_without_a_terminal_there_are_lines_with_rate_and_time_left():
    text = told(terminal=False)
    # 10 updates a second by construction; 15 left of 20 after the first line
    assert (
        "ResNet-8, seed 0: update 5 of 20, training error 50.0 %, 10.0 updates/s, 2 s left" in text
    )
    assert text.strip().endswith("ResNet-8, seed 0: done")
    assert "\x1b" not in text


def test_on_a_terminal_there_is_a_bar_for_all_runs():
    text = told(terminal=True)
    assert "all runs" in text and "20/20" in text


def test_a_run_that_goes_on_says_where():
    job = mini_job()
    console = Console(file=io.StringIO(), width=120)
    with Display([job], console) as display:
        display.tell(Report(job=job, kind="point", step=10, seconds=3.0))
        display.tell(Report(job=job, kind="failed", message="the loss is nan at update 12"))
    text = console.file.getvalue()
    assert "goes on after update 10" in text and "the loss is nan at update 12" in text


def test_a_loop_in_a_notebook_says_speed_and_time_left(capsys):
    points = [Point(step=s, lr=0.1, train_loss=1.0, train_error=50.0) for s in (5, 10)]
    assert list(watch(iter(points), 20)) == points
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("update 5 of 20: training error 50.0 %, ")
    assert "updates/s" in second and second.endswith("left")


def test_updates_of_earlier_sessions_do_not_shorten_the_time_left():
    job, done = mini_job(steps=20, drops=()), mini_job(steps=20, drops=(), seed=1)
    with Display([job, done], Console(file=io.StringIO())) as display:
        display.skip(done)
        display.tell(Report(job=job, kind="point", step=15, seconds=3.0))
        task = display.bars.tasks[0]
        assert (task.completed, task.total) == (0, 5)  # 40 in all, 35 were there before
