"""Twins compute what their net computes, and train it."""

import copy
import subprocess

import pytest
import torch
from test_engine import single_view, stream
from test_train import recipe, same

from resnet_lab import engine, train, twins
from resnet_lab.resnet import ResNet, cifar

CONFIGS = [
    cifar(14, width=4, shortcut="none"),
    cifar(14, width=4),
    cifar(14, width=4, shortcut="B"),
    cifar(20, width=4, bottleneck=True),
]


def build(kind, net):
    return twins.compiled(net, backend="aot_eager") if kind == "compiled" else twins.recomputed(net)


def pairs(net):
    return dict([*net.named_parameters(), *net.named_buffers()])


def test_a_twin_is_another_net_with_the_same_tensors():
    net = ResNet(cifar(8, width=4))
    other = twins.twin(net)
    mine, its = pairs(net), pairs(other)
    assert list(mine) == list(its) and all(mine[name] is its[name] for name in mine)
    modules = {id(module) for module in net.modules()}
    assert not any(id(module) in modules for module in other.modules())


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
@pytest.mark.parametrize("kind", ["compiled", "recomputed"])
def test_training_a_twin_trains_its_net(kind, config):
    """Losses, weights, running statistics and BN's counters, against the readable loop."""
    r = recipe()
    readable, state = train.begin(config, r), train.begin(config, r)
    expected = list(train.train(readable, stream(), r, test=single_view()))
    net = build(kind, state.net)
    points = list(engine.train(state, stream(), r, test=single_view(), net=net))
    for point, other in zip(points, expected, strict=True):
        assert point.train_loss == pytest.approx(other.train_loss, rel=1e-4)
        assert (point.step, point.lr) == (other.step, other.lr)
    theirs = readable.net.state_dict()
    for name, value in state.net.state_dict().items():
        torch.testing.assert_close(value, theirs[name], rtol=1e-3, atol=1e-4)
        if "batches" in name:
            assert value == theirs[name] == 12


def test_recomputing_gives_the_same_bits():
    r = recipe()
    readable, state = train.begin(CONFIGS[1], r), train.begin(CONFIGS[1], r)
    list(train.train(readable, stream(), r))
    list(engine.train(state, stream(), r, net=twins.recomputed(state.net)))
    assert same(state.net, readable.net)


def saved(net, x):
    """Bytes kept for the backward pass, each storage once."""
    kept = {}

    def keep(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = net(x).sum()
    return sum(kept.values()), loss


def test_recomputing_keeps_less_than_half():
    net = ResNet(cifar(56, width=4)).train()
    x = torch.rand(4, 3, 16, 16)
    whole, _ = saved(net, x)
    thrifty, _ = saved(twins.recomputed(net), x)
    assert thrifty < whole / 2


def test_the_net_itself_stays_as_it_was():
    net = ResNet(cifar(8, width=4)).train()
    before = copy.deepcopy(net.state_dict())
    x = torch.rand(2, 3, 8, 8)
    other = twins.recomputed(net)
    with twins.statistics_at_rest(other):
        other(x)
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    assert all(m.momentum == 0.1 for m in net.modules() if isinstance(m, torch.nn.BatchNorm2d))
    assert net.stages[0][0].forward.__func__ is type(net.stages[0][0]).forward


@pytest.fixture
def asked():
    """The answer is kept for the life of a process; a test asks anew."""
    twins.can_compile.cache_clear()
    yield twins.can_compile
    twins.can_compile.cache_clear()


def test_compiling_takes_a_gpu_and_triton(asked, monkeypatch):
    assert not asked("cpu")
    monkeypatch.setattr(twins, "find_spec", lambda name: None)
    assert not asked("cuda")


@pytest.mark.parametrize("works", [True, False])
def test_compiling_is_tried_before_it_is_relied_on(asked, monkeypatch, works):
    """With a processor in the place of the GPU, and a compiler that fails as Triton's may."""

    def compile(function, dynamic):
        if not works:
            raise subprocess.CalledProcessError(1, "gcc")
        return function

    ones = torch.ones
    monkeypatch.setattr(twins, "find_spec", lambda name: object())
    monkeypatch.setattr(torch, "compile", compile)
    monkeypatch.setattr(torch, "ones", lambda n, device, **more: ones(n, **more))
    assert asked("cuda") is works
