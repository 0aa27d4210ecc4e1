"""Section 4.2: the loop is the textbook's, and its curve says what was seen."""

import copy
import math

import pytest
import torch
from torch import nn

from resnet_lab.batches import Stream
from resnet_lab.recipe import Recipe
from resnet_lab.resnet import cifar
from resnet_lab.train import State, begin, error, fast_precision, new_net, take_point, train

NET = cifar(8, width=4)


def recipe(**changes):
    return Recipe(**(dict(steps=12, drops=(6, 9), batch=8, log_every=4, test_every=4) | changes))


def images(n, size=8, seed=0):
    random = torch.Generator().manual_seed(seed)
    x = torch.randint(0, 256, (n, 3, size, size), generator=random, dtype=torch.uint8)
    return x, torch.randint(0, 10, (n,), generator=random)


def stream(n=40, batch=8):
    x, y = images(n)
    return Stream(x, y, torch.full((3, 8, 8), 0.5), batch=batch, pad=1, flip=True, seed=0)


def same(a, b):
    """Two nets with the same values, to the last bit."""
    a, b = a.state_dict(), b.state_dict()
    return list(a) == list(b) and all(torch.equal(a[name], b[name]) for name in a)


# --- learning ---


@pytest.mark.parametrize("shortcut", ["none", "A"])
def test_one_batch_can_be_memorised(shortcut):
    x, y = images(16)
    batch = (x.float() / 255 - 0.5, y)
    r = recipe(steps=80, drops=(), batch=16, log_every=20, test_every=20)
    state = begin(cifar(8, width=8, shortcut=shortcut), r)
    points = list(train(state, lambda step: batch, r))
    assert points[0].train_error > 0
    assert points[-1].train_error == 0 and points[-1].train_loss < 0.1


def test_every_update_is_that_of_a_textbook():
    """Momentum and weight decay written out, on plain tensors; 12 updates over two drops.

    v <- 0.9 v + (dL/dw + 1e-4 w),  w <- w - lr v,  for every weight, BN and biases included.
    """
    r, batches = recipe(weight_decay=1e-2), stream()
    state = begin(NET, r)
    net = copy.deepcopy(state.net).train()
    velocity = [torch.zeros_like(p) for p in net.parameters()]
    window, expected = [], []
    for step in range(12):
        lr = 0.1 if step < 6 else 0.01 if step < 9 else 0.001
        x, y = batches(step)
        logits = net(x)
        log_sum = torch.log(torch.exp(logits).sum(1))
        loss = (log_sum - logits[torch.arange(len(y)), y]).mean()
        slopes = torch.autograd.grad(loss, list(net.parameters()))
        with torch.no_grad():
            for w, v, slope in zip(net.parameters(), velocity, slopes, strict=True):
                v.copy_(0.9 * v + slope + 1e-2 * w)
                w.copy_(w - lr * v)
        window.append(
            (loss.item(), sum(int(a) != int(b) for a, b in zip(logits.argmax(1), y, strict=True)))
        )
        if len(window) == 4:
            losses, wrong = zip(*window, strict=True)
            expected.append((step + 1, lr, sum(losses) / 4, 100 * sum(wrong) / 32))
            window = []

    points = list(train(state, batches, r))
    assert [(p.step, p.lr) for p in points] == [(s, pytest.approx(lr)) for s, lr, _, _ in expected]
    for point, (_, _, loss, wrong) in zip(points, expected, strict=True):
        assert point.train_loss == pytest.approx(loss, rel=1e-4)
        assert point.train_error == wrong
    for name, value in net.state_dict().items():
        torch.testing.assert_close(state.net.state_dict()[name], value, rtol=1e-3, atol=1e-5)


def test_weight_decay_is_a_gradient_term_for_all_weights():
    """Without a gradient an update multiplies w by 1 - lr * weight_decay, as in Caffe."""
    r = recipe(steps=1, drops=(), weight_decay=0.5)
    state = begin(NET, r)
    before = copy.deepcopy(state.net)
    # infinitely sure and right: the loss and its gradient are exactly zero
    with torch.no_grad():
        for net in (state.net, before):
            net.classifier.weight.zero_()
            net.classifier.bias.copy_(torch.tensor([1000.0] + [0.0] * 9))
    list(train(state, lambda step: (torch.rand(4, 3, 8, 8), torch.zeros(4).long()), r))
    for name, p in state.net.named_parameters():
        torch.testing.assert_close(p, before.get_parameter(name) * (1 - 0.1 * 0.5))


def test_bfloat16_products_keep_float32_weights():
    r = recipe()
    state = begin(NET, r)
    points = list(train(state, stream(), r, precision="bfloat16"))
    exact = list(train(begin(NET, r), stream(), r))
    assert all(p.dtype == torch.float32 for p in state.net.parameters())
    assert all(
        value.dtype == torch.float32
        for values in state.optimizer.state.values()
        for value in values.values()
        if isinstance(value, torch.Tensor)
    )
    # eight bits of precision: near the exact curve, but not on it
    assert points[0].train_loss == pytest.approx(exact[0].train_loss, rel=0.05)
    assert points[0].train_loss != exact[0].train_loss


