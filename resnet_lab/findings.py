"""What was found in a trained net, as strict JSON: the net, what was chosen, the numbers.

Paper: Figure 7; Section 4.1 (signals). A finding is to a lens what a record is to a run.
Notebook: notebooks/04_imagenet.py. Tests: tests/test_findings.py.
"""

import hashlib
import json
import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import torch

from resnet_lab import records, sealed
from resnet_lab.files import write_whole
from resnet_lab.provenance import device_name, git_revision, package_version
from resnet_lab.recipe import Recipe
from resnet_lab.records import How, Scale
from resnet_lab.resnet import ResNetConfig
from resnet_lab.runs import Images, Run, fields_of

FORMAT = 1
SHIPPED = records.SHIPPED / "findings"
LENSES = ("layer_responses", "signals", "lesion", "landscape")
Setting = str | int | float | bool | None
Value = Setting | list[Setting] | list[list[float]]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one lens saw in the net of one run."""

    format: int
    lens: str  # one of LENSES
    scale: Scale
    run: Run
    weights_sha256: str  # of the weights that were looked at; "" if they are the untrained ones
    settings: dict[str, Setting]  # all that was chosen: images, BN's mode, seed ...
    values: dict[str, Value]  # named numbers; each lens says which, with units
    how: How

    @property
    def stem(self) -> str:
        """Name of the file, without an ending: the run's, and a hash of what was chosen."""
        text = json.dumps(self.settings, sort_keys=True, allow_nan=False)
        return f"{self.run.stem}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"

    @property
    def digest(self) -> str:
        """Hash of all that the clock does not touch."""
        return sealed.digest(asdict(self) | {"run": fields_of(self.run)})


def how(seconds: float, *, device: str = "cpu", precision: str = "float32") -> How:
    """On what a finding was computed, here and now."""
    return How(
        device=device_name(device),
        precision=precision,
        threads=torch.get_num_threads(),
        torch=torch.__version__,
        resnet_lab=package_version(),
        python=platform.python_version(),
        git=git_revision(),
        seconds=round(seconds, 2),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def path_of(folder: Path, finding: Finding) -> Path:
    """Where `finding` lies in `folder`: a folder for each lens."""
    return folder / finding.lens / f"{finding.stem}.json"


def save(finding: Finding, folder: Path) -> Path:
    """Write `finding` under `folder`. Raises: InputError if it cannot be written."""
    path = path_of(folder, finding)
    fields = asdict(finding) | {"run": fields_of(finding.run), "digest": finding.digest}
    values = fields.pop("values")
    text = json.dumps(fields, indent=1, allow_nan=False)
    # one line a list: thousands of numbers stay readable in a diff
    lines = ",\n  ".join(
        f"{json.dumps(k)}: {json.dumps(v, allow_nan=False)}" for k, v in values.items()
    )
    write_whole(path, text[:-2] + f',\n "values": {{\n  {lines}\n }}\n}}\n')
    return path


def load(path: Path) -> Finding:
    """The finding at `path`, checked field by field.

    Raises: InputError if the file is missing, cut short, changed, or no finding at all.
    """
    parts = (Run, ResNetConfig, Recipe, Images, How)
    remedy = "move it away and measure again"
    return sealed.load(path, {FORMAT: Finding}, parts, what="finding", remedy=remedy)


def load_all(lens: str, *folders: Path) -> list[Finding]:
    """Every finding of `lens` under `folders` (default: those that ship), first found first.

    Raises: InputError for a file that is no whole finding.
    """
    found: dict[tuple[str, str], Finding] = {}
    for folder in folders or (SHIPPED,):
        for path in sorted((folder / lens).glob("*.json")):
            finding = load(path)
            found.setdefault((finding.scale, finding.stem), finding)
    return list(found.values())


def on_images(found: Iterable[Finding], name: str) -> tuple[list[Finding], str]:
    """Those of `found` on the images `name`, else all on another set; and a sentence on them.

    A notebook beside images that nobody has looked at can then still show findings.
    """
    words = {"cifar10": "CIFAR-10", "embedded": "embedded data"}
    groups: dict[str, list[Finding]] = {}
    for finding in found:
        groups.setdefault(finding.run.images.name, []).append(finding)
    if not groups:
        return [], "Stored findings: none."
    chosen = name if name in groups else min(groups)
    instead = "" if chosen == name else f" None is on {words.get(name, name)}."
    counted = f"{len(groups[chosen])} on {words.get(chosen, chosen)}"
    return groups[chosen], f"Stored findings: {counted}.{instead}"


def load_every(*folders: Path) -> list[Finding]:
    """`load_all` of every lens."""
    return [finding for lens in LENSES for finding in load_all(lens, *folders)]
