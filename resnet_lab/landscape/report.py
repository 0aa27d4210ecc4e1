"""What slices say, in words and tables: numbers of `roughness`, over seeds, with intervals.

Paper: beyond it; Li et al. 2018 (arXiv 1712.09913).
Notebook: notebooks/10_why_it_works.py. Tests: tests/test_landscape_roughness.py.
"""

from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev

from resnet_lab import findings, style
from resnet_lab.claims import rules
from resnet_lab.errors import InputError
from resnet_lab.findings import Finding
from resnet_lab.landscape import roughness
from resnet_lab.landscape.shown import by_net, net_of, select
from resnet_lab.landscape.targets import LENS

WORDS = {
    "nonconvex": ("non-convex share", "points", 1),
    "basin": ("half-width of the basin", "steps", 2),
    "valleys": ("valleys", "", 1),
    "centre": ("loss of the net itself", "", 2),
}


def spread(values: Sequence[float], digits: int = 2) -> str:
    """ "0.95 ± 0.04"; of one value no spread."""
    tail = f" ± {stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{mean(values):.{digits}f}{tail}"


def table(found: Sequence[Finding], images: str, dimensions: int = 1) -> str:
    """Every net in both BN modes as a Markdown table, mean and spread over seeds.

    Units: non-convex share in percent of the inner points; basin in steps, where 1 is the length
    of the weights.
    """
    ratio = dimensions == 2
    last = "eigenvalue ratio" if ratio else "valleys, run by run"
    lines = [
        f"| net | BN | n | loss | basin | non-convex share (%) | {last} |",
        "|---|---|---|---|---|---|---|",
    ]
    for bn in ("running", "recomputed"):
        for net, group in by_net(
            select(found, dimensions=dimensions, bn=bn, images=images)
        ).items():
            all_read = [roughness.read(f) for f in group]
            cells = [
                spread([r.centre for r in all_read]),
                spread([r.basin for r in all_read]),
                spread([r.nonconvex for r in all_read], 1),
            ]
            known = [r.ratio for r in all_read if r.ratio is not None]
            if ratio:
                cells.append(spread(known, 3) if known else "not finite")
            else:
                cells.append(", ".join(str(r.valleys) for r in all_read))
            lines.append(f"| {net} | {bn} | {len(group)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def gap(
    found: Sequence[Finding], images: str, bn: str, high: str, low: str, which: str = "nonconvex"
) -> str:
    """A line: by how much `high` is above `low` in a number of `roughness.Reading`, if at all.

    From 1-D slices, one a seed; with fewer than two seeds of each nothing is decided.

    Raises: InputError for a net with no such slice.
    """
    if which not in WORDS:
        raise InputError(f"there is no reading {which!r}; choose {', '.join(WORDS)}")
    word, unit, digits = WORDS[which]
    read = [
        [
            getattr(roughness.read(f), which)
            for f in select(found, dimensions=1, bn=bn, images=images, net=net)
        ]
        for net in (high, low)
    ]
    line = (
        f"{word}, {high} minus {low}, BN {bn}: {mean(read[0]) - mean(read[1]):+.{digits}f} {unit}"
    )
    counts = f"n={len(read[0])} and {len(read[1])}"
    if min(map(len, read)) < 2:
        return f"{line.rstrip()} ({counts}): undecided, one run has no spread"
    below, above = rules.welch(*read)
    decided = "undecided" if below <= 0 <= above else "yes" if below > 0 else "the reverse"
    interval = f"95 % interval {below:+.{digits}f} to {above:+.{digits}f}"
    return f"{line.rstrip()} ({interval}; {counts}): {decided}"


def gaps(found: Sequence[Finding], images: str, which: str = "nonconvex") -> str:
    """`gap` of plain against residual nets at both depths, and of deep against shallow plain nets.

    In both BN modes. Raises: InputError for a net with no such slice.
    """
    pairs = (("plain-20", "ResNet-20"), ("plain-56", "ResNet-56"), ("plain-56", "plain-20"))
    return "\n".join(
        gap(found, images, bn, high, low, which)
        for bn in ("running", "recomputed")
        for high, low in pairs
    )


def line(finding: Finding) -> str:
    """One slice in a line."""
    r = roughness.read(finding)
    ratio = "" if r.ratio is None else f", eigenvalue ratio {r.ratio:.3f}"
    ratio += "" if r.valleys is None else f", valleys {r.valleys}"
    return (
        f"{net_of(finding)}, seed {finding.run.recipe.seed}, BN {finding.settings['bn']}: "
        f"loss {r.centre:.3f}, basin {r.basin:.2f}, non-convex {r.nonconvex:.1f} %{ratio}"
    )


def written(paths: Sequence[Path]) -> list[str]:
    """A line for each file that was measured; findings also get a picture beside them.

    The levels of pictures made together are the same. Raises: InputError for a damaged file.
    """
    from resnet_lab.landscape import drawing

    stored = {
        path: findings.load(path)
        for path in paths
        if path.parent.name == LENS and path.parent.parent.name == "findings"
    }
    lines = []
    for path in paths:
        if path not in stored:
            lines.append(f"wrote {path}")
            continue
        picture = path.with_suffix(".png")
        style.save(drawing.alone(stored[path], list(stored.values())), picture)
        lines += [line(stored[path]), f"wrote {path} and {picture.name}"]
    return lines