def test_training_twice_gives_the_same_bits():
    r = recipe()
    nets = []
    for _ in range(2):
        state = begin(NET, r)
        list(train(state, stream(), r))
        nets.append(state.net)
    assert same(*nets)


# --- the curve ---


@pytest.mark.parametrize(
    "steps, log_every, expected",
    [(12, 4, [4, 8, 12]), (10, 4, [4, 8, 10]), (3, 100, [3]), (1, 1, [1])],
)
def test_points_stand_at_log_every_and_after_the_last_update(steps, log_every, expected):
    r = recipe(steps=steps, log_every=log_every, test_every=log_every)
    state = begin(NET, r)
    points = list(train(state, stream(), r))
    assert [point.step for point in points] == expected
    assert state.curve == points and state.step == steps


def test_the_test_error_is_measured_at_test_every_and_at_the_end_only():
    r = recipe(steps=11, log_every=2, test_every=4)
    asked = []
    state = begin(NET, r)

    def test(net):
        asked.append(state.step)
        return 50.0

    points = list(train(state, stream(), r, test=test))
    assert asked == [4, 8, 11]
    assert [p.test_error for p in points] == [None, 50.0, None, 50.0, None, 50.0]


def test_without_a_test_set_nothing_is_measured():
    r = recipe()
    assert all(p.test_error is None for p in train(begin(NET, r), stream(), r))


def test_a_point_holds_averages_over_all_images_of_its_window():
    # losses 3.0 and 1.5 over batches of 2 and 1 images: 2 * 3.0 + 1 * 1.5 = 7.5, of three images
    state = State(net=nn.Identity(), optimizer=None, step=4, loss_sum=7.5, wrong=1, seen=3)
    point = take_point(state, recipe(), 0.1, None)
    assert (point.step, point.lr, point.train_loss) == (4, 0.1, 2.5)
    assert point.train_error == pytest.approx(100 / 3)
    assert (state.loss_sum, state.wrong, state.seen) == (0, 0, 0)
    assert state.curve == [point]


def test_batches_of_unequal_size_count_by_their_images():
    """A net that knows nothing: every loss is ln 10, class 0 is always its answer."""
    r = recipe(steps=3, log_every=3, test_every=3, weight_decay=0, lr=1e-300)
    state = begin(NET, r)
    nn.init.zeros_(state.net.classifier.weight)
    labels = [torch.tensor([0, 1]), torch.tensor([0, 0, 0, 0, 3]), torch.tensor([5])]
    (point,) = train(state, lambda step: (torch.rand(len(labels[step]), 3, 8, 8), labels[step]), r)
    assert point.train_loss == pytest.approx(math.log(10))
    assert point.train_error == 100 * 3 / 8  # 1 of 2, 1 of 5, 1 of 1


def test_the_best_update_is_never_selected():
    r = recipe()
    measured = iter([30.0, 10.0, 20.0])
    state = begin(NET, r)
    weights = []

    def test(net):
        weights.append(copy.deepcopy(net))
        return next(measured)

    points = list(train(state, stream(), r, test=test))
    assert points[-1].test_error == 20.0
    assert same(state.net, weights[-1]) and not same(state.net, weights[1])


def test_a_consumer_may_evaluate_between_points():
    r = recipe()
    whole, watched = begin(NET, r), begin(NET, r)
    list(train(whole, stream(), r))
    for _ in train(watched, stream(), r):
        watched.net.eval()
    assert same(whole.net, watched.net) and whole.curve == watched.curve


# --- warm-up ---


def errors_to_order(state, wanted):
    """Batches of 10 images of which the net, as it stands, gets `wanted[step]` wrong."""
    x = torch.randn(10, 3, 8, 8, generator=torch.Generator().manual_seed(0))

    def batches(step):
        with torch.no_grad():
            answers = copy.deepcopy(state.net).train()(x).argmax(1)
        answers[: wanted[step]] += 1
        return x, answers % 10

    return batches


@pytest.mark.parametrize(
    "windows, rates",
    [
        # errors of the windows in percent; 80 is not below 80
        ([(10, 10), (8, 8), (8, 7), (10, 10), (9, 9)], [0.01, 0.01, 0.01, 0.1, 0.1]),
        ([(7, 7), (10, 10), (10, 10), (0, 0), (9, 9)], [0.01, 0.1, 0.1, 0.1, 0.1]),
        ([(6, 10), (10, 6), (0, 10), (9, 9), (9, 9)], [0.01, 0.01, 0.01, 0.1, 0.1]),  # means
        ([(10, 10)] * 5, [0.01] * 5),
    ],
)
def test_section_4_2_warm_up_ends_below_80_percent_and_never_returns(windows, rates):
    r = recipe(steps=10, drops=(), log_every=2, test_every=2, warm_up=True)
    state = begin(NET, r)
    assert state.warming
    points = list(train(state, errors_to_order(state, [w for pair in windows for w in pair]), r))
    assert [p.train_error for p in points] == [5.0 * sum(pair) for pair in windows]
    assert [p.lr for p in points] == rates
    assert state.optimizer.param_groups[0]["lr"] == rates[-1]


