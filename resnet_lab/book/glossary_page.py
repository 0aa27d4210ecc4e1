"""The glossary as the last page of the book.

Paper: all of it; glossary.yaml says where each term stands.
Notebook: notebooks/00_start_here.py. Tests: tests/test_glossary.py.
"""

from html import escape
from pathlib import Path

from resnet_lab.book import pages, theme
from resnet_lab.files import write_whole
from resnet_lab.glossary import placed, terms

ADDRESS, TITLE = "glossary.html", "Glossary"


def write(out: Path, previous: theme.Link | None = None) -> Path:
    """Write the page into `out`, after the page `previous`."""
    entries = "\n".join(
        f'<h2 id="{term.anchor}">{escape(term.name)}</h2>\n'
        f'<p>{escape(term.text)} <span class="note">({escape(placed(term))})</span></p>'
        for term in terms().values()
    )
    text = theme.frame(
        f'<main id="main"><h1>{TITLE}</h1>\n{entries}\n</main>',
        title=f"{TITLE} · ResNet Lab",
        style=pages.STYLE,
        previous=previous,
    )
    write_whole(out / ADDRESS, text)
    return out / ADDRESS
