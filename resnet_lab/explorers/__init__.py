"""Explorers: pages of the book whose controls work with no kernel and no network.

Paper: Figures 1, 6 and 7; Tables 1 to 14.
Notebook: notebooks/00_start_here.py. Tests: tests/test_explorers.py.

Each is data, which a reader may download, and charts that draw exactly these data. `build` makes
all of them; `resnet_lab.book` writes them as pages.
"""

from collections.abc import Sequence

from resnet_lab import imagenet_tables
from resnet_lab.claims.detection import Evidence
from resnet_lab.explorers import comparison, nets, runs
from resnet_lab.explorers.explorer import Explorer
from resnet_lab.findings import Finding
from resnet_lab.localisation.record import AnyRecord
from resnet_lab.records import Record

__all__ = ["Explorer", "build"]


def build(
    records: Sequence[Record],
    measured: Sequence[Finding],
    evaluated: Sequence[imagenet_tables.Result] = (),
    detectors: Evidence | None = None,
    localised: Sequence[AnyRecord] = (),
) -> list[Explorer]:
    """Every explorer of these results, in the order in which the index shows them."""
    return [
        runs.explorer(records, measured),
        nets.explorer(),
        comparison.explorer(records, evaluated, detectors, localised),
    ]
