"""The first page of the book: explorers, chapters, the scoreboard of claims, how to go on.

Paper: the whole of it, chapter by chapter.
Notebook: notebooks/00_start_here.py. Tests: tests/test_book.py.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Literal

from resnet_lab.book import grids, theme
from resnet_lab.claims.row import VERDICTS
from resnet_lab.explorers.explorer import Grid, strict
from resnet_lab.files import write_whole

STYLE = """
main { max-width: 84rem; margin: auto; padding: 2rem 1.2rem; }
h1 { font-size: 2.2rem; line-height: 1.15; margin: 0 0 .6rem; } h2 { margin: 2.6rem 0 .8rem; }
.lead { max-width: 46rem; font-size: 1.15rem; color: var(--soft); margin: 0; }
dl { display: flex; flex-wrap: wrap; gap: .6rem 2.4rem; margin: 1.6rem 0 0; padding: 0; }
.how { max-width: 46rem; color: var(--soft); margin: 1rem 0 0; }
dt { font-size: .85rem; color: var(--soft); } dd { margin: 0; font-weight: 600; }
.claims dd { font-size: 1.7rem; line-height: 1.2; } h2 a { color: inherit; text-decoration: none; }
h2, tr { scroll-margin-top: 1rem; } tr:target { background: var(--code); }
.explorers li { border-left: 4px solid var(--link); padding-bottom: .5rem; }
ol.cards.explorers { grid-template-columns: repeat(auto-fit, minmax(min(100%, 17rem), 1fr)); }
.top { display: flex; flex-wrap: wrap; gap: 0 2.4rem; align-items: end; }
ol.cards { list-style: none; margin: 0; padding: 0; display: grid; gap: 1.2rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)); }
.cards li { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  overflow: hidden; display: flex; flex-direction: column; position: relative; }
.cards img, .blank { width: 100%; height: 11rem; object-fit: contain; background: #fff;
  border-bottom: 1px solid var(--line); padding: .6rem; display: block; }
.blank { background: var(--code); color: var(--soft); font: 700 4rem/9.8rem Georgia, serif;
  text-align: center; }
.cards h3 { margin: .9rem 1rem .3rem; font-size: 1.1rem; line-height: 1.3; }
.cards a::after { content: ""; position: absolute; inset: 0; }
.cards p { margin: 0 1rem .5rem; font-size: .92rem; color: var(--soft); }
.cards .status { margin-top: auto; padding-bottom: .7rem; }
.ran b { color: var(--good); } .failed b { color: var(--bad); }
pre { background: var(--code); border: 1px solid var(--line); border-radius: 6px;
  padding: .7rem .9rem; overflow-x: auto; }
"""

GO_ON = """<h2>Go on</h2>
<pre><code>make lab                        # the same notebooks with live sliders, in JupyterLab
resnet-lab claims               # the scoreboard on a terminal, from your own records too
resnet-lab reproduce            # go on where this run ended; what is done is not done again
resnet-lab reproduce --help     # other scales, data sets, devices and time budgets</code></pre>"""


@dataclass(frozen=True, kw_only=True)
class PageInfo:
    """One chapter of the book as the index shows it."""

    stem: str
    title: str
    place: str = ""  # in the paper, as the notebook's first cell says it
    status: Literal["ran", "unchanged", "saved", "failed", "not run"] = "not run"
    cell: int | None = None  # where it failed; None if an error in a widget belongs to no cell
    message: str = ""  # why it failed
    seconds: float = 0.0
    figures: tuple[str, ...] = ()  # paths relative to the index

    @property
    def failed(self) -> bool:
        return self.status == "failed"


SCALES = {  # what a scale of the ledger means to who has not read it
    "architecture": "were decided on the nets themselves, without training",
    "paper": "by runs in the paper's own protocol",
    "quick": "by runs reduced in size and length, where the order counts and the size does not",
    "embedded": "by small detectors of drawn scenes",
    "not run": "were not run, and say what they would take",
}


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What else than chapters the index shows."""

    explorers: tuple[tuple[str, str, str], ...] = ()  # address, title and lead of each page
    claims: tuple[dict[str, object], ...] = ()  # rows of the ledger
    facts: dict[str, object] = field(default_factory=dict)  # "scale" -> "quick"


def index(out: Path, pages_made: list[PageInfo], contents: Contents | None = None) -> Path:
    """Write `index.html`: explorers, chapters and the scoreboard of claims."""
    contents = contents or Contents()
    chapters = "\n".join(card(info) for info in pages_made)
    body = f"""<main id="main">
