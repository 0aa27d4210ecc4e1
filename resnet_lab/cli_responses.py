"""The command `resnet-lab responses`.

Paper: Figure 7.
Notebook: notebooks/06_layer_responses.py. Tests: tests/test_cli_responses.py.
"""

from pathlib import Path
from typing import Annotated

import typer

from resnet_lab.options import Data, ImagesName

EPILOG = (
    "Example: resnet-lab responses ResNet-20-w8_seed0-….safetensors --width 8 --size 16, or "
    "resnet-lab responses torchvision.models:resnet18 --size 64. Seconds."
)


def responses(
    thing: Annotated[
        str,
        typer.Argument(
            metavar="FILE_OR_MODULE",
            help="A file of weights of a CIFAR net (--depth, --shortcut and --width say which) or "
            "package.module:factory, which is imported and called: that runs its code.",
        ),
    ],
    depth: Annotated[int, typer.Option(help="Weighted layers: 6n+2, bottlenecks 9n+2.")] = 20,
    shortcut: Annotated[str, typer.Option(help="none (the plain net), A, B or C.")] = "A",
    bottleneck: Annotated[bool, typer.Option("--bottleneck", help="Bottlenecks.")] = False,
    width: Annotated[int, typer.Option(min=1, help="Filters of the first stage.")] = 16,
    by_position: Annotated[
        bool, typer.Option(help="Take the tensors in their order, whatever their names.")
    ] = False,
    size: Annotated[int, typer.Option(help="Pixels: 32, 16 for our quick nets, or larger.")] = 32,
    mean: Annotated[
        tuple[float, float, float] | None,
        typer.Option(help="Channel means the net was trained with, in 0..1. Default: per pixel."),
    ] = None,
    std: Annotated[
        tuple[float, float, float] | None,
        typer.Option(help="Channel deviations the net was trained with. Default: none."),
    ] = None,
    split: Annotated[str, typer.Option(help="test or train.")] = "test",
    count: Annotated[int, typer.Option(help="Images, the first of the split.")] = 1_000,
    batch: Annotated[int, typer.Option(help="Images at once; with --bn batch they share.")] = 128,
    bn: Annotated[
        str, typer.Option(help="running: BN's stored statistics; batch: those of each batch.")
    ] = "running",
    kernels: Annotated[str, typer.Option(help="3x3, or all: every convolution.")] = "3x3",
    after: Annotated[
        str, typer.Option(help="bn; or conv: the convolutions' own outputs, for nets without BN.")
    ] = "bn",
    data: Data = None,
    images: ImagesName = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for CSV, JSON and PNG. Default: none.")
    ] = None,
) -> None:
    """Figure 7 for any net with BN: the standard deviation of every 3x3 layer's response."""
    from resnet_lab import data as data_module
    from resnet_lab.layer_responses import foreign, measure, written
    from resnet_lab.layer_responses.on_terminal import print_responses
    from resnet_lab.resnet import cifar

    wanted = foreign.Input(split=split, count=count, size=size, mean=mean, std=std, batch=batch)
    config = cifar(depth, shortcut=shortcut, bottleneck=bottleneck, width=width)
    net = foreign.net_of(thing, config, by_position)
    dataset = data_module.load(data, name=images)
    found = measure(net, foreign.batches(dataset, wanted), bn=bn, kernels=kernels, after=after)
    settings = {"images": f"{found.images} {split} images of {dataset.label}", "size": size}
    settings |= {"bn": bn, "kernels": kernels, "after": after}
    print_responses(found, settings)
    if said := foreign.caution(net):
        typer.echo(said)
    for path in written.write_own(found, settings, out) if out else ():
        typer.echo(f"wrote {path}")
