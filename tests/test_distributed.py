"""Two processes make the updates that one makes; where BN makes a difference, and where not."""

import os
import socket
import sys

import pytest
import torch
import torch.multiprocessing as mp

from resnet_lab import distributed, imagenet_training
from resnet_lab.distributed import World, world
from resnet_lab.errors import InputError
from resnet_lab.imagenet_recipe import ImageNetRecipe, micro_batches, positions
from resnet_lab.resnet import ResNetConfig

NET = ResNetConfig(
    blocks=(1, 1, 1, 1), widths=(4, 4, 6, 6), shortcut="A", stem="imagenet", classes=5
)
RECIPE = dict(steps=4, batch=16, lr=0.05, log_every=2, test_every=4, crop=32, short_side=(32, 32))
CASES = {"frozen": (True, 4), "batch": (False, 4), "batch, 8 on one": (False, 8)}


def images(position):
    """A made-up image and its label, by position."""
    random = torch.Generator().manual_seed(position)
    return torch.randn(3, 32, 32, generator=random), position % NET.classes


def trained(here, per_device, frozen_bn):
    """Weights, BN averages and curve after four updates on made-up images."""
    recipe = ImageNetRecipe(**RECIPE, frozen_bn=frozen_bn)
    parts = micro_batches(recipe, here.size, per_device)

    def batches():
        for step in range(recipe.steps):
            for part in range(parts):
                rows = positions(step, part, recipe, here.rank, here.size, per_device)
                views, labels = zip(*map(images, rows), strict=True)
                yield torch.stack(views), torch.tensor(labels)

    state = imagenet_training.begin(NET, recipe)
    losses = [
        (point.train_loss, point.train_error)
        for point in imagenet_training.train_net(
            state, batches(), recipe, here=here, per_device=per_device
        )
    ]
    own = {name: value.clone() for name, value in distributed.bn_buffers(state.net).items()}
    with distributed.averaged_bn(state.net, here):
        mean = {n: value.clone() for n, value in distributed.bn_buffers(state.net).items()}
    kept = distributed.bn_buffers(state.net)
    assert all(torch.equal(kept[name], own[name]) for name in own)
    return {"weights": dict(state.net.named_parameters()), "losses": losses, "own": own} | {
        "mean": mean
    }


def one_of_two(rank, port, folder):
    torch.set_num_threads(1)
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_RANK": str(rank)}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    with world("cpu") as here:
        assert (here.rank, here.size, here.first) == (rank, 2, rank == 0)
        assert distributed.gathered(rank, here) == [0, 1]
        assert distributed.from_first(rank + 7, here) == 7
        assert distributed.total(torch.tensor(rank + 1), here) == 3
        found = {name: trained(here, 4, CASES[name][0]) for name in ("frozen", "batch")}
    torch.save(found, folder / f"{rank}.pt")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    if sys.platform == "win32":
        pytest.skip("gloo finds no address by itself there")
    folder = tmp_path_factory.mktemp("two")
    mp.spawn(one_of_two, args=(free_port(), folder), nprocs=2)
    return [torch.load(folder / f"{rank}.pt", weights_only=False) for rank in range(2)]


def largest_difference(one, other):
    return max((one[name] - other[name]).abs().max().item() for name in one)


@pytest.mark.parametrize("per_device", [4, 8, 16])
def test_with_frozen_bn_any_cut_of_the_batch_makes_the_same_updates(two, per_device):
    alone = trained(World(), per_device, True)
    assert largest_difference(alone["weights"], two[0]["frozen"]["weights"]) < 1e-5
    for ours, theirs in zip(alone["losses"], two[0]["frozen"]["losses"], strict=True):
        assert ours == pytest.approx(theirs, abs=1e-5)


def test_both_processes_hold_the_same_weights_bit_for_bit(two):
    for name in ("frozen", "batch"):
        assert largest_difference(two[0][name]["weights"], two[1][name]["weights"]) == 0


def test_bn_of_4_images_is_the_same_on_two_processes_or_in_twice_as_many_parts(two):
    alone = trained(World(), 4, False)
    assert largest_difference(alone["weights"], two[0]["batch"]["weights"]) < 1e-4
    assert alone["losses"][-1] == pytest.approx(two[0]["batch"]["losses"][-1], abs=1e-4)


@pytest.mark.parametrize("per_device", [8, 16])
def test_bn_of_more_images_is_another_net(two, per_device):
    """Statistics are those of a device's micro-batch: batch 256 as 8 x 32 is not 1 x 256."""
    alone = trained(World(), per_device, False)
    assert largest_difference(alone["weights"], two[0]["batch"]["weights"]) > 1e-3


def test_running_averages_are_each_processs_own_and_their_mean_everybodys(two):
    first, second = (one["batch"] for one in two)
    assert largest_difference(first["own"], second["own"]) > 1e-3
    assert largest_difference(first["mean"], second["mean"]) == 0
    middle = {name: (first["own"][name] + second["own"][name]) / 2 for name in first["own"]}
    assert largest_difference(first["mean"], middle) < 1e-6


def test_alone_there_is_nothing_to_join_or_to_wrap(monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    with world("cpu") as here:
        assert here == World() and here.first
        net = torch.nn.Linear(2, 2)
        assert distributed.wrap(net, here) is net


def test_a_device_that_is_not_there_is_a_sentence(monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(InputError, match="cpu or cuda"), world("tpu"):
        pass
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="no CUDA device"), world("cuda"):
        pass
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("LOCAL_RANK", "1")
    with pytest.raises(InputError, match="no GPU of its own"), world("cuda"):
        pass
