"""The first page of the book: what was run, the chapters, the claims, how to go on.

Paper: the whole of it, chapter by chapter.
Notebook: notebooks/00_start_here.py. Tests: tests/test_book.py.
"""

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Literal

from resnet_lab import pages
from resnet_lab.files import write_whole

STYLE = """
main { max-width: 70rem; margin: auto; padding: 2.5rem 1.2rem; }
h1 { font-size: 2.2rem; line-height: 1.15; margin: 0 0 .6rem; } h2 { margin: 2.6rem 0 .8rem; }
.lead { max-width: 46rem; font-size: 1.15rem; color: var(--soft); margin: 0; }
dl { display: flex; flex-wrap: wrap; gap: .6rem 2.4rem; margin: 1.6rem 0 0; padding: 0; }
dt { font-size: .85rem; color: var(--soft); } dd { margin: 0; font-weight: 600; }
.claims dd { font-size: 1.7rem; line-height: 1.2; }
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
resnet-lab claims               # what the paper says, and whether we see it
resnet-lab reproduce            # go on where this run ended; what is done is not done again
resnet-lab reproduce --help     # other scales, data sets, devices and time budgets</code></pre>"""


@dataclass(frozen=True, kw_only=True)
class PageInfo:
    """One chapter of the book as the index shows it."""

    stem: str
    title: str
    place: str = ""  # in the paper, as the notebook's first cell says it
    status: Literal["ran", "unchanged", "failed", "not run"] = "not run"
    cell: int | None = None  # where it failed; None if an error in a widget belongs to no cell
    message: str = ""  # why it failed
    seconds: float = 0.0
    figures: tuple[str, ...] = ()  # paths relative to the index

    @property
    def failed(self) -> bool:
        return self.status == "failed"


def index(out: Path, pages_made: list[PageInfo], facts: dict[str, object]) -> Path:
    """Write `index.html`: what was run at which scale, the chapters, the claims, how to go on.

    Of `facts`, "claims" maps verdicts to their counts; the others are shown as they are.
    """
    facts = dict(facts)
    claims = facts.pop("claims", None) or {}
    chapters = "\n".join(card(info) for info in pages_made)
    scores = f'<h2>Claims of the paper</h2>\n<dl class="claims">{listed(claims)}</dl>'
    body = f"""<main>
<h1>ResNet Lab</h1>
<p class="lead">&ldquo;Deep Residual Learning for Image Recognition&rdquo; (He, Zhang, Ren, Sun,
2015) as a program: what the paper found, run again on this machine.</p>
<dl>{listed(facts)}</dl>
{scores if claims else ""}
<h2>Chapters</h2>
<ol class="cards">
{chapters}
</ol>
{GO_ON}
</main>"""
    title, style = "ResNet Lab: Deep Residual Learning, run again", pages.THEME + STYLE
    target = out / "index.html"
    write_whole(
        target, pages.SHELL.format(policy=pages.POLICY, title=title, style=style, body=body)
    )
    return target


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
        "failed": f'<b>Failed</b> <span title="{message}">{where}</span>',
        "not run": "Not run yet",
    }[info.status]
    kind = {"failed": "failed", "not run": "new"}.get(info.status, "ran")
    link = title if kind == "new" else f'<a href="{escape(info.stem)}.html">{title}</a>'
    place = f"<p>{escape(info.place)}</p>" if info.place else ""
    return f'<li class="{kind}">{picture}<h3>{link}</h3>{place}<p class="status">{status}</p></li>'
