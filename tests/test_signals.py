"""Signals of nets whose answer is known by hand, and nets that are left as they were."""

import copy
import math
from itertools import pairwise

import pytest
import torch
from torch import nn

from resnet_lab import signals, train
from resnet_lab.errors import InputError
from resnet_lab.resnet import ResNet, cifar, imagenet
from resnet_lab.signals import QUANTITIES


class Chain(nn.Module):
    """x <- x + w x (or w x alone), one channel, 1x1 maps: all can be worked out on paper."""

    def __init__(self, weights: list[float], *, residual: bool) -> None:
        super().__init__()
        self.residual = residual
        self.layers = nn.ModuleList(nn.Conv2d(1, 1, 1, bias=False) for _ in weights)
        for layer, weight in zip(self.layers, weights, strict=True):
            nn.init.constant_(layer.weight, weight)

    def forward(self, x):
        for layer in self.layers:
            x = x + layer(x) if self.residual else layer(x)
        return x


def half_square(out, labels):
    return (out**2).sum() / 2 / len(out)


class TestALinearChain:
    WEIGHTS = [0.5, -0.25, 2.0]
    X = torch.tensor([1.0, -1.0, 3.0, -3.0]).view(4, 1, 1, 1)  # variance 5, mean square 5

    def seen(self, residual):
        net = Chain(self.WEIGHTS, residual=residual)
        return signals.measure(net, self.X, torch.zeros(4), loss=half_square)

    def test_variances_of_a_residual_chain(self):
        # x0 = x; the gain up to layer k is the product of 1 + w before it
        gains = [1.0, 1.5, 1.5 * 0.75]
        assert self.seen(True).variance == pytest.approx(
            [5 * (w * g) ** 2 for w, g in zip(self.WEIGHTS, gains, strict=True)]
        )

    def test_variances_of_a_plain_chain(self):
        assert self.seen(False).variance == pytest.approx([5 * 0.5**2, 5 * 0.125**2, 5 * 0.25**2])

    def test_gradients_of_a_residual_chain(self):
        # dL/dout = out / N = gain x / N; behind layer k it grows by 1 + w of all later layers.
        # sqrt(N) |x| gain / N = gain * root of the mean square
        total = 1.5 * 0.75 * 3.0
        after = [0.75 * 3.0, 3.0, 1.0]
        rms = math.sqrt(5)
        found = self.seen(True)
        assert found.activation_gradient == pytest.approx([rms * total * a for a in after])
        # dL/dw_k = sum over images of (dL/dy_k)(x_k) = total * after_k * gain_k * mean square
        gains = [1.0, 1.5, 1.5 * 0.75]
        assert found.weight_gradient == pytest.approx(
            [5 * total * a * g for a, g in zip(after, gains, strict=True)]
        )

    def test_gradients_of_a_plain_chain_vanish_with_small_weights(self):
        net = Chain([0.1] * 6, residual=False)
        found = signals.measure(net, self.X, torch.zeros(4), loss=half_square)
        # each layer to the front has a tenth of the one behind it
        for early, late in pairwise(found.activation_gradient):
            assert early == pytest.approx(0.1 * late)

    def test_twice_the_images_are_the_same_signals(self):
        net = Chain(self.WEIGHTS, residual=True)
        twice = signals.measure(net, self.X.repeat(2, 1, 1, 1), torch.zeros(8), loss=half_square)
        for name in QUANTITIES:
            assert getattr(twice, name) == pytest.approx(getattr(self.seen(True), name))


def wide(depth: int, seed: int) -> nn.Module:
    """A plain ReLU chain of 1x1 layers with He's weights, all of 256 channels."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        layers = [
            part for _ in range(depth) for part in (nn.Conv2d(256, 256, 1, bias=False), nn.ReLU())
        ]
        for layer in layers[::2]:
            nn.init.kaiming_normal_(layer.weight)
        return nn.Sequential(*layers, nn.Flatten())


def test_he_weights_keep_the_mean_square_of_a_plain_relu_chain_in_expectation():
    """Of an input without sign: E y^2 = 2/n * n * E x^2 / 2. He's condition, reference [13]."""
    x = torch.randn(64, 256, 1, 1, generator=torch.Generator().manual_seed(0))
    ratios = []
    for seed in range(12):
        net = wide(8, seed)
        with torch.no_grad():
            first, last = net[0](x), net[:-2](x)
        ratios.append((last.square().mean() / first.square().mean()).item())
        seen = signals.measure(net, x, torch.zeros(64), loss=half_square)
        assert seen.variance[0] == pytest.approx(first.var((0, 2, 3), correction=0).mean().item())
        assert seen.variance[-1] == pytest.approx(last.var((0, 2, 3), correction=0).mean().item())
    assert sum(ratios) / len(ratios) == pytest.approx(1, abs=0.15)


@pytest.fixture
def images():
    random = torch.Generator().manual_seed(1)
    return torch.randn(16, 3, 16, 16, generator=random), torch.arange(16) % 10


def make(shortcut="A", depth=8, **rest):
    return train.new_net(cifar(depth, shortcut=shortcut, width=4, **rest), 0)


