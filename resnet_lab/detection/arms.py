"""What the comparisons on drawn scenes compare: detectors that differ in one thing.

Paper: Section 4.3; Appendices A and B; Tables 7 to 9.
Notebook: notebooks/07_detection.py. Tests: tests/test_detection_arms.py.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from resnet_lab.blocks import Shortcut
from resnet_lab.detection.config import DetectorConfig, toy, toy_inference
from resnet_lab.detection.pooling import Pooling
from resnet_lab.detection.recipe import TOY, DetectionRecipe, Pretraining
from resnet_lab.detection.record import DetectionImages, DetectionRecord
from resnet_lab.errors import InputError

SEEDS = 3
TESTING = toy_inference()  # the single-model baseline, in miniature


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One side of a comparison: a backbone, and what is done otherwise than usual."""

    label: str  # what tables and figures call it
    blocks: tuple[int, ...] = (2, 2, 2, 1)  # of conv2_x to conv5_x
    shortcut: Shortcut = "A"  # its plain twin then has the very same weights to learn
    crops: bool = True  # whether it begins with weights pre-trained on crops
    frozen_bn: bool = True
    context: bool = False
    pooling: Pooling = "align"

    @property
    def config(self) -> DetectorConfig:
        """The detector, with `toy`'s sizes."""
        changes = dict(frozen_bn=self.frozen_bn, context=self.context, pooling=self.pooling)
        return toy(self.blocks, shortcut=self.shortcut, **changes)

    @property
    def pretraining(self) -> Pretraining | None:
        """How its weights were pre-trained, if they were."""
        return Pretraining() if self.crops else None

    def recipe(self, seed: int = 0) -> DetectionRecipe:
        """How it is fine-tuned; the same for every arm."""
        return replace(TOY, seed=seed)


DEEP = (3, 3, 3, 2)
ARMS = {
    "residual": Arm(label="ResNet-16"),
    "plain": Arm(label="plain-16", shortcut="none"),
    "shallow": Arm(label="plain-10 (VGG's role)", blocks=(1, 1, 1, 1), shortcut="none"),
    "deep-residual": Arm(label="ResNet-24", blocks=DEEP),
    "deep-plain": Arm(label="plain-24", blocks=DEEP, shortcut="none"),
    "context": Arm(label="ResNet-16 + context", context=True),
    "roi-pool": Arm(label="ResNet-16, RoIPool", pooling="pool"),
    "live-bn": Arm(label="ResNet-16, live BN", frozen_bn=False),
    "random": Arm(label="ResNet-16, no pre-training, BN fixed", crops=False),
    "random-live-bn": Arm(
        label="ResNet-16, no pre-training, live BN", crops=False, frozen_bn=False
    ),
}


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """A named list of arms, and the place in the paper that they are about."""

    place: str
    title: str
    arms: tuple[str, ...]  # keys of ARMS
    options: bool = False  # whether the trained nets are also tested with Appendix B's options


BACKBONES = ("residual", "plain", "shallow", "deep-residual", "deep-plain")
IMPROVED = ("residual", "context")
TRAINING = ("residual", "live-bn", "random", "random-live-bn", "roi-pool")
EXPERIMENTS = {
    "detection": Experiment(
        place="Section 4.3; Appendices A and B (there on VOC and COCO)",
        title="Every comparison of detectors on drawn scenes",
        arms=tuple(ARMS),
        options=True,
    ),
    "detection_backbones": Experiment(
        place="Tables 7 and 8 (there on VOC and COCO)",
        title="One detector with plain and residual backbones, on drawn scenes",
        arms=BACKBONES,
    ),
    "detection_improvements": Experiment(
        place="Table 9 (there on COCO)",
        title="Box refinement, context, testing at several scales, an ensemble, on drawn scenes",
        arms=IMPROVED,
        options=True,
    ),
    "detection_training": Experiment(
        place="Appendix A",
        title="Pre-training, BN fixed or live, RoIPool or RoIAlign, on drawn scenes",
        arms=TRAINING,
    ),
}


@dataclass(frozen=True, kw_only=True)
class Task:
    """One run of an arm: what a process is told to train."""

    arm: str  # a key of ARMS
    seed: int

    @property
    def label(self) -> str:
        """For people: "plain-16, seed 0"."""
        return f"{ARMS[self.arm].label}, seed {self.seed}"


def tasks(names: Sequence[str], seeds: int | None = None) -> list[Task]:
    """All runs of the named experiments, none twice: one seed of everything before the next.

    Raises: InputError for a name that is no experiment.
    """
    for name in names:
        if name not in EXPERIMENTS:
            raise InputError(f"there is no experiment {name!r}; there are {', '.join(EXPERIMENTS)}")
    wanted = {arm for name in names for arm in EXPERIMENTS[name].arms}
    arms = [arm for arm in ARMS if arm in wanted]
    return [Task(arm=arm, seed=seed) for seed in range(seeds or SEEDS) for arm in arms]


def arm_of(record: DetectionRecord) -> str | None:
    """The key of the arm that `record` is a run of today; None if of none.

    Results of an older recipe must not be averaged with those of today.
    """
    run = record.run
    if run.images.name != "scenes" or record.testing != TESTING:
        return None
    for key, arm in ARMS.items():
        usual = (arm.config, arm.recipe(run.recipe.seed), arm.pretraining)
        if (run.config, run.recipe, run.pretraining) == usual:
            return key if run.start == ("crops" if arm.crops else "random") else None
    return None


Runs = dict[str, dict[int, DetectionRecord]]  # arm -> seed -> record


def comparable(records: Iterable[DetectionRecord]) -> Runs:
    """The runs of today's arms on one set of scenes: the one with the most of them."""
    sets: dict[DetectionImages, Runs] = {}
    for record in records:
        if (arm := arm_of(record)) is not None:
            runs = sets.setdefault(record.run.images, {})
            runs.setdefault(arm, {}).setdefault(record.run.recipe.seed, record)
    if not sets:
        return {}
    most = max(sets.values(), key=lambda runs: sum(len(found) for found in runs.values()))
    return {arm: dict(sorted(most[arm].items())) for arm in ARMS if arm in most}
