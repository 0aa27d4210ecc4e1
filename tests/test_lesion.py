"""Lesions against nets whose residual is really zero, and against hand arithmetic."""

import copy
from itertools import permutations

import pytest
import torch
from conftest import mini_dataset
from torch import nn

from resnet_lab import data, lesion, train
from resnet_lab.batches import normalise
from resnet_lab.errors import InputError
from resnet_lab.resnet import cifar

MINI = mini_dataset()


def view(n: int = 60, batch: int = 25) -> train.SingleView:
    images = data.shrink(MINI.test_images[:n], 8)
    mean = data.per_pixel_mean(data.shrink(MINI.train_images, 8))
    return train.SingleView(images=images, labels=MINI.test_labels[:n], mean=mean, batch=batch)


def settled(shortcut="A", depth=14, seed=0, **rest):
    """A net whose BN has seen images, so that no two blocks do the same."""
    net = train.new_net(cifar(depth, shortcut=shortcut, width=4, **rest), seed).train()
    with torch.no_grad():
        for _ in range(6):
            net(normalise(view().images, view().mean))
    return net.eval()


def silenced(net, k):
    """`net` whose block k has a residual of zero, by its weights."""
    net = copy.deepcopy(net)
    last = lesion.blocks_of(net)[k].residual[-1]
    for parameter in last.parameters():
        nn.init.zeros_(parameter)
    if isinstance(last, nn.Sequential):  # the BN behind: (0 - mean) * 0 + 0
        last[1].running_mean.zero_()
    return net


@pytest.mark.parametrize(
    "rest",
    [
        dict(shortcut="A"),
        dict(shortcut="B"),
        dict(shortcut="C"),
        dict(shortcut="A", depth=20, bottleneck=True),
        dict(shortcut="A", activation="pre"),
        dict(shortcut="B", activation="pre"),
    ],
    ids=str,
)
def test_a_dropped_residual_block_is_one_with_zero_weights_bit_for_bit(rest):
    net = settled(**rest)
    x = normalise(view().images, view().mean).contiguous(memory_format=torch.channels_last)
    inputs = lesion.Inputs(net, x)
    for k, plan in enumerate(lesion.singles(net)):
        with torch.no_grad():
            assert torch.equal(inputs.scores(plan), silenced(net, k)(x)), k


def test_a_dropped_plain_block_is_the_identity_or_every_second_pixel_and_zeros():
    net = settled("none")
    blocks = lesion.blocks_of(net)
    x = torch.rand(2, 4, 8, 8)
    assert torch.equal(lesion.skip(blocks[1], x), x)
    y = lesion.skip(blocks[2], x)  # the first of its stage: 4 to 8 channels
    assert y.shape == (2, 8, 4, 4) and torch.equal(y[:, 2:6], x[:, :, ::2, ::2])
    assert not y[:, :2].any() and not y[:, 6:].any()


@pytest.mark.parametrize("shortcut", ["none", "A"])
def test_kept_inputs_and_whole_passes_give_the_same_errors(shortcut):
    net, images = settled(shortcut), view()
    plans = [
        *lesion.singles(net),
        lesion.without(net, []),
        *lesion.draws(net, 2, 3),
        *lesion.swaps(net, 1, 3),
    ]
    fast = lesion.errors(net, images, plans)
    assert fast == lesion.errors_by_whole_passes(net, images, plans)
    assert fast[6] == images(net)  # nothing left out: the net itself
    assert len(set(fast)) > 2  # the lesions did something


def test_a_swap_is_the_net_with_its_blocks_swapped():
    net = settled()
    other = copy.deepcopy(net)
    other.stages[2][0], other.stages[2][1] = net.stages[2][0], net.stages[2][1]
    first, second = copy.deepcopy(net), settled(depth=20)
    second.stages[1][1], second.stages[1][2] = second.stages[1][2], second.stages[1][1]
    x = torch.rand(3, 3, 8, 8)
    plan = (0, 1, 2, 3, 5, 4, 6, 7, 8)
    whole = settled(depth=20)
    with torch.no_grad():
        assert torch.equal(lesion.Lesioned(whole, plan)(x), second(x))
        assert torch.equal(lesion.Lesioned(first, (0, 1, 2, 3, 4, 5))(x), net(x))


