"""What an explorer is made of: controls, charts, the data they draw, and words.

Paper: nowhere; the explorers show its figures and tables.
Notebook: notebooks/00_start_here.py. Tests: tests/test_explorers.py.
"""

import json
from dataclasses import dataclass

Rows = list[dict[str, object]]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A menu: `options` are (value, words). Charts know its value as a parameter called `name`."""

    name: str
    label: str
    options: tuple[tuple[str, str], ...]
    start: str


@dataclass(frozen=True, kw_only=True)
class Slider:
    """A slider over the names in `stops`; charts know the number of the stop as `name`.

    With `by` the stops are those of the value that the menu of that name has.
    """

    name: str
    label: str
    stops: dict[str, tuple[str, ...]]  # value of the menu `by` -> stops; "" without one
    start: dict[str, int]  # the same -> the stop where it stands first
    by: str = ""


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A Vega-Lite chart. Its data sets are named, and filled from the explorer's own."""

    name: str
    title: str
    spec: dict
    wide: bool = False


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A table that sorts and filters: rows are those of the explorer's data set `name`."""

    name: str
    columns: tuple[tuple[str, str], ...]  # (field, words at its head)
    menus: tuple[tuple[str, str], ...]  # (field, label of the menu over its values)


@dataclass(frozen=True, kw_only=True)
class Explorer:
    """A page: what is moved, what is drawn, and the data that a reader may take along."""

    stem: str  # of its page and of its file of data
    title: str
    lead: str
    data: dict[str, Rows]  # name of the data set -> its rows
    fields: dict[str, str]  # what each field of a row holds, with its unit
    controls: tuple[Choice | Slider, ...] = ()
    charts: tuple[Chart, ...] = ()
    status: str = ""  # the chart whose parameter `words` is the sentence under the controls
    grid: Grid | None = None
    note: str = ""

    def json(self) -> str:
        """The data as strict JSON, one row a line; it may stand in a page as it is."""
        parts = [f'"title": {strict(self.title)}', f'"fields": {strict(self.fields)}']
        for name, rows in self.data.items():
            lines = ",\n".join(strict(row) for row in rows)
            parts.append(f'"{name}": [\n{lines}\n]')
        return "{\n" + ",\n".join(parts) + "\n}\n"


def strict(value: object) -> str:
    """`value` as JSON without NaN, and without what would end a script in a page.

    Raises: ValueError for a number that JSON does not have.
    """
    text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return text.replace("</", "<\\/")  # the same text to every reader of JSON
