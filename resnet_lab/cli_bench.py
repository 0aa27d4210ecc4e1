"""The commands `resnet-lab bench cpu` and `resnet-lab bench gpu`.

Paper: Section 4.2 (the nets and the recipe that are timed).
Notebook: notebooks/00_start_here.py. Tests: tests/test_cli.py.
"""

from typing import Annotated

import typer

from resnet_lab.options import Data, ImagesName, Scale

bench_app = typer.Typer(help="Measure our training beside a textbook loop.", no_args_is_help=True)


@bench_app.command(
    "cpu", epilog="Example: resnet-lab bench cpu --repeats 5. About a minute on two cores."
)
def bench_cpu(
    depth: Annotated[int, typer.Option(help="Weighted layers, 6n+2.")] = 20,
    scale: Scale = "quick",
    repeats: Annotated[int, typer.Option(min=2, help="Rounds of all contestants in turn.")] = 5,
    updates: Annotated[int, typer.Option(min=1, help="Updates of each contestant a round.")] = 30,
    seeds: Annotated[
        int, typer.Option(min=0, help="Seeds to compare bfloat16 with float32; 0: do not.")
    ] = 0,
    data: Data = None,
    images: ImagesName = None,
) -> None:
    """Our training loop beside a textbook one: updates a second, and the ratio with its spread."""
    from resnet_lab import data as data_module
    from resnet_lab.bench import cpu, equality
    from resnet_lab.bench.result import table

    dataset = data_module.load(data, name=images)
    result = cpu.measure(
        dataset, depth=depth, scale=scale, updates=updates, repeats=repeats, report=typer.echo
    )
    typer.echo(table(result))
    if seeds:
        equal = equality.equal_results(dataset, depths=(depth,), seeds=seeds, report=typer.echo)
        typer.echo(equality.table_equal(equal))
