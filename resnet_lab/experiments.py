"""Which runs make which figure or table, at which scale.

Paper: Table 6; Figures 1 and 6; Section 4.2.
Notebook: notebooks/01_degradation.py. Tests: tests/test_experiments.py.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from resnet_lab.data import Dataset, load
from resnet_lab.errors import InputError
from resnet_lab.recipe import Recipe
from resnet_lab.records import Record
from resnet_lab.resnet import ResNetConfig, cifar
from resnet_lab.runner import Job
from resnet_lab.runs import Images, Run

PLAIN = (20, 32, 44, 56, 110)  # Figure 6, left, and the 110 layers its caption mentions
RESIDUAL = (20, 32, 44, 56, 110, 1202)  # Table 6

QUICK_WIDTH, QUICK_SIZE = 8, 16  # a sixteenth of the paper's cost per image


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """A named list of nets and the place in the paper that they reproduce."""

    name: str
    place: str
    title: str
    plain: tuple[int, ...] = ()  # depths
    residual: tuple[int, ...] = ()  # depths


EXPERIMENTS = {
    experiment.name: experiment
    for experiment in (
        Experiment(
            name="degradation",
            place="Sections 1 and 4.2",
            title="Plain against residual nets of 20 and 56 layers",
            plain=(20, 56),
            residual=(20, 56),
        ),
        Experiment(
            name="figure_1",
            place="Figure 1",
            title="Training and test error of plain nets of 20 and 56 layers",
            plain=(20, 56),
        ),
        Experiment(
            name="figure_6",
            place="Figure 6",
            title="Plain nets, residual nets, and 110 against 1202 layers",
            plain=PLAIN,
            residual=RESIDUAL,
        ),
        Experiment(
            name="table_6",
            place="Table 6",
            title="Test error of residual nets of 20 to 1202 layers",
            residual=RESIDUAL,
        ),
    )
}


def net_at(scale: str, depth: int, shortcut: str) -> ResNetConfig:
    """The net of Section 4.2, or its thin twin at quick scale. Raises: InputError, ValueError."""
    return cifar(depth, shortcut=shortcut, width=QUICK_WIDTH if scale == "quick" else 16)


def recipe_at(scale: str, depth: int, seed: int = 0) -> Recipe:
    """How a net of `depth` layers is trained at `scale`; at paper scale exactly as in Section 4.2.

    The paper warms up its 110-layer residual net. We give the plain twin the same start, so that
    the pair differs in nothing but its shortcuts, and the 1202-layer net too: the paper says
    it is "trained as described above".

    Quick scale starts every net with the same 100 updates at 0.01: a rate that is too large at
    first costs some epochs (footnote 5), and there are only a few. The number is fixed, so that
    all nets have the same rate at every update. So few passes need no crops, only flips.

    Raises: InputError for an unknown scale.
    """
    if scale == "paper":
        return Recipe(warm_up=depth >= 110, seed=seed)
    if scale == "quick":
        return Recipe(
            steps=1_200,
            drops=(1_000,),
            warm_up_steps=100,
            pad=0,
            log_every=50,
            test_every=200,
            seed=seed,
        )
    raise InputError(f"scale must be quick or paper, got {scale!r}")


def images_at(scale: str, dataset: Dataset) -> Images:
    """The images as they are, or averaged to 16x16 at quick scale."""
    return Images(
        name=dataset.name,
        size=QUICK_SIZE if scale == "quick" else 32,
        content_hash=dataset.content_hash,
    )


def job(scale: str, dataset: Dataset, depth: int, shortcut: str, seed: int) -> Job:
    """One run of the paper's at `scale`."""
    run = Run(
        net=net_at(scale, depth, shortcut),
        recipe=recipe_at(scale, depth, seed),
        images=images_at(scale, dataset),
    )
    return Job(run=run, scale=scale)


def follows(run: Run, scale: str) -> bool:
    """Whether net, recipe and image size are those of the runs above at `scale`, but for the seed.

    Results of an older recipe must not be averaged with those of today.
    """
    net, images = run.net, run.images
    if (net.depth - 2) % 6 or net.shortcut not in ("none", "A") or images.held_out:
        return False
    return (
        net == net_at(scale, net.depth, net.shortcut)
        and replace(run.recipe, seed=0) == recipe_at(scale, net.depth)
        and images.size == (QUICK_SIZE if scale == "quick" else 32)
    )


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


def jobs(names: list[str], scale: str, dataset: Dataset, seeds: int | None = None) -> list[Job]:
    """All runs of the named experiments, none twice, most informative first.

    One seed of everything comes before the second seed of anything, and within a seed the shallow
    and cheap nets before the deep ones. 1202 layers, which cost more than all others
    together, come last.

    Raises: InputError for a name that is no experiment, or an unknown scale.
    """
    recipe_at(scale, PLAIN[0])  # refuses an unknown scale even where there is nothing to run
    unknown = [name for name in names if name not in EXPERIMENTS]
    if unknown:
        raise InputError(
            f"there is no experiment {unknown[0]!r}; there are {', '.join(EXPERIMENTS)}"
        )
    wanted = {
        (depth, shortcut)
        for name in names
        for shortcut, depths in (
            ("none", EXPERIMENTS[name].plain),
            ("A", EXPERIMENTS[name].residual),
        )
        for depth in depths
    }
    ordered = sorted(
        (depth == 1202, seed, depth, shortcut != "none", shortcut)
        for depth, shortcut in wanted
        for seed in range(seeds or seeds_for(scale, depth))
    )
    return [job(scale, dataset, depth, shortcut, seed) for _, seed, depth, _, shortcut in ordered]
