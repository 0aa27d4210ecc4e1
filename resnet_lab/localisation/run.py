"""One localiser's run: a classifier, then regression, RPN and R-CNN from it, then the errors.

Paper: Appendix C.
Notebook: notebooks/09_localisation.py. Tests: tests/test_localisation_run.py.
"""

import copy
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import torch
from torch import Tensor, nn

from resnet_lab import checkpoint, provenance, runner
from resnet_lab.detection import backbones, pretraining, training
from resnet_lab.detection import checkpoint as half_way
from resnet_lab.detection.recipe import DetectionRecipe, Pretraining
from resnet_lab.detection.record import DetectionHow, DetectionImages
from resnet_lab.detection.targets import DetectionData
from resnet_lab.detection.training import Point, State
from resnet_lab.distributed import World
from resnet_lab.errors import InputError
from resnet_lab.files import write_whole
from resnet_lab.localisation import drawn, evaluate, testing
from resnet_lab.localisation import record as records
from resnet_lab.localisation.config import LocaliserConfig
from resnet_lab.localisation.members import loaded, member
from resnet_lab.localisation.nets import NETS, Localiser
from resnet_lab.localisation.record import LocalisationRecord, LocalisationRun

Report = Callable[[str], None]
STAGES = tuple(NETS)


@dataclass(frozen=True, kw_only=True, eq=False)
class Job:
    """A run with all that it takes."""

    config: LocaliserConfig
    recipe: DetectionRecipe
    train: DetectionData
    test: DetectionData
    stages: tuple[str, ...] = STAGES
    classifier: Pretraining | None = None  # None: `net` is one
    net: nn.Module | None = None
    device: str = "cpu"
    threads: int = 1
    workers: int = 0
    checkpoint_every: int = 250  # updates, rounded up to a point of the curve
    report: Report = lambda line: None

    @property
    def named(self) -> LocalisationRun:
        """What names the run."""
        start = "images"
        if self.net is not None:
            start = hashlib.sha256(checkpoint.weights(self.net)).hexdigest()[:16]
        hashes = dict(train=self.train.content_hash, test=self.test.content_hash)
        return LocalisationRun(
            config=self.config,
            recipe=self.recipe,
            stages=self.stages,
            images=DetectionImages(name=self.train.name, **hashes),
            start=start,
            classifier=self.classifier,
        )


def run(job: Job, out: Path) -> Path:
    """Train what is not trained yet, test, and write the record; the folder with the weights.

    Raises: InputError for images, files or numbers that cannot be used.
    """
    check(job)
    named = job.named
    folder = out / "localisation" / named.stem
    if (folder / "record.json").is_file():
        job.report(f"{named.stem} is trained already")
        return folder
    with runner.own_threads(job.threads):
        net, curves, seconds = classifier(job, folder), {}, 0.0
        for stage in job.stages:
            curves[stage], spent = train_stage(job, stage, net, folder)
            seconds += spent
        job.report("tests")
        reached = evaluate.evaluate([member(job.config, folder, job.stages, job.device)], job.test)
    finish(job, named, folder, curves, seconds, reached)
    return folder


def check(job: Job) -> None:
    """What cannot be done is said before anything is drawn or read. Raises: InputError."""
    unknown = [stage for stage in job.stages if stage not in NETS]
    if unknown or not job.stages:
        raise InputError(f"stages are some of {', '.join(STAGES)}, got {', '.join(job.stages)!r}")
    if "rcnn" in job.stages and "rpn" not in job.stages:
        raise InputError("rcnn learns from the proposals of rpn; train both")
    if job.recipe.flip:
        raise InputError("the views of a localiser are mirrored, not its images; leave flip off")
    if len(job.train.classes) != job.config.classes or job.train.classes != job.test.classes:
        raise InputError(
            f"{job.config.classes} classes are asked for; {job.train.name} has "
            f"{len(job.train.classes)} for training and {len(job.test.classes)} for testing"
        )
    if (job.net is None) == (job.classifier is None):
        raise InputError("a run begins with a classifier's weights or with how to train one")


