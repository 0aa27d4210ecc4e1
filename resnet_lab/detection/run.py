"""One detector's run from its images to its record: starts, trains, checkpoints, tests, writes.

Paper: Section 4.3; Appendix A.
Notebook: notebooks/07_detection.py. Tests: tests/test_detection_run.py.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import torch

from resnet_lab import checkpoint, distributed, provenance, runner, train
from resnet_lab.detection import checkpoint as half_way
from resnet_lab.detection import record as records
from resnet_lab.detection import scores, sources, training
from resnet_lab.detection.config import DetectorConfig, Inference
from resnet_lab.detection.faster_rcnn import FasterRCNN
from resnet_lab.detection.recipe import DetectionRecipe, parts
from resnet_lab.detection.record import DetectionImages, DetectionRecord, DetectionRun
from resnet_lab.detection.scores import Scores
from resnet_lab.detection.sources import Start
from resnet_lab.detection.targets import DetectionData
from resnet_lab.detection.training import State
from resnet_lab.distributed import World
from resnet_lab.errors import InputError
from resnet_lab.files import write_whole

Report = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class How:
    """What computes a run; none of it is part of the run's name."""

    per_device: int | None = None  # images through the net together; None: the process's share
    precision: train.Precision = "float32"
    threads: int = 1
    workers: int = 0  # threads that read images ahead
    checkpoint_every: int = 250  # updates, rounded up to a point of the curve