@pytest.mark.parametrize("shortcut", ["none", "A", "B"])
def test_gradients_are_those_of_autograd(shortcut, images):
    """An independent way: the chain of modules taken apart by hand, .backward(), .grad."""
    net = make(shortcut)
    seen = signals.measure(net, *images)
    other = copy.deepcopy(net).train()
    responses = []

    def keep(module, inputs, out):
        out = out.clone()
        out.retain_grad()
        responses.append(out)
        return out.clone()

    for module in other.modules():
        if isinstance(module, nn.BatchNorm2d | nn.Linear):
            module.register_forward_hook(keep)
    nn.functional.cross_entropy(other(images[0]), images[1]).backward()
    assert len(responses) == len(seen.layers) == 8 + 2 * (shortcut == "B")
    assert seen.activation_gradient == pytest.approx(
        [4 * r.grad.norm().item() for r in responses], rel=1e-4
    )
    weights = [other.get_submodule(name).weight.grad.norm().item() for name in seen.layers]
    assert seen.weight_gradient == pytest.approx(weights, rel=1e-4)
    variances = [r.transpose(0, 1).flatten(1).var(1, correction=0).mean() for r in responses]
    assert seen.variance == pytest.approx([v.item() for v in variances], rel=1e-4)


def test_new_nets_have_unit_variance_behind_every_bn_and_none_without(images):
    """What the paper calls "ensured": BN's own scale is 1 before the first update."""
    kept = signals.measure(make("none", 20), *images)
    assert kept.variance[:-1] == pytest.approx([1] * 19, abs=0.01)
    bare = signals.measure(signals.without_bn(make("none", 20)), *images)
    assert bare.variance == bare.raw_variance and bare.variance[-2] < 0.5


def test_without_bn_depth_kills_plain_gradients_and_blows_up_residual_ones(images):
    def front(shortcut, depth):
        net = signals.without_bn(make(shortcut, depth))
        return signals.measure(net, *images).activation_gradient[0]

    assert front("none", 110) < 0.01 * front("none", 20)
    assert front("A", 110) > 100 * front("A", 20)


@pytest.mark.parametrize("bn", ["batch", "running"])
@pytest.mark.parametrize("training", [True, False])
def test_the_net_and_the_random_state_stay_as_they_were(bn, training, images):
    net = make().train(training)
    net.stem[0].weight.requires_grad_(False)
    net.stages[0][0].eval()  # a mixed mode
    net.classifier.weight.grad = torch.ones_like(net.classifier.weight)
    before = copy.deepcopy(net)
    modes, state = [m.training for m in net.modules()], torch.random.get_rng_state()
    signals.measure(net, *images, bn=bn)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert [m.training for m in net.modules()] == modes
    assert not any(m._forward_hooks for m in net.modules())
    for name, tensor in before.state_dict().items():
        assert torch.equal(net.state_dict()[name], tensor), name
    assert not net.stem[0].weight.requires_grad and net.stem[0].weight.grad is None
    assert torch.equal(net.classifier.weight.grad, torch.ones_like(net.classifier.weight))


def test_a_net_is_left_alone_after_an_error_too(images):
    net = make().train()
    with pytest.raises(RuntimeError):
        signals.measure(net, images[0][:, :2], images[1])
    assert all(m.training for m in net.modules())
    assert not any(m._forward_hooks for m in net.modules())


def test_the_mode_of_bn_is_heeded(images):
    net = make()
    running, batch = (signals.measure(net, *images, bn=mode) for mode in ("running", "batch"))
    assert running.variance[0] == pytest.approx(running.raw_variance[0], rel=1e-3)  # 0 and 1
    assert batch.variance[0] == pytest.approx(1, abs=0.01)


def test_bottlenecks_and_imagenet_stems_are_nets_too():
    net = train.new_net(imagenet(50), 0)
    x = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert len(signals.measure(net, x, torch.zeros(2, dtype=int)).layers) == 50 + 4  # projections


def test_taking_bn_out_keeps_the_weights_and_the_net_itself(images):
    net = make("none")
    bare = signals.without_bn(net)
    assert not [m for m in bare.modules() if isinstance(m, nn.BatchNorm2d)]
    assert [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    assert torch.equal(
        bare.stages[1][0].residual[0][0].weight, net.stages[1][0].residual[0][0].weight
    )
    x = images[0]
    hand = net.stem[0](x).relu()
    for stage in net.stages:
        for block in stage:
            first, second = block.residual[0][0], block.residual[2][0]
            hand = second(first(hand).relu()).relu()
    assert torch.allclose(bare(x), net.classifier(hand.mean((2, 3))), atol=1e-6)


def test_mistakes_are_one_sentence(images):
    net = make()
    with pytest.raises(InputError, match="two images"):
        signals.measure(net, images[0][:1], images[1][:1])
    with pytest.raises(InputError, match="batch or running"):
        signals.measure(net, *images, bn="train")
    with pytest.raises(InputError, match="no convolution"):
        signals.measure(nn.Flatten(), torch.ones(2, 1), torch.zeros(2), loss=half_square)
    with pytest.raises(InputError, match="no BN"):
        signals.without_bn(nn.Conv2d(1, 1, 1))
    with pytest.raises(FloatingPointError, match="nan"):
        signals.measure(net, images[0] * math.nan, images[1])


def test_a_pre_activation_block_ends_in_a_convolution_without_bn(images):
    seen = signals.measure(ResNet(cifar(8, width=4, activation="pre")), *images)
    pairs = list(zip(seen.variance, seen.raw_variance, strict=True))[1:-1]
    assert all(behind != raw for behind, raw in pairs[::2])
    assert all(behind == raw for behind, raw in pairs[1::2])
