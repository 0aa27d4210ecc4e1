"""Claims about single nets: the errors of Table 6, and 1202 layers.

Paper: Section 4.2; Table 6; Figure 6, right.
Notebook: notebooks/00_start_here.py. Tests: tests/test_claims.py.
"""

from math import sqrt
from statistics import mean, stdev

from resnet_lab import paper
from resnet_lab.claims import rules
from resnet_lab.claims.comparable import Group
from resnet_lab.claims.degradation import printed_error
from resnet_lab.claims.rules import Judged
from resnet_lab.claims.training import Claim, order, value

TABLE = "tables.table6"
RUNS = f"{TABLE}.resnet_110.runs"
BEST_OF_FIVE = 0.669  # std of the lowest of five draws, in stds of one (normal distribution)
DEEPEST = ("ResNet-1202", "ResNet-110")


def errors() -> list[Claim]:
    """Every test error of Table 6; of ResNet-110 the mean, not the best of five."""
    place = "Section 4.2; Table 6"
    claims = [
        value(
            f"4.2-resnet-{depth}-error",
            place,
            f"ResNet-{depth} has a test error of {printed_error(depth)} %"
            + (f", the mean of {paper.value(RUNS)} runs." if depth == 110 else "."),
            paper=printed_error(depth),
            net=f"ResNet-{depth}",
            n_paper=paper.value(RUNS) if depth == 110 else 1,  # the others: number not stated
        )
        for depth in paper.value("architecture.cifar.residual_depths")
    ]
    return [*claims, spread_of_110(), best_of_five(), best_of_all()]


def spread_of_110() -> Claim:
    """The standard deviation over runs of ResNet-110."""
    said, runs = paper.value(f"{TABLE}.resnet_110.error_std"), paper.value(RUNS)

    def judge(group: Group) -> Judged:
        ours = group.error("ResNet-110", "test")
        if len(ours) < 2:
            why, spread, verdict = "one run has no spread", None, "undecided"
        else:
            spread = round(stdev(ours), 4)
            inside = said / rules.STD_FACTOR <= spread <= said * rules.STD_FACTOR
            verdict = "undecided" if len(ours) < runs else "seen" if inside else "not seen"
            why = f"judged with {runs} runs or more; allowed factor {rules.STD_FACTOR}, from F"
        return Judged(verdict=verdict, ours=spread, n=len(ours), spread=spread, why=why)

    return Claim(
        id="4.2-resnet-110-std",
        place="Section 4.2; Table 6",
        statement=f"Over {runs} runs the test error of ResNet-110 has a standard deviation of "
        f"{said} points.",
        paper=said,
        nets=("ResNet-110",),
        judge=judge,
        reduced=False,
    )


def best_of_five() -> Claim:
    """The best run of ResNet-110, which Table 6 prints beside the mean: it stands for no other."""
    said, runs = paper.value(f"{TABLE}.resnet_110.error_best"), paper.value(RUNS)
    # both sides are the lowest of five
    tolerance = rules.TOLERANCE_FACTOR * BEST_OF_FIVE * rules.run_spread("paper") * sqrt(2)

    def judge(group: Group) -> Judged:
        ours = group.error("ResNet-110", "test")[:runs]  # more runs would find a lower one
        best, missed = min(ours), len(ours) < runs
        inside = abs(best - said) <= tolerance
        return Judged(
            verdict="undecided" if missed else "seen" if inside else "not seen",
            ours=None if missed else best,
            n=len(ours),
            spread=None,
            why=f"judged with {runs} runs, the first by seed; tolerance {tolerance:.2f}",
        )

    return Claim(
        id="4.2-resnet-110-best-of-five",
        place="Section 4.2; Table 6",
        statement=f"The best of {runs} runs of ResNet-110 has a test error of {said} %.",
        paper=said,
        nets=("ResNet-110",),
        judge=judge,
        reduced=False,
    )


