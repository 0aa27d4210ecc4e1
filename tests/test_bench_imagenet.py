"""The comparison of nets: who takes part, that all do the same work, what the table says."""

import pytest
import torch

from resnet_lab import bench_imagenet as bench
from resnet_lab import cost
from resnet_lab.errors import InputError


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(bench, "WARM_UP", 1)
    return dict(depth=18, batch=2, size=32, updates=1, repeats=2, device="cpu")


def test_every_contestant_is_timed_in_every_round(small):
    before = torch.random.get_rng_state()
    result = bench.measure(**small, precision="float32")
    assert {bench.OURS, bench.THEIRS} <= set(result.seconds)
    assert all(len(times) == 2 and min(times) > 0 for times in result.seconds.values())
    assert torch.equal(torch.random.get_rng_state(), before)
    shown = bench.table(result)
    assert "ResNet-18, batch 2, 32x32, float32" in shown and "x torchvision" in shown
    assert result.ratios(bench.THEIRS, bench.THEIRS) == [1, 1]


def test_the_contestant_of_equal_work_has_torchvisions_cost():
    nets = bench.nets(50, compiled=False)
    ours, theirs = nets[bench.EQUAL_WORK], nets[bench.THEIRS]
    assert cost.parameters(ours) == cost.parameters(theirs)
    assert cost.parameters(nets[bench.OURS]) == cost.parameters(theirs)
    # 3x3 convolutions with stride: so many in ours as in theirs
    strided = [
        sum(
            isinstance(m, torch.nn.Conv2d) and m.stride == (2, 2) and m.kernel_size == (3, 3)
            for m in net.modules()
        )
        for net in (ours, theirs)
    ]
    assert strided == [3, 3]


def test_without_timm_the_table_says_so(small, monkeypatch):
    monkeypatch.setattr(bench, "find_spec", lambda name: None)
    result = bench.measure(**small)
    assert bench.TIMM not in result.seconds and "pip install timm" in bench.table(result)


def test_what_cannot_be_measured_is_refused(small):
    with pytest.raises(InputError, match="vanish"):
        bench.measure(**small | {"size": 16})
    with pytest.raises(InputError, match="Table 1"):
        bench.measure(**small | {"depth": 20})
