"""The book: every notebook run, as pages with an index, in one folder that can be moved.

Paper: nowhere; the book shows the whole paper at the scale that was run.
Notebook: notebooks/00_start_here.py. Tests: tests/test_book.py.
"""

import hashlib
import json
import re
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from resnet_lab import notebooks
from resnet_lab.book import explorer_pages, glossary_page, pages, saved, search, theme
from resnet_lab.book.index import Contents, PageInfo, index
from resnet_lab.errors import InputError
from resnet_lab.explorers import runtime
from resnet_lab.explorers.explorer import Explorer
from resnet_lab.files import write_whole

FIGURES = ("figures", "figure_folder")  # a notebook with such a parameter draws into the book


@dataclass(frozen=True, kw_only=True)
class Material:
    """What the book shows beside the notebooks, and what its pages are made from."""

    records_digest: str = ""
    explorers: tuple[Explorer, ...] = ()
    claims: tuple[dict[str, object], ...] = ()
    facts: dict[str, object] = field(default_factory=dict)

    @property
    def contents(self) -> Contents:
        """For the index."""
        pages = tuple((f"{one.stem}.html", one.title, one.lead) for one in self.explorers)
        return Contents(explorers=pages, claims=self.claims, facts=self.facts)


def make_book(
    out: Path,
    given: dict[str, object],
    *,
    material: Material,
    names: list[str] | None = None,
    as_committed: bool = False,
    report: Callable[[str], None] = lambda text: None,
) -> list[PageInfo]:
    """Run every notebook (or `names`) into `out`; write its page and the index; say how it went.

    A notebook gets those of `given` that it declares. One whose text, parameters, package and
    records are as they were is not run again. A failing one does not stop the others.
    `as_committed` takes the committed .ipynb where it has the cells of its .py, and runs nothing.

    Raises: InputError, before anything runs, for wrong names or parameters; or if `out` cannot
    be written.
    """
    out = out.resolve()  # notebooks run in their own folder
    every, chosen = notebooks.sources(), notebooks.sources(names)
    wanted = {source.stem: choose(source, given, out / "figures") for source in every}
    check(given, wanted, chosen)
    (out / "figures").mkdir(parents=True, exist_ok=True)
    theme.write_script(out)

    found = {source.stem: remembered(source, out) for source in every}
    order = [(f"{one.stem}.html", one.title) for one in material.explorers]
    order += [(f"{stem}.html", info.title) for stem, info in found.items()]
    order.append((glossary_page.ADDRESS, glossary_page.TITLE))
    write_explorers(out, material, order)
    glossary_page.write(out, order[-2])
    for source in chosen:
        key = digest(source, wanted[source.stem], material.records_digest)
        info = saved.take(source, out, found[source.stem], report) if as_committed else None
        info = info or refresh(source, out, key, wanted[source.stem], report)
        previous, following = around(f"{source.stem}.html", order)
        pages.page(
            out / "notebooks" / f"{source.stem}.ipynb",
            out / f"{source.stem}.html",
            title=f"{info.title} · ResNet Lab",
            previous=previous,
            following=following,
        )
        made_from = key if info.status in ("ran", "unchanged") else ""  # what failed is run again
        text = json.dumps({"key": made_from, "page": asdict(info)}, indent=1)
        write_whole(stamp(source, out), text)  # last: a page that has a stamp is whole
        found[source.stem] = info
        index(out, list(found.values()), material.contents)
    search.write(out, [out / "index.html", *(out / address for address, _ in order)])
    return [found[source.stem] for source in chosen]


def around(address: str, order: list[theme.Link]) -> tuple[theme.Link | None, theme.Link | None]:
    """The pages before and after the one at `address`."""
    at = [page for page, _ in order].index(address)
    return (order[at - 1] if at else None), (order[at + 1] if at + 1 < len(order) else None)


def write_explorers(out: Path, material: Material, order: list[theme.Link]) -> None:
    """The explorers, their data, and once what draws them."""
    if material.explorers:
        runtime.write(out)
    for one in material.explorers:
        explorer_pages.write(one, out, *around(f"{one.stem}.html", order))


