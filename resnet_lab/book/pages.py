"""An executed notebook as one HTML file that needs no network, no kernel and no wide screen.

Paper: nowhere; this is how a run of the notebooks is read.
Notebook: notebooks/00_start_here.py. Tests: tests/test_book.py.
"""

import csv
import re
from html import escape
from importlib.util import find_spec
from pathlib import Path

from resnet_lab.book import theme
from resnet_lab.explorers import runtime
from resnet_lab.explorers.explorer import strict
from resnet_lab.files import write_whole
from resnet_lab.notebooks import WIDGET, failure

SLIDERS = (
    '<p class="note">The sliders of this cell move in JupyterLab: run <code>make lab</code>.</p>'
)
VEGA_LITE = re.compile(r"application/vnd\.vegalite\.v\d+\+json")
REMOTE = re.compile(
    r"""<(script|link|img|iframe)\b[^>]*\b(src|href)\s*=\s*["']?(https?:)?//""", re.I
)

STYLE = """
main { max-width: 52rem; margin: auto; padding: 1rem; }
h1 { line-height: 1.2; font-size: 1.9rem; } h2 { margin-top: 2.4rem; line-height: 1.3; }
p, li, td, h1, h2, h3 { overflow-wrap: anywhere; }
blockquote { margin: 1rem 0; padding: .1rem 1rem; border-left: 4px solid var(--line);
  color: var(--soft); }
pre { margin: 0; overflow-x: auto; white-space: pre; }
.text_cell_render, .output_area { overflow-x: auto; }
.text_cell_render :not(pre) > code { background: var(--code); padding: .1em .3em;
  border-radius: 4px; overflow-wrap: anywhere; }
.input_area, .text_cell_render pre { background: var(--code); border: 1px solid var(--line);
  border-radius: 6px; padding: .7rem .9rem; overflow-x: auto; margin: .9rem 0 .5rem; }
.input_prompt { text-align: right; color: var(--soft); font: .72rem/1 monospace;
  margin: 1.2rem 0 -.6rem; }
.text_cell .prompt, .output_area .prompt { display: none; }
.output_area { margin: .5rem 0; } .output_area > * { padding: .1rem 0; }
.output_area pre { padding-left: .9rem; border-left: 3px solid var(--line); }
.output_error pre, .output_stderr pre { border-color: var(--bad); }
img, svg { max-width: 100%; } .output_png img { height: auto; background: #fff;
  border-radius: 6px; }
table { border-collapse: collapse; font-size: .93rem; margin: .8rem 0; }
th, td { padding: .3rem .7rem; border-bottom: 1px solid var(--line); text-align: left; }
td { min-width: 4.5rem; overflow-wrap: normal; } td:first-child { white-space: nowrap; }
details { border: 1px solid var(--line); border-radius: 6px; padding: .4rem .9rem; margin: 1rem 0; }
summary { cursor: pointer; color: var(--soft); }
.formula { display: block; text-align: center; margin: 1rem 0; overflow-x: auto; }
.drawn { background: #fff; color: #1d2330; color-scheme: light; border-radius: 6px;
  padding: .6rem; overflow-x: auto; } .vega-bind { margin: .2rem 0; }
.note { color: var(--soft); font-size: .93rem; }
.stopped { border: 2px solid var(--bad); border-radius: 8px; padding: .6rem 1rem;
  background: var(--card); } .stopped strong { color: var(--bad); }
.ansi-bold { font-weight: 700; } .ansi-red-fg, .ansi-red-intense-fg { color: var(--bad); }
.ansi-green-fg, .ansi-green-intense-fg { color: var(--good); } .anchor-link { display: none; }
"""

CELLS = """
{%- extends 'classic/base.html.j2' -%}
{%- block codecell -%}
{%- set tags = cell.metadata.get('tags', []) -%}
{%- if 'parameters' in tags or 'injected-parameters' in tags -%}
<details><summary>{{ 'Values of this run' if 'injected-parameters' in tags else 'Parameters' }}
</summary>{{ super() }}</details>
{%- elif 'colab' in tags -%}
{%- elif 'solution' in tags -%}
<details><summary>Solution</summary>{{ super() }}</details>
{%- else -%}{{ super() }}{%- endif -%}
{%- endblock codecell -%}
"""


def page(
    notebook: Path,
    target: Path,
    *,
    title: str,
    previous: tuple[str, str] | None = None,
    following: tuple[str, str] | None = None,
) -> None:
    """Write the executed `notebook` to `target` as one file that loads nothing from elsewhere.

    `previous` and `following` are (address, title) of the neighbouring chapters. A notebook that
    failed gets its page too, with a banner that says where it stopped.
    """
    import nbformat

    found = nbformat.read(notebook, as_version=4)
    failed = failure(found)
    banner = ""
    if failed:
        where = f"at cell {failed.cell}" if failed.cell else "with an error in a widget"
        banner = (
            f'<div class="stopped" role="alert"><strong>This run stopped {where}.</strong> '
            f"{escape(failed.reason)}. What comes after it has no results.</div>"
        )
    specs = charts(found)
    body = f'<main id="main">{banner}{cells(found, notebook.parent)}</main>'
    if specs:
        body += f'\n<script type="application/json" id="charts">{strict(specs)}</script>'
    text = theme.frame(
        body,
        title=title,
        style=theme.code_colours() + STYLE,
        previous=previous,
        following=following,
        scripts=[runtime.NAME] if specs else [],
    )
    write_whole(target, text)


