"""Claims about Appendix B: the sign of each improvement, on the same weights where it can be.

Paper: Appendix B; Table 9.
Notebook: notebooks/00_start_here.py. Tests: tests/test_claims_detection.py.
"""

from collections.abc import Callable, Sequence
from statistics import mean

from resnet_lab import paper
from resnet_lab.claims import rules
from resnet_lab.claims.row import Row, not_run
from resnet_lab.claims.rules import Judged
from resnet_lab.claims.training import judged_row
from resnet_lab.detection import comparisons
from resnet_lab.detection.comparisons import Results, Step

METRICS = {"mAP@.5": "at_50", "mAP@[.5,.95]": "at_50_95"}
COMMAND = "`resnet-lab reproduce detection_improvements`"


def sign(values: Sequence[float]) -> Judged:
    """Is a paired difference above 0? One value a seed; a single seed decides nothing."""
    found = list(values)
    low, high = rules.of_mean(found)
    several = len(found) > 1
    return Judged(
        verdict=rules.by_sign((low, high)) if several else "undecided",
        ours=f"{mean(found):+.2f}",
        n=len(found),
        spread=rules.pooled(found),
        why=f"95 % interval of the paired difference {low:+.2f} to {high:+.2f} points"
        if several
        else "a single seed",
    )


def over_all(values: Sequence[float]) -> Judged:
    """Is one ensemble better than every net in it? Worse than their mean counts against it."""
    found = list(values)
    verdict = "seen" if min(found) > 0 else "not seen" if mean(found) < 0 else "undecided"
    return Judged(
        verdict=verdict,
        ours=f"{mean(found):+.2f} over the members' mean",
        n=1,
        spread=None,
        why=f"one ensemble of {len(found)}; over its best net {min(found):+.2f} points",
    )


# id, what is said, the step, the metrics that judge it, what the paper says in words, the rule
IMPROVEMENTS: tuple[tuple[str, str, tuple[str, str], tuple[str, ...], str, Callable], ...] = (
    (
        "B-box-refinement",
        "Box refinement with voting raises mAP.",
        ("box refinement", "one scale"),
        tuple(METRICS),
        "box_refinement.gain",
        sign,
    ),
    (
        "B-context",
        "Global context raises mAP@.5.",
        ("+ context", "box refinement"),
        ("mAP@.5",),
        "global_context.gain",
        sign,
    ),
    (
        "B-multi-scale",
        "Testing at several scales raises mAP.",
        ("+ multi-scale", "+ context"),
        tuple(METRICS),
        "multi_scale_testing.gain",
        sign,
    ),
    (
        "B-ensemble",
        "An ensemble of three is better than one net.",
        ("+ ensemble", ""),
        tuple(METRICS),
        "",
        over_all,
    ),
)


def appendix_b(results: Results) -> list[Row]:
    """The sign of each improvement, stacked as in Table 9."""
    found = comparisons.steps(results)
    rows = []
    for id, statement, (name, against), metrics, leaf, rule in IMPROVEMENTS:
        head = (id, "Appendix B; Table 9", statement)
        own = comparisons.printed(name, against or "+ multi-scale")
        said = f"{own[0]:+.1f} at .5, {own[1]:+.1f} at [.5,.95]"
        if leaf:
            said += f"; {paper.value(f'recipes.detection_improvements.{leaf}')}"
        step = next((s for s in found if s.name == name and against in (s.against, "")), None)
        if step is None:
            why = f"not measured: {COMMAND}"
            rows.append(not_run(*head, paper=said, why=why))
            continue
        judged = judge(step, metrics, rule)
        rows.append(judged_row(*head, said, judged, results.label))
    return rows


def judge(step: Step, metrics: Sequence[str], rule: Callable[[Sequence[float]], Judged]) -> Judged:
    """`rule` for each metric; all must hold."""
    parts = {name: rule(getattr(step, METRICS[name])) for name in metrics}
    return rules.all_of(parts)
