"""The paper's tables against ours, row by row: counted, run, run at reduced size, or not run.

Paper: Tables 1 to 14.
Notebook: notebooks/00_start_here.py. Tests: tests/test_explorers.py.
"""

from collections.abc import Iterator, Sequence
from statistics import mean

from resnet_lab import cost, experiments, imagenet_tables, paper, tables
from resnet_lab.claims.detection import Evidence
from resnet_lab.claims.nets import total, weightless, weightless_vgg
from resnet_lab.explorers import tasks
from resnet_lab.explorers.explorer import Explorer, Grid
from resnet_lab.explorers.rows import Row, of_runs, row
from resnet_lab.localisation.record import AnyRecord
from resnet_lab.records import Record
from resnet_lab.resnet import cifar, imagenet
from resnet_lab.table_1 import DEPTHS, SIDE

FIELDS = {
    "place": "where the paper prints the number; for nets it does not have, what they stand beside",
    "net": "the paper's name of the net or method",
    "measure": "what is counted or measured",
    "unit": "of paper, ours, spread and gap",
    "paper": "what the paper prints; null where it prints no number",
    "ours": "counted on the module, or the mean over n runs after the last update; null: not run",
    "spread": "standard deviation over the n runs; null for one run and for what is counted",
    "n": "runs of ours; null where nothing is trained",
    "gap": "ours minus paper; null where the two cannot be compared",
    "status": "counted, run, run reduced (order means something, size does not) or not run",
    "why": "what differs, or what it would take",
}
COLUMNS = (
    ("place", "Place"),
    ("net", "Net"),
    ("measure", "What"),
    ("unit", "Unit"),
    ("paper", "Paper"),
    ("ours", "Ours"),
    ("spread", "±"),
    ("n", "n"),
    ("gap", "Gap"),
    ("status", "Status"),
    ("why", "What differs, or what it would take"),
)


def explorer(
    found: Sequence[Record],
    evaluated: Sequence[imagenet_tables.Result] = (),
    detectors: Evidence | None = None,
    localised: Sequence[AnyRecord] = (),
) -> Explorer:
    """The page, from paper.yaml, from the nets, and from results of every kind."""
    detectors = detectors or Evidence()
    cifar_10 = [*cifar_rows(found), *reduced(found)]
    small = [*tasks.drawn(detectors.results), *tasks.located(localised)]
    rows = [
        *counted(),
        *imagenet_rows(evaluated),
        *cifar_10,
        *tasks.printed(detectors.records),
        *small,
    ]
    return Explorer(
        stem="explore_tables",
        title="The paper's tables against ours",
        lead="Every number of the paper's tables on its own nets, and what stands against it here. "
        "What was not run says so, and what it would take.",
        data={"rows": rows},
        fields=FIELDS,
        grid=Grid(name="rows", columns=COLUMNS, menus=(("place", "Place"), ("status", "Status"))),
        note=f"{tables.HOW_TO_READ} What reduced runs do otherwise: "
        f"{tables.differs('quick', 'cifar10').removeprefix('reduced: ')}.",
    )


def counted() -> Iterator[Row]:
    """Multiply-adds of Table 1 and of VGG, parameters of Table 6: no training is needed."""
    flops = [(f"networks.{d}.flops", f"{d}-layer", weightless(imagenet(d))) for d in DEPTHS]
    flops += [(f"vgg_reference.vgg{d}_flops", f"VGG-{d}", weightless_vgg(d)) for d in (16, 19)]
    for path, name, net in flops:
        leaf = paper.leaf(f"tables.table1.{path}")
        yield row(
            "Table 1" if "networks" in path else "Section 4.1",
            name,
            "multiply-adds",
            "number",
            paper=leaf.value,
            ours=total(net, SIDE),
            gap=total(net, SIDE) - leaf.value,
            status="counted",
            why=leaf.note or "the paper rounds, or cuts off, to one decimal",
        )
    for depth in experiments.RESIDUAL:
        printed = paper.number(f"tables.table6.resnet_{depth}.params")
        ours = cost.parameters(weightless(cifar(depth)))
        yield row(
            "Table 6",
            f"ResNet-{depth}",
            "parameters",
            "number",
            paper=printed,
            ours=ours,
            gap=ours - printed,
            status="counted",
            why="the paper rounds",
        )


def imagenet_rows(evaluated: Sequence[imagenet_tables.Result]) -> Iterator[Row]:
    """Tables 2 to 5, with what was measured on all of ImageNet's validation images."""
    for table in (2, 3, 4, 5):
        for one in imagenet_tables.rows(table):
            fit = imagenet_tables.of_row(table, one, evaluated)
            for error in ("top1", "top5"):
                printed = getattr(one, error)
                if one.ours and printed is not None:
                    yield imagenet_row(f"Table {table}", one.name, error, printed, fit)


def imagenet_row(
    place: str, net: str, error: str, printed: float, fit: Sequence[imagenet_tables.Result]
) -> Row:
    """One error of one net; of several results the mean."""
    what = (place, net, f"{error.replace('top', 'top-')} error", "%")
    if not fit:
        takes = "takes ImageNet and a GPU: `resnet-lab evaluate imagenet`"
        return row(*what, paper=printed, why=takes)
    values = [getattr(result, error) for result in fit]
    return row(
        *what,
        paper=printed,
        **of_runs(values),
        gap=mean(values) - printed,
        status="run",
        why=", ".join(dict.fromkeys(words for result in fit for words in result.differs)),
    )


def cifar_rows(found: Sequence[Record]) -> Iterator[Row]:
    """Test errors at the paper's scale, of the nets of Table 6 and Figure 6."""
    for one in tables.compare(found, tables.nets_of("figure_6"), "paper", "cifar10"):
        place = one.source.partition(" (")[0]
        takes = "a GPU: `resnet-lab reproduce table_6 figure_6 --scale paper`"
        yield measured(one, place, "run", one.differs if one.ours else f"takes {takes}")


def reduced(found: Sequence[Record]) -> Iterator[Row]:
    """Test errors at reduced scale, of every net that was trained on either image set."""
    labels = [arm.label for each in experiments.EXPERIMENTS.values() for arm in each.arms]
    for images, words in (("cifar10", "CIFAR-10"), ("embedded", "embedded images")):
        for one in tables.compare(found, list(dict.fromkeys(labels)), "quick", images):
            if one.ours:
                warm = "no warm-up" if "no warm-up" in one.net else ""
                yield measured(one, f"reduced, {words}", "run reduced", warm or "see below")


def measured(one: tables.Comparison, place: str, status: str, why: str) -> Row:
    """A comparison of test errors as a row; a reduced error has no gap to the paper's."""
    ours = mean(one.ours) if one.ours else None
    comparable = ours is not None and one.paper is not None and status == "run"
    return row(
        place,
        one.net,
        "test error",
        "%",
        paper=one.paper,
        **of_runs(one.ours),
        gap=ours - one.paper if comparable else None,
        status=status if one.ours else "not run",
        why=why,
    )
