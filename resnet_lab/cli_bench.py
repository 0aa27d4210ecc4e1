"""The commands `resnet-lab bench cpu`, `resnet-lab bench gpu` and `resnet-lab bench widgets`.

Paper: Section 4.2 (the nets and the recipe that are timed).
Notebook: notebooks/00_start_here.py. Tests: tests/test_cli_bench.py.
"""

from pathlib import Path
from typing import Annotated

import typer

from resnet_lab.errors import InputError
from resnet_lab.options import Data, ImagesName, Scale

bench_app = typer.Typer(
    help="Measure our training beside a textbook loop, and how soon sliders answer.",
    no_args_is_help=True,
)


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
    from resnet_lab.bench.equivalence import table_equal
    from resnet_lab.bench.result import table

    dataset = data_module.load(data, name=images)
    result = cpu.measure(
        dataset, depth=depth, scale=scale, updates=updates, repeats=repeats, report=typer.echo
    )
    typer.echo(table(result))
    if seeds:
        equal = equality.equal_results(dataset, depths=(depth,), seeds=seeds, report=typer.echo)
        typer.echo(table_equal(equal))


@bench_app.command(
    "gpu",
    epilog="Example: resnet-lab bench gpu --depths 20 --budget 5m --json gpu.json. "
    "How long it takes was not measured yet; --budget bounds it, but for the seeds.",
)
def bench_gpu(
    depths: Annotated[str, typer.Option(help="Weighted layers, each 6n+2, in this order.")] = (
        "20,56,110"
    ),
    updates: Annotated[
        int, typer.Option(min=1, help="Updates of each slow loop a round; the engine has more.")
    ] = 120,
    repeats: Annotated[int, typer.Option(min=1, help="Rounds of all contestants in turn.")] = 5,
    at_once: Annotated[
        str, typer.Option("--at-once", help="Numbers of runs to train side by side.")
    ] = "2,4,8",
    budget: Annotated[
        str | None, typer.Option(help="Stop after the round in which 90s, 25m or 2h are over.")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="File for all raw numbers; written as they come.")
    ] = None,
    seeds: Annotated[
        int,
        typer.Option(min=0, help="Seeds to compare the engine with the readable loop; 0: do not."),
    ] = 0,
    data: Data = None,
    images: ImagesName = None,
) -> None:
    """The engine, our readable loop and a textbook loop on one GPU, as the paper trains.

    Images a second, the ratios with their spread, and the share of what the hardware allows. With
    --seeds, short runs of the first depth, plain and residual, also show whether engine and
    readable loop end with equal errors.
    """
    from resnet_lab import data as data_module
    from resnet_lab.bench import equality, gpu
    from resnet_lab.bench.equivalence import table_equal
    from resnet_lab.bench.gpu_result import as_json, table
    from resnet_lab.files import write_whole
    from resnet_lab.reproduce import seconds
    from resnet_lab.resnet import cifar

    layers, together = numbers("--depths", depths), numbers("--at-once", at_once)
    for depth in layers:
        cifar(depth)  # a wrong one should not wait for its turn
    limit = None if budget is None else seconds(budget)
    gpu.check_device()
    dataset = data_module.load(data, name=images)

    def keep(result, equal=()) -> None:
        if json_file:
            write_whole(json_file, as_json(result, equal))

    result = gpu.measure(
        dataset,
        gpu.paper_runs(dataset, layers),
        updates=updates,
        rounds=repeats,
        at_once=[k for k in together if k > 1],  # one at a time is always measured
        budget=limit,
        report=typer.echo,
        keep=keep,
    )
    typer.echo(table(result))
    if seeds:
        equal = equality.equal_results(
            dataset,
            pairs=equality.loops("cuda"),
            device="cuda",
            scale="paper",
            depths=layers[:1],
            seeds=seeds,
            steps=1_000,
            report=typer.echo,
        )
        typer.echo(table_equal(equal))
        keep(result, equal)


@bench_app.command(
    "widgets", epilog="Example: resnet-lab bench widgets 01 05. About a minute a chapter."
)
def bench_widgets(
    chapters: Annotated[list[str] | None, typer.Argument(help="Chapters; default: all.")] = None,
) -> None:
    """How long each slider and button of a chapter takes to redraw, in the kernel."""
    from resnet_lab.bench import controls

    for line in controls.report(chapters or None):
        typer.echo(line)


def numbers(option: str, text: str) -> list[int]:
    """The whole numbers in "20,56", none twice. Raises: InputError."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and int(part) for part in parts):
        raise InputError(f"{option} takes whole numbers such as 2,4,8, got {text!r}")
    return list(dict.fromkeys(map(int, parts)))
