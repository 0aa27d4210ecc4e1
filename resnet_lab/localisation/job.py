"""What a localiser's run takes, by which name it goes, and what cannot be run.

Paper: Appendix C.
Notebook: notebooks/09_localisation.py. Tests: tests/test_localisation_run.py.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from resnet_lab import checkpoint
from resnet_lab.detection.recipe import DetectionRecipe, Pretraining, parts
from resnet_lab.detection.record import DetectionImages
from resnet_lab.detection.targets import DetectionData
from resnet_lab.distributed import World
from resnet_lab.errors import InputError
from resnet_lab.localisation.config import LocaliserConfig
from resnet_lab.localisation.nets import NETS
from resnet_lab.localisation.record import LocalisationRun

Report = Callable[[str], None]
STAGES = tuple(NETS)


@dataclass(frozen=True, kw_only=True, eq=False)
class Job:
    """A run with all that it takes."""

    config: LocaliserConfig
    recipe: DetectionRecipe  # of regression and RPN
    rcnn: DetectionRecipe | None  # of R-CNN; None if it is not trained
    train: DetectionData
    test: DetectionData
    stages: tuple[str, ...] = STAGES
    classifier: Pretraining | None = None  # None: `net` is one
    net: nn.Module | None = None
    here: World = World()
    per_device: int | None = None  # images through a net together; None: the process's share
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
            rcnn=self.rcnn,
            stages=self.stages,
            images=DetectionImages(name=self.train.name, **hashes),
            start=start,
            classifier=self.classifier,
        )

    def recipe_of(self, stage: str) -> DetectionRecipe:
        """How a stage is trained."""
        return self.rcnn if stage == "rcnn" else self.recipe

    def together(self, stage: str) -> int:
        """Images that go through the net of a stage at once."""
        return self.per_device or max(1, self.recipe_of(stage).batch // self.here.size)


def check(job: Job) -> None:
    """What cannot be done is said before anything is drawn or read. Raises: InputError."""
    unknown = [stage for stage in job.stages if stage not in NETS]
    if unknown or not job.stages:
        raise InputError(f"stages are some of {', '.join(STAGES)}, got {', '.join(job.stages)!r}")
    if list(job.stages) != [stage for stage in STAGES if stage in job.stages]:
        raise InputError(f"stages are named once each, in the order {', '.join(STAGES)}")
    if "rcnn" in job.stages and "rpn" not in job.stages:
        raise InputError("rcnn learns from the proposals of rpn; train both")
    if ("rcnn" in job.stages) != (job.rcnn is not None):
        raise InputError("rcnn has a recipe of its own, and only a run that trains it has one")
    recipes = [job.recipe_of(stage) for stage in job.stages]
    if any(one.flip for one in recipes):
        raise InputError("the views of a localiser are mirrored, not its images; leave flip off")
    if {one.seed for one in recipes} != {job.recipe.seed}:
        raise InputError("the nets of a run share one seed; give both recipes the same")
    for stage in job.stages:
        parts(job.recipe_of(stage), job.here.size, job.together(stage))
    if not job.config.frozen_bn and job.here.size > 1:
        raise InputError("BN that is not fixed can be trained on one process only")
    if len(job.train.classes) != job.config.classes or job.train.classes != job.test.classes:
        raise InputError(
            f"{job.config.classes} classes are asked for; {job.train.name} has "
            f"{len(job.train.classes)} for training and {len(job.test.classes)} for testing"
        )
    if (job.net is None) == (job.classifier is None):
        raise InputError("a run begins with a classifier's weights or with how to train one")
