"""The commands `resnet-lab train localisation` and `resnet-lab evaluate localisation`.

Paper: Appendix C; Tables 13 and 14.
Notebook: notebooks/09_localisation.py. Tests: tests/test_cli_localisation.py.
"""

from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from torch import Tensor

from resnet_lab.detection.recipe import DetectionRecipe
from resnet_lab.errors import InputError
from resnet_lab.options import Device, Out, recipe_options

TRAIN_EPILOG = (
    "Example: resnet-lab train localisation --seed 0. Minutes on one core. Or: resnet-lab train "
    "localisation --data ~/imagenet --weights torchvision:resnet101, with torchrun "
    "--nproc-per-node 8 -m resnet_lab in the place of resnet-lab on 8 GPUs; how long that takes "
    "was not measured yet."
)
EVALUATE_EPILOG = (
    "Example: resnet-lab evaluate localisation out/localisation/ResNet-16_seed0-…. Several "
    "folders are an ensemble. Seconds on the embedded images."
)
Images = Annotated[str, typer.Option("--data", help="embedded, or a folder with ImageNet.")]
# recipe fields that R-CNN has for itself; the others are those of all nets
OWN = ("lr", "steps", "drops", "batch", "warm_up")
PANEL = "Recipe of R-CNN"
AnyBox = Annotated[bool, typer.Option("--any-box", help="Cut boxes that leave their image.")]
Blacklist = Annotated[
    Path | None, typer.Option(help="Numbers of val images that are not counted, one a line.")
]


@partial(recipe_options, recipe=DetectionRecipe)
def train_localisation(
    data: Images = "embedded",
    weights: Annotated[
        str | None,
        typer.Option(help="ImageNet: the classifier, torchvision:resnet101 or a file."),
    ] = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="Embedded: a backbone without shortcuts.")
    ] = False,
    stages: Annotated[str, typer.Option(help="Nets to train.")] = "regression,rpn,rcnn",
    images: Annotated[int | None, typer.Option(min=1, help="Embedded: training images.")] = None,
    test_images: Annotated[int | None, typer.Option(min=1, help="Embedded: test images.")] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Embedded: passes of the classifier.")
    ] = None,
    any_box: AnyBox = False,
    blacklist: Blacklist = None,
    rcnn_lr: Annotated[
        float | None, typer.Option(help="As --lr, of R-CNN.", rich_help_panel=PANEL)
    ] = None,
    rcnn_steps: Annotated[
        int | None, typer.Option(help="As --steps, of R-CNN.", rich_help_panel=PANEL)
    ] = None,
    rcnn_drops: Annotated[
        str | None, typer.Option(help="As --drops, of R-CNN.", rich_help_panel=PANEL)
    ] = None,
    rcnn_batch: Annotated[
        int | None, typer.Option(help="Regions, each of another image.", rich_help_panel=PANEL)
    ] = None,
    rcnn_warm_up: Annotated[
        int | None, typer.Option(help="As --warm-up, of R-CNN.", rich_help_panel=PANEL)
    ] = None,
    per_device: Annotated[
        int | None, typer.Option(min=1, help="Images through a net together. Default: all.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Of this process, for computing.")] = 1,
    workers: Annotated[int, typer.Option(min=0, help="Threads that read images ahead.")] = 2,
    checkpoint_every: Annotated[int, typer.Option(min=1, help="Updates.")] = 250,
    out: Out = Path("out"),
    device: Device = None,
    **changes: object,
) -> None:
    """Train the nets of Table 13: per-class regression, per-class RPN, R-CNN; then test them.

    R-CNN has a rate, a length and a batch of its own; all other recipe options are for every net.
    Killed and started again with the same words it goes on from its last checkpoint.
    """
    from resnet_lab.distributed import world
    from resnet_lab.localisation import recipe, run
    from resnet_lab.localisation.job import Job

    drawn_ones = data == "embedded"
    if drawn_ones:
        start = on_drawn(images, test_images, epochs, weights, plain)
    else:
        start = on_imagenet(Path(data), weights, any_box, blacklist)
    wanted = tuple(word.strip() for word in stages.split(","))
    own = dict(zip(OWN, (rcnn_lr, rcnn_steps, rcnn_drops, rcnn_batch, rcnn_warm_up), strict=True))
    shared = {name: value for name, value in changes.items() if name not in OWN}
    usual = recipe.EMBEDDED if drawn_ones else recipe.IMAGENET
    rcnn = recipe.RCNN_EMBEDDED if drawn_ones else recipe.RCNN_IMAGENET
    if "rcnn" not in wanted and any(value is not None for value in own.values()):
        raise InputError("options of R-CNN are for a run that trains it; add rcnn to --stages")
    with world(device) as here:
        say = typer.echo if here.first else lambda line: None
        job = Job(
            recipe=changed(usual, changes),
            rcnn=changed(rcnn, shared | own) if "rcnn" in wanted else None,
            stages=wanted,
            here=here,
            per_device=per_device,
            threads=threads,
            workers=0 if drawn_ones else workers,
            checkpoint_every=checkpoint_every,
            report=say,
            **start,
        )
        say(f"weights and record in {run.run(job, out)}")


