"""Exercises that run: a stub answers None, and the notebook goes on.

Paper: the sections of the notebook that asks.
Notebook: notebooks/01_degradation.py. Tests: tests/test_exercises.py.
"""

from collections.abc import Callable


def check(answer: object, right: Callable[[object], bool], hint: str) -> str:
    """What to tell a reader who gave `answer`; `right` says whether it is.

    None means "not answered yet". An answer that makes `right` raise is wrong, not an error.
    """
    if answer is None:
        return "not answered yet"
    try:
        good = bool(right(answer))
    except (TypeError, ValueError, AttributeError, RuntimeError) as error:
        return f"not yet: {type(error).__name__}: {error}"
    return "right" if good else f"not yet: {hint}"
