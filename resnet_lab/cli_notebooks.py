"""The command resnet-lab notebooks: builds the chapters, and makes copies and slides of them.

Paper: nowhere; the chapters follow it section by section.
Notebook: notebooks/00_start_here.py. Tests: tests/test_cli_notebooks.py.
"""

from pathlib import Path
from typing import Annotated

import typer

from resnet_lab.errors import InputError

EPILOG = "Example: resnet-lab notebooks 01_degradation. A minute each; --student: seconds."


def notebooks(
    names: Annotated[list[str] | None, typer.Argument(help="Notebooks. None: all.")] = None,
    student: Annotated[
        bool, typer.Option("--student", help="Write copies without solutions and outputs.")
    ] = False,
    slides: Annotated[
        Path | None, typer.Option(help="Write slides into this folder.", metavar="DIR")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the copies. None: student.", metavar="DIR")
    ] = None,
    repository: Annotated[
        str | None, typer.Option(help="Write the project's address into every chapter, for Colab.")
    ] = None,
) -> None:
    """Build the committed .ipynb files from their .py sources, by running them.

    With --student, --slides or --repository nothing is built.
    """
    from resnet_lab import notebooks as pairs

    if sum(map(bool, (student, slides, repository))) > 1:
        raise InputError("choose one of --student, --slides and --repository at a time")
    if out and not student:
        raise InputError("--out is the folder of --student; built notebooks lie beside their .py")
    if repository and names:
        raise InputError("--repository is for all notebooks; leave the names away")
    if repository is not None:
        from resnet_lab import colab

        for path in colab.connect(repository):
            typer.echo(path)
        return
    for source in pairs.sources(names):
        try:
            typer.echo(made(source, student, slides, out or Path("student")))
        except pairs.NotebookError as error:
            typer.echo(f"resnet-lab: {error}", err=True)
            raise typer.Exit(1) from error


def made(source: Path, student: bool, slides: Path | None, out: Path) -> Path:
    """What was asked for of one notebook."""
    from resnet_lab import notebook_student, notebooks
    from resnet_lab import slides as decks

    if student:
        if out.resolve() == source.parent.resolve():
            raise InputError(
                f"{out} holds the notebooks themselves; choose another folder for copies"
            )
        return notebook_student.write(source, out)
    if slides:
        if slides.resolve() == source.parent.resolve():
            raise InputError(f"{slides} holds the notebooks themselves; choose another for slides")
        return decks.write(source, slides)
    return notebooks.build(source)
