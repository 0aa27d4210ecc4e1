"""One localiser's run: a classifier, then regression, RPN and R-CNN from it, then the errors.

Paper: Appendix C.
Notebook: notebooks/09_localisation.py. Tests: tests/test_localisation_run.py.
"""

import copy
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import torch
from torch import Tensor, nn

from resnet_lab import checkpoint, distributed, provenance, runner
from resnet_lab.detection import backbones, pretraining, sources, training
from resnet_lab.detection import checkpoint as half_way
from resnet_lab.detection.recipe import DetectionRecipe
from resnet_lab.detection.record import DetectionHow
from resnet_lab.detection.training import State
from resnet_lab.distributed import World
from resnet_lab.errors import InputError
from resnet_lab.files import write_whole
from resnet_lab.localisation import drawn, evaluate, testing
from resnet_lab.localisation import record as records
from resnet_lab.localisation.config import LocaliserConfig
from resnet_lab.localisation.job import Job, check
from resnet_lab.localisation.nets import NETS, Localiser, PerClassRPN
from resnet_lab.localisation.record import LocalisationRecord, LocalisationRun
from resnet_lab.localisation.testing import Member


def run(job: Job, out: Path) -> Path:
    """Train what is not trained yet, test, and write the record; the folder with the weights.

    Every process must call this.

    Raises: InputError for images, files or numbers that cannot be used.
    """
    check(job)
    named, here, nets, curves, seconds = job.named, job.here, {}, {}, 0.0
    folder = out / "localisation" / named.stem
    if len(set(distributed.gathered(named.hash, here))) > 1:
        raise InputError("the machines see different images or options: their runs do not agree")
    if distributed.from_first((folder / "record.json").is_file(), here):
        job.report(f"{named.stem} is trained already")
        return folder
    with runner.own_threads(job.threads):
        net = classifier(job, folder)
        for stage in job.stages:
            state = train_stage(job, stage, net, folder, nets)
            nets[stage], curves[stage] = state.net.eval(), tuple(state.curve)
            seconds += state.seconds
        job.report("tests")
        trained = Member(config=job.config, classifier=net.to(here.device), **nets)
        reached = evaluate.evaluate([trained], job.test, here=here)
    if here.first:
        finish(job, named, folder, curves, seconds, reached)
    for row in reached.rows:
        job.report(f"{row.method}, {row.protocol}, {row.classes} class: {row.top5:.1f} %")
    return folder


def classifier(job: Job, folder: Path) -> nn.Module:
    """The classification net: given, kept from before, or trained on the training images.

    The first process trains it; all get its weights.
    """
    path, here = folder / "classifier.safetensors", job.here
    if here.first and job.net is not None:
        write_whole(path, checkpoint.weights(job.net))
    elif here.first and not path.is_file():
        images, labels = drawn.tensors(job.train)
        steps = job.classifier.steps
        trained = pretraining.pretrain(
            job.config.detector,
            job.classifier,
            images,
            labels,
            seed=job.recipe.seed,
            device=here.device,
            report=lambda step, error: job.report(
                f"classifier, update {step:,} of {steps:,}: training error {error:.1f} %"
            ),
        )
        write_whole(path, checkpoint.weights(trained))
    weights = distributed.from_first(checkpoint.read_weights(path) if here.first else None, here)
    net = backbones.classifier(job.config.detector)
    sources.load(net, weights, str(path))
    return net.eval()


def train_stage(
    job: Job, stage: str, net: nn.Module, folder: Path, before: Mapping[str, Localiser]
) -> State:
    """Train one of the nets, from its checkpoint if there is one; the state after its last update.

    `before` are the nets of the stages before it. A stage that is done has left its weights and
    its last checkpoint, which holds the curve.
    """
    recipe, here, path = job.recipe_of(stage), job.here, folder / f"{stage}.checkpoint.pt"
    state = begin(job.config, stage, net, recipe, here.device)
    name = f"{job.named.stem} {stage}"
    how = {"threads": job.threads, "device": here.device.split(":")[0]}
    how |= {"processes": here.size, "per_device": job.together(stage)}
    if half_way.load(path, name, how, state, here):
        job.report(f"{stage} goes on after update {state.step:,}")
    if state.step < recipe.steps and stage == "rcnn":
        state.net.proposals = proposals(job, before["rpn"])
    saved, cut = state.step, dict(per_device=job.together(stage), workers=job.workers)
    for point in training.train_net(state, job.train, recipe, here=here, **cut):
        job.report(f"{stage}, update {point.step:,} of {recipe.steps:,}: loss {point.loss:.3f}")
        if state.step - saved >= job.checkpoint_every or state.step == recipe.steps:
            saved = state.step
            half_way.save(path, name, how, state, here)
    if here.first:
        write_whole(folder / f"{stage}.safetensors", checkpoint.weights(state.net))
    return state


def begin(
    config: LocaliserConfig, stage: str, net: nn.Module, recipe: DetectionRecipe, device: str
) -> State:
    """The state of a stage before its first update; `net` itself is not changed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        made: Localiser = NETS[stage](config, copy.deepcopy(net)).to(device)
    return State(net=made, optimizer=training.optimizer(made, recipe))


def proposals(job: Job, rpn: PerClassRPN) -> dict[str, Tensor]:
    """For each training image the best boxes of its class, from the trained RPN.

    On the whole image at the one scale that crops are cut from. Several processes share the
    images, and all of them get the boxes of all.
    """
    job.report("proposals on the training images")
    here, single = job.here, replace(job.config, scales=(job.config.test_side,))
    net = PerClassRPN(single)
    net.load_state_dict(rpn.state_dict())
    net = net.eval().to(here.device)
    own = {}
    for i in range(here.rank, len(job.train), here.size):
        image, target = job.train[i]
        label = int(target.labels[0]) - 1
        own[target.image_id] = testing.propose([net], image, label, "dense").boxes
    return {name: found for part in distributed.gathered(own, here) for name, found in part.items()}


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
        how=how_of(job.here, job.threads, seconds, job.together(job.stages[-1])),
    )
    records.save(found, folder / "record.json")
    for stage in job.stages:
        (folder / f"{stage}.checkpoint.pt").unlink(missing_ok=True)


def how_of(here: World, threads: int, seconds: float, per_device: int = 1) -> DetectionHow:
    """On what a result was computed."""
    return DetectionHow(
        device=provenance.device_name(here.device.split(":")[0]),
        precision="float32",
        threads=threads,
        processes=here.size,
        per_device=per_device,
        torch=torch.__version__,
        resnet_lab=provenance.package_version(),
        git=provenance.git_revision(),
        seconds=round(seconds, 2),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
    )
