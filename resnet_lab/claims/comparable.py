"""Which records may stand side by side: never two image sets, widths or recipes in one verdict.

Paper: Section 4.2.
Notebook: notebooks/00_start_here.py. Tests: tests/test_claims.py.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from resnet_lab.recipe import Recipe
from resnet_lab.records import Record
from resnet_lab.runs import Images

NAMES = {"cifar10": "CIFAR-10", "embedded": "the embedded images"}

Runs = dict[str, list[Record]]  # net -> its runs, in the order of their seeds


@dataclass(frozen=True)
class Group:
    """Runs on the same images, each with the recipe of its net; they differ in net and seed."""

    scale: str  # "paper" or "quick"
    label: str  # with what is reduced
    runs: Runs

    def error(self, net: str, which: str) -> list[float]:
        """Final "train" or "test" error of each run of `net`, in percent."""
        return list(self.by_seed(net, which).values())

    def by_seed(self, net: str, which: str) -> dict[int, float]:
        """Seed -> final "train" or "test" error of that run of `net`, in percent."""
        return {
            record.run.recipe.seed: getattr(record.final, f"{which}_error")
            for record in self.runs[net]
        }


def follows(record: Record, scale: str, recipe: Recipe | None = None) -> bool:
    """Are net and recipe what the experiments give this net at `scale`, in all but the seed?

    `recipe` stands in for the record's own. Paper scale takes CIFAR-10 as it is besides.
    """
    # imported late: it brings the code that trains, which an empty ledger has no use for
    from resnet_lab import experiments

    run = record.run if recipe is None else replace(record.run, recipe=recipe)
    on_cifar10 = run.images.name == "cifar10"
    return experiments.follows(run, scale) and (scale != "paper" or on_cifar10)


def group(records: Iterable[Record], scale: str, first: str = "cifar10") -> list[Group]:
    """The records of one scale that `follows` accepts, none twice, split by their images.

    The image set `first` comes before the others, then the part with the most runs.
    """
    parts: dict[Images, dict[str, Record]] = defaultdict(dict)
    for record in records:
        if record.scale == scale and follows(record, scale):
            parts[record.run.images].setdefault(record.run.hash, record)
    ordered = sorted(
        parts.items(), key=lambda item: (item[0].name != first, -len(item[1]), str(item[0]))
    )
    groups = []
    for _, members in ordered:
        runs: Runs = defaultdict(list)
        for record in sorted(members.values(), key=lambda record: record.run.recipe.seed):
            runs[record.net].append(record)
        label = scale + (reduced(record) if scale == "quick" else "")
        groups.append(Group(scale, label, dict(runs)))
    return groups


def reduced(record: Record) -> str:
    """What is smaller than in the paper, in brackets."""
    run = record.run
    return (
        f" ({NAMES.get(run.images.name, run.images.name)} at {run.images.size}x{run.images.size}, "
        f"width {run.net.widths[0]}, {run.recipe.steps:,} updates)"
    )


def choose(groups: Sequence[Group], nets: Sequence[str]) -> Group | None:
    """The first group that has a run of every net."""
    return next((g for g in groups if all(net in g.runs for net in nets)), None)


def scattered(groups: Sequence[Group], nets: Sequence[str]) -> bool:
    """Has every net a run somewhere, but in no common group?"""
    return choose(groups, nets) is None and all(any(net in g.runs for g in groups) for net in nets)


def without_warm_up(records: Iterable[Record], net: str) -> list[Record]:
    """Runs of `net` by the paper's protocol that start at the full rate, whoever asked for them."""
    found = {
        record.run.hash: record
        for record in records
        if record.net == net
        and record.scale in ("paper", "own")
        and not record.run.recipe.warm_up
        and follows(record, "paper", replace(record.run.recipe, warm_up=True))
    }
    return list(found.values())
