"""Kinds of exercises: a number, several, a set, a choice in words, a function, something made.

Paper: nowhere; each kind accepts every right answer and has a sentence for the usual wrong ones.
Notebook: notebooks/01_degradation.py. Tests: tests/test_exercises.py.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from numbers import Real

from resnet_lab.exercises.reading import Unreadable, number, numbers, says, words

RIGHT = "right"


@dataclass(frozen=True, kw_only=True)
class Number:
    """One number. `usual` are wrong answers that people give, each with what went wrong."""

    value: float
    hint: str
    usual: Sequence[tuple[float, str]] = ()
    within: float = 1e-6  # share of the value, for answers that are rounded
    percent: bool = False  # then 0.83 and 83 say the same

    def judge(self, answer: object) -> str:
        given = number(answer)
        if self.percent and 0 < given <= 1 < self.value:
            given *= 100
        elif self.percent and 0 < self.value <= 1 < given:
            given /= 100
        if self.near(given, self.value):
            return RIGHT
        for wrong, sentence in self.usual:
            if self.near(given, wrong):
                return sentence
        return f"too {'small' if given < self.value else 'large'}; {self.hint}"

    def near(self, given: float, wanted: float) -> bool:
        return math.isclose(given, wanted, rel_tol=self.within)


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """Several numbers in their order."""

    values: Sequence[float]
    hint: str
    usual: Sequence[tuple[Sequence[float], str]] = ()
    within: float = 1e-3  # absolute: corners, probabilities

    def judge(self, answer: object) -> str:
        given = numbers(answer)
        if self.near(given, self.values):
            return RIGHT
        for wrong, sentence in self.usual:
            if self.near(given, wrong):
                return sentence
        if len(given) != len(self.values):
            return f"{len(self.values)} numbers are asked for, not {len(given)}"
        if self.near(sorted(given), sorted(self.values)):
            return "the right numbers in another order"
        off = [
            k
            for k, pair in enumerate(zip(given, self.values, strict=True))
            if not self.near(*[[v] for v in pair])
        ]
        return f"look at number {off[0] + 1}; {self.hint}"

    def near(self, given: Sequence[float], wanted: Sequence[float]) -> bool:
        return len(given) == len(wanted) and all(
            abs(a - b) <= self.within for a, b in zip(given, wanted, strict=True)
        )


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One of several answers in words; each option has phrases by which it is known."""

    options: dict[str, Sequence[str]]
    right: str
    usual: dict[str, str]  # every other option, with what is wrong about it

    def judge(self, answer: object) -> str:
        text = words(answer)
        said = [
            name for name in self.options if any(says(text, p) for p in (name, *self.options[name]))
        ]
        if any(says(text, word) for word in ("not", "no", "never")) and said:
            exact = [name for name in said if words(name) == text]
            if not exact:
                return "say what it is, not what it is not"
            said = exact
        if len(said) > 1:
            # "training error" also holds "error": the longest name is what was meant
            longest = max(said, key=lambda name: len(words(name)))
            said = [longest] if all(says(words(longest), words(n)) for n in said) else said
        if len(said) != 1:
            return f"choose one of: {', '.join(self.options)}"
        return RIGHT if said[0] == self.right else self.usual[said[0]]


@dataclass(frozen=True, kw_only=True)
class Things:
    """A set in any order: a list, a set, or text with commas."""

    right: frozenset[str]
    among: Sequence[str]  # all that can be named
    unwanted: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def judge(self, answer: object) -> str:
        given = self.named(answer)
        for name in given - self.right:
            return self.unwanted.get(name, f"{name} does not belong")
        for name in sorted(self.right - given):
            return self.missing.get(name, "one is missing")
        return RIGHT

    @staticmethod
    def key(part: object) -> str:
        if isinstance(part, Real) and part == int(part):
            part = str(int(part))  # 64.0 is 64
        return words(part).removeprefix("option ")

    def named(self, answer: object) -> set[str]:
        if isinstance(answer, str):
            parts: Iterable[object] = answer.replace(" and ", ",").replace(";", ",").split(",")
        elif isinstance(answer, Iterable):
            parts = answer.tolist() if hasattr(answer, "tolist") else answer
        else:
            parts = [answer]
        known = {words(name): name for name in self.among}
        keys = [self.key(part) for part in parts]
        if strange := [key for key in keys if key and key not in known]:
            raise Unreadable(
                f"there is no {strange[0][:20]!r}; choose from {', '.join(self.among)}"
            )
        return {known[key] for key in keys if key}


@dataclass(frozen=True, kw_only=True)
class Function:
    """A function, or an expression in `names`, compared with another on all `inputs`."""

    reference: Callable[..., object]
    inputs: Sequence[tuple]
    hint: str
    usual: Sequence[tuple[Callable[..., object], str]] = ()
    names: tuple[str, ...] = ()  # of the variables, where an expression will do
    same: Callable[[object, object], bool] = lambda a, b: math.isclose(a, b, rel_tol=1e-9)

    def judge(self, answer: object) -> str:
        if self.names and isinstance(answer, str):
            text = answer.rpartition("=")[2]
            answer = lambda *given: number(text, dict(zip(self.names, given, strict=True)))  # noqa: E731
        if not callable(answer):
            wanted = f"an expression of {', '.join(self.names)}" if self.names else "a function"
            return f"{wanted} is asked for; {self.hint}"
        returned = [answer(*given) for given in self.inputs]
        if all(one is None for one in returned):
            return "not answered yet"
        for wrong, sentence in [(self.reference, RIGHT), *self.usual]:
            wanted = [wrong(*given) for given in self.inputs]
            if all(self.agree(a, b) for a, b in zip(returned, wanted, strict=True)):
                return sentence
        first = next(
            given
            for given, one in zip(self.inputs, returned, strict=True)
            if not self.agree(one, self.reference(*given))
        )
        shown = ", ".join(str(part) for part in first)
        return f"wrong {f'at {shown}' if len(shown) < 40 else 'in one of the cases'}; {self.hint}"

    def agree(self, given: object, wanted: object) -> bool:
        return given is not None and bool(self.same(given, wanted))


@dataclass(frozen=True, kw_only=True)
class Made:
    """Something built: the first of `usual` that is true of it says what is wrong with it."""

    right: Callable[[object], bool]
    hint: str
    usual: Sequence[tuple[Callable[[object], bool], str]] = ()

    def judge(self, answer: object) -> str:
        for wrong, sentence in self.usual:
            if wrong(answer):
                return sentence
        return RIGHT if self.right(answer) else self.hint
