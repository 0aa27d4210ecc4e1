"""Views of an image: sizes of Section 3.4, the colour of AlexNet, the mean that is subtracted."""

import numpy as np
import pytest
import torch

from resnet_lab import augmentation
from resnet_lab.augmentation import Sums
from resnet_lab.errors import InputError
from resnet_lab.imagenet_recipe import ImageNetRecipe


def picture(height: int, width: int, seed: int = 0) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (3, height, width), generator=random, dtype=torch.uint8)


@pytest.mark.parametrize("shape", [(375, 500), (500, 333), (1, 1), (3, 200), (256, 256)])
@pytest.mark.parametrize("side", [224, 256, 481])
def test_the_shorter_side_gets_its_length_and_the_shape_is_kept(shape, side):
    resized = augmentation.resize(picture(*shape), side).shape[1:]
    assert min(resized) == side
    assert max(resized) == pytest.approx(side * max(shape) / min(shape), abs=1)


def test_every_side_of_256_to_480_is_drawn_and_every_crop_and_mirror_image():
    recipe = ImageNetRecipe(crop=1, short_side=(2, 4), test_side=2)
    image = torch.tensor([[0, 50], [100, 150]], dtype=torch.uint8).expand(3, 2, 2)
    random = np.random.default_rng(0)
    views = [augmentation.training_view(image, recipe, random)[0] for _ in range(600)]
    possible = {
        int(value)
        for side in (2, 3, 4)
        for value in augmentation.resize(image, side)[0].flatten().tolist()
    }
    assert {int(view[0, 0, 0]) for view in views} == possible


def test_half_of_the_views_are_mirror_images():
    recipe = ImageNetRecipe(crop=2, short_side=(2, 2), test_side=2)
    image = torch.tensor([[0, 50], [100, 150]], dtype=torch.uint8).expand(3, 2, 2)
    random = np.random.default_rng(0)
    views = [augmentation.training_view(image, recipe, random)[0][0] for _ in range(1000)]
    mirrored = [torch.equal(view, image[0].flip(-1)) for view in views]
    assert all(m or torch.equal(v, image[0]) for m, v in zip(mirrored, views, strict=True))
    assert 440 < sum(mirrored) < 560
    still = ImageNetRecipe(crop=2, short_side=(2, 2), test_side=2, flip=False)
    assert torch.equal(augmentation.training_view(image, still, random)[0], image)


def test_one_generator_gives_one_view():
    recipe = ImageNetRecipe()
    first, second = (
        augmentation.training_view(picture(300, 400), recipe, np.random.default_rng(5))
        for _ in range(2)
    )
    assert all(map(torch.equal, first, second))


def test_the_colour_is_alexnets_formula():
    """[p1, p2, p3] [a1 l1, a2 l2, a3 l3]^T is added to every pixel, the same for all of them."""
    own = augmentation.published(divide=False)
    images, alpha = torch.stack([picture(5, 6), picture(5, 6, 1)]), torch.randn(2, 3)
    added = own.normalise(images, alpha) - own.normalise(images)
    for n in range(2):
        expected = sum(alpha[n, k] * own.eigenvalues[k] * own.eigenvectors[:, k] for k in range(3))
        assert torch.allclose(added[n], expected.view(3, 1, 1).expand(3, 5, 6), atol=1e-6)


def test_published_components_are_those_of_a_covariance():
    vectors = torch.tensor(augmentation.PUBLISHED_EIGENVECTORS)
    assert torch.allclose(vectors.T @ vectors, torch.eye(3), atol=1e-3)
    # the published deviations are means over images of each image's own: less than the whole one
    values = torch.tensor(augmentation.PUBLISHED_EIGENVALUES)
    whole = (vectors @ values.diag() @ vectors.T).diag().sqrt()
    own = torch.tensor(augmentation.PUBLISHED_STD)
    assert (whole > own).all() and (whole < 1.4 * own).all()


def test_mean_and_components_of_images_against_numpy():
    images = torch.stack([picture(4, 6, seed) for seed in range(7)])
    images[:, 1] = (images[:, 0] // 2 + images[:, 1] // 4).to(torch.uint8)
    sums = Sums()
    sums.add(images[:3])
    sums.add(images[3:])
    found = sums.statistics(per_pixel=True, source="here")
    x = images.numpy() / 255
    assert np.allclose(found.mean, x.mean(0), atol=1e-6)
    covariance = np.cov(x.transpose(1, 0, 2, 3).reshape(3, -1), bias=True)
    made = found.eigenvectors @ found.eigenvalues.diag() @ found.eigenvectors.T
    assert np.allclose(made, covariance, atol=1e-6)
    assert found.eigenvalues.tolist() == sorted(found.eigenvalues.tolist(), reverse=True)
    channel = sums.statistics(per_pixel=False, source="here")
    assert np.allclose(channel.mean.flatten(), x.mean((0, 2, 3)), atol=1e-6)


def test_a_mean_image_is_subtracted_pixel_by_pixel_and_by_channel_where_it_does_not_fit():
    sums = Sums()
    sums.add(torch.stack([picture(8, 8, 1), picture(8, 8, 2)]))
    own = sums.statistics(per_pixel=True, source="here")
    small, large = picture(8, 8)[None], picture(12, 16)[None]
    assert torch.allclose(own.normalise(small), small / 255 - own.mean)
    by_channel = own.mean.mean((1, 2)).view(3, 1, 1)
    assert torch.allclose(own.normalise(large), large / 255 - by_channel, atol=1e-6)


def test_torchvision_normalisation():
    from torchvision.transforms.v2 import functional as v2

    image = picture(9, 9)
    mean, std = augmentation.PUBLISHED_MEAN, augmentation.PUBLISHED_STD
    theirs = v2.normalize(image.float() / 255, list(mean), list(std))
    assert torch.allclose(augmentation.published(divide=True).normalise(image[None])[0], theirs)


@pytest.mark.parametrize("divide", [True, False])
def test_statistics_come_back_from_their_file(tmp_path, divide):
    own, path = augmentation.published(divide=divide), tmp_path / "statistics.safetensors"
    path.write_bytes(own.as_bytes())
    back = augmentation.read_statistics(path)
    image = picture(4, 4)[None]
    assert torch.equal(back.normalise(image), own.normalise(image))
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(InputError, match="statistics.safetensors"):
        augmentation.read_statistics(path)
