"""The same weights tested in other ways: Appendix B's options, measured and kept as strict JSON.

A trained detector's record holds its score at one scale, without options. Here are the others, each
on the same images, so that two of them differ by the option alone.

Paper: Appendix B; Table 9.
Notebook: notebooks/08_detection_improvements.py. Tests: tests/test_detection_tested.py.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from resnet_lab import findings, runner, sealed
from resnet_lab.detection import arms, record, run, scenes, scores
from resnet_lab.detection.config import Inference
from resnet_lab.detection.faster_rcnn import FasterRCNN
from resnet_lab.detection.record import DetectionRecord
from resnet_lab.detection.scores import Scores
from resnet_lab.detection.targets import DetectionData
from resnet_lab.distributed import World
from resnet_lab.files import write_whole
from resnet_lab.records import How

FORMAT = "resnet-lab tested detector 1"


@dataclass(frozen=True, kw_only=True)
class Option:
    """A way to test; `changes` are fields of `Inference`."""

    arm: str  # whose nets are tested so
    changes: dict[str, object] = field(default_factory=dict)
    side: int | None = None  # shorter side for everything, where it is not the trained one
    ensemble: bool = False  # all seeds together

    @property
    def testing(self) -> Inference:
        """The arms' usual way with the changes."""
        return replace(arms.TESTING, **self.changes)


SCALES = (32, 64, 96, 128, 160)  # 96 times 1/3 to 5/3: the paper's 200 to 1000, where 600 is usual
BOTH = {"refine": True, "vote": True}
OPTIONS = {
    "voting alone": Option(arm="residual", changes={"vote": True}),
    "second pass alone": Option(arm="residual", changes={"refine": True}),
    "box refinement": Option(arm="residual", changes=BOTH),
    "one larger scale": Option(arm="residual", side=128),
    "multi-scale": Option(arm="residual", changes={"scales": SCALES}),
    "ensemble": Option(arm="residual", ensemble=True),
    "+ context": Option(arm="context", changes=BOTH),
    "+ multi-scale": Option(arm="context", changes=BOTH | {"scales": SCALES}),
    "+ ensemble": Option(arm="context", changes=BOTH | {"scales": SCALES}, ensemble=True),
}


@dataclass(frozen=True, kw_only=True)
class Tested:
    """What one detector, or an ensemble, reached when it was tested in one way."""

    format: str
    option: str  # a key of OPTIONS, as it was then
    runs: tuple[str, ...]  # hashes of the runs, in the order of their seeds
    weights_sha256: tuple[str, ...]
    testing: Inference
    side: int | None
    images: str  # content hash of the test images
    final: Scores
    how: How

    @property
    def hash(self) -> str:
        """Ten digits that name what was tested and how."""
        named = (self.runs, self.weights_sha256, asdict(self.testing), self.side, self.images)
        return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()[:10]

    @property
    def digest(self) -> str:
        """Hash of all that the clock does not touch."""
        fields = asdict(self)
        fields.pop("how")
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def save(found: Tested, folder: Path) -> Path:
    """Write `found` under `folder`. Raises: InputError if it cannot be written."""
    path = folder / "detection" / "tested" / f"{found.hash}.json"
    fields = asdict(found) | {"digest": found.digest}
    write_whole(path, json.dumps(fields, indent=1, allow_nan=False) + "\n")
    return path


def load(path: Path) -> Tested:
    """What `path` holds, checked field by field.

    Raises: InputError if the file is missing, cut short, changed, or something else.
    """
    what, remedy = "result of a tested detector", "move it away and test again"
    return sealed.load(path, {FORMAT: Tested}, (Inference, Scores, How), what=what, remedy=remedy)


def load_all(*folders: Path) -> list[Tested]:
    """Every result under `folders`, as `save` laid it down; of two of the same, the first found.

    Raises: InputError for a file that is none.
    """
    found: dict[str, Tested] = {}
    for folder in folders:
        for path in sorted(folder.glob("detection/tested/*.json")):
            one = load(path)
            found.setdefault(one.hash, one)
    return list(found.values())


def to_measure(found: Sequence[tuple[Path, DetectionRecord]]) -> Iterator[tuple[str, list]]:
    """Each option with the nets to test so: one by one, or as an ensemble all seeds of an arm.

    `found` are folders with weights, and their records.
    """
    runs = arms.comparable(record for _, record in found)
    folders = {record.run.hash: folder for folder, record in found}
    for name, option in OPTIONS.items():
        pairs = [(folders[r.run.hash], r) for r in runs.get(option.arm, {}).values()]
        if not option.ensemble:
            yield from ((name, [pair]) for pair in pairs)
        elif len(pairs) >= arms.SEEDS:
            yield name, pairs[: arms.SEEDS]


def measure(
    name: str,
    pairs: Sequence[tuple[Path, DetectionRecord]],
    data: DetectionData,
    device: str = "cpu",
) -> Tested:
    """Test the nets of these folders in the way called `name`.

    Raises: InputError for weights that are missing or damaged.
    """
    option, began = OPTIONS[name], time.perf_counter()
    nets = [resized(run.trained(folder, device), option.side) for folder, _ in pairs]
    with runner.own_threads(1):
        final = scores.evaluate(nets, data, option.testing, here=World(device=device))
    return named(name, [r for _, r in pairs], data.content_hash, final, time.perf_counter() - began)


def named(
    name: str, records: Sequence[DetectionRecord], images: str, final: Scores, seconds: float = 0.0
) -> Tested:
    """The result of testing the nets of `records` in the way called `name`."""
    option = OPTIONS[name]
    return Tested(
        format=FORMAT,
        option=name,
        runs=tuple(r.run.hash for r in records),
        weights_sha256=tuple(r.weights_sha256 for r in records),
        testing=option.testing,
        side=option.side,
        images=images,
        final=final,
        how=findings.how(seconds),
    )


def resized(net: FasterRCNN, side: int | None) -> FasterRCNN:
    """`net`, set to resize images to a shorter side of `side`; no weight depends on it."""
    if side is not None:
        long = round(net.config.long_side * side / net.config.short_side)
        net.config = replace(net.config, short_side=side, long_side=long)
    return net


def measure_all(
    out: Path,
    *,
    device: str = "cpu",
    budget: float | None = None,
    say: Callable[[str], None] = print,
) -> bool:
    """Test all trained arms under `out` in every way that is not on disk; whether that is all.

    Units: `budget` in seconds; no test begins after it.
    """
    end = None if budget is None else time.monotonic() + budget
    found = [
        (path.parent, record.load(path))
        for path in sorted(out.glob("**/record.json"))
        if (path.parent / "weights.safetensors").is_file()
    ]
    known, data = {one.hash for one in load_all(out)}, None
    for name, pairs in to_measure(found):
        records = [r for _, r in pairs]
        images = records[0].run.images.test
        if named(name, records, images, records[0].final).hash in known:
            continue
        if end is not None and time.monotonic() > end:
            say("Not everything is tested; the same command goes on.")
            return False
        data = data or scenes.load("test", records[0].final.images)
        one = measure(name, pairs, data, device)
        save(one, out)
        which = ", ".join(r.run.stem for r in records)
        say(f"{name}: {run.line_of(one.final, data.name)} ({which})")
    return True
