"""Responses of nets whose answer is known by hand, and a net that is left as it was."""

from math import sqrt

import pytest
import torch
from torch import nn

from resnet_lab import ResNet, cifar
from resnet_lab.errors import InputError
from resnet_lab.layer_responses import find, measure


def images(n: int, c: int = 3, size: int = 8, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, c, size, size, generator=torch.Generator().manual_seed(seed))


class Linear(nn.Module):
    """A residual chain without ReLU: y = x + bn(conv(x)), each convolution a multiple of x."""

    def __init__(self, factors: list[float]) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(2, 2, 3, padding=1, bias=False) for _ in factors)
        self.bns = nn.ModuleList(nn.BatchNorm2d(2, eps=0.0) for _ in factors)
        for conv, factor in zip(self.convs, factors, strict=True):
            nn.init.dirac_(conv.weight)
            conv.weight.data *= factor

    def forward(self, x):
        for conv, bn in zip(self.convs, self.bns, strict=True):
            x = x + bn(conv(x))
        return x


def test_a_linear_residual_chain_by_hand():
    """BN starts as the identity, so branch k adds a_k times its input, whose std is known.

    x of std s: the branches put out a_1 s, a_2 (1 + a_1) s, a_3 (1 + a_1) (1 + a_2) s.
    """
    x = torch.tensor([-1.0, 1.0]).repeat(2, 2, 4, 4) * 3  # mean 0, std 3
    found = measure(Linear([0.5, -0.25, 2.0]).eval(), [x, x])
    assert found.std == pytest.approx([1.5, 0.25 * 1.5 * 3, 2 * 1.5 * 0.75 * 3], rel=1e-6)
    assert [layer.role for layer in found.layers] == ["end"] * 3
    assert found.images == 4 and found.layers[0].values == x.numel() * 2


def test_a_deeper_chain_that_does_the_same_has_smaller_responses():
    """Section 4.2: with more layers each of them changes the signal less. (1 + a)^n = 4."""
    x = images(4, 2)
    shallow, deep = (measure(Linear([4 ** (1 / n) - 1] * n), [x]) for n in (2, 8))
    assert max(deep.std[:2]) < min(shallow.std)


def bn_net(gamma: list[float], beta: list[float]) -> nn.Sequential:
    net = nn.Sequential(
        nn.Conv2d(3, len(gamma), 3, padding=1), nn.BatchNorm2d(len(gamma), eps=1e-12)
    )
    net[1].weight.data, net[1].bias.data = torch.tensor(gamma), torch.tensor(beta)
    return net


def test_with_batch_statistics_the_std_is_that_of_gamma_and_beta():
    """Each channel has std |gamma| around beta, whatever the weights and the images are."""
    gamma, beta = [1.0, -2.0, 0.5], [0.0, 1.0, 5.0]
    found = measure(bn_net(gamma, beta), images(12).split(4), bn="batch").layers[0]
    within = (1 + 4 + 0.25) / 3
    between = ((0 - 2) ** 2 + (1 - 2) ** 2 + (5 - 2) ** 2) / 3
    assert found.channel_std == pytest.approx(sqrt(within), rel=1e-6)
    assert found.std == pytest.approx(sqrt(within + between), rel=1e-6)
    assert found.mean == pytest.approx(2.0, rel=1e-6)


def test_with_running_statistics_a_response_does_not_depend_on_its_batch():
    net, x = ResNet(cifar(8, width=4)), images(12)
    whole, parts = measure(net, [x]), measure(net, x.split([1, 4, 7]))
    assert whole.std == pytest.approx(parts.std, rel=1e-6)


def test_an_untrained_net_has_responses_of_one_with_batch_statistics_and_others_without():
    """gamma is 1 and beta 0 at first; stored statistics that nobody has measured are 0 and 1."""
    net, x = ResNet(cifar(8, width=4)), images(12)
    for sizes in (4, 12):
        assert measure(net, x.split(sizes), bn="batch").std == pytest.approx([1.0] * 7, rel=1e-3)
    assert max(measure(net, [x]).std) > 1.1


def test_it_agrees_with_outputs_kept_and_counted_afterwards():
    """By names and in two passes: the slow way, before an in-place ReLU can spoil anything."""
    net, x = ResNet(cifar(14, width=4)).eval(), images(9)
    kept = {}
    for name, module in net.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_forward_hook(
                lambda m, i, out, name=name: kept.setdefault(name, []).append(out.double().clone())
            )
    with torch.no_grad():
        for chunk in x.split(4):
            net(chunk)
    slow = [float(torch.cat(outs).std(correction=0)) for outs in kept.values()]
    assert measure(net, x.split(4)).std == pytest.approx(slow, rel=1e-9)


