"""A detector's run from the words of the command line, and finished runs tested again.

Paper: Section 4.3; Appendices A and B.
Notebook: notebooks/07_detection.py. Tests: tests/test_cli_detection.py.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from resnet_lab.detection import record, run, scores, sources
from resnet_lab.detection.config import Inference, toy_inference
from resnet_lab.detection.recipe import DetectionRecipe, Pretraining, scaled
from resnet_lab.detection.record import DetectionRecord
from resnet_lab.detection.run import How, Job
from resnet_lab.detection.scores import Scores
from resnet_lab.detection.targets import DetectionData, Detections
from resnet_lab.distributed import World
from resnet_lab.errors import InputError
from resnet_lab.files import write_whole


@dataclass(frozen=True, kw_only=True)
class Words:
    """What names a run in words; None is what the data usually takes."""

    data: str = "scenes"
    root: Path | None = None
    backbone: str | None = None
    weights: str | None = None
    epochs: int = 5  # of pre-training on crops
    images: int | None = None
    test_images: int | None = None
    drawn: dict[str, int] = field(default_factory=dict)  # options of the scenes

    @property
    def toy(self) -> bool:
        """Whether the miniature is meant."""
        return (self.backbone or ("toy" if self.data == "scenes" else "")).startswith("toy")


def job(
    words: Words,
    *,
    settings: Callable[[Any], dict[str, Any]] = lambda detector: {},
    changes: dict[str, Any] | None = None,
    how: How,
    here: World,
    out: Path,
    report: Callable[[str], None],
) -> Job:
    """The run that `words` name, ready for `run.run`.

    `settings(detector)` are fields of the detector to change, `changes` those of the recipe.

    Raises: InputError for words that cannot be used.
    """
    backbone = words.backbone or ("toy" if words.toy else "resnet101")
    weights = words.weights or ("crops" if words.toy else "torchvision")
    training = sources.data(words.data, "train", words.root, images=words.images, **words.drawn)
    testing = sources.data(words.data, "test", words.root, images=words.test_images, **words.drawn)
    detector = sources.config(backbone, len(training.classes))
    detector = replace(detector, **settings(detector))
    recipe = recipe_from(sources.recipe(words.data), changes or {})
    if weights == "crops":
        pretraining = Pretraining(epochs=words.epochs)
        start = sources.pretrained(detector, pretraining, recipe.seed, out, here, report)
    else:
        detector, start = sources.start(weights, detector, backbone)
    return Job(
        config=detector,
        recipe=recipe,
        start=start,
        data=words.data,
        train=training,
        test=testing,
        testing=toy_inference() if words.toy else Inference(),
        how=how if how.per_device or words.toy else replace(how, per_device=1),
        here=here,
        report=report,
    )


def recipe_from(usual: DetectionRecipe, changes: dict[str, Any]) -> DetectionRecipe:
    """`usual` with these changes.

    Another batch scales rate and length first; another length moves the drops with it.
    """
    given = dict(changes)
    if "batch" in given:
        usual = scaled(usual, int(given.pop("batch")))
    if "steps" in given and "drops" not in given:
        share = given["steps"] / usual.steps
        given["drops"] = tuple(sorted({max(1, round(drop * share)) for drop in usual.drops}))
    return replace(usual, **given)


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """What finished detectors, one or an ensemble, reached on a data set."""

    runs: tuple[str, ...]
    data: DetectionData
    testing: Inference
    scores: Scores
    found: list[Detections]

    def as_json(self) -> str:
        """Everything but the detections, as strict JSON."""
        fields = {
            "runs": self.runs,
            "data": self.data.name,
            "content_hash": self.data.content_hash,
            "testing": asdict(self.testing),
            "scores": asdict(self.scores),
        }
        return json.dumps(fields, indent=1, allow_nan=False)

    def save(self, out: Path) -> Path:
        """Write it under a name of its own. Raises: InputError if that cannot be done."""
        text = self.as_json()
        name = hashlib.sha256(text.encode()).hexdigest()[:10]
        path = out / "detection" / "evaluations" / f"{name}.json"
        write_whole(path, text + "\n")
        return path


def evaluate(
    folders: Sequence[Path],
    words: Words | None = None,
    *,
    changes: dict[str, Any],
    here: World = World(),  # noqa: B008 - frozen
    precision: str = "float32",
    report: Callable[[int], None] = lambda done: None,
    files: bool = False,
) -> Evaluation:
    """The runs in `folders` on test images, those of their own training's data without `words`.

    `changes` are fields of the first run's `Inference` that are otherwise. With `files` the data
    must be such that a server's result files can be written.

    Raises: InputError for folders, data or values that cannot be used.
    """
    records = [record_in(folder) for folder in folders]
    first = records[0]
    words = words or Words(data=first.run.images.name)
    data = sources.data(words.data, "test", words.root, images=words.images, **words.drawn)
    for one in records:
        check_classes(one, data)
    if files and not hasattr(data, "annotations"):  # said before an hour of testing, not after
        raise InputError("result files are for all images of VOC or COCO; leave --results away")
    testing = replace(first.testing, **changes)
    nets = [run.trained(Path(folder), here.device) for folder in folders]
    found, targets = scores.detect_all(
        nets, data, testing, here=here, precision=precision, report=report
    )
    return Evaluation(
        runs=tuple(Path(folder).name for folder in folders),
        data=data,
        testing=testing,
        scores=scores.score(found, targets, data.classes),
        found=found,
    )


def check_classes(found: DetectionRecord, data: DetectionData) -> None:
    """Raises: InputError if label k of the detector is not label k of `data`."""
    names = found.classes or sources.usual_classes(found.run.images.name)
    if len(data.classes) != found.run.config.classes:
        raise InputError(
            f"the detector {found.run.stem} knows {found.run.config.classes} classes, {data.name} "
            f"has {len(data.classes)}; name the data that it was trained for with --data"
        )
    wrong = next((k for k, name in enumerate(names) if data.classes[k] != name), None)
    if wrong is not None:
        raise InputError(
            f"class {wrong + 1} of the detector {found.run.stem} is {names[wrong]!r}, that of "
            f"{data.name} is {data.classes[wrong]!r}; test it on data with its own classes"
        )


def data_of(folder: Path) -> str:
    """Name of the data that the run in `folder` was trained on. Raises: InputError."""
    return record_in(folder).run.images.name


def record_in(folder: Path) -> DetectionRecord:
    """The record of the detector in `folder`. Raises: InputError if that holds none."""
    path = Path(folder) / "record.json"
    if not path.is_file():
        remedy = "name a folder that `resnet-lab train detection` left under out/detection"
        if Path(folder).is_file() or any(Path(folder).glob("comp*_det_*.txt")):
            remedy = "result files are scored by `resnet-lab evaluate result-files`"
        raise InputError(f"{folder} holds no trained detector with its record.json; {remedy}")
    return record.load(path)
