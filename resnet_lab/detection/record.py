"""The result of a detector's run as strict JSON: what was run, how, the curve, the final mAP.

Paper: Tables 7 to 9.
Notebook: notebooks/07_detection.py. Tests: tests/test_detection_record.py.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from resnet_lab import sealed
from resnet_lab.detection.config import DetectorConfig, Inference
from resnet_lab.detection.recipe import DetectionRecipe, Pretraining
from resnet_lab.detection.scores import Scores
from resnet_lab.detection.training import Point
from resnet_lab.files import write_whole
from resnet_lab.resnet import ResNetConfig

FORMAT = "resnet-lab detection record 1"


@dataclass(frozen=True, kw_only=True)
class DetectionImages:
    """Names a data set: its own name, its options, and hashes of what it held."""

    name: str  # as it was asked for: scenes, voc07+12, coco
    train: str  # content hash of the images and boxes trained on
    test: str  # and of those tested on


@dataclass(frozen=True, kw_only=True)
class DetectionRun:
    """All that names a run: another value is another run."""

    config: DetectorConfig
    recipe: DetectionRecipe
    images: DetectionImages
    start: str  # weights it began with: "crops", "random", or the hash of a classifier's
    pretraining: Pretraining | None = None  # with "crops"

    @property
    def hash(self) -> str:
        """Ten digits that name the run."""
        text = json.dumps(asdict(self), sort_keys=True, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()[:10]

    @property
    def stem(self) -> str:
        """Name of the run's folder: "ResNet-16-B_seed0-1f2e3d4c5b"."""
        return f"{self.config.name}_seed{self.recipe.seed}-{self.hash}"


@dataclass(frozen=True, kw_only=True)
class DetectionHow:
    """On what and how a run was computed; none of it is part of the run's name."""

    device: str
    precision: str
    threads: int
    processes: int
    per_device: int  # images that go through the net together
    torch: str
    resnet_lab: str
    git: str
    seconds: float  # spent in updates and tests; without pre-training, which runs share
    finished: str  # UTC


@dataclass(frozen=True, kw_only=True)
class DetectionRecord:
    """A finished run. Scores are those of the last update, never of the best one."""

    format: str
    run: DetectionRun
    deviations: tuple[str, ...]  # from the paper, beside backbone, classes and recipe
    curve: tuple[Point, ...]
    testing: Inference
    final: Scores
    weights_sha256: str
    how: DetectionHow
    classes: tuple[str, ...] = ()  # names of labels 1, 2, ...; records of old have none

    @property
    def digest(self) -> str:
        """Hash of all that the clock does not touch: equal for an interrupted and a whole run."""
        fields = asdict(self)
        if not self.classes:  # so that the digest of an old record is what it was
            fields.pop("classes")
        return sealed.digest(fields)


def save(record: DetectionRecord, path: Path) -> None:
    """Write `record`. Raises: InputError if it cannot be written."""
    fields = asdict(record) | {"digest": record.digest}
    points = fields.pop("curve")
    text = json.dumps(fields, indent=1, allow_nan=False)
    lines = ",\n  ".join(json.dumps(point, allow_nan=False) for point in points)
    write_whole(path, text[:-2] + f',\n "curve": [\n  {lines}\n ]\n}}\n')


def load(path: Path) -> DetectionRecord:
    """The record at `path`, checked field by field.

    Raises: InputError if the file is missing, cut short, changed, or no such record.
    """
    parts = (DetectionRun, DetectionImages, DetectionHow, DetectorConfig, ResNetConfig)
    parts += (DetectionRecipe, Pretraining, Point, Inference, Scores)
    remedy = "move it away and train the run again"
    what = "record of a detector"
    return sealed.load(path, {FORMAT: DetectionRecord}, parts, what=what, remedy=remedy)


def load_all(*folders: Path) -> list[DetectionRecord]:
    """Every record under `folders`; of two of the same run, the first found.

    Raises: InputError for a file that is no whole record.
    """
    found: dict[str, DetectionRecord] = {}
    for folder in folders:
        for path in sorted(folder.glob("**/record.json")):
            record = load(path)
            found.setdefault(record.run.hash, record)
    return list(found.values())
