"""Claims about depth with and without shortcuts: Figures 1 and 6, left and middle.

Paper: Sections 1 and 4.2; Figures 1 and 6.
Notebook: notebooks/00_start_here.py. Tests: tests/test_claims.py.
"""

from itertools import pairwise
from math import sqrt
from statistics import mean

from resnet_lab import paper
from resnet_lab.claims import rules
from resnet_lab.claims.comparable import Group
from resnet_lab.claims.row import Row, not_run
from resnet_lab.claims.rules import Judged
from resnet_lab.claims.training import Claim, order

FOUR = ("plain-20", "plain-56", "ResNet-20", "ResNet-56")
SMALL_FRACTION = 0.25  # of the plain gap: what "gone, or a small fraction" is read as
FIGURE_1 = "figures.figure1.fact"
WORDS = {"train": "training", "test": "test"}


def printed_error(depth: int) -> float:
    """Table 6's test error of a residual net: the mean where there are several runs."""
    name = "error_mean" if depth == 110 else "error"
    return paper.value(f"tables.table6.resnet_{depth}.{name}")


def both_errors_rise(group: Group) -> Judged:
    """Are training and test error of plain-56 above those of plain-20?"""
    spread = rules.run_spread(group.scale)
    return rules.all_of(
        {
            name: rules.order(
                group.error("plain-56", which), group.error("plain-20", which), spread
            )
            for which, name in WORDS.items()
        }
    )


def gaps_by_seed(group: Group, kind: str) -> dict[int, float]:
    """Seed -> training error of the 56-layer net minus that of the 20-layer one, in points."""
    deep, shallow = (group.by_seed(f"{kind}-{depth}", "train") for depth in (56, 20))
    return {seed: deep[seed] - shallow[seed] for seed in deep if seed in shallow}


def residual_gap_is_small(group: Group) -> Judged:
    """Is the residual pair's gap below a fraction of the plain pair's, seed by seed?"""
    residual, plain = gaps_by_seed(group, "ResNet"), gaps_by_seed(group, "plain")
    seeds = [seed for seed in residual if seed in plain]
    if not seeds:
        why = "no seed that all four nets share"
        n = min(len(group.runs[net]) for net in FOUR)
        return Judged(verdict="undecided", ours=None, n=n, spread=None, why=why)
    spread = rules.run_spread(group.scale)
    excess = [residual[seed] - SMALL_FRACTION * plain[seed] for seed in seeds]
    verdict, why = rules.below_zero(excess, sqrt(2 + 2 * SMALL_FRACTION**2), spread)
    degrades, _ = rules.below_zero([-plain[seed] for seed in seeds], sqrt(2), spread)
    if verdict == "seen" and degrades != "seen":
        verdict, why = "undecided", "the plain nets have no clear gap of which it could be a part"
    ours = [residual[seed] for seed in seeds]
    return Judged(
        verdict=verdict,
        ours=f"{mean(ours):.2f} against {mean(plain[seed] for seed in seeds):.2f} points",
        n=len(seeds),
        spread=rules.pooled(ours),
        why=f"residual gap - {SMALL_FRACTION:g} x plain gap, paired by seed: {why}",
    )


def small_gap() -> Claim:
    """What shortcuts leave of the degradation."""
    middle, left = (paper.value(f"figures.figure6.fact_{side}") for side in ("middle", "left"))
    return Claim(
        id="1-residual-gap-is-small-fraction",
        place="Sections 1 and 4.2; Figure 6, left and middle",
        statement="With shortcuts the training error of 56 layers no longer stands above that of "
        f"20, or by less than {SMALL_FRACTION:g} of the gap between the plain nets.",
        paper=f"{middle}; {left}",
        nets=FOUR,
        judge=residual_gap_is_small,
    )


def section_1() -> list[Claim]:
    """The degradation problem and the way out."""
    pair = dict(high="plain-56", low="plain-20")
    return [
        order(
            "1-plain-56-training-error",
            "Section 1; Figure 1, left",
            "The 56-layer plain net has higher training error than the 20-layer one.",
            paper=paper.value(FIGURE_1),
            which="train",
            **pair,
        ),
        order(
            "1-plain-56-test-error",
            "Section 1; Figure 1, right",
            "The 56-layer plain net has higher test error than the 20-layer one.",
            paper=paper.value(FIGURE_1),
            which="test",
            **pair,
        ),
        Claim(
            id="1-degradation-is-not-overfitting",
            place="Section 1",
            statement="The deeper plain net tests worse while its training error is higher too, so "
            "overfitting is not the cause.",
            paper=paper.value("statements.degradation"),
            nets=("plain-56", "plain-20"),
            judge=both_errors_rise,
        ),
        small_gap(),
        order(
            "1-over-100-layers-train",
            "Section 1; Figure 6, middle",
            "A residual net of over 100 layers trains: ResNet-110 ends with lower training error "
            "than ResNet-20.",
            paper=paper.value("figures.figure6.fact_middle"),
            high="ResNet-20",
            low="ResNet-110",
            which="train",
            reduced=False,
        ),
    ]


