"""The look of every page of the book, light and dark, and the frame that pages share.

Paper: nowhere; this is how a run of the notebooks is read.
Notebook: notebooks/00_start_here.py. Tests: tests/test_book.py.
"""

from collections.abc import Sequence
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path

from resnet_lab.explorers.charts import FONT
from resnet_lab.files import write_whole

SCRIPTS = ("theme.js", "search.js", "tables.js", "charts.js")  # together they are book.js
# the browser itself refuses what a page might try to load from elsewhere, or to run
POLICY = (
    "default-src 'none'; img-src 'self' file: data:; font-src data:; "
    "style-src 'unsafe-inline'; script-src 'self' file:"
)
LIGHT = {
    "page": "#fbfaf8",
    "card": "#fff",
    "ink": "#1d2330",
    "soft": "#566072",
    "line": "#dcdfe5",
    "link": "#0b57b0",
    "code": "#f3f4f6",
    "good": "#1a6b3c",
    "bad": "#a8231c",
    "unsure": "#7a5a00",
    "plain": "#a9641c",
    "residual": "#155c9c",
    "projection": "#7a4fa3",
    "ghost": "#cdd2da",
    "mark": "#ffe9a8",
}
DARK = {
    "page": "#14171d",
    "card": "#1c2129",
    "ink": "#e4e7ec",
    "soft": "#a2abb9",
    "line": "#343b47",
    "link": "#82b8ff",
    "code": "#20262f",
    "good": "#6fd09a",
    "bad": "#ff9b92",
    "unsure": "#e6c15a",
    "plain": "#e0a45e",
    "residual": "#79b4ee",
    "projection": "#c9a3ee",
    "ghost": "#525d6e",
    "mark": "#5c4a10",
}


def variables(values: dict[str, str], scheme: str) -> str:
    """The colours as CSS declarations."""
    named = " ".join(f"--{name}: {value};" for name, value in values.items())
    return f"color-scheme: {scheme}; {named}"


BASE = f"""
:root {{ {variables(LIGHT, "light")} }}
@media (prefers-color-scheme: dark) {{
  :root:not([data-theme="light"]) {{ {variables(DARK, "dark")} }} }}
:root[data-theme="dark"] {{ {variables(DARK, "dark")} }}
@media print {{ :root, :root[data-theme="dark"], :root:not([data-theme="light"]) {{
  {variables(LIGHT, "light")} --page: #fff; }}
  .site, .site-end, .skip, form {{ display: none !important; }}
  li, tr, figure, .output_area {{ break-inside: avoid; }} a {{ color: inherit; }} }}
"""
THEME = (
    BASE
    + """
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 1.0625rem/1.6 """
    + FONT
    + """; }
a { color: var(--link); }
:is(a, summary, button, input, select, [tabindex]):focus-visible {
  outline: 3px solid var(--link); outline-offset: 2px; }
code, pre { font: .875rem/1.5 ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.skip { position: absolute; left: -99rem; } .skip:focus { left: 1rem; top: .5rem; z-index: 9;
  background: var(--card); padding: .4rem .8rem; border-radius: 6px; }
.site { border-bottom: 1px solid var(--line); background: var(--card); font-size: .95rem; }
.site-end { border-top: 1px solid var(--line); background: var(--card); font-size: .95rem;
  margin-top: 3rem; }
.site > div, .site-end > div { max-width: 84rem; margin: auto; padding: .55rem 1.2rem;
  display: flex; flex-wrap: wrap; gap: .4rem 1.2rem; align-items: center; }
.site nav, .site-end nav { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; flex: 1; }
.home { font-weight: 600; }
button, input, select { font: inherit; color: inherit; background: var(--page);
  border: 1px solid var(--line); border-radius: 7px; padding: .25rem .6rem; }
button { cursor: pointer; } select { max-width: 100%; }
.find { position: relative; } .find input { width: 13rem; max-width: 60vw; }
.hits { position: absolute; right: 0; top: calc(100% + .4rem); width: min(34rem, 92vw); z-index: 8;
  margin: 0; padding: .4rem; list-style: none; background: var(--card); max-height: 70vh;
  overflow: auto; border: 1px solid var(--line); border-radius: 9px;
  box-shadow: 0 8px 30px rgb(0 0 0 / .18); }
.hits a { display: block; padding: .4rem .6rem; border-radius: 6px; text-decoration: none;
  color: var(--ink); font-size: .9rem; line-height: 1.4; }
.hits a:hover, .hits a:focus { background: var(--code); } .hits b { color: var(--link); }
.hits p { margin: .3rem .6rem; color: var(--soft); font-size: .9rem; }
mark { background: var(--mark); color: inherit; border-radius: 3px; }
@media (max-width: 40rem) { .find { order: 3; width: 100%; } .find input { width: 100%;
  max-width: none; } .hits { left: 0; right: auto; width: 100%; } }
"""
)

SHELL = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{title}</title>
<style>{style}</style>
<script src="book.js"></script>
</head>
<body>
<a class="skip" href="#main">Skip to the text</a>
<header class="site"><div>{links}
<div class="find" role="search"><input id="find" type="search" placeholder="Search the book"
aria-label="Search the book" autocomplete="off" hidden><ul class="hits" hidden></ul></div>
<button id="theme" type="button" hidden>Dark</button></div></header>
{body}
<footer class="site-end"><div>{links}</div></footer>
{scripts}</body>
</html>
"""

Link = tuple[str, str]  # address, words


def frame(
    body: str,
    *,
    title: str,
    style: str,
    previous: Link | None = None,
    following: Link | None = None,
    scripts: Sequence[str] = (),
) -> str:
    """A whole page: `body`, with the links, the search and the switch of every page."""
    links = ['<a class="home" href="index.html">ResNet Lab</a>']
    for arrow, neighbour in (("← {}", previous), ("{} →", following)):
        if neighbour:
            address, name = (escape(text) for text in neighbour)
            links.append(f'<a href="{address}">{arrow.format(name)}</a>')
    return SHELL.format(
        policy=POLICY,
        title=escape(title),
        style=THEME + style,
        links=f'<nav aria-label="Chapters">{" ".join(links)}</nav>',
        body=body,
        scripts="".join(f'<script defer src="{escape(name)}"></script>\n' for name in scripts),
    )


@cache
def script() -> str:
    """book.js: what every page of the book can do by itself."""
    folder = files("resnet_lab.book") / "scripts"
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in SCRIPTS)


def write_script(out: Path) -> Path:
    """Write book.js beside the pages, once for all of them."""
    write_whole(out / "book.js", script())
    return out / "book.js"


@cache
def code_colours() -> str:
    """Colours of the code, light and dark."""
    from pygments.formatters import HtmlFormatter

    def rules(style: str, prefix: str) -> str:
        return HtmlFormatter(style=style, nobackground=True).get_style_defs(prefix)

    light = rules("default", ".highlight")
    dark = rules("github-dark", ':root[data-theme="dark"] .highlight')
    by_system = rules("github-dark", ':root:not([data-theme="light"]) .highlight')
    return (
        f"{light}\n@media screen {{ {dark}\n"
        f"@media (prefers-color-scheme: dark) {{\n{by_system}\n}} }}\n"
    )
