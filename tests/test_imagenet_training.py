"""The loop on one process: what an update is, when it tests, when it stops."""

import math

import pytest
import torch
import torch.nn.functional as F

from resnet_lab import imagenet_training, train
from resnet_lab.distributed import World
from resnet_lab.imagenet_recipe import ImageNetRecipe
from resnet_lab.resnet import ResNetConfig

NET = ResNetConfig(blocks=(1, 1), widths=(4, 6), shortcut="B", stem="imagenet", classes=3)
SMALL = dict(batch=8, log_every=2, test_every=4, crop=32, short_side=(32, 32), test_side=32)


def batches(size):
    step = 0
    while True:
        random = torch.Generator().manual_seed(step)
        yield torch.randn(size, 3, 32, 32, generator=random), torch.arange(size) % 3
        step += 1


def points(recipe, state=None, test=None, per_device=8, **more):
    state = state or imagenet_training.begin(NET, recipe)
    return state, list(
        imagenet_training.train_net(
            state,
            batches(per_device),
            recipe,
            here=World(),
            per_device=per_device,
            test=test,
            **more,
        )
    )


def test_updates_are_those_of_sgd_written_out():
    """Velocity m*v + (g + wd*w), step lr: by hand, beside an update of two micro-batches."""
    recipe = ImageNetRecipe(steps=3, frozen_bn=True, **SMALL)
    state, _ = points(recipe, per_device=4)
    net = train.new_net(NET, recipe.seed).eval()
    velocity = [torch.zeros_like(w) for w in net.parameters()]
    source = batches(4)
    for _ in range(3):
        parts = [next(source) for _ in range(2)]
        x, y = (torch.cat(columns) for columns in zip(*parts, strict=True))
        loss = F.cross_entropy(net(x), y)
        grads = torch.autograd.grad(loss, [*net.parameters()])
        with torch.no_grad():
            for w, v, g in zip(net.parameters(), velocity, grads, strict=True):
                v.mul_(0.9).add_(g + 1e-4 * w)
                w.sub_(0.1 * v)
    for ours, by_hand in zip(state.net.parameters(), net.parameters(), strict=True):
        assert torch.allclose(ours, by_hand, atol=1e-5)


def test_points_tests_and_the_end_fall_where_the_recipe_says():
    seen = []
    recipe = ImageNetRecipe(steps=7, **SMALL)
    state, curve = points(recipe, test=lambda net: seen.append(net.training) or 50.0)
    assert [p.step for p in curve] == [2, 4, 6, 7] and state.step == 7
    assert [p.test_error for p in curve] == [None, 50.0, None, 50.0]
    assert state.errors == [50.0, 50.0] and state.curve == curve


def test_the_rate_follows_the_validation_errors():
    recipe = ImageNetRecipe(steps=12, patience=1, drops=2, **SMALL | {"test_every": 2})
    errors = iter([60.0, 60.0, 50.0, 50.0, 50.0, 50.0])
    _, curve = points(recipe, test=lambda net: next(errors))
    assert [p.lr for p in curve] == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001, 0.001])


def test_frozen_bn_keeps_its_statistics_and_learns_its_weights():
    recipe = ImageNetRecipe(steps=2, frozen_bn=True, **SMALL)
    before = imagenet_training.begin(NET, recipe).net.state_dict()
    state, _ = points(recipe)
    after = state.net.state_dict()
    assert torch.equal(after["stem.1.running_mean"], before["stem.1.running_mean"])
    assert not torch.equal(after["stem.1.weight"], before["stem.1.weight"])


def test_a_loss_that_is_not_finite_stops_the_run():
    recipe = ImageNetRecipe(steps=4, lr=1e30, **SMALL)
    with pytest.raises(FloatingPointError, match="at update"):
        points(recipe)


def test_bfloat16_and_float32_learn_alike():
    recipe = ImageNetRecipe(steps=4, lr=0.01, **SMALL)
    _, exact = points(recipe)
    _, rounded = points(recipe, precision="bfloat16")
    assert math.isclose(exact[-1].train_loss, rounded[-1].train_loss, rel_tol=0.1)


def test_compiled_blocks_train_the_same_net(monkeypatch):
    """The compiler's graph is run as it was caught, which takes no C compiler."""
    compiled = imagenet_training.twins.compiled
    monkeypatch.setattr(
        imagenet_training.twins, "compiled", lambda net: compiled(net, backend="aot_eager")
    )
    recipe = ImageNetRecipe(steps=2, **SMALL)
    plain, _ = points(recipe)
    fast, _ = points(recipe, compiled=True)
    for a, b in zip(plain.net.parameters(), fast.net.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-5)