def plain_nets() -> list[Claim]:
    """Figure 6, left, and the plain-110 that its caption mentions."""
    depths = paper.value("architecture.cifar.plain_depths")
    threshold = paper.number("figures.figure6.plain_110", after="above")

    def above(group: Group) -> Judged:
        return rules.all_of(
            {
                name: rules.beyond(group.error("plain-110", which), threshold, above=True)
                for which, name in WORDS.items()
            }
        )

    rising = [
        order(
            f"4.2-plain-{deep}-training-error",
            "Section 4.2; Figure 6, left",
            f"The plain net of {deep} layers has higher training error than that of {shallow}.",
            paper=paper.value("figures.figure6.fact_left"),
            high=f"plain-{deep}",
            low=f"plain-{shallow}",
            which="train",
        )
        for shallow, deep in pairwise(depths)
    ]
    return [
        *rising,
        Claim(
            id="4.2-plain-110-error",
            place="Section 4.2; Figure 6, caption",
            statement=f"The error of plain-110, in training and test, is above {threshold:g} %.",
            paper=paper.value("figures.figure6.plain_110"),
            nets=("plain-110",),
            judge=above,
            reduced=False,
        ),
    ]


def same_as_elsewhere() -> list[Row]:
    """That the trouble is not one of CIFAR-10 alone, which runs on CIFAR-10 cannot answer."""
    return [
        not_run(
            "4.2-trouble-is-fundamental",
            "Section 4.2",
            "The trouble of deep plain nets on CIFAR-10 is like that on ImageNet and on MNIST.",
            paper=paper.value("statements.cifar_optimisation_difficulty"),
            why="needs plain nets trained on those two as well; no experiment here does that",
        )
    ]


def residual_nets() -> list[Claim]:
    """Figure 6, middle: the difficulty is overcome and depth pays."""
    depths = paper.value("architecture.cifar.plain_depths")
    overcomes = order(
        "4.2-resnet-56-training-error",
        "Section 4.2; Figure 6, middle",
        "Residual nets overcome the difficulty: ResNet-56 has lower training error than ResNet-20.",
        paper=paper.value("figures.figure6.fact_middle"),
        high="ResNet-20",
        low="ResNet-56",
        which="train",
        reduced=False,
    )
    gains = [
        order(
            f"4.2-resnet-{deep}-beats-resnet-{shallow}",
            "Section 4.2; Table 6; Figure 6, middle",
            f"ResNet-{deep} has lower test error than ResNet-{shallow}.",
            paper=f"{printed_error(deep)} below {printed_error(shallow)}",
            high=f"ResNet-{shallow}",
            low=f"ResNet-{deep}",
            which="test",
            reduced=False,
        )
        for shallow, deep in pairwise(depths)
    ]
    return [overcomes, *gains, *against_plain(depths)]


def against_plain(depths: list[int]) -> list[Claim]:
    """Every residual net beside its plain twin: test error, of the deepest also training error."""
    read_off = paper.value("figures.figure6.plain_test_errors_read_off")
    above = paper.number("figures.figure6.plain_110", after="above")

    def said(depth: int, which: str) -> str:
        if which == "train":
            return paper.value("figures.figure6.fact_middle")
        # the paper prints no test error of plain nets: the readings of Figure 6 are approximate
        plain = read_off.get(f"plain_{depth}")
        beside = f"above {above:g}" if plain is None else f"about {plain:g}, read off Figure 6"
        return f"{printed_error(depth)}; plain {beside}"

    return [
        order(
            f"4.2-resnet-{depth}-beats-plain-{depth}{'-in-training' if which == 'train' else ''}",
            "Section 4.2; Figure 6, left and middle",
            f"ResNet-{depth} has lower {WORDS[which]} error than plain-{depth}.",
            paper=said(depth, which),
            high=f"plain-{depth}",
            low=f"ResNet-{depth}",
            which=which,
        )
        for which, chosen in (("train", depths[-2:]), ("test", depths))
        for depth in chosen
    ]
