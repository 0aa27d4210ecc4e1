"""What the search of the book looks through: the sections of its pages, read off the pages.

Paper: nowhere; this is how a word is found in the book.
Notebook: notebooks/00_start_here.py. Tests: tests/test_book_search.py.
"""

from collections.abc import Iterable
from html.parser import HTMLParser
from pathlib import Path

from resnet_lab.explorers.explorer import strict
from resnet_lab.files import write_whole

HEADS = ("h1", "h2", "h3", "h4")
BLOCKS = (*HEADS, "p", "li", "td", "th", "tr", "blockquote", "figcaption", "summary", "div")
# neither code nor what a run printed: a word of the text is looked for, not a number
SKIPPED = ("pre", "script", "style", "svg", "select", "button", "details")
VOID = ("img", "br", "hr", "input", "meta", "link", "wbr")


class Sections(HTMLParser):
    """Collects `found`: (anchor, headings above it and its own, text) for each section."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, list[str], list[str]]] = []
        self.path: list[tuple[str, str]] = []  # (level, words) of the headings above
        self.inside, self.skipped, self.heading = False, 0, ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        words = dict(attrs)
        self.inside |= tag == "main"
        if self.skipped or tag in SKIPPED:
            self.skipped += tag not in VOID
        elif tag in HEADS and self.inside:
            self.path = [(level, text) for level, text in self.path if level < tag]
            self.found.append((words.get("id") or "", [text for _, text in self.path], []))
            self.heading = tag
            self.path.append((tag, ""))
        elif tag in BLOCKS:
            self.handle_data(" ")

    def handle_endtag(self, tag: str) -> None:
        self.inside &= tag != "main"
        if self.skipped:
            self.skipped -= 1
        elif tag == self.heading:
            self.heading = ""
            level, text = self.path[-1]
            self.path[-1] = (level, text.strip())
            self.found[-1][1].append(text.strip())

    def handle_data(self, data: str) -> None:
        if self.skipped or not self.inside or not self.found:
            return
        if self.heading:
            level, text = self.path[-1]
            self.path[-1] = (level, text + data.replace("¶", ""))
        else:
            self.found[-1][2].append(data.replace("¶", ""))


def sections(page: Path) -> list[dict[str, str]]:
    """The sections of a page: address, title and text."""
    reader = Sections()
    reader.feed(page.read_text(encoding="utf-8"))
    reader.close()
    return [
        {
            "address": f"{page.name}#{anchor}" if anchor else page.name,
            "title": " › ".join(titles),
            "text": " ".join("".join(text).split()),
        }
        for anchor, titles, text in reader.found
    ]


def write(out: Path, pages: Iterable[Path]) -> Path:
    """Write words.js, which the browser reads when somebody searches."""
    every = [section for page in pages if page.exists() for section in sections(page)]
    lines = ",\n".join(strict(section) for section in every)
    write_whole(out / "words.js", f"window.bookIndex = [\n{lines}\n];\n")
    return out / "words.js"
