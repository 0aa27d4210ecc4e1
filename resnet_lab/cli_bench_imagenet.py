"""The command `resnet-lab bench imagenet`.

Paper: Table 1; Section 3.4.
Notebook: notebooks/04_imagenet.py. Tests: tests/test_bench_imagenet.py.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from resnet_lab.cli_imagenet import Precision, checked
from resnet_lab.options import Device

EPILOG = (
    "Example: resnet-lab bench imagenet --batch 8 --size 96 --updates 3. Minutes on two cores; "
    "on a GPU leave size and batch away."
)


def bench_imagenet(
    depth: Annotated[int, typer.Option(help="18, 34, 50, 101 or 152.")] = 50,
    batch: Annotated[int, typer.Option(min=2, help="Images an update.")] = 32,
    size: Annotated[int, typer.Option(help="Pixels; smaller than 224 for a processor.")] = 224,
    updates: Annotated[int, typer.Option(min=1, help="Updates of each contestant a round.")] = 10,
    repeats: Annotated[int, typer.Option(min=2, help="Rounds of all contestants in turn.")] = 5,
    precision: Precision = None,
    as_json: Annotated[
        Path | None, typer.Option("--json", help="Also write the times to this file.")
    ] = None,
    device: Device = None,
) -> None:
    """Training updates of our ResNet beside torchvision's and timm's: images a second, ratios."""
    from resnet_lab import bench_imagenet as bench
    from resnet_lab.files import write_whole

    result = bench.measure(
        depth=depth,
        batch=batch,
        size=size,
        updates=updates,
        repeats=repeats,
        device=device,
        precision=checked(precision),
        report=typer.echo,
    )
    typer.echo(bench.table(result))
    if as_json is not None:
        write_whole(as_json, json.dumps(asdict(result), indent=1, allow_nan=False) + "\n")
