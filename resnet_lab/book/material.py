"""What a book is made from: every record and finding of a folder, then those that ship.

Paper: nowhere; this is where the book's numbers come from.
Notebook: notebooks/00_start_here.py. Tests: tests/test_book_saved.py.
"""

import hashlib
from pathlib import Path

from resnet_lab import claims, explorers, findings, imagenet_tables, records
from resnet_lab.book.chapters import Material
from resnet_lab.localisation import record


def gather(
    out: Path, images: str | None = None, facts: dict[str, object] | None = None
) -> Material:
    """The ledger of claims and the explorers from the results under `out` and the shipped ones.

    Raises: InputError for a damaged file, or an unknown image set.
    """
    folder = out / "records"
    found = records.load_all(folder, records.SHIPPED)
    localised = record.load_all(out, record.SHIPPED)
    measured = findings.load_every(folder / "findings", findings.SHIPPED)
    detectors = claims.detection.Evidence.of([out, records.SHIPPED])
    rows = claims.ledger(found, images, measured, detectors, localised)
    digests = sorted(one.digest for one in (*found, *measured, *detectors.records, *localised))
    return Material(
        records_digest=hashlib.sha256("".join(digests).encode()).hexdigest(),
        explorers=tuple(
            explorers.build(found, measured, imagenet_tables.results(folder), detectors, localised)
        ),
        claims=tuple(claims.as_json(rows)),
        facts=facts or {},
    )
