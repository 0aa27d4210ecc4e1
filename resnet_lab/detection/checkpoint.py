"""A detector half trained, on disk, so that it goes on to the same weights bit for bit.

Paper: Appendix A (320k updates are worth resuming).
Notebook: notebooks/07_detection.py. Tests: tests/test_detection_run.py.
"""

from pathlib import Path

from resnet_lab import half_way
from resnet_lab.detection.training import Point, State
from resnet_lab.distributed import World

KIND = half_way.Kind(
    magic="resnet-lab detection checkpoint 1", what="a detector's checkpoint", point=Point
)


def save(path: Path, run: str, how: dict, state: State, here: World) -> None:
    """Write `state`, at a point of its curve, by the first process.

    `how` is what must not change half-way. Raises: InputError if it cannot be written.
    """
    if here.first:
        half_way.save(KIND, path, run, how, state)


def load(path: Path, run: str, how: dict, state: State, here: World) -> bool:
    """Bring `state` (fresh) to where the first process's checkpoint stands; False without one.

    Raises: InputError for a file that is cut short, changed, foreign, or of another run.
    """
    content = half_way.read(path, here)
    if content is not None:
        half_way.load(KIND, content, path, run, how, state)
    return content is not None
