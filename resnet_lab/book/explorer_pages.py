"""An explorer as a page of the book, its data beside it and in it, the same text twice.

Paper: nowhere; the explorers show its figures and tables.
Notebook: notebooks/00_start_here.py. Tests: tests/test_explorers.py, tests/test_book_browser.py.
"""

import json
from html import escape
from pathlib import Path

from resnet_lab.book import grids, theme
from resnet_lab.explorers import runtime
from resnet_lab.explorers.explorer import Choice, Explorer, Slider, strict
from resnet_lab.files import write_whole

STYLE = """
main { max-width: 84rem; margin: auto; padding: 1.2rem; }
h1 { line-height: 1.2; font-size: 1.9rem; margin: .6rem 0; } h2 { margin-top: 2.2rem; }
.lead { max-width: 50rem; color: var(--soft); margin: 0 0 1.2rem; }
.controls { display: flex; flex-wrap: wrap; gap: .8rem 1.4rem; background: var(--card);
  border: 1px solid var(--line); border-radius: 10px; padding: .9rem 1.1rem; }
.controls > div { min-width: 0; max-width: 100%; display: flex; flex-direction: column;
  gap: .15rem; }
.controls label { font-size: .85rem; color: var(--soft); }
.controls .slider { flex: 1 1 19rem; } .controls .slider span { display: flex; gap: .8rem;
  align-items: center; } input[type="range"] { flex: 1; min-width: 0; padding: 0;
  accent-color: var(--link); height: 2rem; background: none; border: 0; }
output { font-weight: 700; font-size: 1.15rem; min-width: 3.2rem; }
#words-now { min-height: 3.4rem; margin: 1rem 0 .4rem; font-size: 1.05rem; }
.charts { display: grid; gap: 1.2rem; grid-template-columns: repeat(3, minmax(0, 1fr)); }
@media (max-width: 72rem) { .charts { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .charts:has(.wide) figure:last-child:nth-child(even),
  .charts:not(:has(.wide)) figure:last-child:nth-child(odd) { grid-column: 1 / -1; } }
@media (max-width: 40rem) { .charts { grid-template-columns: minmax(0, 1fr); } }
figure { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: .8rem 1rem .6rem; min-width: 0; } figure.wide { grid-column: 1 / -1; }
figcaption { font-weight: 600; margin-bottom: .4rem; }
.chart { width: 100%; min-height: 8rem; } .chart svg { max-width: 100%; overflow: visible; }
.chart text { paint-order: stroke; stroke: var(--card); stroke-width: 3px; }
.note { color: var(--soft); font-size: .95rem; max-width: 50rem; }
"""


def write(explorer: Explorer, out: Path, previous: theme.Link, following: theme.Link) -> Path:
    """Write the page and its data into `out`; the page draws exactly the data of the file."""
    data = explorer.json()
    write_whole(out / "data" / f"{explorer.stem}.json", data)
    body = "\n".join(
        [
            '<main id="main">',
            f"<h1>{escape(explorer.title)}</h1>",
            f'<p class="lead">{escape(explorer.lead)}</p>',
            f'<form class="controls" aria-label="What is shown">{controls(explorer)}</form>'
            if explorer.controls
            else "",
            status(explorer),
            f'<div class="charts">{charts(explorer)}</div>' if explorer.charts else "",
            grids.html(explorer.grid, explorer.data[explorer.grid.name]) if explorer.grid else "",
            f'<p class="note">{escape(explorer.note)}</p>' if explorer.note else "",
            about_data(explorer, data),
            "</main>",
        ]
    )
    specs = {chart.name: chart.spec for chart in explorer.charts}
    if specs:
        body += f'\n<script type="application/json" id="charts">{strict(specs)}</script>'
        body += f'\n<script type="application/json" id="data">{data}</script>'
    page = theme.frame(
        body,
        title=f"{explorer.title} · ResNet Lab",
        style=STYLE + grids.STYLE + (grids.heads(explorer.grid) if explorer.grid else ""),
        previous=previous,
        following=following,
        scripts=[runtime.NAME] if specs else [],
    )
    write_whole(out / f"{explorer.stem}.html", page)
    return out / f"{explorer.stem}.html"


def controls(explorer: Explorer) -> str:
    """Labelled inputs, which Vega listens to by their ids."""
    return "".join(
        slider(one) if isinstance(one, Slider) else menu(one) for one in explorer.controls
    )


def menu(one: Choice) -> str:
    """A menu with its label."""
    options = "".join(
        f'<option value="{escape(value)}"{" selected" * (value == one.start)}>'
        f"{escape(words)}</option>"
        for value, words in one.options
    )
    return (
        f'<div><label for="{one.name}">{escape(one.label)}</label>'
        f'<select id="{one.name}" name="{one.name}" autocomplete="off">{options}</select></div>'
    )


def slider(one: Slider) -> str:
    """A slider over the numbers of its stops, with the name of the stop beside it."""
    first = next(iter(one.stops))
    stops, start = one.stops[first], one.start[first]
    by = f' data-by="{one.by}"' if one.by else ""
    return (
        f'<div class="slider"><label for="{one.name}">{escape(one.label)}</label><span>'
        f'<input type="range" id="{one.name}" name="{one.name}" min="0" max="{len(stops) - 1}" '
        f'step="1" value="{start}" autocomplete="off"{by} '
        f'data-stops="{escape(json.dumps(one.stops))}" data-at="{escape(json.dumps(one.start))}">'
        f'<output for="{one.name}">{escape(stops[start])}</output></span></div>'
    )


def status(explorer: Explorer) -> str:
    """Where the sentence about what is shown stands; it is read aloud when it changes."""
    if not explorer.status:
        return ""
    return f'<p id="words-now" role="status" data-chart="{explorer.status}"></p>'


def charts(explorer: Explorer) -> str:
    """A place for each chart."""
    return "".join(
        f"<figure{' class=wide' * chart.wide}><figcaption>{escape(chart.title)}</figcaption>"
        f'<div class="chart" id="{chart.name}"></div></figure>'
        for chart in explorer.charts
    )


def about_data(explorer: Explorer, data: str) -> str:
    """The link to the data, and what every field of a row holds."""
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(words)}</td></tr>"
        for name, words in explorer.fields.items()
    )
    sets = " and ".join(
        f"<code>{escape(name)}</code> ({len(rows):,} rows)" for name, rows in explorer.data.items()
    )
    address = f"data/{explorer.stem}.json"
    return (
        f'<h2 id="data-file">The data</h2><p><a href="{address}" download>{address}</a>, '
        f"{max(1, len(data.encode()) // 1000):,} kB of strict JSON, holds {sets}: "
        "all that is drawn here, and nothing else is.</p>"
        '<details><summary>What each field holds</summary><div class="scroll"><table>'
        f"<thead><tr><th>field</th><th>holds</th></tr></thead><tbody>{rows}</tbody></table></div>"
        "</details>"
    )
