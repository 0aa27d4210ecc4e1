"""From the bytes of an image file to the views a net sees, in training and in tests.

Paper: Section 3.4 (scale, crop, flip, mean, colour), and AlexNet for the colour.
Notebook: notebooks/04_imagenet.py. Tests: tests/test_augmentation.py.
"""

import io
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as v2

from resnet_lab.errors import InputError
from resnet_lab.imagenet_recipe import ImageNetRecipe

# Mean and deviation of ImageNet's channels in 0..1, as torchvision's weights want them.
PUBLISHED_MEAN, PUBLISHED_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# AlexNet's paper prints no components. These are the ones that fb.resnet.torch took from ImageNet:
# eigenvalues of the covariance of RGB values in 0..1; eigenvectors are columns.
PUBLISHED_EIGENVALUES = (0.2175, 0.0188, 0.0045)
PUBLISHED_EIGENVECTORS = (
    (-0.5675, 0.7192, 0.4009),
    (-0.5808, -0.0045, -0.8140),
    (-0.5836, -0.6948, 0.4203),
)


class BrokenImage(Exception):
    """A file with an image's name that cannot be decoded; the message says why."""


def decode(content: bytes) -> Tensor:
    """The image as RGB, whatever its file holds: grey, palette, CMYK, transparency left out.

    Shapes: bytes -> uint8 (3, H, W).
    Raises: BrokenImage.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # remarks about metadata, for every such file
            with Image.open(io.BytesIO(content)) as image:
                return v2.pil_to_tensor(image.convert("RGB"))
    except Exception as error:  # decoders raise a dozen kinds, SyntaxError among them
        raise BrokenImage(str(error).split(" <")[0] or type(error).__name__) from error


def resize(image: Tensor, side: int) -> Tensor:
    """`image` with its shorter side `side` pixels long, its shape kept.

    The paper names no interpolation: bilinear, with the pixels in between averaged.
    Shapes: uint8 (3, H, W) -> uint8 (3, H', W').
    """
    return v2.resize(image, [side], interpolation=InterpolationMode.BILINEAR, antialias=True)


def training_view(
    image: Tensor, recipe: ImageNetRecipe, random: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """A random crop of the randomly resized image or its mirror image, and its colour multiples.

    Shapes: uint8 (3, H, W) -> uint8 (3, crop, crop), float32 (3,).
    """
    image = resize(image, int(random.integers(recipe.short_side[0], recipe.short_side[1] + 1)))
    top, left = (int(random.integers(side - recipe.crop + 1)) for side in image.shape[1:])
    view = image[:, top : top + recipe.crop, left : left + recipe.crop]
    if recipe.flip and random.random() < 0.5:
        view = view.flip(-1)
    colour = recipe.colour * random.standard_normal(3)
    return view.contiguous(), torch.from_numpy(colour).float()


def centre_crop(image: Tensor, crop: int) -> Tensor:
    """The crop in the middle. Shapes: (3, H, W) -> (3, crop, crop)."""
    return v2.center_crop(image, [crop, crop])


@dataclass(frozen=True, kw_only=True, eq=False)
class Statistics:
    """What is subtracted from an image, what divides it, and its colour components.

    Units: images in 0..1.
    """

    mean: Tensor  # (3, 1, 1) or (3, crop, crop)
    std: Tensor | None  # (3, 1, 1); None, as in the paper: do not divide
    eigenvalues: Tensor  # (3,)
    eigenvectors: Tensor  # (3, 3), columns
    source: str

    def to(self, device: str) -> "Statistics":
        """The same on `device`, so that it is not copied there for every batch."""
        tensors = ("mean", "std", "eigenvalues", "eigenvectors")
        moved = {name: getattr(self, name) for name in tensors}
        moved = {name: None if t is None else t.to(device) for name, t in moved.items()}
        return replace(self, **moved)

    def normalise(self, images: Tensor, colour: Tensor | None = None) -> Tensor:
        """What the net sees; with `colour`, its multiples of the components are added.

        Shapes: uint8 (N, 3, H, W), (N, 3) -> float32 (N, 3, H, W), on the images' device.
        """
        mean = self.mean.to(images.device)
        if mean.shape[-2:] not in ((1, 1), images.shape[-2:]):
            mean = mean.mean((1, 2), keepdim=True)  # a mean image of 224 fits no larger image
        x = images.contiguous(memory_format=torch.channels_last).float().div_(255).sub_(mean)
        if colour is not None:
            vectors, values = self.eigenvectors.to(x.device), self.eigenvalues.to(x.device)
            x += ((colour * values) @ vectors.T)[:, :, None, None]
        return x if self.std is None else x.div_(self.std.to(x.device))

    def as_bytes(self) -> bytes:
        """The file that `read_statistics` reads."""
        tensors = {"mean": self.mean, "values": self.eigenvalues, "vectors": self.eigenvectors}
        tensors = tensors if self.std is None else tensors | {"std": self.std}
        return save_tensors({name: value.contiguous() for name, value in tensors.items()})


def published(*, divide: bool) -> Statistics:
    """ImageNet's own, with a mean per channel; `divide` by the deviation as torchvision does."""
    return Statistics(
        mean=torch.tensor(PUBLISHED_MEAN).view(3, 1, 1),
        std=torch.tensor(PUBLISHED_STD).view(3, 1, 1) if divide else None,
        eigenvalues=torch.tensor(PUBLISHED_EIGENVALUES),
        eigenvectors=torch.tensor(PUBLISHED_EIGENVECTORS),
        source="published channel mean and deviation" if divide else "published channel mean",
    )


def read_statistics(path: Path) -> Statistics:
    """What `Statistics.as_bytes` wrote. Raises: InputError if the file holds something else."""
    try:
        return parse_statistics(path.read_bytes(), path.name)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})") from error


def parse_statistics(content: bytes, name: str) -> Statistics:
    """The inverse of `Statistics.as_bytes`. Raises: InputError if `content` is something else."""
    try:
        found = load_tensors(content)
        mean, values, vectors = (found[key] for key in ("mean", "values", "vectors"))
    except (SafetensorError, KeyError) as error:
        raise InputError(f"{name} holds no statistics of images ({error})") from error
    return Statistics(
        mean=mean,
        std=found.get("std"),
        eigenvalues=values,
        eigenvectors=vectors,
        source=name,
    )


class Sums:
    """Running sums over images of one size, for their mean and colour components."""

    def __init__(self) -> None:
        self.n, self.image = 0, torch.zeros(())
        self.square = torch.zeros(3, 3, dtype=torch.float64)

    def add(self, images: Tensor) -> None:
        """Take in images. Shapes: uint8 (N, 3, H, W)."""
        x = images.double() / 255
        self.n += len(x)
        self.image = self.image + x.sum(0)
        rows = x.permute(1, 0, 2, 3).reshape(3, -1)
        self.square += rows @ rows.T

    def statistics(self, per_pixel: bool, source: str) -> Statistics:
        """Mean image (or channel), and the principal components of all RGB values."""
        mean_image = self.image / self.n
        channel = mean_image.mean((1, 2))
        covariance = self.square / (self.n * mean_image[0].numel()) - channel.outer(channel)
        values, vectors = torch.linalg.eigh(covariance)  # in rising order
        mean = mean_image if per_pixel else channel.view(3, 1, 1)
        return Statistics(
            mean=mean.float(),
            std=None,
            eigenvalues=values.flip(0).clamp(min=0).float(),
            eigenvectors=vectors.flip(1).float(),
            source=source,
        )
