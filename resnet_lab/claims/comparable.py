"""Which records may stand side by side: never two image sets, widths or recipes in one verdict.

Paper: Section 4.2.
Notebook: notebooks/00_start_here.py. Tests: tests/test_claims.py.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from resnet_lab.recipe import Recipe
from resnet_lab.records import Record
from resnet_lab.resnet import cifar

NAMES = {"cifar10": "CIFAR-10", "embedded": "the embedded images"}

Runs = dict[str, list[Record]]  # net -> its runs, in the order of their seeds


@dataclass(frozen=True)
class Group:
    """Runs that differ in net and seed only."""

    scale: str  # "paper" or "quick"
    label: str  # with what is reduced
    runs: Runs

    def error(self, net: str, which: str) -> list[float]:
        """Final "train" or "test" error of each run of `net`, in percent."""
        return [getattr(record.final, f"{which}_error") for record in self.runs[net]]


def is_of_the_paper(record: Record) -> bool:
    """Is the net one of Section 4.2's, whatever its width, tested on the whole test set?"""
    net = record.run.net
    if (net.depth - 2) % 6 or net.shortcut not in ("none", "A") or record.run.images.held_out:
        return False
    return net == cifar(net.depth, shortcut=net.shortcut, width=net.widths[0])


def follows_protocol(record: Record) -> bool:
    """Is all but the warm-up as in Section 4.2? How often points are taken does not matter."""
    recipe, default = record.run.recipe, Recipe()
    same = dict(
        seed=default.seed,
        warm_up=default.warm_up,
        log_every=default.log_every,
        test_every=default.test_every,
    )
    images = record.run.images
    return (
        replace(recipe, **same) == default
        and (images.name, images.size) == ("cifar10", 32)
        and record.run.net.widths[0] == 16
        and is_of_the_paper(record)
    )


def usable(records: Iterable[Record], scale: str) -> list[Record]:
    """The records of `scale` that say something about the paper's nets, none twice."""
    # imported late: it brings the code that trains, which an empty ledger has no use for
    from resnet_lab.experiments import recipe_at

    found = {}
    for record in records:
        # the one field that may differ between nets must be what the experiments give each net
        warms = record.run.recipe.warm_up == recipe_at(scale, record.run.net.depth).warm_up
        fits = follows_protocol(record) if scale == "paper" else is_of_the_paper(record)
        if record.scale == scale and warms and fits:
            found.setdefault(record.run.hash, record)
    return list(found.values())


def group(records: Iterable[Record], scale: str) -> list[Group]:
    """`records` of one scale, split until each part differs in net and seed only.

    CIFAR-10 comes before the embedded images, then the part with the most runs.
    """
    parts: dict[tuple, list[Record]] = defaultdict(list)
    for record in usable(records, scale):
        recipe = replace(record.run.recipe, seed=0, warm_up=False)
        parts[record.run.images, record.run.net.widths[0], recipe].append(record)
    ordered = sorted(
        parts.items(), key=lambda item: (item[0][0].name != "cifar10", -len(item[1]), str(item[0]))
    )
    groups = []
    for (images, width, recipe), members in ordered:
        runs: Runs = defaultdict(list)
        for record in sorted(members, key=lambda record: record.run.recipe.seed):
            runs[record.net].append(record)
        reduced = (
            f" ({NAMES.get(images.name, images.name)} at {images.size}x{images.size}, "
            f"width {width}, {recipe.steps:,} updates)"
        )
        label = scale + (reduced if scale == "quick" else "")
        groups.append(Group(scale, label, dict(runs)))
    return groups


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
        and follows_protocol(record)
    }
    return list(found.values())
