"""A net cut in two for detection, as tables: the shapes of each part, from the real modules.

Paper: Section 4.3; Appendix A.
Notebook: notebooks/07_detection.py. Tests: tests/test_detection_c4.py.
"""

from dataclasses import dataclass
from functools import cache

import torch
from torch import nn

from resnet_lab import cost
from resnet_lab.detection.config import DetectorConfig, toy
from resnet_lab.detection.faster_rcnn import FasterRCNN
from resnet_lab.detection.images import padded_size, resized_size

REGIONS = 300  # per image in testing (Appendix A)


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of the detector, what comes out of it, and what is in it."""

    name: str
    shape: tuple[int, ...]
    convolutions: int
    parameters: int


@cache
def detector(config: DetectorConfig) -> FasterRCNN:
    """The real detector without memory for its weights: only shapes can be asked of it."""
    with torch.device("meta"):
        return FasterRCNN(config).eval()


def convolutions(module: nn.Module) -> int:
    """Convolutions in `module`, projections of shortcuts left out, as the paper counts layers."""
    return sum(
        isinstance(part, nn.Conv2d)
        for name, part in module.named_modules()
        if "shortcut" not in name.split(".")
    )


@torch.no_grad()
def parts(config: DetectorConfig, size: tuple[int, int], regions: int = REGIONS) -> list[Part]:
    """Every part of the detector in its order, for an image of `size` (height, width).

    The image is padded as the detector pads it: 600 x 1000 to 608 x 1008.
    """
    net = detector(config)
    found, x = [], torch.zeros(1, 3, *padded_size([size], net.stride), device="meta")

    def add(name: str, shape: torch.Size, module: nn.Module | None) -> None:
        found.append(
            Part(
                name=name,
                shape=tuple(shape),
                convolutions=convolutions(module) if module is not None else 0,
                parameters=cost.parameters(module) if module is not None else 0,
            )
        )

    for name, module in net.shared.named_children():
        x = module(x)
        add(f"{name}, shared", x.shape, module)
    scores = net.rpn(x)
    add("RPN: objectness", scores.logits.shape, net.rpn)
    add("RPN: offsets", scores.offsets.shape, None)
    pooled = torch.zeros(regions, x.shape[1], net.roi_size, net.roi_size, device="meta")
    add("RoI pooling", pooled.shape, None)
    features = net.head.describe(pooled)
    name = "fc6, fc7" if config.backbone == "vgg16" else "conv5_x, then mean"
    add(f"{name}, per region", features.shape, net.head.per_region)
    if config.context:
        features = torch.cat([features, features], 1)
    judged = net.judge(features)
    add("class scores", judged.logits.shape, net.head.classes)
    add("boxes", judged.offsets.shape, net.head.boxes)
    return found


def shared_layers(config: DetectorConfig) -> int:
    """Convolutions that RPN and head share: Appendix A says 91 for ResNet-101."""
    return convolutions(detector(config).shared)


def table(config: DetectorConfig, size: tuple[int, int], regions: int = REGIONS) -> str:
    """The parts as Markdown."""
    height, width = padded_size([size], detector(config).stride)
    padded = f", padded to {height}x{width}" if (height, width) != tuple(size) else ""
    lines = [
        f"| {config.name}, image {size[0]}x{size[1]}{padded} | shape | convolutions | parameters |",
        "|---|---|---|---|",
    ]
    for part in parts(config, size, regions):
        shape = " x ".join(f"{n:,}" for n in part.shape)
        layers = str(part.convolutions) if part.convolutions else ""
        numbers = f"{part.parameters:,}" if part.parameters else ""
        lines.append(f"| {part.name} | {shape} | {layers} | {numbers} |")
    return "\n".join(lines)


def summary() -> str:
    """What three detectors share and what they run per region, side by side, as Markdown."""
    rows = [
        (DetectorConfig(backbone="vgg16"), (600, 1000), REGIONS),
        (DetectorConfig(), (600, 1000), REGIONS),
        (toy(), (96, 96), 100),
    ]
    lines = [
        "| detector | image | shared map | stride | shared convolutions | a region | regions |",
        "|---|---|---|---|---|---|---|",
    ]
    for config, size, regions in rows:
        net, found = detector(config), parts(config, size, regions)
        shared = [part for part in found if part.name.endswith("shared")][-1]
        pooled = next(part for part in found if part.name == "RoI pooling")
        lines.append(
            f"| {config.name} | {size[0]}x{size[1]} | {' x '.join(map(str, shared.shape[1:]))} "
            f"| {net.stride} | {shared_layers(config)} | {' x '.join(map(str, pooled.shape[1:]))} "
            f"| {regions} |"
        )
    return "\n".join(lines)


def seen_size(size: tuple[int, int], config: DetectorConfig) -> tuple[int, int]:
    """An image's height and width as the detector resizes it."""
    return resized_size(size, config.short_side, config.long_side)