def classifier(job: Job, folder: Path) -> nn.Module:
    """The classification net: given, kept from before, or trained on the training images."""
    path = folder / "classifier.safetensors"
    if job.net is not None:
        write_whole(path, checkpoint.weights(job.net))
    elif not path.is_file():
        images, labels = drawn.tensors(job.train)
        steps = job.classifier.steps
        trained = pretraining.pretrain(
            job.config.detector,
            job.classifier,
            images,
            labels,
            seed=job.recipe.seed,
            device=job.device,
            report=lambda step, error: job.report(
                f"classifier, update {step:,} of {steps:,}: training error {error:.1f} %"
            ),
        )
        write_whole(path, checkpoint.weights(trained))
    return loaded(backbones.classifier(job.config.detector), path).eval()


def train_stage(
    job: Job, stage: str, net: nn.Module, folder: Path
) -> tuple[tuple[Point, ...], float]:
    """Train one of the nets, from its checkpoint if there is one; its curve, and the seconds.

    A stage that is done has left its weights and its last checkpoint, which holds the curve.
    """
    recipe, path = job.recipe, folder / f"{stage}.checkpoint.pt"
    state = begin(job.config, stage, net, recipe, job.device)
    name, how = f"{job.named.stem} {stage}", {"threads": job.threads, "device": job.device}
    here = World(device=job.device)
    if half_way.load(path, name, how, state, here):
        job.report(f"{stage} goes on after update {state.step:,}")
    if state.step < recipe.steps and stage == "rcnn":
        state.net.proposals = proposals(job, folder)
    saved = state.step
    for point in training.train_net(state, job.train, recipe, here=here, workers=job.workers):
        job.report(f"{stage}, update {point.step:,} of {recipe.steps:,}: loss {point.loss:.3f}")
        if state.step - saved >= job.checkpoint_every or state.step == recipe.steps:
            saved = state.step
            half_way.save(path, name, how, state, here)
    write_whole(folder / f"{stage}.safetensors", checkpoint.weights(state.net))
    return tuple(state.curve), state.seconds


def begin(
    config: LocaliserConfig, stage: str, net: nn.Module, recipe: DetectionRecipe, device: str
) -> State:
    """The state of a stage before its first update; `net` itself is not changed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        made: Localiser = NETS[stage](config, copy.deepcopy(net)).to(device)
    return State(net=made, optimizer=training.optimizer(made, recipe))


def proposals(job: Job, folder: Path) -> dict[str, Tensor]:
    """For each training image the best boxes of its class, from the trained RPN.

    On the whole image at the one scale that crops are cut from.
    """
    job.report("proposals on the training images")
    single = replace(job.config, scales=(job.config.test_side,))
    rpn = member(single, folder, ("rpn",), job.device).rpn
    found = {}
    for i in range(len(job.train)):
        image, target = job.train[i]
        label = int(target.labels[0]) - 1
        found[target.image_id] = testing.propose([rpn], image, label, "dense").boxes
    return found


def finish(job: Job, named: LocalisationRun, folder: Path, curves, seconds, reached) -> None:
    """Write the record; the checkpoints have done their work."""
    names = ("classifier", *job.stages)
    files = {name: folder / f"{name}.safetensors" for name in names}
    found = LocalisationRecord(
        format=records.FORMAT,
        run=named,
        deviations=tuple(named.config.deviations),
        curves=curves,
        **records.values(reached),
        weights_sha256={n: hashlib.sha256(p.read_bytes()).hexdigest() for n, p in files.items()},
        how=how_of(job.device, job.threads, seconds, job.recipe.batch),
    )
    records.save(found, folder / "record.json")
    for stage in job.stages:
        (folder / f"{stage}.checkpoint.pt").unlink(missing_ok=True)
    for row in reached.rows:
        job.report(f"{row.method}, {row.protocol}, {row.classes} class: {row.top5:.1f} %")


def how_of(device: str, threads: int, seconds: float, batch: int = 1) -> DetectionHow:
    """On what a result was computed."""
    return DetectionHow(
        device=provenance.device_name(device.split(":")[0]),
        precision="float32",
        threads=threads,
        processes=1,
        per_device=batch,
        torch=torch.__version__,
        resnet_lab=provenance.package_version(),
        git=provenance.git_revision(),
        seconds=round(seconds, 2),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def embedded(seed: int = 0, *, config: LocaliserConfig, **changes: object) -> Job:
    """The run on the embedded images, with all of their sizes."""
    from resnet_lab.localisation import recipe

    given = dict(
        config=config,
        recipe=replace(recipe.EMBEDDED, seed=seed),
        train=drawn.load("train"),
        test=drawn.load("val"),
        classifier=recipe.CLASSIFIER,
    )
    return Job(**given | changes)
