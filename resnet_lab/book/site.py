"""What `resnet-lab book` does, callable from Python.

Paper: all of it.
Notebook: notebooks/00_start_here.py. Tests: tests/test_book_saved.py.
"""

from collections.abc import Callable
from pathlib import Path

from resnet_lab import notebooks
from resnet_lab.book.chapters import make_book
from resnet_lab.book.material import gather
from resnet_lab.provenance import git_revision, package_version


def write(
    out: Path,
    results: Path = Path("out"),
    *,
    run: bool = False,
    data: Path | None = None,
    names: list[str] | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> bool:
    """Write the book into `out` from the committed notebooks, or with `run` from a run of them.

    `results` is where `reproduce` wrote; what ships is always shown too. True: a notebook failed.

    Raises: InputError for a damaged record, or a folder that cannot be written.
    """
    version = ", ".join(filter(None, [f"version {package_version()}", git_revision()[:10]]))
    material = gather(results, facts={"code": version})
    given: dict[str, object] = {"runs_folder": str((results / "records").resolve())}
    if data is not None:
        given["data_folder"] = str(data.resolve())
    known = set().union(*(notebooks.parameters(source) for source in notebooks.sources()))
    made = make_book(
        out,
        {name: value for name, value in given.items() if name in known},
        material=material,
        names=names,
        as_committed=not run,
        report=say,
    )
    total = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    say(f"The book: {out / 'index.html'}, {total / 1e6:.1f} MB in all")
    return any(page.failed for page in made)
