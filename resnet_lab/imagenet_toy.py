"""Training and tests of Section 3.4 on a drawn look-alike: they run, and say nothing of ImageNet.

Paper: Section 3.4; the authors' notes for BN statistics.
Notebook: notebooks/04_imagenet.py. Tests: tests/test_imagenet_toy.py.
"""

import copy
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnet_lab import drawn_images, imagenet_folder, imagenet_training
from resnet_lab.distributed import World
from resnet_lab.imagenet_evaluation import Protocol
from resnet_lab.imagenet_feed import Feed
from resnet_lab.imagenet_folder import Files
from resnet_lab.imagenet_loader import broken_policy, image_statistics
from resnet_lab.imagenet_recipe import ImageNetRecipe, micro_batches
from resnet_lab.imagenet_weights import Source
from resnet_lab.resnet import ResNet, ResNetConfig
from resnet_lab.runner import own_threads

CLASSES = 6
RECIPE = ImageNetRecipe(
    lr=0.05,
    steps=60,
    batch=32,
    drop_at=(45,),
    short_side=(72, 128),
    crop=64,
    mean="channel",
    statistics_images=96,
    test_side=72,
    bn_images=256,
    log_every=20,
    test_every=20,
)
PROTOCOLS = tuple(
    Protocol(name=name, side=72, crop=64, sides=(64, 72, 96, 128))
    for name in ("centre", "10-crop", "multi-scale")
)


def folder(place: Path) -> tuple[Files, Files]:
    """Training and validation images of six classes, drawn into the new folder `place`."""
    drawn_images.draw(place, classes=CLASSES, train=48, val=20, oddities=False)
    return imagenet_folder.find(place, "train"), imagenet_folder.find(place, "val")


def feed(files: Files, recipe: ImageNetRecipe) -> Feed:
    """What reads the images, in this process."""
    met = broken_policy("fail")
    return Feed(
        recipe=recipe,
        per_device=recipe.batch,
        workers=0,
        statistics=image_statistics(files, recipe, 0, met),
        met=met,
        here=World(),
    )


def train(files: Files, seed: int, recipe: ImageNetRecipe = RECIPE) -> Source:
    """A small net after `recipe.steps` updates of the real loop, with BN's moving averages.

    On one thread: so small a net takes longer where threads wait for each other.
    """
    recipe = replace(recipe, seed=seed)
    config = ResNetConfig(
        blocks=(1, 1, 1, 1), widths=(8, 16, 32, 64), stem="imagenet", classes=CLASSES
    )
    images, state = feed(files, recipe), imagenet_training.begin(config, recipe)
    with own_threads(1):
        for _ in imagenet_training.train_net(
            state, images.batches(files), recipe, here=World(), per_device=recipe.batch
        ):
            pass
    return Source(name=f"toy {seed}", net=state.net.eval(), statistics=images.statistics)


def measured(source: Source, files: Files, recipe: ImageNetRecipe = RECIPE) -> Source:
    """The same weights with BN statistics measured anew, as a plain average."""
    net = copy.deepcopy(source.net)
    feed(files, recipe).measure_bn(net, files)
    return replace(source, name=f"{source.name}, BN measured anew", net=net)


CUTS = ((1, 256), (1, 32), (2, 64), (4, 64), (8, 32), (8, 8))  # devices, images each at once


def batch_table(cuts: Sequence[tuple[int, int]] = CUTS) -> str:
    """A batch of 256, cut in several ways: parts, what BN sees, and how the gradient changes.

    The change is the length of the difference to the gradient of 256 images at once, divided by
    the length of that gradient, for a small net and random images; with BN as in training, and
    with frozen BN.
    """
    recipe, changes = ImageNetRecipe(), {}
    for part in {part for _, part in cuts}:
        changes[part] = [gradient_change(recipe.batch, part, frozen) for frozen in (False, True)]
    lines = [
        "| devices | images on each at once | accumulated | update | BN sees "
        "| gradient changes by | with frozen BN |",
        "|---|---|---|---|---|---|---|",
    ]
    for devices, part in cuts:
        parts = micro_batches(recipe, devices, part)
        change, frozen = changes[part]
        lines.append(
            f"| {devices} | {part} | {parts} | {devices} x {part} x {parts} = "
            f"{devices * part * parts} | {part} | {100 * change:.1f} % | {rounding(frozen)} |"
        )
    return "\n".join(lines)


def rounding(change: float) -> str:
    """A share in words, where it is nothing but rounding."""
    return "rounding only" if change < 1e-4 else f"{100 * change:.1f} %"


def gradient_change(batch: int, part: int, frozen: bool) -> float:
    """How far the mean gradient of parts lies from that of the whole batch, as a share of it."""
    random = torch.Generator().manual_seed(0)
    images = torch.randn(batch, 3, 32, 32, generator=random)
    labels = torch.randint(10, (batch,), generator=random)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = ResNet(ResNetConfig(blocks=(1, 1, 1), widths=(4, 8, 16)))
    whole = gradient(net, images, labels, batch, frozen)
    return ((gradient(net, images, labels, part, frozen) - whole).norm() / whole.norm()).item()


def gradient(net: nn.Module, images: Tensor, labels: Tensor, part: int, frozen: bool) -> Tensor:
    """The mean over parts of `part` images of the loss's gradient, as one long vector."""
    net.train(not frozen)
    net.zero_grad()
    cuts = list(zip(images.split(part), labels.split(part), strict=True))
    for x, y in cuts:
        (F.cross_entropy(net(x), y) / len(cuts)).backward()
    return torch.cat([p.grad.flatten() for p in net.parameters()])
