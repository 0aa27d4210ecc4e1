"""The command `resnet-lab landscape`.

Paper: beyond it; Li et al. 2018 (arXiv 1712.09913), for the nets of Section 4.2.
Notebook: notebooks/10_why_it_works.py. Tests: tests/test_cli_landscape.py.
"""

from pathlib import Path
from typing import Annotated

import typer

from resnet_lab.errors import InputError
from resnet_lab.options import Data, Device, Out, Scale

EPILOG = (
    "Example: resnet-lab landscape plain-20 ResNet-20 --bn recomputed. About a minute a net of 20 "
    "layers on one core, four of 56. On a GPU it has not been tried yet."
)
FILE = "Weights FILE"


def landscape(
    nets: Annotated[
        list[str] | None,
        typer.Argument(help="plain-20, ResNet-56 ..., or a .safetensors file. None: the four."),
    ] = None,
    points: Annotated[int, typer.Option(help="Along each direction; odd.")] = 25,
    radius: Annotated[
        float, typer.Option(help="Largest step; 1 is as long as the weights, filter by filter.")
    ] = 1.0,
    images: Annotated[
        str, typer.Option(help="How many images the loss is measured on; all: the whole split.")
    ] = "500",
    dimensions: Annotated[int, typer.Option(help="1 (a curve) or 2 (a map).")] = 2,
    bn: Annotated[
        str, typer.Option(help="BN statistics: running (kept) or recomputed at every point.")
    ] = "running",
    split: Annotated[str, typer.Option(help="train or test.")] = "train",
    seed: Annotated[int, typer.Option(help="Seed of the run.")] = 0,
    direction_seed: Annotated[int, typer.Option(help="Seed of the random directions.")] = 0,
    scale: Scale = "quick",
    data: Data = None,
    data_set: Annotated[
        str | None, typer.Option(help="cifar10 or embedded. Default: CIFAR-10 if found.")
    ] = None,
    out: Out = Path("out"),
    budget: Annotated[
        str | None, typer.Option(help="Stop measuring after this long: 90s, 25m or 2h.")
    ] = None,
    device: Device = None,
    depth: Annotated[int, typer.Option(help="Weighted layers.", rich_help_panel=FILE)] = 20,
    shortcut: Annotated[str, typer.Option(help="none, A, B or C.", rich_help_panel=FILE)] = "A",
    width: Annotated[
        int, typer.Option(min=1, help="Filters of the first stage.", rich_help_panel=FILE)
    ] = 16,
    size: Annotated[
        int, typer.Option(help="Pixels: 32, or 16 for our quick nets.", rich_help_panel=FILE)
    ] = 32,
    by_position: Annotated[
        bool, typer.Option(help="Tensors in their order.", rich_help_panel=FILE)
    ] = False,
    mean: Annotated[
        tuple[float, float, float] | None,
        typer.Option(help="Channel means. Default: per pixel.", rich_help_panel=FILE),
    ] = None,
    std: Annotated[
        tuple[float, float, float] | None,
        typer.Option(help="Channel deviations. Default: none.", rich_help_panel=FILE),
    ] = None,
) -> None:
    """The loss around trained weights, along random filter-normalised directions.

    Can be stopped with Ctrl-C and started again: it goes on where it was.
    """
    import torch

    from resnet_lab import data as data_module
    from resnet_lab import reproduce, runner
    from resnet_lab.landscape import measuring, report, targets
    from resnet_lab.landscape.slices import Choice
    from resnet_lab.resnet import cifar

    seconds = None if budget is None else reproduce.seconds(budget)
    dataset = data_module.load(data, name=data_set)
    choice = Choice(
        dimensions=dimensions,
        points=points,
        radius=radius,
        bn=bn,
        split=split,
        n=count(images, len(dataset.test_labels if split == "test" else dataset.train_labels)),
        direction_seed=direction_seed,
    )
    engine = runner.default_engine(device)

    def channels(values: tuple[float, float, float] | None):
        return None if values is None else torch.tensor(values).view(3, 1, 1)

    def target(name: str):
        if not is_file(name):
            return targets.recorded(name, seed, scale, dataset, out)
        config = cifar(depth, shortcut=shortcut, width=width)
        how = {"size": size, "by_position": by_position}
        return targets.of_file(Path(name), config, mean=channels(mean), std=channels(std), **how)

    chosen = [target(name) for name in nets or targets.NETS]
    with reproduce.lock(out), runner.own_threads(engine.threads):
        written = measuring.measure_all(
            chosen, choice, dataset, out, device=engine.device, budget=seconds, say=typer.echo
        )
        for line in report.written(written):
            typer.echo(line)
    if len(written) < len(chosen):
        typer.echo("Not all slices are measured; the same command goes on from here.")
        raise typer.Exit(1)


def is_file(name: str) -> bool:
    """Whether `name` means a file of weights, not a net."""
    return Path(name).suffix in (".safetensors", ".pt", ".pth", ".tar", ".th") or "/" in name


def count(text: str, whole: int) -> int:
    """How many images "500" or "all" are. Raises: InputError."""
    if text == "all":
        return whole
    if text in ("cifar10", "embedded"):
        raise InputError(f"--images is how many here; the data set is --data-set {text}")
    try:
        return int(text)
    except ValueError as error:
        raise InputError(f"--images is a number of images or all, got {text!r}") from error
