"""What the runs of an experiment of our own say: a table, and orders with their intervals.

Paper: Section 4.1, its footnotes 3 and 4, and Table 3, all on ImageNet; here on CIFAR-10.
Notebook: notebooks/02_shortcuts.py, notebooks/03_bottlenecks.py. Tests: tests/test_arm_results.py.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import mean, stdev

from resnet_lab import arms, cost, experiments, paper
from resnet_lab.arms import QUICK_SIZE, Arm
from resnet_lab.claims import rules
from resnet_lab.claims.nets import total, weightless
from resnet_lab.data import Dataset
from resnet_lab.records import Record

Runs = Mapping[Arm, Sequence[Record]]

WORDS = {"seen": "yes", "not seen": "no, the reverse", "undecided": "undecided"}
COUNTED = {
    "seen": "as in the paper",
    "not seen": "the reverse of the paper",
    "undecided": "undecided, within the spread of the runs",
    "not run": "not run",
}


def runs_of(
    name: str, records: Sequence[Record], dataset: Dataset, scale: str = "quick"
) -> dict[Arm, list[Record]]:
    """Every arm of the experiment with its runs on `dataset` at `scale`; none is left out.

    Raises: InputError for a name that is no experiment.
    """
    here = [r for r in records if r.run.images.content_hash == dataset.content_hash]
    return {
        arm: arms.select(here, label=arm.label, scale=scale, images=dataset.name)
        for arm in experiments.get(name).arms
    }


def values(runs: Sequence[Record], which: str) -> list[float]:
    """Final "train" or "test" errors, percent."""
    return [getattr(run.final, f"{which}_error") for run in runs]


def spread(found: Sequence[float]) -> str:
    """ "37.1 ± 1.2"; of one value no spread; "not run" of none."""
    if not found:
        return "not run"
    return f"{mean(found):.1f}" + (f" ± {stdev(found):.1f}" if len(found) > 1 else "")


def table(runs: Runs, scale: str = "quick") -> str:
    """Cost and final errors of every arm as a Markdown table; "not run" where there is no run.

    Units: errors in percent after the last update, mean and spread over n runs; multiply-adds of
    one image.
    """
    lines = [
        "| net | parameters | multiply-adds | n | training error (%) | test error (%) |",
        "|---|---|---|---|---|---|",
    ]
    size = QUICK_SIZE if scale == "quick" else 32
    for arm, found in runs.items():
        net = weightless(arm.net(scale))
        work = total(net, size)
        lines.append(
            f"| {arm.label} | {cost.parameters(net):,} | {work / 1e6:.2f}e6 | {len(found)} "
            f"| {spread(values(found, 'train'))} | {spread(values(found, 'test'))} |"
        )
    return "\n".join(lines)


def verdict(runs: Runs, high: Arm, low: Arm, which: str) -> rules.Judged | None:
    """Whether `high` ended with a higher error than `low`; None where one of them was not run."""
    above, below = values(runs[high], which), values(runs[low], which)
    return rules.order(above, below, rules.QUICK_SPREAD) if above and below else None


def order(runs: Runs, high: Arm, low: Arm, which: str = "test") -> str:
    """A line: whether `high` ended with a higher error than `low`, as far as the runs can tell."""
    word = "training" if which == "train" else "test"
    name = f"{high.label} above {low.label} in {word} error"
    judged = verdict(runs, high, low, which)
    if judged is None:
        missing = [arm.label for arm in (high, low) if not runs[arm]]
        return f"{name}: not run ({' and '.join(missing)})"
    return f"{name}: {WORDS[judged.verdict]}; {judged.ours}; {judged.why}"


def option_steps(runs: Runs) -> list[tuple[Arm, Arm]]:
    """The steps of Table 3, plain to A to B to C, at every depth of our runs."""
    steps: list[tuple[Arm, Arm]] = []
    for depth in sorted({arm.depth for arm in runs}):
        row = {arm.shortcut: arm for arm in runs if arm.depth == depth}
        steps += pairwise(row[option] for option in ("none", "A", "B", "C"))
    return steps


def options_orders(runs: Runs, which: str = "test") -> str:
    """The order of Table 3, plain over A over B over C, asked at every depth of our runs."""
    return "\n".join(order(runs, high, low, which) for high, low in option_steps(runs))


def options_summary(runs: Runs, which: str = "test") -> str:
    """A sentence on the steps from plain to A, and one on those among A, B and C."""
    sentences = []
    for name, chosen in (("plain to A", ("none",)), ("A to B and B to C", ("A", "B"))):
        steps = [step for step in option_steps(runs) if step[0].shortcut in chosen]
        judged = [verdict(runs, high, low, which) for high, low in steps]
        found = [judgement.verdict if judgement else "not run" for judgement in judged]
        counts = [f"{found.count(v)} {w}" for v, w in COUNTED.items() if found.count(v)]
        sentences.append(f"{name}, {len(steps)} steps: {', '.join(counts)}")
    return "\n".join(sentences)


def blocks(arm: Arm) -> int:
    """n: blocks a stage."""
    return (arm.depth - 2) // (9 if arm.bottleneck else 6)


def design_orders(runs: Runs) -> str:
    """Deep above shallow among plain nets of either design; then basic above bottleneck.

    Footnote 4 is about the first, in training error; the second is at equal n, in test error.
    """
    lines = []
    for bottleneck in (False, True):
        plain = [a for a in runs if (a.bottleneck, a.shortcut) == (bottleneck, "none")]
        deeper = pairwise(sorted(plain, key=lambda arm: arm.depth))
        lines += [order(runs, deep, shallow, "train") for shallow, deep in deeper]
    at = {(arm.bottleneck, blocks(arm)): arm for arm in runs if arm.shortcut == "A"}
    steps = sorted(n for bottleneck, n in at if bottleneck)
    lines += [order(runs, at[False, n], at[True, n], "test") for n in steps]
    return "\n".join(lines)


def paper_options_order() -> str:
    """The order of the four 34-layer nets in Table 3, without its numbers, which are ImageNet's."""
    names = {"plain_34": "plain"} | {f"resnet_34_{o}": o for o in "ABC"}
    errors = {word: paper.value(f"tables.table3.{name}.top1") for name, word in names.items()}
    falling = sorted(errors, key=errors.get, reverse=True)
    gaps = {pair: errors[pair[0]] - errors[pair[1]] for pair in pairwise(falling)}
    largest = max(gaps, key=gaps.get)
    return (
        "Table 3, 34 layers on ImageNet, from the highest top-1 error to the lowest: "
        f"{', '.join(falling)}; the largest step is from {' to '.join(largest)}."
    )


def three_times_longer(runs: Runs) -> str:
    """Lines: whether plain-56 with three times the updates still trains worse than plain-20."""
    shallow, deep, long = sorted(runs, key=lambda arm: (arm.variant != "", arm.depth))
    pairs = ((deep, shallow), (long, shallow), (deep, long))
    return "\n".join(order(runs, high, low, "train") for high, low in pairs)
