"""Exercises answer in words and never stop a notebook."""

from resnet_lab.exercises import check


def test_a_stub_is_not_answered_yet():
    assert check(None, lambda a: a == 3, "hint") == "not answered yet"


def test_right_wrong_and_impossible_answers():
    assert check(3, lambda a: a == 3, "count again") == "right"
    assert check(4, lambda a: a == 3, "count again") == "not yet: count again"
    assert check("four", lambda a: abs(a - 3) < 1, "count again").startswith("not yet: TypeError")


def test_zero_is_an_answer():
    assert check(0, lambda a: a == 0, "hint") == "right"
