"""A live training can be started, paused, gone on with and stopped in any order, and says so."""

import threading
from dataclasses import replace

import pytest
from conftest import mini_job

from resnet_lab import live
from resnet_lab.errors import InputError
from resnet_lab.live import Live, Task
from resnet_lab.records import Point
from resnet_lab.stopwatch import OFTEN, Stopwatch


def task(seed: int = 0, updates: int = 20) -> Task:
    return Task(run=replace(mini_job(seed=seed).run), updates=updates)


class Steps:
    """A trainer whose updates the test lets happen one by one; every fifth gives a point."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.may, self.fails_at = threading.Semaphore(0), fails_at
        self.asked = threading.Semaphore(0)  # released when the gate has been passed

    def __call__(self, wanted: Task, gate: live.Gate):
        step = 0
        while not gate(step):
            self.asked.release()
            self.may.acquire()
            step += 1
            if step == self.fails_at:
                raise FloatingPointError(f"the loss is nan at update {step}")
            if step % 5 == 0:
                yield Point(step=step, lr=0.1, train_loss=1.0, train_error=50.0 - step)

    def do(self, count: int) -> None:
        """`count` updates, and wait until the next would begin."""
        for _ in range(count):
            self.may.release()
            assert self.asked.acquire(timeout=10)


def started(*tasks: Task, **how) -> tuple[Live, Steps]:
    steps = Steps(**how)
    made = Live(steps)
    for one in tasks:
        made.add(one)
    made.start()
    assert steps.asked.acquire(timeout=10)
    return made, steps


def end(made: Live, steps: Steps) -> None:
    """Let all updates happen that are still wanted."""
    for _ in range(200):
        steps.may.release()
    made.wait(10)
    assert not made.alive


def test_nets_are_trained_in_turn_to_their_last_update():
    told = []
    steps = Steps()
    made = Live(steps, tell=lambda: told.append(made.seen().state))
    for one in (task(0, 10), task(1, 15)):
        made.add(one)
    made.start()
    end(made, steps)
    seen = made.seen()
    assert seen.state == "done" and not seen.waiting and not seen.problem
    assert [[p.step for p in c.points] for c in seen.courses] == [[5, 10], [5, 10, 15]]
    assert all(course.whole for course in seen.courses)
    assert told[-1] == "done"


def test_a_pause_holds_before_the_next_update_and_goes_on_there():
    made, steps = started(task())
    steps.do(3)
    made.pause()
    steps.may.release()  # the update that is being computed
    assert not steps.asked.acquire(timeout=0.2), "no further update begins"
    assert made.alive and made.seen().state == "paused" and made.seen().step == 4
    made.go_on()
    assert steps.asked.acquire(timeout=10)
    end(made, steps)
    assert made.seen().state == "done" and made.seen().courses[0].whole


def test_a_stop_keeps_the_points_and_drops_what_waits():
    made, steps = started(task(0), task(1))
    steps.do(7)
    made.stop()
    end(made, steps)
    seen = made.seen()
    assert seen.state == "stopped" and not seen.waiting and len(seen.courses) == 1
    assert [p.step for p in seen.courses[0].points] == [5] and not seen.courses[0].whole


def test_a_stop_ends_a_pause():
    made, steps = started(task())
    made.pause()
    made.stop()
    end(made, steps)
    assert made.seen().state == "stopped"


def test_a_pause_between_two_nets_holds_the_second():
    made, steps = started(task(0, 5), task(1, 5))
    steps.do(4)
    made.pause()
    steps.may.release()
    assert not steps.asked.acquire(timeout=0.5)
    assert [course.whole for course in made.seen().courses] == [True, False]
    made.go_on()
    end(made, steps)
    assert [course.whole for course in made.seen().courses] == [True, True]


def test_an_error_is_said_in_a_sentence_and_ends_it_all():
    made, steps = started(task(0), task(1), fails_at=7)
    end(made, steps)
    seen = made.seen()
    assert (seen.state, seen.problem) == ("failed", "the loss is nan at update 7")
    assert not seen.waiting and [p.step for p in seen.courses[0].points] == [5]


def test_an_error_that_is_no_sentence_names_its_kind():
    def trainer(wanted, gate):
        raise KeyError("weights")
        yield

    made = Live(trainer)
    made.add(task())
    made.start()
    made.wait(10)
    assert made.seen().problem == "KeyError: 'weights'"


@pytest.mark.parametrize(
    "act, match",
    [
        (lambda made: made.start(), "press Stop first"),
        (lambda made: made.clear(), "press Stop first"),
        (lambda made: made.go_on(), "not paused"),
        (lambda made: made.add(task()), "already"),
    ],
)
def test_what_cannot_be_done_while_a_net_is_trained_is_said(act, match):
    made, steps = started(task())
    with pytest.raises(InputError, match=match):
        act(made)
    made.stop()
    end(made, steps)


@pytest.mark.parametrize(
    "act, match",
    [
        (lambda made: made.start(), "no net is on the list"),
        (lambda made: made.pause(), "nothing is being trained"),
        (lambda made: made.go_on(), "not paused"),
    ],
)
def test_what_cannot_be_done_before_is_said(act, match):
    with pytest.raises(InputError, match=match):
        act(Live(Steps()))


def test_a_stop_without_a_training_does_no_harm():
    made = Live(Steps())
    made.stop()
    assert made.seen().state == "ready"


def test_after_an_end_more_can_be_trained_and_a_stopped_net_anew():
    made, steps = started(task(0, 10))
    steps.do(7)
    made.stop()
    steps.may.release()
    made.add(task(1, 5))
    made.wait(10)
    made.add(task(0, 10))
    made.start()
    end(made, steps)
    seen = made.seen()
    seeds = [course.task.run.recipe.seed for course in seen.courses]
    assert seeds == [1, 0] and all(course.whole for course in seen.courses)
    made.clear()
    assert made.seen().state == "ready" and not made.seen().courses


def test_curves_are_taken_over_but_not_what_has_none():
    made, steps = started(task(0, 10), task(1, 10))
    steps.do(6)
    other = Live(Steps())
    other.inherit(made.seen().courses)
    assert [len(course.points) for course in other.seen().courses] == [1]
    made.stop()
    end(made, steps)


def test_rate_and_time_left_do_not_count_pauses():
    now = [0.0]
    steps = Steps()
    made = Live(steps, now=lambda: now[0])
    made.add(task(0, 20))
    made.add(task(1, 10))
    made.start()
    assert steps.asked.acquire(timeout=10)
    now[0] = 2.0
    steps.do(4)
    made.pause()
    now[0] = 100.0
    seen = made.seen()
    assert seen.rate == pytest.approx(2.0)
    assert seen.left == pytest.approx((16 + 10) / 2.0)  # the second net is as deep as the first
    made.stop()
    end(made, steps)


def test_nothing_is_said_of_a_rate_before_the_first_update():
    seen = Live(Steps()).seen()
    assert seen.rate is None and seen.left is None


def test_a_stopwatch_tells_at_most_so_often():
    now = [0.0]
    watch = Stopwatch(lambda: now[0])
    assert watch.due() and not watch.due()
    now[0] = OFTEN
    assert watch.due()
    watch.run()
    now[0] += 3
    watch.run()  # it does already
    assert watch.seconds() == 3
    watch.rest()
    now[0] += 3
    assert watch.seconds() == 3
