"""Classification before detection, in miniature: drawn crops in the place of ImageNet.

Paper: Appendix A ("initialized by the ImageNet classification models"; BN statistics computed
after pre-training, then fixed).
Notebook: notebooks/04_imagenet.py. Tests: tests/test_detection_pretraining.py.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from torch import Tensor, nn

from resnet_lab import bn_statistics, train
from resnet_lab.detection import backbones
from resnet_lab.detection.config import DetectorConfig
from resnet_lab.detection.feed import generator
from resnet_lab.detection.recipe import Pretraining, one_cycle
from resnet_lab.errors import InputError


def new_net(config: DetectorConfig, seed: int) -> nn.Module:
    """The classification net with the initial weights of `seed`; global randomness left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return backbones.classifier(config)


def normalised(images: Tensor, config: DetectorConfig) -> Tensor:
    """Crops as the detector would see them.

    Shapes: uint8 (N, 3, H, W) -> float32 (N, 3, H, W).
    """
    mean = torch.tensor(config.mean, device=images.device).view(3, 1, 1)
    std = torch.tensor(config.std, device=images.device).view(3, 1, 1)
    return (images / 255 - mean) / std


def pretrain(
    config: DetectorConfig,
    recipe: Pretraining,
    images: Tensor,
    labels: Tensor,
    *,
    seed: int,
    device: str = "cpu",
    report: Callable[[int, float], None] = lambda step, error: None,
) -> nn.Module:
    """A net trained on these crops, BN statistics measured anew; `report` gets training errors.

    Shapes: uint8 (N, 3, S, S), int64 (N,) counted from 0.
    Units: errors in percent, over a pass.
    Raises: InputError for labels that the net has no output for;
    FloatingPointError if the loss stops being finite.
    """
    if config.backbone != "vgg16":
        config = replace(config, backbone=replace(config.backbone, classes=int(labels.max()) + 1))
    if len(images) < recipe.batch:
        raise InputError(f"{len(images)} crops do not fill a batch of {recipe.batch}")
    net = new_net(config, seed).to(device)
    images, labels = images.to(device), labels.to(device)
    optimizer = torch.optim.SGD(
        net.parameters(), recipe.lr, momentum=recipe.momentum, weight_decay=recipe.weight_decay
    )
    net.train()
    per_pass = len(images) // recipe.batch
    for turn in range(recipe.epochs):
        wrong = 0
        for k, (x, y) in enumerate(batches(images, labels, config, recipe, seed, turn)):
            optimizer.param_groups[0]["lr"] = one_cycle(turn * per_pass + k, recipe)
            loss, mistakes = train.update(net, optimizer, x, y, "float32")
            wrong += mistakes
        if not loss.isfinite():
            raise FloatingPointError(f"the loss is {loss.item()} after pre-training pass {turn}")
        report((turn + 1) * per_pass, 100 * wrong.item() / (per_pass * recipe.batch))
    chosen = images[: recipe.bn_crops].split(200)
    bn_statistics.estimate(net, (normalised(part, config) for part in chosen))
    return net.eval()


def batches(
    images: Tensor,
    labels: Tensor,
    config: DetectorConfig,
    recipe: Pretraining,
    seed: int,
    turn: int,
) -> Iterator[tuple[Tensor, Tensor]]:
    """The batches of pass number `turn`: every crop once, half of them mirrored."""
    random = generator(seed, 1, turn)
    order = torch.randperm(len(images), generator=random)
    flips = torch.randint(0, 2, (len(images),), generator=random).bool()
    for mine in order.split(recipe.batch)[: len(images) // recipe.batch]:
        x = normalised(images[mine.to(images.device)], config)
        mirrored = flips[mine].to(x.device)[:, None, None, None]
        yield torch.where(mirrored, x.flip(3), x), labels[mine.to(labels.device)]
