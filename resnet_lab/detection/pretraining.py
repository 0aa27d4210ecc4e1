"""Classification before detection, in miniature: drawn crops in the place of ImageNet.

Paper: Appendix A ("initialized by the ImageNet classification models"; BN statistics computed
after pre-training, then fixed).
Notebook: notebooks/04_imagenet.py. Tests: tests/test_detection_pretraining.py.
"""

from collections.abc import Callable
from dataclasses import replace

import torch
import torch.nn.functional as F
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
    per_pass, wrong = len(images) // recipe.batch, 0
    for step in range(recipe.epochs * per_pass):
        random = generator(seed, 1, step // per_pass)
        order = torch.randperm(len(images), generator=random)
        flips = torch.randint(0, 2, (len(images),), generator=random).bool()
        mine = order[(step % per_pass) * recipe.batch :][: recipe.batch].to(device)
        x = normalised(images[mine], config)
        x = torch.where(flips.to(device)[mine][:, None, None, None], x.flip(3), x)
        optimizer.param_groups[0]["lr"] = one_cycle(step, recipe)
        with train.true_float32():
            logits = net(x)
            loss = F.cross_entropy(logits, labels[mine])
            optimizer.zero_grad()
            loss.backward()
        optimizer.step()
        wrong += (logits.argmax(1) != labels[mine]).sum().item()
        if step % per_pass == per_pass - 1:
            if not loss.isfinite():
                raise FloatingPointError(f"the loss is {loss.item()} at pre-training step {step}")
            report(step + 1, 100 * wrong / (per_pass * recipe.batch))
            wrong = 0
    chosen = images[: recipe.bn_crops].split(200)
    bn_statistics.estimate(net, (normalised(part, config) for part in chosen))
    return net.eval()