def state(net: nn.Module) -> tuple:
    tensors = {name: value.clone() for name, value in net.state_dict().items()}
    modes = [module.training for module in net.modules()]
    hooks = [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in net.modules()]
    tracking = [getattr(m, "track_running_stats", None) for m in net.modules()]
    grads = [None if p.grad is None else p.grad.clone() for p in net.parameters()]
    needs = [p.requires_grad for p in net.parameters()]
    return tensors, modes, hooks, tracking, grads, needs, torch.get_rng_state()


def same(a: object, b: object) -> bool:
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


@pytest.mark.parametrize("bn", ["running", "batch"])
@pytest.mark.parametrize("fails", [False, True])
def test_the_net_is_left_exactly_as_it_was(bn, fails):
    net = nn.Sequential(ResNet(cifar(8, width=4)), nn.Dropout(0.5))
    net(images(4)).sum().backward()
    net.train()
    net[0].stages[1].eval()
    next(net.parameters()).requires_grad_(False)
    before = state(net)
    if fails:
        with pytest.raises(RuntimeError):
            measure(net, [images(4), images(4, c=5)], bn=bn)
    else:
        measure(net, [images(4)], bn=bn)
    assert same(before, state(net))


def test_dropout_is_off_in_both_modes():
    net = nn.Sequential(nn.Dropout(0.5), *bn_net([1.0], [0.0]))
    once, twice = (measure(net, [images(4)]).std for _ in range(2))
    assert once == twice


class TestSentences:
    def test_no_images(self):
        for none in ([], [images(0)]):
            with pytest.raises(InputError, match="at least one image"):
                measure(ResNet(cifar(8)), none)

    def test_one_image_in_batch_mode_where_maps_are_1x1(self):
        net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
        with pytest.raises(InputError, match="this one has 1; take larger batches, or bn="):
            measure(net, [images(1, size=3)], bn="batch")
        assert measure(net, [images(2, size=3)], bn="batch").images == 2

    def test_one_image_is_enough_where_maps_are_larger(self):
        assert measure(ResNet(cifar(8, width=4)), [images(1)], bn="batch").images == 1

    @pytest.mark.parametrize(
        "batches, said",
        [
            ([(images(2), torch.zeros(2))], r"got a tuple; of pairs .* \(x for x, y in loader\)"),
            (images(2), r"got one of shape \(3, 8, 8\); put a single batch into a list"),
            ([images(2).numpy()], "got a ndarray; torch.as_tensor"),
        ],
    )
    def test_batches_that_are_no_tensors_of_images(self, batches, said):
        with pytest.raises(InputError, match=said):
            measure(bn_net([1.0], [0.0]), batches)

    @pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")
    def test_what_hooks_cannot_watch(self):
        with pytest.raises(InputError, match="compiled by TorchScript"):
            measure(torch.jit.script(bn_net([1.0], [0.0])), [images(2)])
        with pytest.raises(InputError, match="torch.nn.Module is needed, got a function"):
            measure(lambda x: x, [images(2)])

    def test_nan_in_weights_or_images(self):
        net, bad = ResNet(cifar(8, width=4)), images(2)
        bad[0, 0, 0, 0] = float("nan")
        with pytest.raises(InputError, match="response of stem.0 is infinite or not a number"):
            measure(net, [images(2), bad])
        net.stages[0][0].residual[0][1].running_var.fill_(float("nan"))
        with pytest.raises(InputError, match=r"response of stages.0.0.residual.0.0 is infinite"):
            measure(net, [images(2)])

    def test_no_running_statistics(self):
        net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, track_running_stats=False))
        with pytest.raises(InputError, match="keeps no running statistics; take bn="):
            measure(net, [images(2)])
        assert measure(net, [images(2)], bn="batch").std[0] == pytest.approx(1.0, rel=1e-4)

    @pytest.mark.parametrize("word", ["bn", "kernels", "after"])
    def test_unknown_choices(self, word):
        with pytest.raises(InputError, match=f"{word} must be .* or .*, got 'x'"):
            measure(ResNet(cifar(8)), [images(2)], **{word: "x"})


def test_half_precision_nets_are_counted_in_float64():
    net = bn_net([1.0], [0.0]).to(torch.bfloat16)
    assert measure(net, [images(4)], bn="batch").std[0] == pytest.approx(1.0, abs=0.02)


def test_an_empty_batch_in_the_middle_counts_nothing():
    net = ResNet(cifar(8, width=4))
    assert measure(net, [images(2), images(0), images(2, seed=1)]).images == 4


def test_find_and_measure_agree_on_the_layers():
    net = ResNet(cifar(14, width=4)).eval()
    names = [site.name for site in find(net, images(1)).sites]
    assert [layer.layer for layer in measure(net, [images(2)]).layers] == names
