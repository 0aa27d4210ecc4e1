"""The glossary: every technical term of the chapters, in our words, with its place in the paper.

Paper: all of it; glossary.yaml says where each term stands.
Notebook: notebooks/00_start_here.py. Tests: tests/test_glossary.py.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from resnet_lab.files import write_whole

SOURCE = Path(__file__).parent / "glossary.yaml"
FILE = "glossary.md"  # beside the notebooks, where a code host shows it
LINK = re.compile(r"\[([^\]]+)\]\(glossary\.md#([^)\s]*)\)")


@dataclass(frozen=True, kw_only=True)
class Term:
    """One entry."""

    name: str
    place: str  # in the paper
    text: str

    @property
    def anchor(self) -> str:
        """What a link to it ends with: the anchor that code hosts give to its heading."""
        return re.sub(r"[^\w -]", "", self.name.lower()).replace(" ", "-")


@cache
def terms() -> dict[str, Term]:
    """All entries by their anchor, in alphabetical order."""
    import yaml

    found = yaml.safe_load(SOURCE.read_text(encoding="utf-8"))
    entries = (Term(name=name, **entry) for name, entry in sorted(found.items(), key=by_letters))
    return {term.anchor: term for term in entries}


def by_letters(item: tuple[str, object]) -> str:
    """Capital letters do not count in the order."""
    return item[0].lower()


def links(text: str) -> list[str]:
    """Anchors of the glossary that Markdown `text` links to."""
    return [anchor for _, anchor in LINK.findall(text)]


def markdown() -> str:
    """The page that lies beside the notebooks."""
    parts = [
        "# Glossary",
        "What the words of the chapters mean here, and where they stand in the paper.",
    ]
    for term in terms().values():
        parts += [f"## {term.name}", f"{term.text} ({placed(term)})"]
    return "\n\n".join(parts) + "\n"


def placed(term: Term) -> str:
    """Where a term stands, as the end of a sentence."""
    return term.place if term.place.startswith("not in") else f"In the paper: {term.place}"


def write(folder: Path) -> Path:
    """Write the Markdown page into `folder`."""
    write_whole(folder / FILE, markdown())
    return folder / FILE
