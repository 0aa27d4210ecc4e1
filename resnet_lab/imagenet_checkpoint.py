"""An ImageNet run half done, on disk, written whole by the first of its processes.

Paper: Section 3.4 (600k updates are worth resuming).
Notebook: notebooks/04_imagenet.py. Tests: tests/test_imagenet_run.py.
"""

from pathlib import Path

import torch

from resnet_lab import distributed, half_way
from resnet_lab.distributed import World
from resnet_lab.imagenet_training import State
from resnet_lab.records import Point

KIND = half_way.Kind(
    magic="resnet-lab imagenet checkpoint 1", what="an ImageNet checkpoint", point=Point
)


def save(path: Path, run: str, how: dict, state: State, broken: list[str], here: World) -> None:
    """Write `state` with the BN averages of every process; all processes must call this together.

    `how` is what must not change half-way. Raises: InputError if it cannot be written.
    """
    own = {name: value.cpu() for name, value in distributed.bn_buffers(state.net).items()}
    bn, names = distributed.gathered(own, here), distributed.gathered(broken, here)
    if here.first:
        broken = sorted(set(sum(names, [])))
        half_way.save(KIND, path, run, how, state, head={"broken": broken}, tensors={"bn": bn})


def load(content: bytes, path: Path, run: str, how: dict, state: State, here: World) -> list[str]:
    """Bring `state` (fresh) to where the checkpoint stands; the broken files met so far.

    Every process gets its own BN averages back; if there are more or fewer processes than before,
    the mean of all.

    Raises: InputError for content that is cut short, changed, foreign, or of another run.
    """
    head, tensors = half_way.load(KIND, content, path, run, how, state)
    bn = tensors["bn"]
    for name, value in distributed.bn_buffers(state.net).items():
        values = [one[name] for one in bn]
        value.copy_(values[here.rank] if len(bn) == here.size else torch.stack(values).mean(0))
    return head["broken"]
