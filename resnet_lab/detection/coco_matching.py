"""Which detection finds which object, by COCO's rule: the best one still free takes it.

Paper: Section 4.3 (the COCO metric).
Notebook: notebooks/07_detection.py. Tests: tests/test_detection_coco_evaluation.py.
"""

from dataclasses import dataclass

import numpy as np

from resnet_lab.detection.columns import Found, Truth

# Square pixels, both ends included.
AREAS = {
    "all": (0.0, 1e10),
    "small": (0.0, 32.0**2),
    "medium": (32.0**2, 96.0**2),
    "large": (96.0**2, 1e10),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Match:
    """All detections of one class, best score first, and whether each found an object.

    Shapes: scores, rank (K,); right, ignored bool (sizes, ious, K); objects int64 (sizes,).
    """

    scores: np.ndarray
    rank: np.ndarray  # among those of its image
    right: np.ndarray
    ignored: np.ndarray  # neither right nor wrong
    objects: np.ndarray  # to be found


def match(truth: Truth, found: Found, label: int, ious: np.ndarray, most: int) -> Match:
    """The detections of class `label`, the best `most` of each image, held against its objects.

    Objects of another size than asked for are ignored, as are crowds; so is a detection of another
    size that finds nothing. Of equal scores the earlier image ranks first, then the order given.
    """
    mine = np.flatnonzero(found.label == label)
    mine = mine[np.lexsort((-found.scores[mine], found.image[mine]))]  # stable
    images, starts = np.unique(found.image[mine], return_index=True)
    counts = np.diff(starts, append=len(mine))
    rank = np.arange(len(mine)) - np.repeat(starts, counts)
    mine, rank = mine[rank < most], rank[rank < most]

    theirs = np.flatnonzero(truth.label == label)
    theirs = theirs[np.argsort(truth.image[theirs], kind="stable")]
    outside = outside_of(truth.area[theirs]) | truth.ignored[theirs]
    boxes = found.boxes[mine]
    right = np.zeros((len(AREAS), len(ious), len(mine)), bool)
    ignored = np.zeros_like(right)
    begin, end = (np.searchsorted(found.image[mine], images, side=s) for s in ("left", "right"))
    first, last = (np.searchsorted(truth.image[theirs], images, side=s) for s in ("left", "right"))
    for d0, d1, g0, g1 in zip(begin, end, first, last, strict=True):
        if g0 < g1:
            crowd = truth.crowd[theirs[g0:g1]]
            overlaps = overlap_of(boxes[d0:d1], truth.boxes[theirs[g0:g1]], crowd)
            took = assign(overlaps, crowd, outside[:, g0:g1], ious)
            right[:, :, d0:d1], ignored[:, :, d0:d1] = took
    ignored |= ~right & outside_of(boxes[:, 2] * boxes[:, 3])[:, None]
    order = np.argsort(-found.scores[mine], kind="stable")
    return Match(
        scores=found.scores[mine][order],
        rank=rank[order],
        right=right[:, :, order],
        ignored=ignored[:, :, order],
        objects=(~outside).sum(1),
    )


def outside_of(area: np.ndarray) -> np.ndarray:
    """Whether each area is of another size; bool (sizes, K)."""
    return np.stack([(area < low) | (area > high) for low, high in AREAS.values()])


def overlap_of(a: np.ndarray, b: np.ndarray, crowd: np.ndarray) -> np.ndarray:
    """Intersection over union; for a crowd, over the area of the detection alone.

    Shapes: (K, 4), (M, 4) as x, y, width, height, (M,) -> (K, M).
    """
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum((a[:, :2] + a[:, 2:])[:, None], (b[:, :2] + b[:, 2:])[None])
    sides = (high - low).clip(min=0)
    shared = sides[..., 0] * sides[..., 1]
    own = (a[:, 2] * a[:, 3])[:, None]
    union = np.where(crowd, own, own + b[:, 2] * b[:, 3] - shared)
    return np.divide(shared, union, out=np.zeros_like(shared), where=shared > 0)


def assign(
    overlaps: np.ndarray, crowd: np.ndarray, outside: np.ndarray, ious: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Whether each detection of one image took an object, and whether that one is ignored.

    In the order of scores: a detection takes the free object it overlaps most; only if none
    reaches the threshold, an ignored one, where a crowd is always free. Of equal overlaps the last
    listed is taken.

    Shapes: (K, M), (M,), (sizes, M), (ious,) -> bool (sizes, ious, K), twice.
    """
    sizes, objects = outside.shape
    free = np.ones((sizes, len(ious), objects), bool)
    took = np.zeros((sizes, len(ious), len(overlaps)), bool)
    ignored = np.zeros_like(took)
    needed = np.minimum(ious, 1 - 1e-10)[:, None]
    for d, row in enumerate(overlaps):
        near = row >= needed  # (ious, M)
        if not near.any():
            continue
        allowed = near & (free | crowd)
        wanted = allowed & ~outside[:, None]
        only_ignored = ~wanted.any(2, keepdims=True)
        choice = np.where(only_ignored, allowed, wanted)
        score = np.where(choice, row, -1.0)
        last = objects - 1 - score[..., ::-1].argmax(2)
        took[..., d] = choice.any(2)
        ignored[..., d] = took[..., d] & only_ignored[..., 0]
        np.put_along_axis(
            free,
            last[..., None],
            np.take_along_axis(free, last[..., None], 2) & ~took[..., d, None],
            2,
        )
    return took, ignored
