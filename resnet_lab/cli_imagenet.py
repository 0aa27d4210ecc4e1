"""The commands `resnet-lab imagenet …` and `resnet-lab evaluate imagenet`.

Paper: Sections 3.4 and 4.1; Tables 2 to 5.
Notebook: notebooks/04_imagenet.py. Tests: tests/test_cli_imagenet.py.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from resnet_lab.errors import InputError
from resnet_lab.imagenet_recipe import ImageNetRecipe
from resnet_lab.options import Device, Out, recipe_options

imagenet_app = typer.Typer(help="Train nets on ImageNet (Section 4.1).", no_args_is_help=True)

Data = Annotated[
    Path,
    typer.Option(
        "--data", help="Folder with train/CLASS/… and val/CLASS/…, or with the tar files."
    ),
]
Depth = Annotated[int | None, typer.Option(help="18, 34, 50, 101 or 152.")]
Shortcut = Annotated[
    str | None,
    typer.Option(help="none (the plain net), A, B or C. Default: A up to 34 layers, then B."),
]
StrideIn = Annotated[
    str | None, typer.Option(help="Which convolution of a bottleneck strides: 1x1 (paper) or 3x3.")
]
Workers = Annotated[int, typer.Option(min=0, help="Decoding processes for each training process.")]
Precision = Annotated[
    str | None, typer.Option(help="float32 or bfloat16. Default: what the device is fast in.")
]
BrokenFiles = Annotated[
    str, typer.Option("--broken", help="A broken image: fail, or skip it, name it and count it.")
]


@imagenet_app.command(
    "train",
    epilog="Example: resnet-lab imagenet train --data ~/imagenet --depth 50. On several GPUs: "
    "torchrun --nproc-per-node 8 -m resnet_lab imagenet train --data ~/imagenet. 600,000 updates "
    "are days on one GPU; how many was not measured yet.",
)
@partial(recipe_options, recipe=ImageNetRecipe)
def train_command(
    data: Data,
    depth: Depth = 50,
    shortcut: Shortcut = None,
    stride_in: StrideIn = "1x1",
    widths: Annotated[
        str | None, typer.Option(help="Filters of the four stages; the paper: 64,128,256,512.")
    ] = None,
    per_device: Annotated[
        int,
        typer.Option(min=1, help="Images of a micro-batch, whose BN statistics are their own."),
    ] = 32,
    workers: Workers = 2,
    precision: Precision = None,
    compiled: Annotated[
        bool | None, typer.Option("--compile/--no-compile", help="Default: on a GPU.")
    ] = None,
    checkpoint_every: Annotated[int, typer.Option(min=1, help="Updates.")] = 1_000,
    broken: BrokenFiles = "fail",
    out: Out = Path("out"),
    device: Device = None,
    **changes: object,
) -> None:
    """Train one net by the paper's recipe; under torchrun on several GPUs and machines.

    Killed and started again with the same words it goes on from its last checkpoint.
    """
    from resnet_lab import imagenet_run
    from resnet_lab.distributed import world
    from resnet_lab.resnet import imagenet

    given = {name: parsed(name, value) for name, value in changes.items() if value is not None}
    recipe = replace(ImageNetRecipe(), **given)
    config = imagenet(depth, shortcut=shortcut, stride_in=stride_in)
    if widths is not None:
        config = replace(config, widths=parsed("widths", widths))
    with world(device) as here:
        how = imagenet_run.default_how(
            here.device,
            per_device=per_device,
            workers=workers,
            precision=checked(precision),
            compiled=compiled,
            checkpoint_every=checkpoint_every,
        )
        say = typer.echo if here.first else lambda line: None
        folder = imagenet_run.run(
            config, recipe, data, out, how, here=here, broken=broken, report=say
        )
        say(f"weights and record in {folder}")


def parsed(name: str, value: object) -> object:
    """Numbers with commas between them as a tuple, all else as it is. Raises: InputError."""
    if name not in ("short_side", "drop_at", "widths", "sides"):
        return value
    try:
        return tuple(int(part) for part in str(value).split(",") if part.strip())
    except ValueError as error:
        raise InputError(f"{name} are whole numbers with commas between, got {value!r}") from error


def checked(precision: str | None) -> str | None:
    """`precision`. Raises: InputError if it is none that is known."""
    if precision not in (None, "float32", "bfloat16"):
        raise InputError(f"precision must be float32 or bfloat16, got {precision!r}")
    return precision


@imagenet_app.command(
    "show",
    epilog="Example: resnet-lab imagenet show --data ~/imagenet. Minutes, once; then seconds.",
)
def show(data: Data) -> None:
    """How many images and classes there are, and what was left out for its ending."""
    from resnet_lab import imagenet_folder

    for split in ("train", "val"):
        found = imagenet_folder.find(data, split)
        typer.echo(
            f"{split}: {len(found):,} images of {len(found.classes):,} classes from {found.place} "
            f"({found.layout} layout; {found.others} files without an image's ending left out)"
        )


@imagenet_app.command(
    "draw", epilog="Example: resnet-lab imagenet draw drawn, then give --data drawn. Seconds."
)
def draw(
    to: Annotated[Path, typer.Argument(help="A new folder.")],
    classes: Annotated[int, typer.Option(help="Shapes in colours, at most 15.")] = 4,
    train: Annotated[int, typer.Option(min=1, help="Training images a class.")] = 40,
    val: Annotated[int, typer.Option(min=1, help="Validation images a class.")] = 10,
    oddities: Annotated[bool, typer.Option(help="Also grey, CMYK, broken files.")] = True,
) -> None:
    """Draw a small ImageNet look-alike, to run everything from end to end."""
    from resnet_lab import drawn_images

    typer.echo(drawn_images.draw(to, classes=classes, train=train, val=val, oddities=oddities))


def progress(total: int) -> Callable[[int], None]:
    """Says on stderr, every ten seconds, how many of `total` images are done."""
    said = time.monotonic()

    def say(done: int) -> None:
        nonlocal said
        if time.monotonic() - said > 10:
            said = time.monotonic()
            typer.echo(f"{done:,} of {total:,} images", err=True)

    return say


def evaluate_imagenet(
    weights: Annotated[
        str,
        typer.Option(
            help="torchvision:resnet50, or a file with our names or torchvision's; several with "
            "commas between are an ensemble."
        ),
    ],
    data: Data,
    protocol: Annotated[str, typer.Option(help="centre, 10-crop or multi-scale.")] = "10-crop",
    depth: Depth = None,
    shortcut: Shortcut = None,
    stride_in: StrideIn = None,
    normalise: Annotated[
        str | None,
        typer.Option(help="paper (subtract a mean) or torchvision (mean, deviation). By source."),
    ] = None,
    split: Annotated[str, typer.Option(help="val or train.")] = "val",
    synsets: Annotated[
        Path | None, typer.Option(help="Classes in the order of the net's outputs, one a line.")
    ] = None,
    side: Annotated[int, typer.Option(help="Shorter side for centre and 10-crop.")] = 256,
    crop: Annotated[int, typer.Option(help="Pixels.")] = 224,
    sides: Annotated[str, typer.Option(help="Shorter sides of multi-scale.")] = (
        "224,256,384,480,640"
    ),
    batch: Annotated[int, typer.Option(min=1, help="Images at a time.")] = 32,
    workers: Workers = 2,
    precision: Precision = "float32",
    bn_images: Annotated[
        int,
        typer.Option(min=0, help="Training images to measure BN statistics on anew; 0: do not."),
    ] = 0,
    broken: BrokenFiles = "fail",
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    out: Out = Path("out"),
    device: Device = None,
) -> None:
    """Top-1 and top-5 error by the paper's protocols, beside the paper's row."""
    from resnet_lab import imagenet_feed, imagenet_folder, imagenet_scores, imagenet_weights
    from resnet_lab.distributed import world
    from resnet_lab.imagenet_evaluation import Protocol

    if split not in ("val", "train"):
        raise InputError(f"split must be val or train, got {split!r}")
    shown = Protocol(name=protocol, side=side, crop=crop, sides=parsed("sides", sides))
    names = None if synsets is None else imagenet_scores.read_synsets(synsets)
    files = imagenet_folder.find(data, split, names)
    sources = [
        imagenet_weights.load(
            spec.strip(), depth=depth, shortcut=shortcut, stride_in=stride_in, normalise=normalise
        )
        for spec in weights.split(",")
        if spec.strip()
    ]
    if not sources:
        raise InputError("--weights names no net")
    imagenet_scores.check_classes(sources, files)
    with world(device) as here:
        if bn_images:
            training = imagenet_folder.find(data, "train")
            recipe = imagenet_feed.recipe_for_bn(shown, bn_images, batch * here.size)
            for source in sources:
                imagenet_feed.measure_bn_of(source, training, recipe, workers, broken, here)
        found = imagenet_scores.score(
            sources,
            files,
            shown,
            here=here,
            batch=batch,
            workers=workers,
            precision=checked(precision),
            broken=broken,
            bn_images=bn_images,
            report=progress(len(files) // here.size) if here.first else lambda done: None,
        )
        if here.first:
            path = imagenet_scores.save(found, out)
            typer.echo(imagenet_scores.as_json(found) if as_json else imagenet_scores.table(found))
            typer.echo(f"result {path}", err=as_json)
