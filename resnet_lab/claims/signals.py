"""Claims of Section 4.1 about signals in plain nets with BN, from findings along trainings.

Paper: Section 4.1 ("neither forward nor backward signals vanish").
Notebook: notebooks/10_why_it_works.py. Tests: tests/test_signal_claims.py.

The paper says it of its plain nets of 18 and 34 layers on ImageNet and gives no numbers; we look at
plain CIFAR nets of 20 and 56 layers, and what counts as "vanish" and "healthy" is fixed here. A net
three times as deep as those the paper speaks of, plain-110, does not judge; what was seen in it is
told beside the verdict.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import geometric_mean

from resnet_lab import paper
from resnet_lab.claims import comparable
from resnet_lab.claims.row import Row, not_run
from resnet_lab.claims.rules import Judged
from resnet_lab.claims.training import judged_row
from resnet_lab.findings import Finding

LENS = "signals"
NETS = (20, 56)  # depths that judge; all must have been looked at
BEYOND = 110  # told beside the verdict
ALIVE = 0.01  # of BN's initial variance of 1: below, a response counts as vanished
FADED = 0.1  # of the last quarter's gradient norm: below, the first quarter's has vanished
HEALTHY = 100.0  # times: gradient norms of layers within this factor of each other are healthy
PLACE = "Section 4.1"


@dataclass(frozen=True)
class Looks:
    """Plain nets with BN along their trainings, all of one scale and on the same images."""

    label: str
    found: Sequence[Finding]

    def rows(
        self, quantity: str, depths: Sequence[int] = NETS
    ) -> list[tuple[str, int, list[float]]]:
        """Net, updates done, and the quantity layer by layer but for the classifier."""
        return [
            (f"plain-{f.run.net.depth}", step, row[:-1])
            for f in self.found
            if f.run.net.depth in depths
            for step, row in zip(f.values["updates"], f.values[quantity], strict=True)
        ]

    @property
    def runs(self) -> int:
        """Trainings that were looked at, of the depth with the fewest."""
        depths = [f.run.net.depth for f in self.found]
        return min(depths.count(depth) for depth in NETS)


def looks(findings: Sequence[Finding], first: str = "cifar10") -> Looks | None:
    """The findings that may judge: paper scale before quick, the images `first` before others."""
    groups: dict[tuple, list[Finding]] = {}
    for f in findings:
        fits = f.run.net.shortcut == "none" and not f.run.net.bottleneck
        settings = (f.settings.get("what"), f.settings.get("bn"))
        if f.lens == LENS and f.scale in ("paper", "quick") and fits:
            if settings == ("training", "kept"):
                groups.setdefault((f.scale, f.run.images), []).append(f)
    whole = {
        key: sorted(group, key=lambda f: (f.run.net.depth, f.run.recipe.seed))
        for key, group in groups.items()
        if set(NETS) <= {f.run.net.depth for f in group}
    }
    if not whole:
        return None
    scale, images = min(whole, key=lambda key: (key[0] != "paper", key[1].name != first))
    group = whole[scale, images]
    return Looks(scale + (comparable.reduced(group[0]) if scale == "quick" else ""), group)


def quarters(row: Sequence[float]) -> float:
    """Geometric mean of the first quarter of the layers over that of the last quarter."""
    n = max(1, len(row) // 4)
    ends = [geometric_mean(part) if min(part) > 0 else 0.0 for part in (row[:n], row[-n:])]
    if not ends[0]:
        return 0.0  # whatever the last ones have: nothing arrives
    return ends[0] / ends[1] if ends[1] else float("inf")


def judged(seen: Looks, ours: str, holds: bool, why: str) -> Judged:
    """A verdict from every look at every net; there is no interval, the rule must always hold."""
    verdict = "seen" if holds else "not seen"
    last: dict[str, int] = {}  # update of the last look
    for net, step, _ in seen.rows("variance"):
        last[net] = max(step, last.get(net, 0))
    nets = ", ".join(f"{net} to update {step:,}" for net, step in last.items())
    return Judged(verdict=verdict, ours=ours, n=seen.runs, spread=None, why=f"{why}; {nets}")


def alive(seen: Looks) -> Judged:
    """Does every layer's response keep a variance?"""
    least, text = smallest(seen, "variance", min)
    return judged(
        seen,
        f"at least {text}",
        least > ALIVE,
        "smallest of all layers and looks; non-zero is read as above "
        f"{ALIVE:g} (BN starts at 1){beyond(seen, 'variance', min)}",
    )


