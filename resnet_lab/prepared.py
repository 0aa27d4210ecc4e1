"""A data set as one run sees it: shrunk, split, on its device; and the run's batches of it.

Paper: Section 4.2.
Notebook: notebooks/01_degradation.py. Tests: tests/test_runner.py.
"""

from dataclasses import dataclass

from torch import Tensor

from resnet_lab import data
from resnet_lab.batches import Stream
from resnet_lab.errors import InputError
from resnet_lab.runs import Images, Run


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A data set as one run sees it, on the device. Images are uint8 (N, 3, size, size)."""

    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    mean: Tensor  # per pixel, of the training images only; float32 (3, size, size) in 0..1


def prepare(dataset: data.Dataset, images: Images, device: str = "cpu") -> Prepared:
    """Shrink, hold out and move `dataset` as `images` says; the mean is of what is trained on.

    Training images come in an order of their own, so that every layout gives the same run.
    """
    order = data.canonical_order(dataset.train_images, dataset.train_labels)
    x, y = data.shrink(dataset.train_images[order], images.size), dataset.train_labels[order]
    if images.held_out:
        x, y, test_x, test_y = data.hold_out(x, y, images.held_out)
    else:
        test_x, test_y = data.shrink(dataset.test_images, images.size), dataset.test_labels
    tensors = (x, y, test_x, test_y, data.per_pixel_mean(x))
    x, y, test_x, test_y, mean = (tensor.to(device) for tensor in tensors)
    return Prepared(
        train_images=x, train_labels=y, test_images=test_x, test_labels=test_y, mean=mean
    )


def stream(prepared: Prepared, run: Run) -> Stream:
    """The training batches of `run`."""
    recipe = run.recipe
    return Stream(
        prepared.train_images,
        prepared.train_labels,
        prepared.mean,
        batch=recipe.batch,
        pad=recipe.pad,
        flip=recipe.flip,
        seed=recipe.seed,
    )


def check_images(images: Images, dataset: data.Dataset) -> None:
    """Raises: InputError if a run on `images` is about to be trained on another data set."""
    if (images.name, images.content_hash) != (dataset.name, dataset.content_hash):
        raise InputError(
            f"the run is on {images.name} with content hash {images.content_hash[:10]}, but "
            f"{dataset.place} holds {dataset.name} with {dataset.content_hash[:10]}"
        )