class TestALinearResidualChain:
    """Chosen 1x1 weights, no BN, positive input: every block multiplies by 1 + w."""

    W = [0.5, 2.0, 0.25]

    def chain(self):
        net = train.new_net(cifar(20, width=4), 0).eval()
        net.stem = nn.Identity()
        net.stages = nn.Sequential(nn.Sequential(*list(net.stages[0])))
        for block, w in zip(lesion.blocks_of(net), self.W, strict=True):
            conv = nn.Conv2d(4, 4, 1, bias=False)
            nn.init.dirac_(conv.weight)
            conv.weight.data *= w
            block.residual = nn.Sequential(conv)
        net.classifier = nn.Identity()
        return net

    def gain(self, plan):
        x = torch.rand(5, 4, 2, 2)
        y = lesion.Inputs(self.chain(), x).scores(plan)
        ratio = y / x.mean((2, 3))
        assert ratio.max() - ratio.min() < 1e-4
        return ratio.mean().item()

    def test_a_drop_divides_by_its_factor(self):
        assert self.gain((0, 1, 2)) == pytest.approx(1.5 * 3.0 * 1.25)
        assert self.gain((None, 1, 2)) == pytest.approx(3.0 * 1.25)
        assert self.gain((0, None, 2)) == pytest.approx(1.5 * 1.25)
        assert self.gain((None, None, None)) == pytest.approx(1)

    def test_the_order_of_linear_blocks_does_not_matter(self):
        for order in permutations(range(3)):
            assert self.gain(order) == pytest.approx(1.5 * 3.0 * 1.25)


def test_the_net_stays_as_it_was():
    net = settled().train()
    net.stages[0].eval()
    modes, before = [m.training for m in net.modules()], copy.deepcopy(net.state_dict())
    batch, state = torch.rand(20, 3, 8, 8), torch.random.get_rng_state()
    lesion.errors(net, view(), lesion.singles(net)[:2])
    lesion.error_with_new_bn(net, view(), lesion.singles(net)[1], [batch])
    assert [m.training for m in net.modules()] == modes
    assert all(torch.equal(net.state_dict()[name], value) for name, value in before.items())
    assert torch.equal(torch.random.get_rng_state(), state)


def test_new_bn_statistics_are_those_of_the_net_with_its_lesion():
    net, plan = settled(), lesion.singles(settled())[1]
    batch = normalise(view().images, view().mean)
    found = lesion.error_with_new_bn(net, view(), plan, [batch])
    by_hand = copy.deepcopy(lesion.Lesioned(net, plan))
    for module in by_hand.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0  # the one batch alone
    with torch.no_grad():
        by_hand.train()(batch)
    assert found == view()(by_hand.eval())


class TestPlans:
    def test_draws_leave_out_k_different_blocks_that_keep_the_shape(self):
        net = settled(depth=20)
        able = {0, 1, 2, 4, 5, 7, 8}
        assert set(lesion.same_shape(net)) == able
        for plan in lesion.draws(net, 3, 20):
            gone = [k for k, block in enumerate(plan) if block is None]
            assert len(gone) == 3 and able >= set(gone)
        assert lesion.draws(net, 3, 5, seed=1) == lesion.draws(net, 3, 5, seed=1)
        assert lesion.draws(net, 3, 5, seed=1) != lesion.draws(net, 3, 5, seed=2)
        assert lesion.draws(net, 0, 1) == [tuple(range(9))]

    def test_swaps_stay_inside_a_stage(self):
        net = settled(depth=20)
        for plan in lesion.swaps(net, 8, 20):
            assert sorted(plan) == list(range(9)) and plan[3] == 3 and plan[6] == 6
            assert {plan[4], plan[5]} == {4, 5} and {plan[0], plan[1], plan[2]} == {0, 1, 2}
        assert lesion.swaps(net, 0, 1) == [tuple(range(9))]

    @pytest.mark.parametrize(
        "order, tau", [((0, 1, 2, 3), 1), ((3, 2, 1, 0), -1), ((1, 0, 2, 3), 1 - 2 / 6)]
    )
    def test_kendall_tau(self, order, tau):
        assert lesion.kendall_tau(order) == pytest.approx(tau)

    def test_mistakes_are_one_sentence(self):
        net = settled()
        for call, said in [
            (lambda: lesion.without(net, [6]), "choose 0 to 5"),
            (lambda: lesion.draws(net, 5, 1), "5 of 4"),
            (lambda: lesion.Lesioned(net, (0, 1)), "has 6 blocks, the plan has 2"),
            (lambda: lesion.Lesioned(net, (0, 2, 1, 3, 4, 5)), "does not fit"),
            (lambda: lesion.Lesioned(net, (0, 1, 2, 3, 4, 9)), "no block 9"),
            (lambda: lesion.kendall_tau((0, None)), "leave none out"),
            (lambda: lesion.swaps(settled(depth=8), 1, 1), "deeper net"),
            (lambda: lesion.speed(net, view(), 0), "at least one round"),
        ]:
            with pytest.raises(InputError, match=said):
                call()


def test_speed_is_measured_in_turn():
    found = lesion.speed(settled(depth=8), view(), 2)
    assert len(found.ratios) == 2 and min(found.kept + found.whole) > 0
    assert found.ratios[0] == found.whole[0] / found.kept[0]
