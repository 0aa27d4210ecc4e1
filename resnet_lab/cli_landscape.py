"""The commands `resnet-lab landscape` and `resnet-lab bench landscape`.

Paper: beyond it; Li et al. 2018 (arXiv 1712.09913), for the nets of Section 4.2.
Notebook: notebooks/10_why_it_works.py. Tests: tests/test_cli_landscape.py.
"""

from pathlib import Path
from typing import Annotated

import typer

from resnet_lab.errors import InputError
from resnet_lab.options import Data, Device, Out, Scale

EPILOG = (
    "Example: resnet-lab landscape plain-20 ResNet-20 --bn recomputed. With statistics kept "
    "ResNet-20 took 2 min 20 s on a busy core; deeper nets take longer. Not tried on a GPU yet."
)
BENCH_EPILOG = "Example: resnet-lab bench landscape ResNet-20 --rounds 5. Under a minute."
FILE = "Weights FILE"
Images = Annotated[
    str, typer.Option(help="How many images the loss is measured on; all: the whole split.")
]
Statistics = Annotated[
    str, typer.Option(help="BN statistics: running (kept) or recomputed at every point.")
]
DataSet = Annotated[
    str | None, typer.Option(help="cifar10 or embedded. Default: CIFAR-10 if found.")
]
# two threads wait for each other wherever something else wants a core: beside other programs
# they were several times slower than one
Threads = Annotated[int, typer.Option(min=1, help="Of a processor; more help on idle cores only.")]
Seed = Annotated[int, typer.Option(help="Seed of the run.")]


def landscape(
    nets: Annotated[
        list[str] | None,
        typer.Argument(help="plain-20, ResNet-56 ..., or a .safetensors file. None: the four."),
    ] = None,
    points: Annotated[int, typer.Option(help="Along each direction; odd.")] = 25,
    radius: Annotated[
        float, typer.Option(help="Largest step; 1 is as long as the weights, filter by filter.")
    ] = 1.0,
    images: Images = "500",
    dimensions: Annotated[int, typer.Option(help="1 (a curve) or 2 (a map).")] = 2,
    bn: Statistics = "running",
    split: Annotated[str, typer.Option(help="train or test.")] = "train",
    seed: Seed = 0,
    direction_seed: Annotated[int, typer.Option(help="Seed of the random directions.")] = 0,
    scale: Scale = "quick",
    data: Data = None,
    data_set: DataSet = None,
    out: Out = Path("out"),
    budget: Annotated[
        str | None, typer.Option(help="Stop measuring after this long: 90s, 25m or 2h.")
    ] = None,
    device: Device = None,
    threads: Threads = 1,
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
    from resnet_lab import data as data_module
    from resnet_lab import reproduce, runner
    from resnet_lab.landscape import measuring, report, targets
    from resnet_lab.landscape.slices import Choice

    seconds = None if budget is None else reproduce.seconds(budget)
    engine = runner.default_engine(device, threads)
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
    of_file = {"depth": depth, "shortcut": shortcut, "width": width, "size": size}
    of_file |= {"by_position": by_position, "mean": mean, "std": std}
    chosen = [
        file_target(Path(name), **of_file)
        if is_file(name)
        else targets.recorded(name, seed, scale, dataset, out)
        for name in nets or targets.NETS
    ]
    with reproduce.lock(out), runner.own_threads(engine.threads):
        written = measuring.measure_all(
            chosen, choice, dataset, out, device=engine.device, budget=seconds, say=typer.echo
        )
        for line in report.written(written):
            typer.echo(line)
    if len(written) < len(chosen):
        typer.echo("Not all slices are measured; the same command goes on from here.")
        raise typer.Exit(1)


def bench_landscape(
    net: Annotated[str, typer.Argument(help="plain-20, ResNet-56 ...")] = "ResNet-20",
    images: Images = "500",
    bn: Statistics = "running",
    rounds: Annotated[int, typer.Option(min=2, help="Rounds of all ways in turn.")] = 5,
    points: Annotated[int, typer.Option(min=2, help="Points of each way a round.")] = 8,
    seed: Seed = 0,
    data: Data = None,
    data_set: DataSet = None,
    out: Out = Path("out"),
    device: Device = None,
    threads: Threads = 1,
) -> None:
    """Three ways through the points of a slice: load weights, functional_call, vmap over points."""
    from resnet_lab import data as data_module
    from resnet_lab import runner
    from resnet_lab.landscape import methods, targets
    from resnet_lab.landscape.slices import Choice

    engine = runner.default_engine(device, threads)
    dataset = data_module.load(data, name=data_set)
    choice = Choice(n=count(images, len(dataset.train_labels)), bn=bn)
    target = targets.recorded(net, seed, "quick", dataset, out)
    sample = target.sample(dataset, choice, engine.device)
    with runner.own_threads(engine.threads):
        found = methods.compare(
            target.net.to(engine.device),
            sample.images,
            sample.labels,
            bn=bn,
            rounds=rounds,
            points=points,
        )
    typer.echo(f"{target.name}, BN {bn}: {found.table()}")


def file_target(path: Path, *, depth, shortcut, width, size, by_position, mean, std):
    """The net in the file at `path`. Raises: InputError if it holds no such net."""
    import torch

    from resnet_lab.landscape import targets
    from resnet_lab.resnet import cifar

    means, stds = (
        None if values is None else torch.tensor(values).view(3, 1, 1) for values in (mean, std)
    )
    config = cifar(depth, shortcut=shortcut, width=width)
    how = {"size": size, "by_position": by_position, "mean": means, "std": stds}
    return targets.of_file(path, config, **how)


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