def smallest(
    seen: Looks,
    quantity: str,
    of: Callable[[list[float]], float],
    depths: Sequence[int] = NETS,
) -> tuple[float, str]:
    """The smallest of a number that each look gives, and where that was."""
    least, net, step = min((of(row), net, step) for net, step, row in seen.rows(quantity, depths))
    return least, f"{least:.2g} ({net} after {step:,} updates)"


def beyond(seen: Looks, quantity: str, of: Callable[[list[float]], float]) -> str:
    """The same of the deepest plain net, which does not judge; nothing where nobody looked."""
    if not seen.rows(quantity, [BEYOND]):
        return ""
    return f"; not judged: {smallest(seen, quantity, of, [BEYOND])[1]}"


def reaches_the_front(seen: Looks) -> Judged:
    """Does the first quarter of the layers get gradients no smaller than a part of the last's?"""
    least, text = smallest(seen, "activation_gradient", quarters)
    return judged(
        seen,
        f"first over last quarter at least {text}",
        least > FADED,
        "smallest of all looks; vanished is read as below "
        f"{FADED:g}{beyond(seen, 'activation_gradient', quarters)}",
    )


def healthy(seen: Looks) -> Judged:
    """Are the layers' gradient norms of one order?"""
    worst: dict[str, tuple[float, int, list[float]]] = {}
    for net, step, row in seen.rows("activation_gradient"):
        ratio = max(row) / min(row) if min(row) > 0 else float("inf")
        if net not in worst or ratio > worst[net][0]:
            worst[net] = ratio, step, row
    ours = ", ".join(f"{net} {r:.2g} after {s:,} updates" for net, (r, s, _) in worst.items())
    most = max(worst.values(), key=lambda found: found[0])
    end = "first" if quarters(most[2]) > 1 else "last"
    return judged(
        seen,
        ours,
        most[0] < HEALTHY,
        f"largest over smallest layer at the worst look of each net; healthy is read as below "
        f"{HEALTHY:g}; at the worst of all looks the {end} layers have the large gradients",
    )


CLAIMS: tuple[tuple[str, str, Callable[[Looks], Judged]], ...] = (
    (
        "4.1-forward-signals-do-not-vanish",
        "In plain nets with BN the responses of all layers have non-zero variance, at the start "
        "and along the training.",
        alive,
    ),
    (
        "4.1-backward-signals-do-not-vanish",
        "In plain nets with BN the gradients do not vanish on their way to the first layers.",
        reaches_the_front,
    ),
    (
        "4.1-gradients-have-healthy-norms",
        "In plain nets with BN the gradients of all layers have healthy norms, at the start and "
        "along the training.",
        healthy,
    ),
)


def section_4_1(findings: Sequence[Finding], images: str | None = None) -> list[Row]:
    """What the paper verified about signals in plain nets."""
    said, seen = (
        paper.value("statements.signals_do_not_vanish"),
        looks(findings, images or "cifar10"),
    )
    if seen is None:
        why = "no training of plain-20 and plain-56 was looked at: `resnet-lab look signals`"
        return [not_run(id, PLACE, text, paper=said, why=why) for id, text, _ in CLAIMS]
    return [
        judged_row(id, PLACE, text, said, judge(seen), seen.label) for id, text, judge in CLAIMS
    ]
