"""The three ways through a slice are timed on the same points and agree."""

import copy

import torch

from resnet_lab.landscape import directions, methods, surface
from resnet_lab.resnet import cifar
from resnet_lab.train import new_net

IMAGES = torch.randn(12, 3, 8, 8, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(12) % 10


def test_loading_weights_gives_the_same_bits_as_calling_with_them():
    net = new_net(cifar(8, width=4), 0).eval()
    before = copy.deepcopy(net.state_dict())
    along = directions.directions(net)
    points = [(0.0, 0.0), (0.3, -0.2)]
    for bn in ("running", "recomputed"):
        ways = (methods.loaded, surface.at_points)
        one, other = (list(way(net, along, points, IMAGES, LABELS, bn=bn)) for way in ways)
        assert one == other
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_every_way_has_a_time_for_every_round_and_the_same_losses():
    net = new_net(cifar(8, width=4), 0).eval()
    times = methods.compare(net, IMAGES, LABELS, points=3, rounds=2)
    assert list(times.seconds) == list(methods.NAMES)
    assert all(len(seconds) == 2 and min(seconds) > 0 for seconds in times.seconds.values())
    assert max(times.difference.values()) < 1e-4
    assert times.difference["load the weights"] == 0
    table = times.table()
    assert (
        "n=2 rounds" in table and "| functional_call |" in table and "1.00 (1.00 to 1.00)" in table
    )
