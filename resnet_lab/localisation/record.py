"""The result of a localiser's run as strict JSON: what was run, how, the curves, the errors.

Paper: Tables 13 and 14.
Notebook: notebooks/09_localisation.py. Tests: tests/test_localisation_record.py.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from resnet_lab import sealed
from resnet_lab.detection.recipe import DetectionRecipe, Pretraining
from resnet_lab.detection.record import DetectionHow, DetectionImages
from resnet_lab.detection.training import Point
from resnet_lab.files import write_whole
from resnet_lab.localisation.config import LocaliserConfig
from resnet_lab.resnet import ResNetConfig

FORMAT = "resnet-lab localisation record 2"  # 2: R-CNN has a recipe of its own
ENSEMBLE = "resnet-lab localisation ensemble 1"
SHIPPED = Path(__file__).parent.parent / "records"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One way to a box, and its localisation error in percent."""

    method: str  # regression, rpn, rpn+rcnn
    protocol: str  # centre, 10-crop, dense
    classes: str  # true, predicted
    top1: float
    top5: float  # of a true class the same: there is one guess


@dataclass(frozen=True, kw_only=True)
class LocalisationRun:
    """All that names a run: another value is another run."""

    config: LocaliserConfig
    recipe: DetectionRecipe  # of regression and RPN
    rcnn: DetectionRecipe | None  # of R-CNN, if it is one of the stages
    stages: tuple[str, ...]  # of regression, rpn, rcnn
    images: DetectionImages
    start: str  # "images": a classifier trained on them first; or the hash of its weights
    classifier: Pretraining | None  # with "images"

    @property
    def hash(self) -> str:
        """Ten digits that name the run."""
        text = json.dumps(asdict(self), sort_keys=True, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()[:10]

    @property
    def stem(self) -> str:
        """Name of the run's folder: "ResNet-16_seed0-1f2e3d4c5b"."""
        return f"{self.config.name}_seed{self.recipe.seed}-{self.hash}"


@dataclass(frozen=True, kw_only=True)
class LocalisationRecord:
    """A finished run. Errors are those after the last update."""

    format: str
    run: LocalisationRun
    deviations: tuple[str, ...]
    curves: dict[str, tuple[Point, ...]]  # of each stage
    images: int  # tested on
    top1: float  # classification error of the classifier alone, percent
    top5: float
    rows: tuple[Row, ...]
    weights_sha256: dict[str, str]  # of the classifier and each stage
    how: DetectionHow

    @property
    def digest(self) -> str:
        """Hash of all that the clock does not touch: equal for an interrupted and a whole run."""
        return sealed.digest(asdict(self))


@dataclass(frozen=True, kw_only=True)
class EnsembleRecord:
    """What several runs reach together."""

    format: str
    members: tuple[str, ...]  # digests of their records
    seeds: tuple[int, ...]
    test: str  # content hash of the images
    images: int
    top1: float
    top5: float
    rows: tuple[Row, ...]
    how: DetectionHow

    @property
    def digest(self) -> str:
        """Hash of all that the clock does not touch."""
        return sealed.digest(asdict(self))


AnyRecord = LocalisationRecord | EnsembleRecord


def save(record: AnyRecord, path: Path) -> None:
    """Write `record`, a point of a curve in a line. Raises: InputError if it cannot be written."""
    values = asdict(record) | {"digest": record.digest}
    curves = values.pop("curves", None)
    text = json.dumps(values, indent=1, allow_nan=False)
    if curves is not None:
        lines = {
            stage: ",\n   ".join(json.dumps(point, allow_nan=False) for point in points)
            for stage, points in curves.items()
        }
        parts = ",\n  ".join(
            f"{json.dumps(stage)}: [\n   {own}\n  ]" for stage, own in lines.items()
        )
        text = f'{text[:-2]},\n "curves": {{\n  {parts}\n }}\n}}'
    write_whole(path, text + "\n")


def load(path: Path) -> AnyRecord:
    """The record at `path`, of a run or an ensemble, checked field by field.

    Raises: InputError if the file is missing, cut short, changed, or no such record.
    """
    parts = (LocalisationRun, LocaliserConfig, Row, Point, DetectionHow, DetectionImages)
    parts += (DetectionRecipe, Pretraining, ResNetConfig)
    kinds = {FORMAT: LocalisationRecord, ENSEMBLE: EnsembleRecord}
    remedy = "move it away and run the same command again"
    return sealed.load(path, kinds, parts, what="record of a localiser", remedy=remedy)


def load_all(*folders: Path) -> list[AnyRecord]:
    """Every record in the folder "localisation" of each of `folders`; `--out` is such a folder.

    Of two with the same digest, the first found. Raises: InputError for a file that is no record.
    """
    found: dict[str, AnyRecord] = {}
    for folder in folders:
        for path in sorted((folder / "localisation").glob("**/*.json")):
            record = load(path)
            found.setdefault(record.digest, record)
    return list(found.values())


def values(record: object) -> dict[str, object]:
    """The fields of a record or row as they are, not turned into dictionaries."""
    return {field.name: getattr(record, field.name) for field in fields(record)}
