"""What a reader may write as an answer: numbers in many forms, arithmetic, and plain words.

Paper: nowhere; an answer is judged by its value, not by the way it is written.
Notebook: notebooks/01_degradation.py. Tests: tests/test_exercises.py.
"""

import ast
import math
import operator
import re
from collections.abc import Mapping
from numbers import Real

OPERATIONS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
FACTORS = {"k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6, "billion": 1e9, "g": 1e9}
# a number, perhaps with a factor, then words that name what was counted: "97,216 parameters"
WITH_UNIT = re.compile(
    r"([-+]?[\d.]+(?:e[-+]?\d+)?)\s*(k|m|g|thousand|million|billion)?\b[a-z ]*", re.I
)
LARGEST = 1e4  # of an exponent, so that a slip of the keyboard cannot fill the memory


class Unreadable(ValueError):
    """An answer of another kind than was asked for; the message says which is wanted."""


def number(answer: object, names: Mapping[str, float] | None = None) -> float:
    """The value of `answer`: a number, a tensor or array of one, or arithmetic as text.

    `names` are the variables that may stand in the text. Raises: Unreadable.
    """
    if isinstance(answer, bool):
        raise Unreadable(f"{answer} is no number")
    if isinstance(answer, str):
        found = arithmetic(answer, names or {})
    elif isinstance(answer, Real):
        found = float(answer)
    elif hasattr(answer, "item"):  # NumPy, torch
        try:
            found = float(answer.item())
        except (TypeError, ValueError, RuntimeError):
            raise Unreadable("one number is asked for, not several") from None
    else:
        raise Unreadable(f"a number is asked for, not {kind(answer)}")
    if not math.isfinite(found):
        raise Unreadable(f"{found} is no number to compare with")
    return found


def numbers(answer: object) -> list[float]:
    """The values of a list, tensor or text with commas, in their order. Raises: Unreadable."""
    if isinstance(answer, str):
        answer = [part for part in re.split(r"[,;]\s*|\s+and\s+", answer.strip("()[] ")) if part]
    if isinstance(answer, (set, frozenset, Mapping)):
        raise Unreadable("the order matters: give a list or a tuple")
    try:
        parts = list(answer)  # type: ignore[call-overload]
    except TypeError:
        raise Unreadable(f"several numbers are asked for, not {kind(answer)}") from None
    return [number(part) for part in parts]


def arithmetic(text: str, names: Mapping[str, float]) -> float:
    """Text such as "2 * (9 x 16² + 32)", "97,216 weights", "3.8 billion" or "58 %" as a number."""
    clean = text.strip().rstrip("%").strip().replace("²", "**2").replace("³", "**3")
    clean = re.sub(r"(?<=\d)[,_\u2009\u202f '](?=\d{3}(?!\d))", "", clean)
    if not names and (plain := WITH_UNIT.fullmatch(clean)):
        try:
            return float(plain[1]) * FACTORS.get((plain[2] or "").lower(), 1.0)
        except ValueError:
            pass  # two points in one number: the parser below says so
    clean = re.sub(r"(?<=[\d) ])\s*[x×·](?=[\d( ])", "*", clean).replace("^", "**")
    clean = re.sub(r"(?<![\w.])(\d+)(?=[A-Za-z(](?!\d))", r"\1*", clean) if names else clean
    try:
        return float(value(ast.parse(clean.strip(), mode="eval").body, names))
    except (SyntaxError, TypeError, KeyError, ZeroDivisionError, OverflowError, MemoryError):
        listed = f" of {', '.join(names)}" if names else ""
        raise Unreadable(f"{text!r} cannot be read as a number{listed}") from None


def value(node: ast.expr, names: Mapping[str, float]) -> float:
    """Arithmetic only: no calls, no attributes, no names but those given."""
    match node:
        case ast.Constant(value=int() | float()) if not isinstance(node.value, bool):
            return node.value
        case ast.Name():
            return names[node.id]
        case ast.UnaryOp(op=ast.USub()):
            return -value(node.operand, names)
        case ast.UnaryOp(op=ast.UAdd()):
            return value(node.operand, names)
        case ast.BinOp() if type(node.op) in OPERATIONS:
            left, right = value(node.left, names), value(node.right, names)
            if isinstance(node.op, ast.Pow) and max(abs(left), abs(right)) > LARGEST:
                raise OverflowError
            return OPERATIONS[type(node.op)](left, right)
    raise TypeError


def kind(answer: object) -> str:
    """What an answer is called in a sentence."""
    name = type(answer).__name__
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


def words(answer: object) -> str:
    """Text in small letters without punctuation, so that wording decides and not spelling."""
    if not isinstance(answer, str):
        raise Unreadable(f"an answer in words is asked for, not {kind(answer)}")
    return " ".join(re.sub(r"[^\w%]+", " ", answer.casefold().replace("_", " ")).split())


def says(text: str, phrase: str) -> bool:
    """Whether the words of `phrase` stand side by side in `text`."""
    return f" {words(phrase)} " in f" {text} "
