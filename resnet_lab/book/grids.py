"""A table that sorts and filters in the browser, and reads well on paper and without JavaScript.

Paper: nowhere; it shows the ledger of claims and the paper's tables beside ours.
Notebook: notebooks/00_start_here.py. Tests: tests/test_book.py, tests/test_book_browser.py.
"""

import re
from collections.abc import Sequence
from html import escape

from resnet_lab.explorers.explorer import Grid

STYLE = """
table { border-collapse: collapse; font-size: .92rem; }
th, td { padding: .35rem .7rem; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; }
.scroll { overflow-x: auto; } .scroll > table { width: 100%; }
.sortable thead th { white-space: nowrap; border-bottom-width: 2px; }
.sortable :is(th, td) { padding-inline: .5rem; } .sortable th:last-child { white-space: normal; }
.sortable th button { border: 0; background: none; padding: .1rem 0; font-weight: 700; }
.sortable th button::after { content: " ↕"; color: var(--soft); font-weight: 400; }
[aria-sort="ascending"] button::after { content: " ↑"; }
[aria-sort="descending"] button::after { content: " ↓"; }
td.short { white-space: nowrap; }
td.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
.filters { display: flex; flex-wrap: wrap; gap: .6rem 1.2rem; align-items: end; margin: 1rem 0; }
.filters[hidden] { display: none; }
.filters label { display: flex; flex-direction: column; font-size: .85rem; color: var(--soft); }
.filters label > * { font-size: 1rem; color: var(--ink); }
.filters output { font: inherit; color: var(--soft); min-width: 8rem; }
.seen, .run, .counted { color: var(--good); } .not-seen { color: var(--bad); }
.undecided, .run-reduced { color: var(--unsure); } .not-run { color: var(--soft); }
td:last-child:not(.short) { min-width: 14rem; }
td[class] b { white-space: nowrap; }
@media (max-width: 84rem) { .sortable, .sortable :is(tbody, td) { display: block; }
  .sortable thead tr { display: flex; flex-wrap: wrap; } .sortable th { border-bottom: 0; }
  .sortable tbody tr:not([hidden]) { display: flex; flex-wrap: wrap; gap: .1rem 1.4rem;
    padding: .6rem 0; border-bottom: 1px solid var(--line); }
  .sortable td { border: 0; padding: 0; min-width: 0; overflow-wrap: anywhere; }
  .sortable td.short { white-space: normal; } .sortable td:empty { display: none; }
  .sortable td::before { color: var(--soft); margin-right: .4rem; }
  .sortable td:last-child:not(.short) { min-width: 0; flex-basis: 100%; } }
@media print { .sortable thead { display: none; } }
"""
# narrower than this, as on paper, a row is a paragraph, each value behind the words of its column
NARROW = "@media (max-width: 84rem)"
CODE, CODED = re.compile(r"`([^`]+)`"), r"<code>\1</code>"
STATES = ("verdict", "status")  # fields whose words have a colour


def html(grid: Grid, rows: Sequence[dict[str, object]], anchor: str = "") -> str:
    """The table with its filters; `anchor` is the field that gives each row an address."""
    head = "".join(f'<th scope="col">{escape(words)}</th>' for _, words in grid.columns)
    body = "\n".join(line(grid, row, anchor) for row in rows)
    return (
        f"{filters(grid, rows)}"
        f'<div class="scroll" tabindex="0" role="region" aria-label="Table">'
        f'<table class="sortable" id="{grid.name}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def heads(grid: Grid) -> str:
    """CSS that puts the words of a column before its value where the table is too wide."""
    rules = " ".join(
        f'#{grid.name} td:nth-child({at})::before {{ content: "{words}: "; }}'
        for at, (field, words) in enumerate(grid.columns, start=1)
        if field not in STATES
    )
    return f"{NARROW} {{ {rules} }}\n"


def filters(grid: Grid, rows: Sequence[dict[str, object]]) -> str:
    """A field for words and a menu for each of the grid's menus; shown once they can work."""
    menus = []
    for field, label in grid.menus:
        values = dict.fromkeys(str(row[field]) for row in rows)
        options = "".join(f'<option value="{escape(v)}">{escape(v)}</option>' for v in values)
        menus.append(
            f'<label>{escape(label)}<select name="{field}" autocomplete="off">'
            f'<option value="">all</option>{options}</select></label>'
        )
    return (
        f'<form class="filters" data-table="{grid.name}" hidden><label>Words<input type="search" '
        f'name="words" autocomplete="off"></label>{"".join(menus)}'
        '<button type="reset">Show all</button><output role="status"></output></form>'
    )


def line(grid: Grid, row: dict[str, object], anchor: str) -> str:
    """A row, with what the menus look at."""
    data = "".join(f' data-{field}="{escape(str(row[field]))}"' for field, _ in grid.menus)
    name = f' id="{escape(str(row[anchor]))}"' if anchor else ""
    return f"<tr{name}{data}>{''.join(cell(field, row[field]) for field, _ in grid.columns)}</tr>"


def cell(field: str, value: object) -> str:
    """A cell: a number can be sorted by its value, a verdict has its colour and its words."""
    if value is None:
        return "<td></td>"
    if isinstance(value, int | float):
        return f'<td class="number" data-value="{value}">{escape(shown(value))}</td>'
    if field in STATES:
        kind = str(value).replace(", ", " ").replace(" ", "-")
        return f'<td class="{kind}"><b>{escape(str(value))}</b></td>'
    text = str(value)
    short = ' class="short"' if len(text) < 18 else ""
    return f"<td{short}>{CODE.sub(CODED, escape(text))}</td>"


def shown(value: float) -> str:
    """A number as a cell shows it: counts in full, 1.795e9 from a thousand million on."""
    if abs(value) >= 1e9:
        return f"{value / 1e9:.4g}e9"
    return f"{value:,.0f}" if isinstance(value, int) or abs(value) >= 1e3 else f"{value:.4g}"