@dataclass(frozen=True, kw_only=True, eq=False)
class Job:
    """A run with all that it takes."""

    config: DetectorConfig
    recipe: DetectionRecipe
    start: Start
    data: str  # the data's name, as it was asked for
    train: DetectionData
    test: DetectionData
    testing: Inference = Inference()
    how: How = How()
    here: World = World()
    report: Report = lambda line: None

    @property
    def named(self) -> DetectionRun:
        """What names the run."""
        images = DetectionImages(
            name=self.data, train=self.train.content_hash, test=self.test.content_hash
        )
        return DetectionRun(
            config=self.config,
            recipe=self.recipe,
            images=images,
            start=self.start.name,
            pretraining=self.start.pretraining,
        )

    @property
    def per_device(self) -> int:
        """Images that go through the net together."""
        return self.how.per_device or max(1, self.recipe.batch // self.here.size)

    def evaluate(self, net: FasterRCNN) -> Scores:
        """What `net` reaches on the test images."""
        how = dict(here=self.here, precision=self.how.precision)
        return scores.evaluate([net], self.test, self.testing, **how)


def run(job: Job, out: Path) -> Path:
    """Train, or go on training, to the last update, then test; the folder with weights and record.

    Every process must call this.

    Raises: InputError for images, files or numbers that cannot be used.
    """
    here, report = job.here, job.report
    check(job)
    named = job.named
    folder = out / "detection" / named.stem
    if len(set(distributed.gathered(named.hash, here))) > 1:
        raise InputError("the machines see different images or options: their runs do not agree")
    if distributed.from_first((folder / "record.json").is_file(), here):
        report(f"{named.stem} is trained already")
        return folder
    with runner.own_threads(job.how.threads):
        state = train_all(job, named, folder)
        final = job.evaluate(state.net)
    if here.first:
        finish(job, named, state, final, folder)
    report(line_of(final, job.test.name))
    return folder


def check(job: Job) -> None:
    """What cannot be done is said before anything is read. Raises: InputError."""
    parts(job.recipe, job.here.size, job.per_device)
    if job.config.classes != len(job.train.classes):
        raise InputError(
            f"the detector has {job.config.classes} classes, {job.train.name} has "
            f"{len(job.train.classes)}"
        )
    if job.train.classes != job.test.classes:
        alone = sorted(set(job.train.classes) ^ set(job.test.classes))
        raise InputError(
            f"{job.train.name} and {job.test.name} do not have the same classes: "
            + (f"{', '.join(alone[:3])} in one only" if alone else "they are in another order")
        )
    if not job.config.frozen_bn and job.here.size > 1:
        raise InputError("BN that is not fixed can be trained on one process only")


def train_all(job: Job, named: DetectionRun, folder: Path) -> State:
    """The state after the last update, from the run's checkpoint if there is one."""
    recipe, how, here, path = job.recipe, job.how, job.here, folder / "checkpoint.pt"
    state = training.begin(job.config, job.start.net, recipe, here.device)
    fixed = {"precision": how.precision, "processes": here.size, "per_device": job.per_device}
    if half_way.load(path, named.stem, fixed, state, here):
        job.report(f"goes on after update {state.step:,}")
    saved = state.step
    for point in training.train_net(
        state,
        job.train,
        recipe,
        here=here,
        per_device=job.per_device,
        precision=how.precision,
        workers=how.workers,
        test=(lambda net: job.evaluate(net).voc) if recipe.test_every else None,
    ):
        found = "" if point.mean_ap is None else f", mAP {point.mean_ap:.1f} %"
        job.report(
            f"update {point.step:,} of {recipe.steps:,}: rate {point.lr:g}, loss {point.loss:.3f} "
            f"(RPN {point.rpn_class:.3f} + {point.rpn_box:.3f}, head {point.head_class:.3f} + "
            f"{point.head_box:.3f}){found}"
        )
        if state.step - saved >= how.checkpoint_every and state.step < recipe.steps:
            saved = state.step
            half_way.save(path, named.stem, fixed, state, here)
    return state


def line_of(found: Scores, name: str) -> str:
    """The scores as one sentence; on COCO, mAP@.5 is COCO's, as in Table 8, elsewhere VOC's."""
    if not found.objects:
        return (
            f"no mAP: nothing is annotated in the {found.images:,} images of {name}; where their "
            "server has the annotations, `evaluate detection --results` writes what it takes"
        )
    parts = {"mAP@.5": found.voc, "11 points": found.voc07}
    if name.startswith("coco"):
        parts = {"mAP@.5": found.coco50}
    parts |= {"mAP@[.5,.95]": found.coco, "mAP@.75": found.coco75}
    shown = ", ".join(f"{k} {'none' if v is None else f'{v:.1f}'}" for k, v in parts.items())
    return f"{shown} on {found.images:,} images of {name} with {found.objects:,} objects"


def finish(job: Job, named: DetectionRun, state: State, final: Scores, folder: Path) -> None:
    """Write the weights, then the record; the checkpoint has done its work."""
    weights = checkpoint.weights(state.net)
    write_whole(folder / "weights.safetensors", weights)
    found = DetectionRecord(
        format=records.FORMAT,
        run=named,
        classes=tuple(job.train.classes),
        deviations=tuple(named.config.deviations),
        curve=tuple(state.curve),
        testing=job.testing,
        final=final,
        weights_sha256=hashlib.sha256(weights).hexdigest(),
        how=records.DetectionHow(
            device=provenance.device_name(job.here.device.split(":")[0]),
            precision=job.how.precision,
            threads=job.how.threads,
            processes=job.here.size,
            per_device=job.per_device,
            torch=torch.__version__,
            resnet_lab=provenance.package_version(),
            git=provenance.git_revision(),
            seconds=round(state.seconds, 2),
            finished=datetime.now(UTC).isoformat(timespec="seconds"),
        ),
    )
    records.save(found, folder / "record.json")
    (folder / "checkpoint.pt").unlink(missing_ok=True)


def trained(folder: Path, device: str = "cpu") -> FasterRCNN:
    """The detector that a run left in `folder`, ready to detect.

    Raises: InputError if record or weights are missing, damaged, or do not belong together.
    """
    found = records.load(folder / "record.json")
    path = folder / "weights.safetensors"
    tensors = checkpoint.read_weights(path)
    if hashlib.sha256(path.read_bytes()).hexdigest() != found.weights_sha256:
        raise InputError(f"{path} does not belong to the record beside it; train the run again")
    net = FasterRCNN(found.run.config)
    sources.load(net, tensors, str(path))
    return net.eval().to(device)
