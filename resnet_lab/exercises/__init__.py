"""Exercises that check themselves: any right answer is accepted, usual wrong ones are named.

Paper: the sections of the chapter that asks; expected values come from the nets and paper.yaml.
Notebook: notebooks/01_degradation.py. Tests: tests/test_exercises.py.

A stub answers None, and the notebook goes on: `exercises.check("name", answer)` says what to tell
the reader.
"""

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from resnet_lab.errors import InputError
from resnet_lab.exercises.kinds import RIGHT
from resnet_lab.exercises.reading import Unreadable

__all__ = ["EMPTY", "Exercise", "check", "every"]

EMPTY = "not answered yet"
CHAPTERS = (
    "first_steps",
    "blocks",
    "imagenet",
    "cifar",
    "detectors",
    "improving",
    "localising",
    "why",
)
# what an answer of the wrong kind makes a comparison raise
ANSWERED_WRONGLY = (
    TypeError,
    ValueError,
    AttributeError,
    RuntimeError,
    LookupError,
    ArithmeticError,
    AssertionError,
)


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """One question. `make` gives its judge; it takes what only the notebook knows, by name."""

    name: str
    chapter: int
    make: Callable[..., object]

    @property
    def question(self) -> str:
        """What is asked, in one sentence."""
        return (self.make.__doc__ or "").splitlines()[0]


_KNOWN: dict[str, Exercise] = {}


def exercise(name: str, chapter: int) -> Callable[[Callable], Callable]:
    """Register the function below it as the exercise `name` of a chapter."""

    def register(make: Callable) -> Callable:
        if name in _KNOWN:
            raise ValueError(f"there are two exercises {name!r}")
        _KNOWN[name] = Exercise(name=name, chapter=chapter, make=make)
        return make

    return register


@cache
def every() -> dict[str, Exercise]:
    """All exercises by name, in the order of the chapters."""
    for module in CHAPTERS:
        import_module(f"resnet_lab.exercises.{module}")
    return dict(sorted(_KNOWN.items(), key=lambda item: item[1].chapter))


@cache
def _judge(name: str) -> object:
    """The judge of an exercise that needs nothing from the notebook, made once."""
    return every()[name].make()


def check(name: str, answer: object, **given: object) -> str:
    """What to tell a reader who answers the exercise `name` with `answer`.

    None means "not answered yet". `given` is what the right answer depends on in the notebook. An
    answer of any kind gets a sentence; none of them raises.
    Raises: InputError with the nearest names, if there is no such exercise.
    """
    if name not in every():
        near = difflib.get_close_matches(str(name), every(), n=3, cutoff=0.3)
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else "see exercises.every()"
        raise InputError(f"there is no exercise {name!r}; {hint}")
    if answer is None:
        return EMPTY
    judge = every()[name].make(**given) if given else _judge(name)
    try:
        said = judge.judge(answer)
    except Unreadable as error:
        said = str(error)
    except ANSWERED_WRONGLY as error:
        said = f"{type(error).__name__}: {error}"
    return said if said in (RIGHT, EMPTY) else f"not yet: {said}"
