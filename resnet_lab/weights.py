"""Weights under torchvision's and timm's names: an explicit map to ours and back.

Paper: Table 1 (the nets both libraries offer, with the stride in the 3x3).
Notebook: notebooks/03_bottlenecks.py. Tests: tests/test_weights.py.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from resnet_lab.errors import InputError
from resnet_lab.resnet import ResNet, ResNetConfig

BN = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def names(config: ResNetConfig) -> dict[str, str]:
    """Our name -> theirs, for every tensor of the net of `config`; one map serves both libraries.

    Both call the stem conv1, the stages layer1, layer2, ..., a projection downsample, and the
    classifier fc.
    """
    found: dict[str, str] = {}

    def pair(conv: str, bn: str, their_conv: str, their_bn: str) -> None:
        found[f"{conv}.weight"] = f"{their_conv}.weight"
        found.update({f"{bn}.{leaf}": f"{their_bn}.{leaf}" for leaf in BN})

    pair("stem.0", "stem.1", "conv1", "bn1")
    c = config.widths[0]
    for stage, (count, width) in enumerate(zip(config.blocks, config.widths, strict=True)):
        for i in range(count):
            ours, theirs = f"stages.{stage}.{i}", f"layer{stage + 1}.{i}"
            for k in range(3 if config.bottleneck else 2):
                within = f"{ours}.residual.{2 * k}"  # the ReLUs between take the odd places
                pair(f"{within}.0", f"{within}.1", f"{theirs}.conv{k + 1}", f"{theirs}.bn{k + 1}")
            c_out = 4 * width if config.bottleneck else width
            changes = c != c_out or (stage > 0 and i == 0)
            if config.shortcut == "C" or (config.shortcut == "B" and changes):
                within, beyond = f"{ours}.shortcut", f"{theirs}.downsample"
                pair(f"{within}.0", f"{within}.1", f"{beyond}.0", f"{beyond}.1")
            c = c_out
    return found | {f"classifier.{leaf}": f"fc.{leaf}" for leaf in ("weight", "bias")}


def are_public(tensors: Mapping[str, Tensor]) -> bool:
    """Whether the names are torchvision's and timm's, also behind DataParallel's `module.`."""
    bare = {name.removeprefix("module.") for name in tensors}
    return {"conv1.weight", "bn1.weight", "layer1.0.conv1.weight", "fc.weight"} <= bare


def to_ours(tensors: Mapping[str, Tensor], config: ResNetConfig) -> dict[str, Tensor]:
    """State dict of torchvision or timm -> state dict of `ResNet(config)`; `to_public` undoes it.

    Counters of batches, which old files lack and evaluation does not use, may be missing.

    Raises: InputError if a tensor is missing, left over, or of another shape.
    """
    theirs = {name.removeprefix("module."): tensor for name, tensor in tensors.items()}
    renamed = names(config)
    with torch.device("meta"):
        expected = ResNet(config).state_dict()
    found = {}
    for ours, name in renamed.items():
        if name not in theirs and name.endswith("num_batches_tracked"):
            found[ours] = torch.zeros((), dtype=torch.long)
        elif name not in theirs:
            raise InputError(f"these are no weights of {config.name}: {name} is missing")
        elif theirs[name].shape != expected[ours].shape:
            raise InputError(
                f"these are no weights of {config.name}: {name} has shape "
                f"{tuple(theirs[name].shape)}, expected is {tuple(expected[ours].shape)}"
            )
        else:
            found[ours] = theirs[name]
    if left_over := sorted(theirs.keys() - set(renamed.values())):
        raise InputError(
            f"these are no weights of {config.name}: there is no place for {left_over[0]}"
            + (f" and {len(left_over) - 1} more" if len(left_over) > 1 else "")
        )
    return found


def to_public(tensors: Mapping[str, Tensor], config: ResNetConfig) -> dict[str, Tensor]:
    """State dict of `ResNet(config)` -> state dict of torchvision or timm; undoes `to_ours`.

    Raises: InputError if `tensors` is not the state dict of that net.
    """
    renamed = names(config)
    if odd := sorted(tensors.keys() ^ renamed.keys()):
        raise InputError(f"this is no state dict of our {config.name}: see {odd[0]}")
    return {theirs: tensors[ours] for ours, theirs in renamed.items()}