def check(
    given: dict[str, object], wanted: dict[str, dict[str, object]], chosen: list[Path]
) -> None:
    """Refuse parameters that no notebook has, or whose values do not fit. Raises: InputError."""
    known = set(FIGURES).union(*wanted.values())
    for name in given:
        if name not in known:
            every = set().union(*(notebooks.parameters(source) for source in notebooks.sources()))
            listed = ", ".join(sorted(every)) or "none at all"
            raise InputError(f"no notebook has a parameter {name!r}; there are: {listed}")
    for source in chosen:
        notebooks.check_parameters(source, wanted[source.stem])


def choose(source: Path, given: dict[str, object], figures: Path) -> dict[str, object]:
    """Those of `given` that the notebook declares, and where the book keeps its figures."""
    mine = {name: figures for name in FIGURES} | given
    return {name: mine[name] for name in notebooks.parameters(source) if name in mine}


def stamp(source: Path, out: Path) -> Path:
    """The file that says from what a page was made."""
    return out / "stamps" / f"{source.stem}.json"


def remembered(source: Path, out: Path) -> PageInfo:
    """The chapter as an earlier call left it, or as not run."""
    title, place = heading(source)
    fresh = PageInfo(stem=source.stem, title=title, place=place)
    try:
        kept = json.loads(stamp(source, out).read_text(encoding="utf-8"))["page"]
        kept |= {"title": title, "place": place}
        kept["status"] = {"ran": "unchanged"}.get(kept["status"], kept["status"])
        past = PageInfo(**kept | {"figures": tuple(kept["figures"])})
    except (OSError, ValueError, KeyError, TypeError):
        return fresh  # no stamp, or one of another version: the page is made anew
    return past if (out / f"{source.stem}.html").exists() else fresh


def refresh(
    source: Path,
    out: Path,
    key: str,
    given: dict[str, object],
    report: Callable[[str], None],
) -> PageInfo:
    """The notebook run into `out/notebooks`, unless the stamp says that nothing has changed."""
    executed = out / "notebooks" / f"{source.stem}.ipynb"
    info = remembered(source, out)
    pictures = [out / figure for figure in info.figures]
    if info.status == "unchanged" and all(path.exists() for path in (executed, *pictures)):
        if json.loads(stamp(source, out).read_text(encoding="utf-8"))["key"] == key:
            report(f"{source.stem}: nothing has changed")
            return info
    report(f"{source.stem}: running")
    stamp(source, out).unlink(missing_ok=True)
    began = time.perf_counter()
    fields: dict[str, object] = {"status": "ran", "cell": None, "message": ""}
    try:
        notebooks.execute(source, executed, given)
    except notebooks.NotebookError as error:
        fields = {"status": "failed", "cell": error.cell, "message": str(error)}
    seconds = round(time.perf_counter() - began, 1)
    report(str(fields["message"]) or f"{source.stem}: ran in {seconds} s")
    drawn = sorted((out / "figures").glob(f"{source.stem}*.png"))
    names = tuple(path.relative_to(out).as_posix() for path in drawn)
    return replace(info, seconds=seconds, figures=names, **fields)


def digest(source: Path, given: dict[str, object], records_digest: str) -> str:
    """Hash of all that a page is made from."""
    text = source.read_text(encoding="utf-8")
    parts = [text, repr(sorted(given.items())), records_digest, code_digest()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def code_digest() -> str:
    """Hash of the package: a page is made anew when the code behind it changes."""
    package, total = Path(__file__).parents[1], hashlib.sha256()
    for path in sorted([*package.rglob("*.py"), *package.rglob("*.js"), *package.glob("*.yaml")]):
        if "_notebooks" not in path.parts:
            total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def heading(source: Path) -> tuple[str, str]:
    """Title of a notebook and its place in the paper, both from its first cell."""
    import jupytext

    cells = jupytext.read(source).cells
    text = cells[0].source if cells else ""
    title = re.search(r"^# (.+)$", text, re.M)
    place = re.search(r"Paper:\s*([^·\n]+)", text)
    return title[1].strip() if title else source.stem, place[1].strip() if place else ""
