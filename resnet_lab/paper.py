"""The paper's numbers, each with its place: reads paper.yaml, once and only when asked.

Paper: all of it; paper.yaml says where each number is printed, and what is not printed.
Notebook: notebooks/00_start_here.py. Tests: tests/test_paper.py.
"""

import copy
import difflib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).parent / "paper.yaml"
NOT_PRINTED = "not_in_paper"
NUMBER = re.compile(r"\d+(?:\.\d+)?(?:[kM](?![A-Za-z]))?")
SUFFIX = {"k": 1e3, "M": 1e6}


class NotInPaper(LookupError):
    """A value was asked for that the paper does not print."""


@dataclass(frozen=True, kw_only=True)
class Leaf:
    """One fact of the paper and where it stands. Errors are percent, FLOPs multiply-adds."""

    path: str
    value: Any  # None where the paper prints nothing
    source: str  # "Table 6", or the number of a section
    unit: str = ""
    note: str = ""
    status: str = ""  # "": printed; else not_in_paper, inferred, computed or memory


@cache
def _tree() -> dict:
    # imported late: whoever only trains a net needs no YAML
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times faster, where it is built
    return yaml.load(SOURCE.read_text(encoding="utf-8"), loader)


def _is_leaf(node: Any) -> bool:
    return isinstance(node, dict) and "value" in node and "source" in node


@cache
def paths() -> tuple[str, ...]:
    """Every path that `leaf` takes, in the order of the file."""

    def below(node: Any, path: str) -> list[str]:
        if _is_leaf(node):
            return [path]
        if not isinstance(node, dict):
            return []
        return [p for key, child in node.items() for p in below(child, f"{path}.{key}".strip("."))]

    return tuple(below(_tree(), ""))


def leaf(path: str) -> Leaf:
    """The fact at `path`, "tables.table6.resnet_20.error".

    Raises: KeyError with the nearest paths there are, if `path` is none of them.
    """
    node: Any = _tree()
    for key in path.split("."):
        node = node.get(key) if isinstance(node, dict) and not _is_leaf(node) else None
    if not _is_leaf(node):
        raise KeyError(f"paper.yaml has no value at {path!r}; nearest: {', '.join(_nearest(path))}")
    # a copy: lists and groups in the cached tree must not change under the next reader
    return Leaf(path=path, **copy.deepcopy(node))


def _nearest(path: str) -> list[str]:
    inside = [known for known in paths() if known.startswith(f"{path}.")]  # path names a group
    return inside[:8] or difflib.get_close_matches(path, paths(), n=3, cutoff=0)


def value(path: str) -> Any:
    """What the paper prints at `path`.

    Raises: KeyError for a wrong path; NotInPaper if the paper prints no such value.
    """
    found = leaf(path)
    if found.status == NOT_PRINTED:
        reason = f": {found.note}" if found.note else ""
        raise NotInPaper(f"the paper prints no value for {path} ({found.source}){reason}")
    return found.value


def number(path: str, after: str = "") -> float:
    """The first number at `path` behind the words `after`: "0.27M" is 270,000.

    For numbers that the paper states within a sentence, so that they are not typed again.

    Raises: KeyError, NotInPaper as `value`; ValueError if there is no such number.
    """
    text = str(value(path))
    start = text.find(after)
    match = NUMBER.search(text, start + len(after)) if start >= 0 else None
    if match is None:
        raise ValueError(f"no number after {after!r} in {path}: {text!r}")
    digits = match.group()
    if digits[-1] in SUFFIX:
        return float(digits[:-1]) * SUFFIX[digits[-1]]
    return float(digits)
