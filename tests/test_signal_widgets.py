"""The explorer redraws at both ends of its sliders; what it shows is what `measure` returns."""

import pytest
import torch

from resnet_lab import signal_figures, signal_widgets, signals, train
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


@pytest.mark.parametrize("bn", signal_widgets.BN)
def test_the_names_at_the_lines_are_not_cut_off_and_do_not_meet(probe, bn):
    figure = signal_widgets.start_view(probe, 20, "plain", bn)
    left, right = (ax.get_tightbbox() for ax in figure.axes)
    assert 0 <= left.x0 and left.x1 <= right.x0 and right.x1 <= figure.bbox.x1


@pytest.mark.parametrize(("value", "written"), [(1e-12, "10⁻¹²"), (1.0, "10⁰"), (1e7, "10⁷")])
def test_powers_of_ten_are_written_as_text(value, written):
    assert signal_figures.power(value) == written


def test_the_variance_is_that_of_torch_in_both_layouts_and_of_a_linear_layer():
    images, rows = torch.randn(6, 5, 4, 4) + 3, torch.randn(7, 5)
    for x in (images, images.contiguous(memory_format=torch.channels_last), rows):
        over = [d for d in range(x.dim()) if d != 1]
        expected = x.double().var(over, correction=0).mean().item()
        assert signals.channel_variance(x) == pytest.approx(expected, rel=1e-12)