def charts(notebook: "NotebookNode") -> dict[str, dict]:  # noqa: F821
    """The Vega-Lite charts in `notebook` by name; each output becomes the place for its chart."""
    found = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            kinds = [kind for kind in output.get("data", {}) if VEGA_LITE.fullmatch(kind)]
            if kinds and find_spec("vl_convert"):
                name = f"chart-{len(found) + 1}"
                spec = output.data[kinds[0]]
                # of whatever version it says it is: the one beside the pages draws it
                found[name] = spelled_out({k: spec[k] for k in spec if k != "$schema"})
                output.data = {"text/html": f'<div class="drawn" id="{name}"></div>'}
    return found


def spelled_out(spec: dict) -> dict:
    """`spec` with data that are CSV as rows: to read CSV, the browser would have to run a text."""
    kind = spec.get("data", {}).get("format", {})
    if kind.get("type") != "csv":
        return spec
    numbers = [name for name, what in kind.get("parse", {}).items() if what == "number"]
    rows = [
        row | {name: float(row[name]) for name in numbers if row[name]}
        for row in csv.DictReader(spec["data"]["values"].splitlines())
    ]
    return spec | {"data": {"values": rows}}


def cells(notebook: "NotebookNode", place: Path) -> str:  # noqa: F821
    """The cells as HTML; pictures that lie under `place` are put into it."""
    from jinja2 import DictLoader
    from nbconvert import HTMLExporter
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    class Renderer(IPythonRenderer):
        def block_math(self, body: str) -> str:
            return f'<span class="formula">{formula(body)}</span>'

        def inline_math(self, body: str) -> str:
            return formula(body)

    def markdown(source: str) -> str:
        words = {"embed_images": True, "path": str(place)}
        return MarkdownWithMath(renderer=Renderer(escape=False, **words)).render(source)

    exporter = HTMLExporter(
        template_name="basic",
        template_file="cells.html.j2",
        extra_loaders=[DictLoader({"cells.html.j2": CELLS})],
        filters={"markdown2html": markdown},
    )
    html = exporter.from_notebook_node(still(notebook))[0]
    html = html.replace('<a href="glossary.md', '<a href="glossary.html')
    return re.sub(r'(<a href="\d\d_\w+)\.ipynb\b', r"\1.html", html)  # links between chapters


def still(notebook: "NotebookNode") -> "NotebookNode":  # noqa: F821
    """`notebook` with a sentence where a widget was, and with names for its pictures."""
    notebook.metadata.pop("widgets", None)
    heading = "the notebook"
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            heading = (re.findall(r"^#+ (.+)$", cell.source, re.M) or [heading])[-1]
        for output in cell.get("outputs", []):
            shown = output.get("data", {})
            if WIDGET in shown:
                output.data = {"text/html": SLIDERS}
            elif REMOTE.search(shown.get("text/html", "")):
                del shown["text/html"]  # it would show nothing without a network
            for kind in ("image/png", "image/jpeg"):
                if kind in shown:
                    names = output.metadata.setdefault(kind, {})
                    said = names.get("alt", f"Figure in: {heading}")
                    names["alt"] = said.replace("**", "")  # read aloud, where nothing is bold
    return notebook


def formula(tex: str) -> str:
    """`tex` drawn by matplotlib as inline SVG, or as code where it knows too little TeX."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    tex = " ".join(tex.split())
    try:
        path = TextPath((0, 0), f"${tex}$", size=100, prop=FontProperties(math_fontfamily="cm"))
    except ValueError:
        return f"<code>{escape(tex)}</code>"
    letters = {1: "M", 2: "L", 3: "Q", 4: "C", 79: "Z"}
    drawn = "".join(
        letters[code] + ("" if code == 79 else " ".join(f"{value:.0f}" for value in values))
        for values, code in path.iter_segments(simplify=False, curves=True)
    )
    box = path.get_extents()
    return (
        f'<svg role="img" aria-label="{escape(tex)}" viewBox="{box.x0:.0f} {-box.y1:.0f} '
        f'{box.width:.0f} {box.height:.0f}" style="width:{box.width / 100:.2f}em;height:'
        f'{box.height / 100:.2f}em;vertical-align:{box.y0 / 100:.2f}em">'
        f'<path transform="scale(1,-1)" fill="currentColor" d="{drawn}"/></svg>'
    )
