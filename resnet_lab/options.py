"""Options that several commands share; those of the recipe come from its dataclass.

Paper: Section 4.2, whose recipe the options change.
Notebook: notebooks/00_start_here.py. Tests: tests/test_cli.py.
"""

import functools
import inspect
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Annotated

import typer

from resnet_lab.recipe import Recipe

Data = Annotated[
    Path | None,
    typer.Option("--data", help="Folder with CIFAR-10 in any layout. Else it is looked for."),
]
Out = Annotated[Path, typer.Option("--out", help="Folder for all that is written.")]
ImagesName = Annotated[
    str | None, typer.Option("--images", help="cifar10 or embedded. Default: CIFAR-10 if found.")
]
Scale = Annotated[str, typer.Option(help="quick (minutes on two cores) or paper (a GPU).")]
Device = Annotated[str | None, typer.Option(help="cpu or cuda. Default: a GPU if there is one.")]
AtOnce = Annotated[
    int | None,
    typer.Option("--at-once", min=1, help="Runs side by side. Default: one a core; 4 on a GPU."),
]


def recipe_options(command: Callable, recipe: type = Recipe) -> Callable:
    """`command` with an option for every field of `recipe`, so that a default stands in one place.

    An option that is not given is None: the recipe of the scale decides.
    """
    own = inspect.signature(command)
    parameters = [p for p in own.parameters.values() if p.kind is not p.VAR_KEYWORD]
    for field in fields(recipe):
        default = field.default
        kind = str if isinstance(default, tuple) else type(default)
        shown = ",".join(map(str, default)) if isinstance(default, tuple) else default
        option = typer.Option(
            help=f"Recipe: {field.name.replace('_', ' ')}. In the paper: {shown}.",
            rich_help_panel="Recipe",
        )
        parameters.append(
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=None,
                annotation=Annotated[kind | None, option],
            )
        )

    @functools.wraps(command)
    def with_options(**given: object) -> None:
        command(**given)

    with_options.__signature__ = own.replace(parameters=parameters)
    with_options.__annotations__ = {p.name: p.annotation for p in parameters}
    return with_options
