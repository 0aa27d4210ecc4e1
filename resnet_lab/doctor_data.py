"""What the doctor finds of the data: CIFAR-10 and the embedded set.

Paper: Section 4.2 (CIFAR-10: 50,000 training and 10,000 test images).
Notebook: notebooks/00_start_here.py. Tests: tests/test_doctor.py.
"""

import os
import shlex
from pathlib import Path

from resnet_lab.doctor_finding import Finding


def cifar10(root: str | Path | None) -> Finding:
    """CIFAR-10: its layout and place, or where it was looked for."""
    from resnet_lab import cache, data, layouts
    from resnet_lab.errors import InputError

    try:
        folder = data.find(root)
        found = layouts.detect(folder) if folder else None
    except InputError as error:
        reason, _, remedy = str(error).rpartition("; ")
        return Finding("CIFAR-10", False, reason, remedy)
    get = "run `resnet-lab data get cifar10`"
    if found is None:
        places = f"./data nor in {cache.folder() / 'cifar10'}"
        return Finding("CIFAR-10", None, f"not in {places}; the embedded data stand in", get)
    where = f"{found.layout} layout in {found.folder}"
    if not (missing := incomplete(found)):
        return Finding("CIFAR-10", True, where)
    here = str(found.folder.resolve())
    aside = f"mv {shlex.quote(here)} {shlex.quote(here + '.incomplete')}"  # never delete for others
    remedy = f"run `{aside} && resnet-lab data get cifar10`"
    return Finding("CIFAR-10", False, f"{where} is not whole: {missing}", remedy)


def incomplete(found) -> str:
    """What `found` lacks, by names, sizes and counts, without reading a pixel; "" if nothing."""
    from resnet_lab import layouts

    for split, paths in found.files.items():
        if gone := [path.name for path in paths if not path.exists()]:
            return f"{', '.join(gone)} missing"
        if found.layout == "binary":
            n = sum(path.stat().st_size // layouts.RECORD for path in paths)
        elif found.layout == "png":
            n = sum(entry.name.lower().endswith(".png") for p in paths for entry in os.scandir(p))
        elif found.layout == "parquet":
            import pyarrow.parquet as pq

            n = sum(pq.read_metadata(path).num_rows for path in paths)
        else:  # pickles do not say how many images they hold until they are read
            n = layouts.COUNTS[split] if all(path.stat().st_size for path in paths) else 0
        if n != layouts.COUNTS[split]:
            return f"{n:,} of {layouts.COUNTS[split]:,} {split} images"
    return ""


def embedded() -> Finding:
    """The embedded data set, which is always at hand."""
    from resnet_lab import cache

    path = cache.folder() / "embedded.cache"
    found = f"kept in {path}" if path.is_file() else "made on first use, in seconds"
    return Finding("embedded data", True, found)
