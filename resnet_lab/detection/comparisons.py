"""What each change is worth: differences between results that share everything else.

Paper: Section 4.3; Appendices A and B; Tables 7 to 9.
Notebook: notebooks/07_detection.py, notebooks/08_detection_improvements.py.
Tests: tests/test_detection_comparisons.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

from resnet_lab.detection import arms, tested
from resnet_lab.detection.arms import ARMS, Runs
from resnet_lab.detection.record import DetectionRecord
from resnet_lab.detection.scores import Scores
from resnet_lab.detection.tested import OPTIONS, Tested

BASELINE = {"residual": "one scale", "context": "context alone"}  # the records' own test, by arm


@dataclass(frozen=True, kw_only=True)
class Results:
    """Comparable runs and what their nets reached when tested otherwise."""

    runs: Runs
    ways: dict[str, dict[int, Scores]]  # name of the way -> seed -> result
    ensembles: dict[str, Scores]  # name of the way -> result of all seeds together
    test_images: int = 0

    @property
    def label(self) -> str:
        """What every table and figure of them says on its face."""
        return f"embedded: drawn scenes of 96x96 pixels, {self.test_images} test images"


def collect(records: Sequence[DetectionRecord], tests: Sequence[Tested] = ()) -> Results:
    """The runs of today's arms on one set of scenes, with every test of their weights."""
    runs = arms.comparable(records)
    ways: dict[str, dict[int, Scores]] = {
        BASELINE[arm]: {seed: r.final for seed, r in runs[arm].items()}
        for arm in BASELINE
        if arm in runs
    }
    ensembles: dict[str, Scores] = {}
    for name, option in OPTIONS.items():
        found = {
            seed: one.final
            for seed, r in runs.get(option.arm, {}).items()
            for one in tests
            if not option.ensemble and _is(one, name, [r])
        }
        if found:
            ways[name] = found
        if option.ensemble:
            members = list(runs.get(option.arm, {}).values())[: arms.SEEDS]
            whole = len(members) == arms.SEEDS
            of_all = [one.final for one in tests if whole and _is(one, name, members)]
            ensembles |= {name: of_all[0]} if of_all else {}
    images = {r.final.images for found in runs.values() for r in found.values()}
    return Results(runs=runs, ways=ways, ensembles=ensembles, test_images=max(images, default=0))


def _is(one: Tested, name: str, records: Sequence[DetectionRecord]) -> bool:
    """Whether `one` is today's way called `name` with the nets of `records`."""
    images = records[0].run.images.test
    return one.hash == tested.named(name, records, images, records[0].final).hash


def results_in(places: Sequence[Path]) -> Results:
    """Everything in `places`. Raises: InputError for a damaged file."""
    from resnet_lab.detection import opened

    return collect(opened.recorded(places), tested.load_all(*places))


@dataclass(frozen=True, kw_only=True)
class Step:
    """A change and what it was worth, one difference a seed. Units: points of mAP."""

    name: str
    against: str
    same_weights: bool  # else the pair shares seed, images and pre-training
    at_50: tuple[float, ...]
    at_50_95: tuple[float, ...]
    paper: tuple[float, float] | None = None  # the same step of Table 9, COCO val


# what is compared with what
PAIRS = (
    ("voting alone", "one scale"),
    ("second pass alone", "one scale"),
    ("box refinement", "one scale"),
    ("one larger scale", "one scale"),
    ("multi-scale", "one scale"),
    ("multi-scale", "one larger scale"),
    ("context alone", "one scale"),
    ("+ context", "box refinement"),
    ("+ multi-scale", "+ context"),
)
ENSEMBLES = {"ensemble": "one scale", "+ ensemble": "+ multi-scale"}  # against their members
# a step of Table 9: the row it ends at, the row it begins at, and the part of its columns
PRINTED = {
    ("box refinement", "one scale"): ("plus_box_refinement", "baseline_resnet101", "val"),
    ("+ context", "box refinement"): ("plus_context", "plus_box_refinement", "val"),
    ("+ multi-scale", "+ context"): ("plus_multi_scale_testing", "plus_context", "val"),
    ("+ ensemble", "+ multi-scale"): ("ensemble", "plus_multi_scale_testing", "test_dev"),
}


def printed(name: str, against: str) -> tuple[float, float] | None:
    """The same step in Table 9, at IoU .5 and at [.5,.95]. Units: points."""
    from resnet_lab import paper

    if (name, against) not in PRINTED:
        return None
    end, start, part = PRINTED[name, against]
    rows = [
        [paper.value(f"tables.table9.{row}.{part}_{metric}") for metric in ("map_50", "map_50_95")]
        for row in (end, start)
    ]
    return tuple(round(a - b, 1) for a, b in zip(*rows, strict=True))


def steps(results: Results) -> list[Step]:
    """Every comparison for which both sides were measured, seed by seed."""
    found = []
    for name, against in PAIRS:
        ours, theirs = (results.ways.get(way, {}) for way in (name, against))
        if seeds := sorted(set(ours) & set(theirs)):
            same = _arm(name) == _arm(against)
            differences = [_minus(ours[seed], theirs[seed]) for seed in seeds]
            found.append(_step(name, against, same, differences))
    for name, against in ENSEMBLES.items():
        members = results.ways.get(against, {})
        if name in results.ensembles and len(members) > 1:
            own = results.ensembles[name]
            each = [_minus(own, member) for member in members.values()]
            # each difference is to one member: their mean is the gain over the members' mean
            found.append(_step(name, f"each of its {len(each)} nets", True, each, against))
    return found


def _arm(way: str) -> str:
    by_baseline = {name: arm for arm, name in BASELINE.items()}
    return by_baseline.get(way) or OPTIONS[way].arm


def _minus(ours: Scores, theirs: Scores) -> tuple[float, float]:
    return (ours.voc or 0.0) - (theirs.voc or 0.0), (ours.coco or 0.0) - (theirs.coco or 0.0)


def _step(
    name: str, against: str, same: bool, differences: list[tuple[float, float]], row: str = ""
) -> Step:
    at_50, at_50_95 = zip(*differences, strict=True)
    return Step(
        name=name,
        against=against,
        same_weights=same,
        at_50=at_50,
        at_50_95=at_50_95,
        paper=printed(name, row or against),
    )


def values(runs: Runs, arm: str, metric: str = "voc") -> list[float]:
    """The results of an arm, seed by seed. Units: percent."""
    return [getattr(record.final, metric) for record in runs.get(arm, {}).values()]


def spread(found: Sequence[float], digits: int = 1, sign: bool = False) -> str:
    """Mean, spread and number as text, or "not run": "65.4 ± 1.6 (n=3)"."""
    if not found:
        return "not run"
    middle = round(mean(found), digits) + 0.0  # no "-0.0"
    shown = f"{middle:{'+' if sign else ''}.{digits}f}"
    apart = f" ± {stdev(found):.{digits}f}" if len(found) > 1 else ""
    return f"{shown}{apart} (n={len(found)})"


def layers(arm: str) -> int:
    """Weighted layers of an arm's backbone."""
    return ARMS[arm].config.backbone.depth
