"""Chapters in Colab: a link that opens one there, and a first cell that installs the package there.

Paper: nowhere; this is how a chapter runs without anything installed.
Notebook: notebooks/00_start_here.py. Tests: tests/test_colab.py.
"""

import re
from pathlib import Path

from resnet_lab.errors import InputError
from resnet_lab.files import write_whole
from resnet_lab.notebooks import sources

TAG = "colab"
ADDRESS = re.compile(r"https://github\.com/[\w-]+/[\w.-]+?(?:\.git)?/?")  # what Colab opens
CHOOSER = "https://colab.research.google.com/github"
LINK = re.compile(r"\[Open in Colab\]\([^)\s]*\)")
FIELD = re.compile(r'^repository = ".*"', re.M)
CITED = re.compile(r"^repository-code: .*\n", re.M)

CELL = """\
import subprocess
import sys

repository = ""  # where this project is kept; empty: Colab asks
if "google.colab" in sys.modules:  # elsewhere the package is installed already
    address = repository or input("Address of the repository that this notebook is from: ")
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", f"git+{address}"], check=True)"""


def link(stem: str, repository: str = "") -> str:
    """Markdown that opens a chapter in Colab; with no known address it opens Colab's own search."""
    path = repository.removeprefix("https://github.com")
    target = f"{CHOOSER}{path}/blob/main/notebooks/{stem}.ipynb" if repository else f"{CHOOSER}/"
    return f"[Open in Colab]({target})"


def cell(repository: str = "") -> str:
    """The code of a chapter's first cell: it installs in Colab, and only there."""
    return FIELD.sub(f'repository = "{repository}"', CELL)


def checked(address: str) -> str:
    """`address` in the one form that is written down.

    Raises: InputError if Colab cannot open it.
    """
    if not ADDRESS.fullmatch(address.strip()):
        raise InputError(
            f"Colab does not open {address!r}; give an address like https://github.com/NAME/PROJECT"
        )
    return address.strip().rstrip("/").removesuffix(".git")


def known(citation: Path) -> str:
    """The address in CITATION.cff, or "" while it has none."""
    found = CITED.search(citation.read_text(encoding="utf-8")) if citation.exists() else None
    return found.group().partition(": ")[2].strip() if found else ""


def connect(address: str) -> list[Path]:
    """Write the project's `address` into CITATION.cff and every chapter, built or not.

    What a chapter printed does not hang on it, so nothing is run again.
    Raises: InputError if Colab cannot open the address.
    """
    address, written = checked(address), []
    for source in sources():
        for path in (source, source.with_suffix(".ipynb")):
            if path.exists():
                text = path.read_text(encoding="utf-8")
                text = LINK.sub(link(source.stem, address), text)
                quote = r"\"" if path.suffix == ".ipynb" else '"'
                field = re.compile(
                    re.escape(f"repository = {quote}") + r"[^\"\\]*" + re.escape(quote)
                )
                text = field.sub(lambda _, q=quote: f"repository = {q}{address}{q}", text)
                write_whole(path, text)
                written.append(path)
    citation = sources()[0].parent.parent / "CITATION.cff"
    if citation.exists():
        text = CITED.sub("", citation.read_text(encoding="utf-8"))
        line = f"repository-code: {address}\n"
        write_whole(citation, re.sub(r"(?m)^license:", lambda m: line + m.group(), text, count=1))
        written.append(citation)
    return written
