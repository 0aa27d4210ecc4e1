"""The command `resnet-lab evaluate result-files`: detections and annotations in, a table out.

Paper: Section 4.3; Tables 7 to 11.
Notebook: notebooks/07_detection.py. Tests: tests/test_detection_results.py.
"""

import math
from pathlib import Path
from typing import Annotated

import typer

EPILOG = (
    "Example: resnet-lab evaluate result-files results/ --annotations VOCdevkit/VOC2007 "
    "--eleven-points. Seconds."
)


def evaluate_result_files(
    results: Annotated[
        Path,
        typer.Argument(help="A COCO result file, or a folder of comp4_det_SPLIT_CLASS.txt."),
    ],
    annotations: Annotated[
        Path, typer.Option(help="A COCO instances file, a VOC folder, or a folder of VOC XML.")
    ],
    metric: Annotated[
        str | None, typer.Option(help="voc or coco. Default: that of the annotations.")
    ] = None,
    split: Annotated[str, typer.Option(help="VOC folder: the list in ImageSets/Main.")] = "test",
    classes: Annotated[
        str | None, typer.Option(help="VOC: names in order, by commas. Default: those that occur.")
    ] = None,
    iou: Annotated[
        float | None, typer.Option(help="VOC: the overlap that counts as found. Default: 0.5.")
    ] = None,
    eleven_points: Annotated[
        bool, typer.Option("--eleven-points", help="VOC 2007's mean of 11 points, not the area.")
    ] = False,
    any_box: Annotated[
        bool, typer.Option("--any-box", help="Let annotated boxes leave their image.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one object.")] = False,
) -> None:
    """Average precision of stored detections, whatever program made them, in percent.

    They are in the formats of the VOC and COCO servers. A trained detector is tested by `resnet-lab
    evaluate detection`, whose --results writes such files.
    """
    from resnet_lab.detection import scoring

    names = None if classes is None else scoring.names(classes)
    known = scoring.annotations_at(annotations, split=split, classes=names, outside=any_box)
    result = scoring.score(results, known, metric=metric, iou=iou, eleven_points=eleven_points)
    if as_json:
        typer.echo(scoring.as_json(result))
        return
    for name, percent in scoring.table(result):
        value = "nothing to find" if math.isnan(percent) else f"{percent:.2f}"
        typer.echo(f"{name:<16}{value:>6}")
