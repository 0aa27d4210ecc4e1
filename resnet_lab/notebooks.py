"""From the text of a notebook to the page that is committed: find, run, clean, build, compare.

Paper: nowhere; the notebooks it runs cover every section that reports an experiment.
Notebook: notebooks/00_start_here.py. Tests: tests/test_notebooks.py.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from resnet_lab.errors import InputError
from resnet_lab.files import write_whole
from resnet_lab.notebook_parameters import check_parameters, parameters
from resnet_lab.notebook_pictures import lighter
from resnet_lab.notebook_runs import INJECTED, KERNEL, Failure, NotebookError, execute, failure

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = [
    "Failure",
    "NotebookError",
    "build",
    "check_parameters",
    "clean",
    "execute",
    "failure",
    "folder",
    "pair_differences",
    "parameters",
    "sources",
]

PACKAGE = Path(__file__).parent
LIMIT = 500_000  # bytes of a committed .ipynb: code hosts stop showing large ones
WIDGET = "application/vnd.jupyter.widget-view+json"


def folder() -> Path:
    """Where the notebooks are: beside the package in a clone, inside it in an installation.

    Raises: InputError if they are in neither place.
    """
    for place in (PACKAGE.parent / "notebooks", PACKAGE / "_notebooks"):
        if any(place.glob("[0-9]*.py")):
            return place
    raise InputError("there are no notebooks beside the package; reinstall it or clone it again")


def sources(names: list[str] | None = None) -> list[Path]:
    """The notebooks' texts in reading order: all, or those `names` begin uniquely.

    Raises: InputError for a name that fits none or several.
    """
    every = sorted(folder().glob("[0-9]*.py"))
    if names is None:
        return every
    chosen = set()
    for name in names:
        stem = Path(name).stem  # so that a path copied from the shell works too
        fit = [path for path in every if path.stem == stem] or [
            path for path in every if stem and path.stem.startswith(stem)
        ]
        if len(fit) != 1:
            choices = ", ".join(path.stem for path in fit or every)
            problem = "several notebooks begin with" if fit else "there is no notebook"
            raise InputError(f"{problem} {name!r}; choose from {choices}")
        chosen.add(fit[0])
    return sorted(chosen)


def clean(notebook: "NotebookNode") -> "NotebookNode":
    """`notebook` without what differs from run to run or machine to machine, changed in place.

    Also without widgets: they are dead without a kernel, and code hosts refuse their state.
    """
    count = 0
    notebook.cells = [c for c in notebook.cells if INJECTED not in c.metadata.get("tags", [])]
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:02d}"  # fixed ids keep the diff to what changed
        tags = cell.metadata.get("tags")
        cell.metadata = {"tags": tags} if tags else {}
        if cell.cell_type != "code":
            continue
        cell.outputs = [output for output in cell.outputs if WIDGET not in output.get("data", {})]
        if cell.execution_count is not None:
            count = cell.execution_count = count + 1
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = count
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = lighter(output.data["image/png"])
    notebook.metadata = {"kernelspec": dict(KERNEL)}
    return notebook


def build(source: Path, given: dict[str, object] | None = None) -> Path:
    """Run `source` with its own parameters; write the clean .ipynb to commit beside it.

    `given` is only for values that leave no trace in the outputs, such as folders: the built
    notebook shows the defaults. Raises: InputError for wrong parameters or a notebook too large
    to commit; NotebookError if it fails; the old .ipynb is then kept.
    """
    import nbformat

    with TemporaryDirectory() as scratch:
        raw = Path(scratch) / source.with_suffix(".ipynb").name
        try:
            execute(source, raw, given or {})
        except NotebookError as error:
            message = str(error).rsplit("\n", 1)[0]  # the partial run goes with the scratch folder
            raise NotebookError(message, error.cell) from None
        text = nbformat.writes(clean(nbformat.read(raw, as_version=4))) + "\n"
    size = len(text.encode())
    if size > LIMIT:
        raise InputError(
            f"{source.stem} would be {size:,} bytes, more than {LIMIT:,}; "
            "draw fewer or smaller pictures in it"
        )
    target = source.with_suffix(".ipynb")
    write_whole(target, text)
    return target


def pair_differences(source: Path) -> list[str]:
    """Sentences on where `source` and the .ipynb beside it differ: kind, text or tags."""
    import jupytext

    built, remedy = source.with_suffix(".ipynb"), f"run: resnet-lab notebooks {source.stem}"
    if not built.exists():
        return [f"{built.name} is missing; {remedy}"]
    ours, theirs = (
        [(c.cell_type, c.source.rstrip(), c.metadata.get("tags", [])) for c in found.cells]
        for found in (jupytext.read(source), jupytext.read(built))
    )
    found = []
    if len(ours) != len(theirs):
        found.append(f"{source.name} has {len(ours)} cells, {built.name} {len(theirs)}; {remedy}")
    for number, (mine, other) in enumerate(zip(ours, theirs, strict=False)):
        parts = zip(("kind", "text", "tags"), mine, other, strict=True)
        if wrong := [name for name, a, b in parts if a != b]:
            found.append(f"cell {number}: another {' and '.join(wrong)} in {built.name}; {remedy}")
    return found
