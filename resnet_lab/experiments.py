"""Which runs make which figure or table, at which scale.

Paper: Table 6; Figures 1, 6 and 7; Section 4.2.
Notebook: notebooks/01_degradation.py. Tests: tests/test_experiments.py.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from resnet_lab.arms import QUICK_SIZE, Arm, arm_of, nets, recipe_at, recipe_of
from resnet_lab.data import Dataset, load
from resnet_lab.errors import InputError
from resnet_lab.records import Record
from resnet_lab.runner import Job
from resnet_lab.runs import Images, Run

PLAIN = (20, 32, 44, 56, 110)  # Figure 6, left, and the 110 layers its caption mentions
RESIDUAL = (20, 32, 44, 56, 110, 1202)  # Table 6


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """A named list of arms and the place in the paper that they reproduce."""

    name: str
    place: str
    title: str
    arms: tuple[Arm, ...]


EXPERIMENTS = {
    experiment.name: experiment
    for experiment in (
        Experiment(
            name="degradation",
            place="Sections 1 and 4.2",
            title="Plain against residual nets of 20 and 56 layers",
            arms=nets(plain=(20, 56), residual=(20, 56)),
        ),
        Experiment(
            name="figure_1",
            place="Figure 1",
            title="Training and test error of plain nets of 20 and 56 layers",
            arms=nets(plain=(20, 56)),
        ),
        Experiment(
            name="figure_6",
            place="Figure 6",
            title="Plain nets, residual nets, and 110 against 1202 layers",
            arms=nets(plain=PLAIN, residual=RESIDUAL),
        ),
        Experiment(
            name="figure_7",
            place="Figure 7",
            title="Layer responses of plain nets to 56 layers and residual nets to 110",
            arms=nets(plain=(20, 56), residual=(20, 56, 110)),
        ),
        Experiment(
            name="table_6",
            place="Table 6",
            title="Test error of residual nets of 20 to 1202 layers",
            arms=nets(residual=RESIDUAL),
        ),
        Experiment(
            name="warm_up",
            place="Section 4.2 and footnote 5",
            title="ResNet-110 with and without its warm-up",
            arms=(Arm(depth=110), Arm(depth=110, variant="no warm-up")),
        ),
        Experiment(
            name="shortcuts",
            place="Table 3 (there on ImageNet)",
            title="No shortcut and options A, B and C at 20, 56 and 110 layers, on CIFAR-10",
            arms=tuple(
                Arm(depth=depth, shortcut=option)
                for depth in (20, 56, 110)
                for option in ("none", "A", "B", "C")
            ),
        ),
        Experiment(
            name="bottlenecks",
            place="Section 4.1 and footnote 4 (there on ImageNet)",
            title="Bottlenecks against basic blocks of equal cost, residual and plain, on CIFAR-10",
            arms=tuple(
                # with n blocks a stage a block of either kind has about the same multiply-adds
                Arm(depth=(9 if bottleneck else 6) * n + 2, bottleneck=bottleneck, shortcut=option)
                for n in (3, 9, 18)
                for bottleneck in (False, True)
                for option in ("none", "A")
            ),
        ),
        Experiment(
            name="longer",
            place="Section 4.1, footnote 3 (there on ImageNet)",
            title="Plain-56 trained three times as long, on CIFAR-10",
            arms=(*nets(plain=(20, 56)), Arm(depth=56, shortcut="none", variant="3x longer")),
        ),
        Experiment(
            name="pre_activation",
            place="beyond the paper: He et al. 2016, Identity Mappings",
            title="BN and ReLU before the convolutions or behind them, at 110 and 164 layers",
            arms=tuple(
                Arm(depth=depth, bottleneck=depth == 164, activation=activation)
                for depth in (110, 164)
                for activation in ("post", "pre")
            ),
        ),
    )
}


def images_at(scale: str, dataset: Dataset) -> Images:
    """The images as they are, or averaged to 16x16 at quick scale."""
    return Images(
        name=dataset.name,
        size=QUICK_SIZE if scale == "quick" else 32,
        content_hash=dataset.content_hash,
    )


def job(scale: str, dataset: Dataset, depth: int, shortcut: str, seed: int, **more) -> Job:
    """One run of `jobs` from one seed; `more` are the other fields of its `Arm`."""
    arm = Arm(depth=depth, shortcut=shortcut, **more)
    run = Run(
        net=arm.net(scale),
        recipe=recipe_of(arm, scale, seed),
        images=images_at(scale, dataset),
    )
    return Job(run=run, scale=scale)


def follows(run: Run, scale: str) -> bool:
    """Whether `run` is one of the paper's nets as the paper trains it, at `scale`, from any seed.

    Other shortcuts and changed recipes are compared in experiments of their own.
    """
    arm = arm_of(run, scale)
    if arm is None or arm.shortcut not in ("none", "A"):
        return False
    return not arm.bottleneck and arm.activation == "post" and not arm.variant


def is_current(record: Record) -> bool:
    """Whether `record` is one of the runs above as they are today, on whatever images."""
    return record.scale in ("quick", "paper") and follows(record.run, record.scale)


def current(records: Iterable[Record], dataset: Dataset, scale: str = "quick") -> list[Record]:
    """Those of `records` that are runs of today at `scale` on `dataset` itself, whole."""
    images = (dataset.name, dataset.content_hash)
    return [
        record
        for record in records
        if record.scale == scale
        and is_current(record)
        and (record.run.images.name, record.run.images.content_hash) == images
    ]


def to_show(
    records: Iterable[Record], dataset: Dataset, scale: str | None = None
) -> tuple[list[Record], str]:
    """The runs that a chapter of Section 4.2 draws, all of one scale; and a sentence on them.

    `scale` None: the paper's where one of its runs on CIFAR-10 is recorded, else quick, on
    `dataset`. No net is taken from the other scale where one is missing.

    Raises: InputError for an unknown scale.
    """
    recipe_at(scale or "paper", PLAIN[0])
    found = list(records)
    full = [r for r in found if r.scale == "paper" and is_current(r)]
    full = [r for r in full if r.run.images.name == "cifar10"]
    if scale == "paper" or (scale is None and full):
        return full, f"Scale: the paper's, on CIFAR-10; {len(full)} runs."
    reduced = current(found, dataset)
    none = "" if full else " No run at the paper's scale is recorded."
    return reduced, (
        f"Scale: reduced (thin nets, small images, few updates), on {dataset.label}; "
        f"{len(reduced)} runs.{none}"
    )


def with_runs(dataset: Dataset, records: Iterable[Record]) -> tuple[Dataset, str]:
    """`dataset` if quick runs on it are recorded, else the embedded set; and a sentence on it.

    A notebook opened beside CIFAR-10 that nobody has trained on yet can then still show runs.
    """
    if dataset.name == "embedded" or current(records, dataset):
        return dataset, f"Images: {dataset.label}."
    return load(name="embedded"), (
        f"Images: embedded data. {dataset.label} is here, but no run on it is recorded; "
        "`resnet-lab reproduce` trains them."
    )


def seeds_for(scale: str, depth: int) -> int:
    """Runs of a net: five of 110 layers as in Table 6; one at quick scale."""
    if scale == "quick" or depth == 1202:
        return 1
    return 5 if depth == 110 else 3


def jobs(
    names: list[str],
    scale: str,
    dataset: Dataset,
    seeds: int | None = None,
    deepest: int | None = None,
) -> list[Job]:
    """All runs of the named experiments, none twice, most informative first.

    One seed of everything comes before the second seed of anything, and within a seed the shallow
    and cheap nets before the deep ones. 1202 layers, which cost more than all others
    together, come last. Nets of more than `deepest` layers are left out.

    Raises: InputError for a name that is no experiment, an unknown scale, or if nothing is left.
    """
    recipe_at(scale, PLAIN[0])  # refuses an unknown scale even where there is nothing to run
    arms = {arm for name in names for arm in get(name).arms}
    kept = [arm for arm in arms if deepest is None or arm.depth <= deepest]
    if arms and not kept:
        least = min(arm.depth for arm in arms)
        raise InputError(
            f"{', '.join(names)} has no net of {deepest} layers or fewer, only {least}+"
        )
    ordered = sorted(
        (arm.depth == 1202, seed, arm.order, arm)
        for arm in kept
        for seed in range(seeds or seeds_for(scale, arm.depth))
    )
    return [job(scale, dataset, seed=seed, **vars(arm)) for _, seed, _, arm in ordered]


def get(name: str) -> Experiment:
    """The experiment of that name. Raises: InputError with the names that there are."""
    if name not in EXPERIMENTS:
        raise InputError(f"there is no experiment {name!r}; there are {', '.join(EXPERIMENTS)}")
    return EXPERIMENTS[name]
