"""Batches depend on seed and position alone; broken files are counted and their place is filled."""

import pytest
import torch

from resnet_lab import drawn_images, imagenet_folder
from resnet_lab.errors import InputError
from resnet_lab.imagenet_loader import (
    CentreCrop,
    broken_policy,
    image_statistics,
    order,
    training_batches,
)
from resnet_lab.imagenet_loader import (
    test_batches as batches_to_test,
)
from resnet_lab.imagenet_recipe import ImageNetRecipe

RECIPE = ImageNetRecipe(
    steps=6, batch=8, crop=32, short_side=(36, 48), test_side=36, statistics_images=30
)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return drawn_images.draw(
        tmp_path_factory.mktemp("drawn") / "imagenet", classes=3, train=4, val=3
    )


@pytest.fixture(scope="module")
def files(root):
    return imagenet_folder.find(root, "train")


def batches(files, start=0, rank=0, world_size=1, per_device=8, workers=0):
    return list(
        training_batches(
            files,
            RECIPE,
            start=start,
            rank=rank,
            world_size=world_size,
            per_device=per_device,
            workers=workers,
            device="cpu",
        )
    )


def same(one, other):
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        assert all(torch.equal(x, y) for x, y in zip(a[:3], b[:3], strict=True)) and a[3] == b[3]


def test_worker_processes_change_nothing_and_a_restart_goes_on(files):
    alone = batches(files)
    same(batches(files, workers=2), alone)
    same(batches(files, start=4), alone[4:])


def test_processes_and_parts_only_cut_the_same_images(files):
    whole = batches(files)
    two = [batches(files, rank=rank, world_size=2, per_device=2) for rank in range(2)]
    for step in range(RECIPE.steps):
        parts = [two[rank][2 * step + part] for part in range(2) for rank in range(2)]
        assert torch.equal(torch.cat([part[0] for part in parts]), whole[step][0])
        assert torch.equal(torch.cat([part[1] for part in parts]), whole[step][1])


def test_loading_leaves_the_global_random_state_alone(files):
    before = torch.random.get_rng_state()
    batches(files, workers=1)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_every_pass_shows_every_image_once_in_a_new_order():
    first, second = order(100, 0, 0), order(100, 0, 1)
    assert sorted(first) == sorted(second) == list(range(100))
    assert list(first) != list(second) and list(first) == list(order(100, 0, 0))


def test_broken_files_are_met_once_a_pass_and_no_batch_is_short(files):
    met = broken_policy("skip")
    for images, labels, _, names in batches(files):
        assert images.shape == (8, 3, 32, 32) and (labels >= 0).all()
        met.meet(names, len(files))
    assert [name.split(" ")[0].split("/")[-1] for name in sorted(met.names)] == [
        "broken_cut.JPEG",
        "broken_empty.JPEG",
    ]


def test_a_broken_file_is_fatal_if_the_flag_says_so(files):
    names = [name for batch in batches(files) for name in batch[3]]
    with pytest.raises(InputError, match=r"broken image train/class_00/broken_.*--broken skip"):
        broken_policy("fail").meet(names, len(files))
    with pytest.raises(InputError, match="fail or skip"):
        broken_policy("ignore")


def test_a_folder_of_nothing_but_broken_files_ends_in_a_sentence(tmp_path):
    for name in ("a", "b"):
        (tmp_path / "train" / name).mkdir(parents=True)
        (tmp_path / "train" / name / "x.jpg").write_bytes(b"no image")
    files = imagenet_folder.find(tmp_path, "train")
    met = broken_policy("skip")
    with pytest.raises(InputError, match="all 2 images are broken"):
        for *_, names in batches(files):
            met.meet(names, len(files))
    with pytest.raises(InputError, match="all 2 images are broken"):
        image_statistics(files, RECIPE, 0, broken_policy("skip"))


def test_test_images_come_in_order_without_the_broken_ones(root):
    files = imagenet_folder.find(root, "val")
    views, labels, names = [], [], []
    for x, y, broken in batches_to_test(
        files, CentreCrop(36, 32), list(range(len(files))), batch=5, workers=1, device="cpu"
    ):
        views, labels, names = views + x, labels + y, names + broken
    assert len(views) == len(labels) == len(files) - 2 and len(names) == 2
    assert all(one[0].shape == (3, 32, 32) for one in views)
    assert labels == sorted(labels)


def test_statistics_are_those_of_centre_crops(files):
    met = broken_policy("skip")
    found = image_statistics(files, RECIPE, 0, met)
    assert found.mean.shape == (3, 32, 32) and len(met.names) == 2
    crops = [
        one[0].double() / 255
        for x, _, _ in batches_to_test(
            files, CentreCrop(36, 32), list(range(len(files))), batch=9, workers=0, device="cpu"
        )
        for one in x
    ]
    assert torch.allclose(found.mean.double(), torch.stack(crops).mean(0), atol=1e-6)