def test_section_4_2_drops_stay_where_they_are_after_a_warm_up():
    r = recipe(steps=10, drops=(4, 8), log_every=2, test_every=2, warm_up=True)
    state = begin(NET, r)
    points = list(train(state, errors_to_order(state, [10, 10, 0, 0] + [9] * 6), r))
    assert [p.lr for p in points] == pytest.approx([0.01, 0.01, 0.01, 0.01, 0.001])


def test_a_net_without_warm_up_starts_at_full_rate():
    r = recipe(steps=4, drops=(), log_every=2, test_every=2)
    state = begin(NET, r)
    assert not state.warming
    assert [p.lr for p in train(state, errors_to_order(state, [10] * 4), r)] == [0.1, 0.1]


# --- stopping ---


@pytest.mark.parametrize("after", [0, 1, 3, 4, 5, 8, 11])
def test_a_stopped_state_is_whole_and_goes_on_to_the_same_bits(after):
    r = recipe()
    whole, parts = begin(NET, r), begin(NET, r)
    list(train(whole, stream(), r))
    list(train(parts, stream(), r, stop=lambda: parts.step >= after))
    assert parts.step == after
    assert parts.seen == (after % 4) * 8 and len(parts.curve) == after // 4
    assert (parts.loss_sum > 0) == (parts.seen > 0)
    list(train(parts, stream(), r))
    assert same(whole.net, parts.net)
    assert parts.curve == whole.curve


def test_a_finished_run_has_nothing_left_to_do():
    r = recipe()
    state = begin(NET, r)
    list(train(state, stream(), r))
    net, curve = copy.deepcopy(state.net), list(state.curve)
    assert list(train(state, stream(), r)) == []
    assert same(net, state.net) and state.curve == curve


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_is_an_error_that_says_when(bad):
    r = recipe()
    good = stream()

    def batches(step):
        x, y = good(step)
        return (x * bad if step == 5 else x), y

    state = begin(NET, r)
    with pytest.raises(FloatingPointError, match="the loss is .* at update 8"):
        list(train(state, batches, r))
    assert [p.step for p in state.curve] == [4]


# --- the test error ---


@pytest.mark.parametrize("batch", [1, 7, 30, 500])
def test_the_error_is_that_of_a_slow_loop(batch):
    net = new_net(NET, 0)
    x, y = images(30)
    mean = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():  # BN statistics that are not those of the batch
        net(torch.randn(20, 3, 8, 8, generator=torch.Generator().manual_seed(2)))
    wrong = 0
    slow = copy.deepcopy(net).eval()
    for image, label in zip(x, y, strict=True):
        with torch.no_grad():
            logits = slow((image / 255 - mean)[None])[0].tolist()
        wrong += logits.index(max(logits)) != int(label)
    assert 0 < wrong <= 30
    assert error(net, x, y, mean, batch=batch) == pytest.approx(100 * wrong / 30)


def test_the_error_is_0_for_right_answers_and_100_for_wrong_ones():
    net, (x, _) = new_net(NET, 0), images(20)
    mean = torch.zeros(3, 1, 1)
    with torch.no_grad():
        answers = net.eval()(x / 255).argmax(1)
    assert error(net, x, answers, mean) == 0
    assert error(net, x, (answers + 1) % 10, mean) == 100


@pytest.mark.parametrize("training", [True, False])
def test_measuring_the_error_leaves_the_net_as_it_was(training):
    net = new_net(NET, 0).train(training)
    before = copy.deepcopy(net)
    x, y = images(20)
    error(net, x, y, torch.zeros(3, 1, 1))
    assert all(m.training == training for m in net.modules())
    assert same(net, before)
    assert all(p.grad is None and p.requires_grad for p in net.parameters())
    with pytest.raises(RuntimeError):
        error(net, x[:, :2], y, torch.zeros(2, 1, 1))  # two colours: not for this net
    assert net.training == training


def test_section_4_2_the_error_is_of_the_single_original_view():
    """The net sees each test image once, whole and unmirrored."""
    seen = []

    class Watching(nn.Module):
        def forward(self, x):
            seen.append(x.clone())
            return torch.eye(10)[torch.zeros(len(x)).long()]

    x, y = images(12)
    error(Watching(), x, y, torch.zeros(3, 1, 1), batch=5)
    assert torch.equal(torch.cat(seen), x.float() / 255)


# --- the start ---


def test_the_start_is_a_function_of_the_seed():
    a, b, c = (begin(NET, recipe(seed=seed)).net for seed in (0, 0, 1))
    assert same(a, b) and not same(a, c)


def test_the_optimizer_is_that_of_the_recipe():
    group = begin(NET, recipe(momentum=0.8, weight_decay=0.25)).optimizer.param_groups
    assert len(group) == 1
    assert (group[0]["momentum"], group[0]["weight_decay"]) == (0.8, 0.25)
    assert not group[0]["nesterov"] and group[0]["dampening"] == 0


def test_the_precision_of_a_processor_is_one_that_can_be_trained_with():
    assert fast_precision("cpu") in ("float32", "bfloat16")
