"""Figure 7 and its table as files.

Paper: Figure 7.
Notebook: notebooks/06_layer_responses.py. Tests: tests/test_responses_written.py.
"""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from resnet_lab import style
from resnet_lab.errors import InputError
from resnet_lab.files import write_whole
from resnet_lab.layer_responses import explore, figure, stored
from resnet_lab.layer_responses.measure import Responses
from resnet_lab.records import Record

HOW_TO_READ = (
    "Std: standard deviation of a 3x3 layer's output after BN, before ReLU or addition, over all "
    "images, positions and channels. Medians and largest are over the layers of a net; means over "
    "nets ± their standard deviation. The paper prints no numbers for Figure 7."
)
COLUMNS = ("layer", "name", "kernel", "role", "std", "channel_std", "mean", "values")


def write(chosen: Sequence[Record], folder: Path, stem: Path) -> list[Path]:
    """Figure 7 and its table from what is stored on the `chosen` runs; returns the files.

    Findings are looked for beside the records in `folder`, then among those that ship.

    Raises: InputError if nothing was measured on any of them.
    """
    pairs = stored.of_records(chosen, stored.load(folder))
    if not pairs:
        raise InputError(
            "no layer responses of these runs are stored; run `resnet-lab reproduce figure_7` "
            "where the weights are"
        )
    style.save(figure.figure_7(pairs), stem.with_suffix(".png"))
    text = f"{HOW_TO_READ}\n\n{stored.origin(pairs)}\n\n{explore.table(pairs)}\n"
    write_whole(stem.with_suffix(".md"), text)
    return [stem.with_suffix(".png"), stem.with_suffix(".md")]


def rows(found: Responses) -> list[dict[str, object]]:
    """One row a layer, numbered from 1, as a table or a CSV file shows it."""
    return [
        {
            "layer": number,
            "name": layer.layer,
            "kernel": "x".join(map(str, layer.kernel)),
            **{name: getattr(layer, name) for name in COLUMNS[3:]},
        }
        for number, layer in enumerate(found.layers, 1)
    ]


def write_own(found: Responses, settings: dict[str, object], folder: Path) -> list[Path]:
    """Responses of anybody's net as CSV, JSON and PNG in `folder`; returns the files.

    `settings` says over which images and how; it is part of the JSON and of the figure's face.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows(found))
    paths = [folder / f"responses.{ending}" for ending in ("csv", "json", "png")]
    write_whole(paths[0], text.getvalue())
    write_whole(
        paths[1], json.dumps(asdict(found) | {"settings": settings}, indent=1, allow_nan=False)
    )
    style.save(figure.of_one(found, settings), paths[2])
    return paths
