"""The parameters cell of a notebook: what it holds, and whether given values fit.

Paper: nowhere; this is how one notebook serves a laptop, a GPU and the tests.
Notebook: notebooks/00_start_here.py. Tests: tests/test_notebooks.py.
"""

import ast
import difflib
from pathlib import Path

from resnet_lab.errors import InputError


def parameters(source: Path) -> dict[str, object]:
    """Names and default values in the notebook's `parameters` cell, empty if it has none.

    Raises: InputError if a value is not a plain literal.
    """
    import jupytext

    found: dict[str, object] = {}
    for cell in jupytext.read(source).cells:
        if cell.cell_type != "code" or "parameters" not in cell.metadata.get("tags", []):
            continue
        for line in ast.parse(cell.source).body:
            targets = line.targets if isinstance(line, ast.Assign) else [line.target]
            try:
                found |= {target.id: ast.literal_eval(line.value) for target in targets}
            except ValueError as error:
                raise InputError(
                    f"{source.name}: parameters must be plain values, not {ast.unparse(line)!r}"
                ) from error
        break  # papermill, too, heeds only the first
    return found


def check_parameters(source: Path, given: dict[str, object]) -> None:
    """Refuse what papermill would let pass: unknown names, and text where a number is due.

    Raises: InputError with the nearest name, or with what the value must be.
    """
    known = parameters(source)
    for name, value in given.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            listed = ", ".join(f"{key} = {known[key]!r}" for key in known) or "none"
            raise InputError(
                f"{source.stem} has no parameter {name!r}; {hint}its parameters are: {listed}"
            )
        if not fits(value, known[name]):
            raise InputError(
                f"{source.stem}: {name} must be {kind(known[name])}, "
                f"like {known[name]!r}; got {value!r}"
            )


def fits(value: object, default: object) -> bool:
    """Whether a cell written for `default` can work with `value`."""
    if default is None or value is None:
        return default is None and not isinstance(value, (set, bytes))
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, (list, tuple)):
        if not isinstance(value, (list, tuple)):
            return False
        return not default or all(fits(item, default[0]) for item in value)
    if isinstance(default, float):
        return isinstance(value, (int, float))
    if isinstance(default, str):
        return isinstance(value, (str, Path))
    return isinstance(value, type(default))


def kind(default: object) -> str:
    """What a value like `default` is called in a sentence."""
    names = {bool: "True or False", int: "a whole number", float: "a number", str: "text"}
    return names.get(type(default), "a list" if isinstance(default, (list, tuple)) else "a mapping")


def plain(value: object) -> object:
    """`value` as papermill can write it into a cell: it would turn tuples and paths into text."""
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value
