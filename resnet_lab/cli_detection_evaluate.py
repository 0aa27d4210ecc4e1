"""The command `resnet-lab evaluate detection`.

Paper: Section 4.3; Appendix B; Tables 7 to 11.
Notebook: notebooks/07_detection.py. Tests: tests/test_cli_detection.py.
"""

import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from resnet_lab.cli_detection_train import Precision, Root, checked, numbers
from resnet_lab.errors import InputError
from resnet_lab.options import Device, Out

if TYPE_CHECKING:
    from resnet_lab.detection.annotated import AnnotatedImages


def evaluate_detection(
    runs: Annotated[
        list[Path], typer.Argument(help="Folders of trained detectors; several are an ensemble.")
    ],
    data: Annotated[
        str | None, typer.Option(help="scenes, voc07+12, … Default: what it was trained on.")
    ] = None,
    root: Root = None,
    images: Annotated[int | None, typer.Option(min=1, help="Test images at most.")] = None,
    side: Annotated[int | None, typer.Option(help="Pixels of a drawn scene.")] = None,
    prior: Annotated[int | None, typer.Option(help="How much a scene tells of its shapes.")] = None,
    refine: Annotated[
        bool, typer.Option("--refine", help="Appendix B: pool again from each regressed box.")
    ] = False,
    vote: Annotated[
        bool, typer.Option("--vote", help="Appendix B: kept boxes are means of their doubles.")
    ] = False,
    scales: Annotated[
        str, typer.Option(help="Appendix B: shorter sides, as 200,400,600,800,1000.")
    ] = "",
    proposals: Annotated[int | None, typer.Option(min=1, help="Per image. Paper: 300.")] = None,
    score: Annotated[float | None, typer.Option(help="Detections below are dropped.")] = None,
    nms: Annotated[float | None, typer.Option(help="IoU of doubles. Paper: 0.3.")] = None,
    results: Annotated[
        Path | None, typer.Option(help="Also write the server's files: a folder, or a .json.")
    ] = None,
    precision: Precision = None,
    threads: Annotated[int, typer.Option(min=1, help="Of this process, for computing.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    out: Out = Path("out"),
    device: Device = None,
) -> None:
    """mAP of trained detectors on test images, with Appendix B's options of testing.

    Under torchrun the processes share the images. Detections stored by any program are scored by
    `resnet-lab evaluate result-files`.
    """
    from resnet_lab import runner
    from resnet_lab.detection import plan, run
    from resnet_lab.distributed import world

    if results is not None:
        ready(results)
    words = plan.Words(
        data=data or plan.data_of(runs[0]),
        root=root,
        images=images,
        drawn={name: v for name, v in (("side", side), ("prior", prior)) if v is not None},
    )
    given = dict(proposals=proposals, score=score, nms=nms)
    given = {name: value for name, value in given.items() if value is not None}
    given |= dict(refine=refine, vote=vote, scales=numbers("scales", scales))
    with world(device) as here, runner.own_threads(threads):
        found = plan.evaluate(
            runs,
            words,
            changes=given,
            here=here,
            precision=checked(precision, here.device),
            report=progress() if here.first else lambda done: None,
            files=results is not None,
        )
        if here.first:
            path = found.save(out)
            typer.echo(found.as_json() if as_json else run.line_of(found.scores, found.data.name))
            typer.echo(f"result {path}", err=as_json)
            if results is not None:
                say = partial(typer.echo, err=as_json)  # stdout is the JSON alone
                write_results(results, found.found, found.data, say)


def progress() -> Callable[[int], None]:
    """Says on stderr, every ten seconds, how many images this process has done."""
    said = time.monotonic()

    def say(done: int) -> None:
        nonlocal said
        if time.monotonic() - said > 10:
            said = time.monotonic()
            typer.echo(f"{done:,} images", err=True)

    return say


def ready(path: Path) -> None:
    """Raises: InputError if no result files can be written there, before an image is tested.

    Nothing is made: the test may still be refused.
    """
    folder = path.parent if path.suffix == ".json" else path
    nearest = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    reason = None
    if folder != path and path.is_dir():
        reason = "it is a folder"
    elif not nearest.is_dir():
        reason = "File exists" if nearest == folder else f"{nearest} is no folder"
    elif not os.access(nearest, os.W_OK):
        reason = f"{nearest} is not yours to write to"
    if reason:
        raise InputError(
            f"no result files can be written to {path} ({reason}); name a folder, or a file that "
            "ends in .json, with --results"
        )


def write_results(path: Path, found: list, data: "AnnotatedImages", say: Callable) -> None:
    """The files that the server of the data takes: VOC's a class, COCO's one; COCO's also if asked.

    In a folder COCO's file has the name that its server wants.
    """
    from resnet_lab.detection import result_files

    if path.suffix != ".json" and data.annotations.form == "coco":
        path = path / f"detections_{data.name.removeprefix('coco-')}_results.json"
    if path.suffix == ".json":
        say(f"result file {result_files.write_coco(path, found, data.annotations)}")
    else:
        written = result_files.write_voc(path, found, data.annotations)
        say(f"{len(written)} result files in {path}")
