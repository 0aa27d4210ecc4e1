"""Weights of ImageNet nets by name or file: ours, and torchvision's under our names.

Paper: Table 1 (the nets); the weights are other people's unless we trained them.
Notebook: notebooks/04_imagenet.py. Tests: tests/test_imagenet_weights.py.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.error import URLError

from torch import Tensor

from resnet_lab import augmentation, evaluation, weights
from resnet_lab.augmentation import Statistics
from resnet_lab.errors import InputError
from resnet_lab.resnet import ResNet, ResNetConfig, imagenet

DEPTHS = (18, 34, 50, 101, 152)


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """A net with weights, and how its images are to be normalised."""

    name: str
    net: ResNet
    statistics: Statistics


def load(
    spec: str,
    *,
    depth: int | None = None,
    shortcut: str | None = None,
    stride_in: str | None = None,
    normalise: str | None = None,
) -> Source:
    """The net that `spec` names: torchvision:resnet50, torchvision:resnet50:IMAGENET1K_V2, a file.

    A file may have our names or torchvision's. `normalise` is "paper" (a mean is subtracted: the
    run's own where statistics.safetensors lies beside the file) or "torchvision" (mean and
    deviation of each channel); None: as the source wants it.

    Raises: InputError for a name, file or option that cannot be used.
    """
    if normalise not in (None, "paper", "torchvision"):
        raise InputError(f"normalise must be paper or torchvision, got {normalise!r}")
    if spec.startswith("torchvision:"):
        depth, tensors, name = download(spec)
        theirs, beside = True, None
    else:
        path = Path(spec).expanduser()
        tensors, name = evaluation.read_tensors(path), path.name
        theirs = weights.are_public(tensors)
        tensors = {name.removeprefix("module."): value for name, value in tensors.items()}
        beside = path.with_name("statistics.safetensors")
    if theirs:
        stride_in, shortcut = stride_in or "3x3", shortcut or "B"
    config = None
    if depth is None and not theirs:  # one of our runs says itself what net it trained
        config = recorded(beside.with_name("record.json"))
    if config is None:
        depth = depth or depth_of(tensors, spec)
        config = imagenet(depth, shortcut=shortcut, stride_in=stride_in or "1x1")
        last = tensors.get("fc.bias" if theirs else "classifier.bias")
        config = config if last is None else replace(config, classes=len(last))
    net = build(weights.to_ours(tensors, config) if theirs else tensors, config, spec)
    if normalise == "torchvision" or (normalise is None and theirs):
        statistics = augmentation.published(divide=True)
    elif beside is not None and beside.is_file():
        statistics = augmentation.read_statistics(beside)
    else:
        statistics = augmentation.published(divide=False)
    return Source(name=name, net=net, statistics=statistics)


def recorded(path: Path) -> ResNetConfig | None:
    """The net that the record of one of our own runs names; None if there is no record."""
    if not path.is_file():
        return None
    try:
        fields = json.loads(path.read_bytes())["run"]["net"]
        lists = {name: tuple(fields[name]) for name in ("blocks", "widths")}
        return ResNetConfig(**fields | lists)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not the record of an ImageNet run ({error!r})") from error


def depth_of(tensors: Mapping[str, Tensor], spec: str) -> int:
    """Weighted layers: convolutions on the residual paths, stem and classifier.

    Raises: InputError if Table 1 has no such net.
    """
    # projections are not counted: theirs is downsample, ours is shortcut
    inside = [
        name
        for name, tensor in tensors.items()
        if re.search(r"\.residual\.|layer\d\.\d+\.conv\d", name) and tensor.dim() == 4
    ]
    if len(inside) + 2 not in DEPTHS:
        raise InputError(
            f"{spec} holds no net of Table 1 under names that are known here; "
            f"{len(inside)} convolutions were found in blocks"
        )
    return len(inside) + 2


def build(tensors: Mapping[str, Tensor], config: ResNetConfig, spec: str) -> ResNet:
    """The net of `config` with these weights. Raises: InputError if they do not fit."""
    net = ResNet(config).eval()
    try:
        net.load_state_dict(dict(tensors), strict=True)
    except RuntimeError as error:
        reason = str(error).splitlines()[1].strip()
        if len(reason) > 120:
            reason = reason[:120] + " …"
        raise InputError(
            f"{spec} holds no {config.name}: {reason} (--depth and --shortcut say what it is)"
        ) from error
    return net


def download(spec: str) -> tuple[int, dict[str, Tensor], str]:
    """Depth, tensors and full name of torchvision's weights, from its cache or its server.

    IMAGENET1K_V1 unless another is named: the recipe nearest to the paper's.
    Raises: InputError for an unknown name, or if they are not here and there is no network.
    """
    from torchvision import models

    _, model, *rest = spec.split(":")
    version = rest[0] if rest else "IMAGENET1K_V1"
    known = [f"resnet{depth}" for depth in DEPTHS]
    if model not in known or len(rest) > 1:
        raise InputError(f"{spec!r} is not known; torchvision: goes before {', '.join(known)}")
    choices = models.get_model_weights(model)
    if version not in choices.__members__:
        raise InputError(
            f"torchvision has no {version} of {model}, but {', '.join(choices.__members__)}"
        )
    try:
        tensors = choices[version].get_state_dict(progress=False, check_hash=True)
    except (URLError, OSError, RuntimeError) as error:
        raise InputError(
            f"{spec} could not be fetched ({getattr(error, 'reason', error)}); download "
            f"{choices[version].url} where there is a network and give the file to --weights"
        ) from error
    return int(model.removeprefix("resnet")), tensors, f"torchvision:{model}:{version}"
