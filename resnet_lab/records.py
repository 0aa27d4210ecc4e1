"""The result of a run as strict JSON: what was run, how, the curve, the final errors.

Paper: Table 6; Figures 1 and 6.
Notebook: notebooks/01_degradation.py. Tests: tests/test_records.py.
"""

import json
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from resnet_lab import sealed
from resnet_lab.files import write_whole
from resnet_lab.recipe import Recipe
from resnet_lab.resnet import ResNetConfig
from resnet_lab.runs import Images, Run, fields_of

FORMAT = 1
SHIPPED = Path(__file__).parent / "records"
Scale = Literal["quick", "paper", "own"]  # "own": a recipe that somebody changed by hand


@dataclass(frozen=True, kw_only=True)
class Point:
    """One point of a curve. Errors are percent."""

    step: int  # updates done
    lr: float  # of the last of them
    train_loss: float  # mean over the images seen since the point before, augmented
    train_error: float  # over the same images
    test_error: float | None = None  # on all test images, where it was measured


@dataclass(frozen=True, kw_only=True)
class Final:
    """Where a run ended: after its last update, never at its best one. Errors are percent."""

    step: int
    train_error: float
    test_error: float


@dataclass(frozen=True, kw_only=True)
class How:
    """On what and how a run was computed; none of it is part of the run's name."""

    device: str
    precision: str  # of the products in forward and backward; weights are always float32
    threads: int
    torch: str
    resnet_lab: str
    python: str
    git: str  # revision of the code, with "+" if files had changed; "" outside a checkout
    seconds: float  # spent in updates and tests, without loading data
    finished: str  # UTC
    fast: bool = False  # the loop of `engine`, not that of `train`
    compiled: bool = False  # with compiled blocks
    recomputed: bool = False  # the inside of blocks twice, to save memory
    at_once: int = 1  # runs that shared device or cores meanwhile, at most: `seconds` is theirs too


@dataclass(frozen=True, kw_only=True)
class Record:
    """A finished run."""

    format: int
    scale: Scale
    run: Run
    curve: tuple[Point, ...]
    final: Final
    weights_sha256: str  # of the final weights, whether or not they are kept
    how: How

    @property
    def digest(self) -> str:
        """Hash of all that the clock does not touch: equal for an interrupted and a whole run."""
        return sealed.digest(asdict(self) | {"run": fields_of(self.run)})

    @property
    def net(self) -> str:
        """The paper's name of the net, without the width: "plain-20"."""
        return f"{'plain' if self.run.net.shortcut == 'none' else 'ResNet'}-{self.run.net.depth}"


def path_of(folder: Path, scale: Scale, run: Run) -> Path:
    """Where the record of `run` lies in `folder`; its weights stand beside it."""
    return folder / scale / f"{run.stem}.json"


def save(record: Record, folder: Path) -> Path:
    """Write `record` under `folder`. Raises: InputError if it cannot be written."""
    path = path_of(folder, record.scale, record.run)
    fields = asdict(record) | {"run": fields_of(record.run), "digest": record.digest}
    points = fields.pop("curve")
    text = json.dumps(fields, indent=1, allow_nan=False)
    # one line a point: a curve of 640 points stays readable in a diff
    lines = ",\n  ".join(json.dumps(point, allow_nan=False) for point in points)
    write_whole(path, text[:-2] + f',\n "curve": [\n  {lines}\n ]\n}}\n')
    return path


def readable() -> bool:
    """Whether records can be read here: that takes pydantic, which training does not."""
    return bool(find_spec("pydantic"))


def load(path: Path) -> Record:
    """The record at `path`, checked field by field.

    Raises: InputError if the file is missing, cut short, changed, or no record at all.
    """
    parts = (Run, ResNetConfig, Recipe, Images, Point, Final, How)
    remedy = "move it away and run `resnet-lab reproduce` again"
    return sealed.load(path, {FORMAT: Record}, parts, what="run record", remedy=remedy)


def load_all(*folders: Path) -> list[Record]:
    """Every record under `folders`; of two with the same run and scale, the first found.

    Raises: InputError for a file that is no whole record.
    """
    found: dict[tuple[str, str], Record] = {}
    for folder in folders:
        for path in sorted(folder.glob("*/*.json")):
            record = load(path)
            found.setdefault((record.scale, record.run.hash), record)
    return list(found.values())