def changed(usual: DetectionRecipe, changes: dict[str, object]) -> DetectionRecipe:
    """`usual` with the options that were given. Raises: InputError for one that cannot be."""
    from resnet_lab.cli_detection_train import numbers
    from resnet_lab.detection.plan import recipe_from

    given = {name: value for name, value in changes.items() if value is not None}
    if "drops" in given:
        given["drops"] = numbers("drops", str(given["drops"]))
    return recipe_from(usual, given)


def on_drawn(
    images: int | None,
    test_images: int | None,
    epochs: int | None,
    weights: str | None,
    plain: bool,
) -> dict[str, object]:
    """Images, classifier and config for the embedded set. Raises: InputError for weights."""
    from resnet_lab.localisation import drawn, recipe
    from resnet_lab.localisation.config import toy

    if weights is not None:
        raise InputError("on embedded images the classifier is trained; leave --weights away")
    seen, usual = drawn.load("train", images), recipe.CLASSIFIER
    return dict(
        config=toy(shortcut="none" if plain else "A"),
        train=seen,
        test=drawn.load("val", test_images),
        classifier=replace(usual, crops=len(seen), epochs=epochs or usual.epochs),
    )


def on_imagenet(
    root: Path, weights: str | None, any_box: bool, blacklist: Path | None
) -> dict[str, object]:
    """Images, classifier and config for ImageNet. Raises: InputError for what is missing."""
    from resnet_lab import imagenet_weights
    from resnet_lab.localisation import folder
    from resnet_lab.localisation.config import LocaliserConfig

    if weights is None:
        raise InputError("--weights must name the classifier, as torchvision:resnet101")
    seen = folder.load(root, "train", outside=any_box)
    test = folder.load(root, "val", classes=seen.classes, outside=any_box, blacklist=blacklist)
    source = imagenet_weights.load(weights)
    if source.net.config.classes != len(seen.classes):
        raise InputError(
            f"{weights} knows {source.net.config.classes} classes, {root} has {len(seen.classes)}"
        )
    statistics = source.statistics
    config = LocaliserConfig(
        backbone=source.net.config,
        classes=len(seen.classes),
        mean=decimals(statistics.mean.mean((1, 2))),
        std=(1.0,) * 3 if statistics.std is None else decimals(statistics.std.flatten()),
    )
    return dict(config=config, train=seen, test=test, net=source.net)


def decimals(values: Tensor) -> tuple[float, ...]:
    """Six decimals of each: single precision must not make another number of 0.485."""
    return tuple(round(value, 6) for value in values.tolist())


def evaluate_localisation(
    runs: Annotated[
        list[Path], typer.Argument(help="Folders of trained runs; several are an ensemble.")
    ],
    data: Images = "embedded",
    test_images: Annotated[int | None, typer.Option(min=1, help="Embedded: test images.")] = None,
    ten_crop: Annotated[
        bool, typer.Option("--10-crop", help="Also the ten crops of Section 3.4.")
    ] = False,
    any_box: AnyBox = False,
    blacklist: Blacklist = None,
    threads: Annotated[int, typer.Option(min=1, help="Of this process, for computing.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one object.")] = False,
    out: Out = Path("out"),
    device: Device = None,
) -> None:
    """Localisation errors of trained runs: centre crop and dense, true and predicted class."""
    import json

    from resnet_lab import runner
    from resnet_lab.distributed import world
    from resnet_lab.localisation import drawn, evaluate, folder, members, record, run

    with world(device) as here, runner.own_threads(threads):
        found, nets = zip(*(members.trained(place, here.device) for place in runs), strict=True)
        if data == "embedded":
            test = drawn.load("val", test_images)
        else:
            given = dict(outside=any_box, blacklist=blacklist)
            test = folder.load(Path(data), "val", **given)
        extra = (("rpn", "10-crop"), ("rpn+rcnn", "10-crop")) if ten_crop else ()
        reached = evaluate.evaluate(nets, test, extra=extra, here=here)
        result = record.EnsembleRecord(
            format=record.ENSEMBLE,
            members=tuple(one.digest for one in found),
            seeds=tuple(one.run.recipe.seed for one in found),
            test=test.content_hash,
            **record.values(reached),
            how=run.how_of(here, threads, 0.0),
        )
        first = here.first
    if not first:
        return
    path = out / "localisation" / "evaluations" / f"{result.digest[:10]}.json"
    record.save(result, path)
    if as_json:
        typer.echo(json.dumps(asdict(result), indent=1, allow_nan=False))
        return
    typer.echo(f"{reached.images:,} images of {test.name}; result in {path}")
    typer.echo(f"classification: top-1 error {reached.top1:.2f} %, top-5 {reached.top5:.2f} %")
    for row in reached.rows:
        typer.echo(
            f"{row.method:<11}{row.protocol:<9}{row.classes + ' class':<17}"
            f"top-1 {row.top1:6.2f} %  top-5 {row.top5:6.2f} %"
        )
