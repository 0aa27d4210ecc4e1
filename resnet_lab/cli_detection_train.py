"""The command `resnet-lab train detection`.

Paper: Section 4.3; Appendices A and B; Tables 7 to 9.
Notebook: notebooks/04_imagenet.py. Tests: tests/test_cli_detection.py.
"""

from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from resnet_lab.detection.recipe import DetectionRecipe
from resnet_lab.errors import InputError
from resnet_lab.options import Device, Out, recipe_options

TRAIN_EPILOG = (
    "Example: resnet-lab train detection. About 4 minutes on one core. Or: resnet-lab train "
    "detection --data voc07+12 --root ~/voc --backbone resnet101 --weights torchvision; on 8 GPUs "
    "torchrun --nproc-per-node 8 -m resnet_lab train detection --data coco --root ~/coco. How long "
    "these take was not measured yet."
)
Root = Annotated[Path | None, typer.Option(help="Folder with the files of VOC or COCO.")]
Precision = Annotated[
    str | None, typer.Option(help="float32 or bfloat16. Default: bfloat16 on a GPU that has it.")
]


@partial(recipe_options, recipe=DetectionRecipe)
def train_detection(
    data: Annotated[
        str, typer.Option(help="scenes (drawn), voc07+12, voc07++12, voc07, voc12 or coco.")
    ] = "scenes",
    root: Root = None,
    backbone: Annotated[
        str | None,
        typer.Option(
            help="resnet50, resnet101, plain34, vgg16; toy, toy-plain, toy-3,3,3,2-plain. Default: "
            "toy for the scenes, else resnet101."
        ),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            help="torchvision, a file, crops (drawn ones; toy only), random. Default: crops for "
            "toy, else torchvision."
        ),
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the crops.")] = 5,
    context: Annotated[
        bool, typer.Option("--context", help="Appendix B: the whole image as one more region.")
    ] = False,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", help="A field of the detector, as pooling=align. Repeatable."),
    ] = None,
    images: Annotated[int | None, typer.Option(min=1, help="Training images at most.")] = None,
    test_images: Annotated[int | None, typer.Option(min=1, help="Test images at most.")] = None,
    side: Annotated[int | None, typer.Option(help="Pixels of a drawn scene.")] = None,
    prior: Annotated[int | None, typer.Option(help="How much a scene tells of its shapes.")] = None,
    per_device: Annotated[
        int | None, typer.Option(min=1, help="Images through the net together. Default: all, or 1.")
    ] = None,
    precision: Precision = None,
    threads: Annotated[int, typer.Option(min=1, help="Of this process, for computing.")] = 1,
    workers: Annotated[int, typer.Option(min=0, help="Threads that read images ahead.")] = 2,
    checkpoint_every: Annotated[int, typer.Option(min=1, help="Updates.")] = 250,
    out: Out = Path("out"),
    device: Device = None,
    **changes: object,
) -> None:
    """Train a detector; on drawn scenes unless --data says otherwise.

    The schedule is that of the data: the paper's for COCO, Faster R-CNN's for VOC. Fewer GPUs make
    the same updates in more parts; --batch changes rate and length with it, by the linear rule.
    Killed and started again with the same words it goes on from its last checkpoint.
    """
    from resnet_lab.detection import plan, run
    from resnet_lab.distributed import world

    words = plan.Words(
        data=data,
        root=root,
        backbone=backbone,
        weights=weights,
        epochs=epochs,
        images=images,
        test_images=test_images,
        drawn={name: v for name, v in (("side", side), ("prior", prior)) if v is not None},
    )
    given = {name: value for name, value in changes.items() if value is not None}
    if "drops" in given:
        given["drops"] = numbers("drops", str(given["drops"]))
    fields_set = [*(sets or []), *(["context=true"] if context else [])]
    with world(device) as here:
        how = run.How(
            per_device=per_device,
            precision=checked(precision, here.device),
            threads=threads,
            workers=0 if data == "scenes" else workers,
            checkpoint_every=checkpoint_every,
        )
        say = typer.echo if here.first else lambda line: None
        job = plan.job(
            words,
            settings=lambda detector: settings(fields_set, detector),
            changes=given,
            how=how,
            here=here,
            out=out,
            report=say,
        )
        say(f"weights and record in {run.run(job, out)}")


def settings(words: list[str], owner: object) -> dict[str, Any]:
    """Fields from "name=value", each of the kind that `owner` has there. Raises: InputError."""
    known = {field.name for field in fields(owner)} - {"backbone", "classes"}
    found: dict[str, Any] = {}
    for word in words:
        name, mark, text = word.partition("=")
        if not mark or name not in known:
            raise InputError(f"--set takes name=value, of {', '.join(sorted(known))}; got {word!r}")
        found[name] = value_of(name, text, getattr(owner, name))
    return found


def value_of(name: str, text: str, usual: object) -> Any:
    """`text` as the kind of `usual`. Raises: InputError if it is not."""
    if isinstance(usual, bool):
        if text.lower() not in ("true", "false"):
            raise InputError(f"{name} is true or false, got {text!r}")
        return text.lower() == "true"
    if isinstance(usual, tuple):
        return numbers(name, text, float if isinstance((*usual, 0)[0], float) else int)
    if isinstance(usual, str):
        return text
    found = numbers(name, text, float if isinstance(usual, float) else int)
    if len(found) != 1:
        raise InputError(f"{name} is one number, got {text!r}")
    return found[0]


def numbers(name: str, text: str, kind: type = int) -> tuple:
    """Numbers with commas between them. Raises: InputError."""
    try:
        return tuple(kind(part) for part in text.split(",") if part.strip())
    except ValueError as error:
        kinds = "whole numbers" if kind is int else "numbers"
        raise InputError(f"{name} are {kinds} with commas between, got {text!r}") from error


def checked(precision: str | None, device: str) -> str:
    """`precision`, or the device's: float32 on a processor. Raises: InputError."""
    if precision not in (None, "float32", "bfloat16"):
        raise InputError(f"precision must be float32 or bfloat16, got {precision!r}")
    if precision is None and device.startswith("cuda"):
        from resnet_lab.train import fast_precision

        return fast_precision(device)
    return precision or "float32"