def best_of_all() -> Claim:
    """ResNet-110 beside the other methods of Table 6."""
    # like with like: a mean where the table has one
    others = {
        "Maxout": "maxout.error",
        "NIN": "nin.error",
        "DSN": "dsn.error",
        "FitNet": "fitnet_19.error",
        "Highway (19 layers)": "highway_19.error_mean",
        "Highway (32 layers)": "highway_32.error",
    }
    printed = {name: paper.value(f"{TABLE}.{path}") for name, path in others.items()}
    best = min(printed, key=printed.get)
    return Claim(
        id="4.2-resnet-110-beats-other-methods",
        place="Section 4.2; Table 6",
        statement="ResNet-110 has a lower mean test error than every other method in Table 6.",
        paper=f"{printed_error(110)} below {printed[best]}, the lowest of the others ({best})",
        nets=("ResNet-110",),
        judge=lambda g: rules.beyond(g.error("ResNet-110", "test"), printed[best], above=False),
        reduced=False,
    )


def trains_alike(group: Group) -> Judged:
    """Do 1202 and 110 layers end with similar training error?"""
    similar = paper.number("figures.figure6.y_axis", after="right panel also")
    deep, shallow = (mean(group.error(f"ResNet-{d}", "train")) for d in (1202, 110))
    return Judged(
        verdict="seen" if abs(deep - shallow) <= similar else "not seen",
        ours=f"{deep:.2f} against {shallow:.2f}",
        n=min(len(group.runs[f"ResNet-{d}"]) for d in (1202, 110)),
        spread=None,
        why=f"similar is read as within {similar:g} point, the lowest tick of Figure 6, right",
    )


def overfits(group: Group) -> Judged:
    """Is the gap from training to test error wider in 1202 layers than in 110?"""
    gaps = [
        [
            test - train
            for test, train in zip(group.error(net, "test"), group.error(net, "train"), strict=True)
        ]
        for net in DEEPEST
    ]
    return rules.order(*gaps, rules.run_spread(group.scale))


def over_1000_layers() -> list[Claim]:
    """ResNet-1202: it trains, and tests worse than ResNet-110. Its test error is in `errors`."""
    said = "statements.over_1000_layers"
    threshold = paper.number(said, after="training error below")

    return [
        Claim(
            id="4.2-resnet-1202-training-error",
            place="Section 4.2; Figure 6, right",
            statement=f"A net of 1202 layers trains to below {threshold:g} % training error.",
            paper=paper.value(said),
            nets=DEEPEST[:1],
            judge=lambda g: rules.beyond(g.error(DEEPEST[0], "train"), threshold, above=False),
            reduced=False,
        ),
        Claim(
            id="4.2-resnet-1202-similar-training-error",
            place="Section 4.2; Figure 6, right",
            statement="ResNet-1202 and ResNet-110 end with similar training errors.",
            paper=paper.value("figures.figure6.fact_right"),
            nets=DEEPEST,
            judge=trains_alike,
            reduced=False,
        ),
        *worse_than_110(),
    ]


def worse_than_110() -> list[Claim]:
    """The test errors of 1202 and 110 layers, and what they are put down to."""
    return [
        order(
            "4.2-resnet-1202-worse-than-resnet-110",
            "Section 4.2; Table 6; Figure 6, right",
            "ResNet-1202 has higher test error than ResNet-110.",
            paper=f"{printed_error(1202)} above {printed_error(110)}",
            high=DEEPEST[0],
            low=DEEPEST[1],
            which="test",
            reduced=False,
        ),
        Claim(
            id="4.2-resnet-1202-overfits",
            place="Section 4.2",
            statement="From training to test error is a wider gap in ResNet-1202 than in "
            "ResNet-110, as it would be if it overfits.",
            paper=paper.value("statements.overfitting_1202"),
            nets=DEEPEST,
            judge=overfits,
            reduced=False,
        ),
    ]
