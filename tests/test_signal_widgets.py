"""The explorer redraws at both ends of its sliders; what it shows is what `measure` returns."""

import pytest
import torch

from resnet_lab import signal_widgets, signals, train
from resnet_lab.resnet import cifar
from resnet_lab.signal_runs import Probe


@pytest.fixture
def probe():
    random = torch.Generator().manual_seed(0)
    return Probe(images=torch.randn(4, 3, 16, 16, generator=random), labels=torch.arange(4))


@pytest.mark.parametrize("bn", signal_widgets.BN)
def test_starts_are_measured_on_new_nets(probe, bn):
    found = signal_widgets.starts(probe, [8], bn, seed=3)
    bare = ", no BN" if bn == "without BN" else ""
    assert list(found) == [f"plain-8{bare}", f"ResNet-8{bare}"]
    net = train.new_net(cifar(8, width=8), 3)
    expected = signals.measure(signals.without_bn(net) if bare else net, probe.images, probe.labels)
    assert found[f"ResNet-8{bare}"] == expected
    table = signal_widgets.ends(found).splitlines()
    assert len(table) == 4 and f"| {expected.variance[0]:.2g} |" in table[-1]


def test_the_explorer_redraws_at_both_ends(probe, shown):
    depth, kind, bn, seed = signal_widgets.start_explorer(probe).children[0].children
    depth.value = 8
    bn.value = "without BN"
    assert "plain-8, no BN, seed 0" in shown[-1].get_suptitle()
    kind.value = "residual"
    assert "ResNet-8, no BN, seed 0" in shown[-1].get_suptitle()
    seed.value = 4
    depth.value = 110
    assert "ResNet-110, no BN, seed 4" in shown[-1].get_suptitle()
    assert len(shown) == 6
