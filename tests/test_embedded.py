"""The embedded image set: the same bytes everywhere, and only the shape gives the class away."""

import hashlib
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from resnet_lab import embedded

SHA256 = {
    "train": "8c79ed6ceecc1130e36e0bdbc3a81ccec6dd1f8efff7a417c659361d6c4480ef",
    "test": "80aa643d0d6841fe02ecec33f58fa9def8d44951707fb09c731080cb6597a58f",
}
COUNT = {"train": 20_000, "test": 4_000}
CHANCE = 90.0  # percent error of guessing among ten balanced classes


@cache
def split(name: str) -> tuple[np.ndarray, np.ndarray]:
    return embedded.images(name)


def linear_error(features: Callable[[np.ndarray], np.ndarray]) -> float:
    """Test error, in percent, of least squares from features to one-hot labels."""
    x = {name: features(split(name)[0][:8_000]).astype(np.float32) for name in COUNT}
    centre, spread = x["train"].mean(0), x["train"].std(0) + 1e-6
    train, test = ((x[name] - centre) / spread for name in ("train", "test"))
    targets = np.eye(10, dtype=np.float32)[split("train")[1][: len(train)]] - 0.1
    ridge = 100 * np.eye(train.shape[1], dtype=np.float32)
    weights = np.linalg.solve(train.T @ train + ridge, train.T @ targets)
    return 100 * np.mean((test @ weights).argmax(1) != split("test")[1])


@pytest.mark.parametrize("name", SHA256)
def test_every_machine_makes_the_same_bytes(name):
    """If this fails after an intended change, raise VERSION with the new values."""
    digest = hashlib.sha256()
    for array in split(name):
        digest.update(array.tobytes())
    assert (embedded.VERSION, digest.hexdigest()) == ("2", SHA256[name])


def test_bytes_do_not_depend_on_what_was_made_before():
    again = embedded._chunk(1, 3)
    assert np.array_equal(again, split("train")[0][750:1000])


@pytest.mark.parametrize("name", COUNT)
def test_shapes_types_and_balance(name):
    images, labels = split(name)
    assert images.shape == (COUNT[name], 3, 32, 32) and images.dtype == np.uint8
    assert labels.shape == (COUNT[name],) and labels.dtype == np.int64
    assert np.array_equal(np.bincount(labels), np.full(10, COUNT[name] // 10))
    assert images.flags.writeable and images.flags.c_contiguous


def test_ten_classes_with_different_names():
    assert len(set(embedded.CLASSES)) == 10


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match="train, test"):
        embedded.images("validation")


def test_no_image_appears_twice_in_either_split():
    rows = [image.tobytes() for name in COUNT for image in split(name)[0]]
    assert len(set(rows)) == sum(COUNT.values())


def colour_moments(images: np.ndarray) -> np.ndarray:
    """Mean, variance and standard deviation of each channel; (N, 9)."""
    values = images.reshape(-1, 3, 1024).astype(np.float32)
    std = values.std(2)
    return np.concatenate([values.mean(2), std**2, std], axis=1)


def colour_histograms(images: np.ndarray) -> np.ndarray:
    """Sixteen bins a channel; (N, 48)."""
    bins = (images >> 4).reshape(len(images), 3, 1024)
    return np.stack([(bins == k).sum(2) for k in range(16)], axis=1).reshape(-1, 48)


def thumbnails(images: np.ndarray) -> np.ndarray:
    """Means of 2x2 pixels; (N, 768)."""
    pixels = images.reshape(-1, 3, 16, 2, 16, 2)
    return pixels.mean((3, 5), dtype=np.float32).reshape(-1, 768)


@pytest.mark.parametrize("statistics", [colour_moments, colour_histograms])
def test_colour_does_not_give_the_class_away(statistics):
    """On 4,000 images an error by chance is 90 +- 0.5 percent (binomial standard deviation)."""
    assert linear_error(statistics) > CHANCE - 4


def test_all_shapes_cover_the_same_area():
    """A disc of radius 30 cells covers pi * 30**2 = 2,827 cells."""
    areas = embedded._shapes().sum((1, 2), dtype=np.int64) / 128
    assert areas == pytest.approx(2827, rel=0.01)


def test_pixels_alone_do_not_give_the_class_away():
    """A linear classifier is one layer deep: it finds something, and misses most."""
    assert 40 < linear_error(thumbnails) < CHANCE - 5


def test_a_mirror_image_is_the_same_class():
    """Every shape is its own mirror image, so flipping is a fair augmentation.

    The tables may differ by a rim of half a cell (a tie when an edge passes through a centre).
    """
    shapes = embedded._shapes()[: len(embedded.CLASSES)].astype(int)
    assert abs(shapes - shapes[:, :, ::-1]).max() <= 128 // 5


def test_no_two_classes_share_a_shape_in_any_pose():
    """Turned to match at best, two shapes still differ by a tenth of their area or more."""
    shapes = embedded._shapes()[: len(embedded.CLASSES)].astype(int)
    y, x = np.mgrid[-63.5:64, -63.5:64]
    for angle in np.linspace(0, 2 * np.pi, 24, endpoint=False):
        u = np.clip(np.round(np.cos(angle) * x - np.sin(angle) * y + 63.5), 0, 127).astype(int)
        v = np.clip(np.round(np.sin(angle) * x + np.cos(angle) * y + 63.5), 0, 127).astype(int)
        gap = abs(shapes[:, None] - shapes[None, :, v, u]).sum((2, 3)) / 128
        assert gap[~np.eye(10, dtype=bool)].min() > 2827 / 10
