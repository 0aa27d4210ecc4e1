"""Stored weights, ours or other people's, and their test error.

Paper: Section 4.2 ("we only evaluate the single view of the original 32x32 image").
Notebook: notebooks/01_degradation.py. Tests: tests/test_evaluation.py.
"""

import pickle
from pathlib import Path

import torch
from torch import Tensor

from resnet_lab import checkpoint, data, train, weights
from resnet_lab.errors import InputError
from resnet_lab.resnet import ResNet, ResNetConfig


def load_net(path: Path, config: ResNetConfig, by_position: bool = False) -> ResNet:
    """The net of `config` with the weights at `path`, in evaluation mode.

    Reads .safetensors, and state dicts saved by torch (without running code in them), also inside
    {"state_dict": ...}, under our names or those of torchvision and timm. With `by_position` names
    are ignored and tensors taken in their order, as most option-A code lists them: stem, blocks,
    classifier, each convolution before its BN.

    Raises: InputError if the file is missing, unreadable, or of another net.
    """
    net = ResNet(config).eval()
    tensors = read_tensors(path)
    if by_position:
        tensors = rename_by_position(tensors, net, path)
    elif weights.are_public(tensors):
        try:
            tensors = weights.to_ours(tensors, config)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
    try:
        net.load_state_dict(tensors, strict=True)
    except RuntimeError as error:
        reason = shortened(str(error).splitlines()[1].strip())
        hint = "" if by_position else " (--by-position ignores the names)"
        raise InputError(f"{path} holds no {config.name}: {reason}{hint}") from error
    return net


def shortened(reason: str, names: int = 3) -> str:
    """Torch's list of tensor names, cut after the first few."""
    first, *others = reason.removesuffix(". ").removesuffix(".").split(", ")
    if not reason.startswith(("Missing", "Unexpected")) or len(others) < names:
        return reason
    return f"{', '.join([first, *others[: names - 1]])} and {len(others) + 1 - names} more"


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Name to tensor, in the file's order. Raises: InputError if that is not what it holds."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    if path.suffix == ".safetensors":
        return checkpoint.read_weights(path)
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise InputError(
            f"{path} is no safetensors file and no state dict saved by torch"
        ) from error
    if isinstance(found, dict) and isinstance(found.get("state_dict"), dict):
        found = found["state_dict"]
    if not isinstance(found, dict) or not all(isinstance(t, Tensor) for t in found.values()):
        raise InputError(f"{path} holds no state dict: tensors under names were expected")
    return found


def rename_by_position(tensors: dict[str, Tensor], net: ResNet, path: Path) -> dict[str, Tensor]:
    """`tensors` under the names that `net` has at the same positions.

    Counters of batches, which old files lack and evaluation does not use, are left out.
    Raises: InputError if the numbers or shapes differ.
    """
    own = net.state_dict()
    names = [name for name in own if not name.endswith("num_batches_tracked")]
    theirs = [(n, t) for n, t in tensors.items() if not n.endswith("num_batches_tracked")]
    if len(names) != len(theirs):
        raise InputError(
            f"{path} holds {len(theirs)} tensors, {net.config.name} has {len(names)}; "
            "check --depth and --shortcut"
        )
    for ours, (name, tensor) in zip(names, theirs, strict=True):
        if own[ours].shape != tensor.shape:
            raise InputError(
                f"{path} does not fit {net.config.name}: {name} has shape {tuple(tensor.shape)}, "
                f"at its place {tuple(own[ours].shape)} is expected"
            )
        own[ours] = tensor
    return own


def test_error(
    net: ResNet,
    dataset: data.Dataset,
    *,
    size: int = 32,
    mean: tuple[float, float, float] | None = None,
    std: tuple[float, float, float] | None = None,
) -> float:
    """Test error in percent. Default input: our own, per-pixel mean of the training images.

    Units: `mean` and `std` per channel, of images in 0..1.
    """
    images = data.shrink(dataset.test_images, size)
    if mean is None:
        subtract = data.per_pixel_mean(data.shrink(dataset.train_images, size))
    else:
        subtract = torch.tensor(mean).view(3, 1, 1)
    divide = None if std is None else torch.tensor(std).view(3, 1, 1)
    return train.error(net, images, dataset.test_labels, subtract, divide)
