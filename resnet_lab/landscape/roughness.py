"""How rough a slice is, and how wide the basin around the trained weights: defined, then counted.

Paper: beyond it; Li et al. 2018 (arXiv 1712.09913) say "nearly convex" and "chaotic" of pictures.
Notebook: notebooks/10_why_it_works.py. Tests: tests/test_landscape_roughness.py.

A slice of a convex function is convex, so a point at which a slice bends down shows that the loss
is not. That is all it shows: a slice has one or two of tens of thousands of directions, and it can
look convex where the loss is not.

Non-convex share: the share of the inner points of a slice at which the second difference is
negative; of a map, at which the smaller eigenvalue of the 2x2 matrix of second differences is. A
loss that levels off must bend down somewhere, so the share can be large for a smooth net with a
narrow basin: read it beside the basin, and compare at equal radius, images and BN only.

Valleys of a curve: minima at least 1 % of their loss deep on both sides. One is what a bowl
has; more of them are bumps that nobody can take for a plateau.
"""

import math
from dataclasses import dataclass

import numpy as np

from resnet_lab.findings import Finding

# a value rounded to six digits is off by 5e-6 of itself, a second difference by four times that
ROUNDING = 2e-5
DEPTH = 0.01  # of a valley, as a share of the loss at its bottom


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What is counted in one slice. Shares are percent of its inner points."""

    centre: float  # loss of the net itself
    nonconvex: float
    basin: float  # step up to which the loss stays below that of guessing, see `basin`
    valleys: int | None  # of a curve, see `valleys`
    ratio: float | None  # of a map: mean of |smaller / larger eigenvalue|, see `eigenvalue_ratio`


def grid(finding: Finding, which: str = "loss") -> np.ndarray:
    """The "loss" or "error" of a slice; what was not finite is inf.

    Shapes: (points,), or (points, points) with y first.
    """
    values = np.array([math.inf if v is None else v for v in finding.values[which]])
    points = finding.settings["points"]
    return values.reshape([points] * finding.settings["dimensions"])


def steps(finding: Finding) -> np.ndarray:
    """The steps along a direction. Shapes: (points,)."""
    return np.array(finding.values["steps"])


def guessing(finding: Finding) -> float:
    """Loss of a net that gives every class the same probability: ln of their number."""
    return math.log(finding.run.net.classes)


def hessians(loss: np.ndarray) -> np.ndarray:
    """Second differences at the inner points, not divided by the squared step.

    Mixed ones come from the four corners around the point.

    Shapes: (P,) -> (P - 2, 1, 1); (P, P) -> (P - 2, P - 2, 2, 2).
    """
    if loss.ndim == 1:
        return (loss[:-2] - 2 * loss[1:-1] + loss[2:])[:, None, None]
    inner = loss[1:-1, 1:-1]
    along_y = loss[:-2, 1:-1] - 2 * inner + loss[2:, 1:-1]
    along_x = loss[1:-1, :-2] - 2 * inner + loss[1:-1, 2:]
    mixed = (loss[2:, 2:] - loss[2:, :-2] - loss[:-2, 2:] + loss[:-2, :-2]) / 4
    rows = [np.stack([along_x, mixed], -1), np.stack([mixed, along_y], -1)]
    return np.stack(rows, -2)


def eigenvalues(loss: np.ndarray) -> np.ndarray:
    """Of `hessians`, rising. Shapes: (P,) -> (P - 2, 1); (P, P) -> (P - 2, P - 2, 2)."""
    return np.linalg.eigvalsh(hessians(loss))


def tolerance(loss: np.ndarray) -> np.ndarray:
    """What rounding alone can make of a second difference. Shapes: as the inner points."""
    if loss.ndim == 1:
        return ROUNDING * np.maximum.reduce([loss[:-2], loss[1:-1], loss[2:]])
    around = np.lib.stride_tricks.sliding_window_view(loss, (3, 3))
    return ROUNDING * around.max((2, 3))


def nonconvex_share(loss: np.ndarray) -> float:
    """Percent of the inner points at which the slice bends down by more than rounding can.

    Points beside a loss that is not finite count: what climbs out of all numbers is not smooth.
    """
    with np.errstate(invalid="ignore"):
        differences, limit = hessians(loss), tolerance(loss)
        finite = np.isfinite(differences).all((-2, -1))
        smallest = np.linalg.eigvalsh(np.where(finite[..., None, None], differences, 0))[..., 0]
        down = (smallest < -limit) | ~finite
    return 100 * float(down.mean())


def eigenvalue_ratio(loss: np.ndarray) -> float:
    """Mean over a map of |smaller eigenvalue| / largest in size; 0 where the smaller is above 0.

    Li et al. draw such a ratio for the Hessian of all weights; this one is of the map alone.
    Shapes: (P, P), finite.
    """
    values, limit = eigenvalues(loss), tolerance(loss)
    down = values[..., 0] < -limit
    ratio = np.abs(values[..., 0]) / np.maximum(np.abs(values).max(-1), limit)
    return float(np.where(down, ratio, 0).mean())


def valleys(loss: np.ndarray, depth: float = DEPTH) -> int:
    """Points from which the loss rises to both sides by `depth` of itself before it falls lower.

    A minimum at which the slice ends before it has risen so far is not counted; of several equal
    points beside one another the first is.

    Shapes: (points,).
    """
    count = 0
    for i in range(1, len(loss) - 1):
        left, right = loss[i - 1 :: -1], loss[i + 1 :]
        first = loss[i - 1] > loss[i]
        count += first and all(rises(side, loss[i], depth) for side in (left, right))
    return int(count)


def rises(side: np.ndarray, bottom: float, depth: float) -> bool:
    """Whether `side`, read outwards, gets above (1 + depth) * bottom before it is below bottom."""
    for value in side:
        if value < bottom:
            return False
        if value >= (1 + depth) * bottom:
            return True
    return False


def basin(along: np.ndarray, loss: np.ndarray, level: float) -> float:
    """The mean step, to both sides, up to which the loss stays below `level` without a break.

    Crossings are put between two points by a straight line. Of a map: of its row and column through
    the middle. A slice that never reaches `level` counts as its radius.

    Shapes: (points,), (points,) or (points, points).
    """
    half = len(along) // 2
    lines = [loss] if loss.ndim == 1 else [loss[half], loss[:, half]]
    sides = [side for line in lines for side in (line[half:], line[half::-1])]
    return float(np.mean([crossing(along[half:], side, level) for side in sides]))


def crossing(out: np.ndarray, loss: np.ndarray, level: float) -> float:
    """The step at which `loss`, from the middle outwards, first reaches `level`."""
    above = np.flatnonzero(loss >= level)
    if not len(above):
        return float(out[-1])
    k = int(above[0])
    if k == 0:
        return 0.0
    if not math.isfinite(loss[k]):
        return float(out[k])
    part = (level - loss[k - 1]) / (loss[k] - loss[k - 1])
    return float(out[k - 1] + part * (out[k] - out[k - 1]))


def read(finding: Finding) -> Reading:
    """The numbers above of one slice; the level of the basin is guessing's, ln of the classes."""
    loss, along = grid(finding), steps(finding)
    is_map = loss.ndim == 2 and np.isfinite(loss).all()
    return Reading(
        centre=float(loss[tuple(n // 2 for n in loss.shape)]),
        nonconvex=nonconvex_share(loss),
        basin=basin(along, loss, guessing(finding)),
        valleys=valleys(loss) if loss.ndim == 1 else None,
        ratio=eigenvalue_ratio(loss) if is_map else None,
    )
