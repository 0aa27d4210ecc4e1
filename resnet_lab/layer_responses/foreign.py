"""Layer responses of anybody's net: a file of weights, or what a factory makes.

Paper: Figure 7.
Notebook: notebooks/06_layer_responses.py. Tests: tests/test_cli_responses.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnet_lab import data, evaluation
from resnet_lab.audit import reading
from resnet_lab.errors import InputError
from resnet_lab.layer_responses.find import BN
from resnet_lab.layer_responses.stored import SPLITS, views
from resnet_lab.resnet import ResNetConfig

Triple = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class Input:
    """What a net is shown, and how its images were normalised when it was trained."""

    split: str = "test"
    count: int = 1_000  # images, the first of the split
    size: int = 32  # pixels: shrunk by averaging, enlarged bilinearly
    mean: Triple | None = None  # of the channels, in 0..1; None: our per-pixel mean
    std: Triple | None = None
    batch: int = 128

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise InputError(f"the split must be {' or '.join(SPLITS)}, got {self.split!r}")
        if min(self.count, self.size, self.batch) < 1:
            raise InputError("count, size and batch must all be at least 1")


def net_of(thing: str, config: ResNetConfig, by_position: bool = False) -> nn.Module:
    """The net in a file, which is read as `config`, or of package.module:factory, which is run.

    Raises: InputError if it cannot be made.
    """
    if not Path(thing).exists() and reading.is_factory(thing):
        return reading.build(thing)
    return evaluation.load_net(Path(thing), config, by_position)


def caution(net: nn.Module) -> str | None:
    """A sentence if no BN of `net` holds statistics of images: such a net was never trained."""
    kept = [m for m in net.modules() if isinstance(m, BN) and m.running_mean is not None]
    if not kept or any(m.running_mean.any() or (m.running_var != 1).any() for m in kept):
        return None
    return (
        "untrained: no BN of this net has seen an image (its stored means are 0, its variances 1), "
        "so these are the responses of random weights; let the factory load trained ones"
    )


def batches(dataset: data.Dataset, wanted: Input) -> Iterator[Tensor]:
    """The images as the net takes them. Shapes: float32 (batch, 3, size, size) each.

    Raises: InputError if the images cannot be brought to that size.
    """
    small = min(wanted.size, 32)
    every = dataset.test_images if wanted.split == "test" else dataset.train_images
    images = data.shrink(every[: wanted.count], small)
    if wanted.mean is None:
        mean = data.per_pixel_mean(data.shrink(dataset.train_images, small))
    else:
        mean = torch.tensor(wanted.mean).view(3, 1, 1)
    std = None if wanted.std is None else torch.tensor(wanted.std).view(3, 1, 1)
    for x in views(images, mean, std, wanted.batch):
        larger = (wanted.size, wanted.size)
        yield x if wanted.size <= 32 else F.interpolate(x, larger, mode="bilinear")
