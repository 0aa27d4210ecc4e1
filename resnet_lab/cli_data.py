"""The commands `resnet-lab data get` and `resnet-lab data show`.

Paper: Section 4.2 (CIFAR-10).
Notebook: notebooks/00_start_here.py. Tests: tests/test_cli.py.
"""

from pathlib import Path
from typing import Annotated

import typer

from resnet_lab.errors import InputError
from resnet_lab.options import Data, ImagesName

data_app = typer.Typer(help="Fetch and find data sets.", no_args_is_help=True)


VOC = {"voc07": (2007, ("trainval", "test")), "voc12": (2012, ("trainval",))}


@data_app.command(
    "get",
    epilog="Example: resnet-lab data get cifar10. 170 MB; voc07 and voc12 are 0.9 and 2 GB.",
)
def data_get(
    name: Annotated[str, typer.Argument(help="cifar10, voc07 or voc12")],
    to: Annotated[Path | None, typer.Option(help="Folder. Default: the cache.")] = None,
) -> None:
    """Download CIFAR-10 from the first mirror that answers; resumes, and checks the md5.

    PASCAL VOC comes through torchvision into VOCdevkit in the folder.
    """
    from resnet_lab import cache, download

    if name in VOC:
        from resnet_lab.detection import voc

        year, splits = VOC[name]
        place = cache.folder() / "voc" if to is None else to
        for split in splits:
            voc.download(place, year, split)
        typer.echo(place)
        return
    if name != "cifar10":
        known = ", ".join(("cifar10", *VOC))
        raise InputError(f"there is no data set {name!r} to fetch; those there are: {known}")
    typer.echo(download.get_cifar10(to, progress=download.printer()))


@data_app.command("show", epilog="Example: resnet-lab data show --data ~/cifar10. Seconds.")
def data_show(data: Data = None, images: ImagesName = None) -> None:
    """Which images a run would use: their place, layout, number and content hash."""
    from resnet_lab import data as data_module

    found = data_module.load(data, name=images)
    typer.echo(f"{found.label} ({found.layout} layout) from {found.place}")
    typer.echo(f"{len(found.train_labels):,} training and {len(found.test_labels):,} test images")
    typer.echo(f"content hash {found.content_hash}")