<h1>ResNet Lab</h1>
<p class="lead">&ldquo;Deep Residual Learning for Image Recognition&rdquo; (He, Zhang, Ren, Sun,
2015) as a program: what the paper found, run again, with our numbers beside its own.</p>
<div class="top"><dl>{listed(contents.facts)}</dl>{short_score(contents)}</div>
{how_tested(contents)}
{explorers(contents)}
<h2 id="chapters">Chapters</h2>
<ol class="cards">
{chapters}
</ol>
<p>Technical words are explained in the <a href="glossary.html">glossary</a>.</p>
{scoreboard(out, contents)}
{GO_ON}
</main>"""
    text = theme.frame(
        body,
        title="ResNet Lab: Deep Residual Learning, run again",
        style=STYLE + grids.STYLE + grids.heads(CLAIMS),
    )
    write_whole(out / "index.html", text)
    return out / "index.html"


def explorers(contents: Contents) -> str:
    """A card for each explorer."""
    cards = "".join(
        f'<li><h3><a href="{escape(address)}">{escape(title)}</a></h3><p>{escape(lead)}</p></li>'
        for address, title, lead in contents.explorers
    )
    if not cards:
        return ""
    return f'<h2 id="explorers">Take hold of it</h2>\n<ol class="cards explorers">{cards}</ol>'


def short_score(contents: Contents) -> str:
    """How many claims have which verdict, with the way to all of them."""
    if not contents.claims:
        return ""
    words = ", ".join(f"{count} {verdict}" for verdict, count in counted(contents).items())
    return (
        f"<dl><div><dt>{len(contents.claims)} claims of the paper</dt>"
        f'<dd><a href="#scoreboard">{words}</a></dd></div></dl>'
    )


def how_tested(contents: Contents) -> str:
    """Where the verdicts come from: a claim seen on small nets is not one seen at full size."""
    if not contents.claims:
        return ""
    scales = Counter(tested(str(row["scale"])) for row in contents.claims)
    said = [f"{scales[scale]} {words}" for scale, words in SCALES.items() if scales[scale]]
    paper = "" if scales["paper"] else " None was tested by a run at the paper's scale yet."
    return f'<p class="how">Of these claims {"; ".join(said)}.{paper}</p>'


def counted(contents: Contents) -> dict[str, int]:
    """Verdict -> number of claims."""
    return {v: sum(row["verdict"] == v for row in contents.claims) for v in VERDICTS}


CLAIMS = Grid(
    name="claims",
    columns=(
        ("verdict", "Verdict"),
        ("place", "Place"),
        ("statement", "The paper says"),
        ("paper", "It prints"),
        ("ours", "Ours"),
        ("spread", "±"),
        ("n", "n"),
        ("scale", "Scale"),
        ("why", "Why"),
    ),
    menus=(("verdict", "Verdict"), ("section", "Section"), ("tested", "Scale")),
)


def scoreboard(out: Path, contents: Contents) -> str:
    """Every claim of the paper with its verdict, and the same rows as a file."""
    if not contents.claims:
        return ""
    write_whole(
        out / "data" / "claims.json", "[\n" + ",\n".join(map(strict, contents.claims)) + "\n]\n"
    )
    rows = [
        dict(row) | {"section": section_of(str(row["place"])), "tested": tested(str(row["scale"]))}
        for row in contents.claims
    ]
    return (
        '<h2 id="scoreboard">The scoreboard: every claim, and whether we see it</h2>\n'
        f'<dl class="claims">{listed(counted(contents))}</dl>'
        "<p>A verdict is computed from records or from the nets themselves, and never typed. "
        "± is the standard deviation of one run over seeds, n the number of runs. "
        '<a href="data/claims.json" download>data/claims.json</a> holds the same rows.</p>'
        f"{grids.html(CLAIMS, rows, anchor='id')}"
    )


def section_of(place: str) -> str:
    """The part of the paper that a claim is filtered by: "Section 4", "Appendix A", "Abstract"."""
    first = re.match(r"Abstract|Appendix [ABC]|Sections? (\d)", place)
    if first is None:
        return "other"
    return f"Section {first[1]}" if first[1] else first[0]


def tested(scale: str) -> str:
    """At which scale a claim was tested, in short: "quick", "paper", "architecture"."""
    return re.split(r" \(|:", scale)[0]


def listed(facts: dict[str, object]) -> str:
    """Names over values."""
    pairs = ((escape(str(name)), escape(str(value))) for name, value in facts.items())
    return "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in pairs)


def card(info: PageInfo) -> str:
    """A chapter in the index. Where there is no page yet, there is no link either."""
    title, message = escape(info.title), escape(info.message.partition("\n")[0])
    picture = f'<div class="blank" aria-hidden="true">{escape(info.stem[:2])}</div>'
    if info.figures:
        picture = f'<img src="{escape(info.figures[0])}" alt="Figure of: {title}" loading="lazy">'
    where = f"at cell {info.cell}" if info.cell else "in a widget"
    status = {
        "ran": f"<b>Ran</b> in {info.seconds:.0f} s",
        "unchanged": f"<b>Ran</b> before, in {info.seconds:.0f} s; nothing has changed",
        "saved": "Results as saved with the project",
        "failed": f'<b>Failed</b> <span title="{message}">{where}</span>',
        "not run": "Not run yet",
    }[info.status]
    kind = {"failed": "failed", "not run": "new"}.get(info.status, "ran")
    link = title if kind == "new" else f'<a href="{escape(info.stem)}.html">{title}</a>'
    place = f"<p>{escape(info.place)}</p>" if info.place else ""
    return f'<li class="{kind}">{picture}<h3>{link}</h3>{place}<p class="status">{status}</p></li>'
