"""Directions and points of a slice, on nets whose answers are worked out by hand."""

import copy
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from resnet_lab.blocks import Block
from resnet_lab.errors import InputError
from resnet_lab.landscape import directions, surface
from resnet_lab.resnet import ResNet, cifar
from resnet_lab.train import new_net

LABELS = torch.arange(20) % 10


def images(n: int = 20, size: int = 8) -> torch.Tensor:
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(1))


def net(shortcut: str = "A", seed: int = 0) -> ResNet:
    """A small net whose BNs have seen images, so that their statistics are not those of birth."""
    found = new_net(cifar(8, shortcut=shortcut, width=4), seed)
    with torch.no_grad():
        found(images(32))
    return found.eval()


def plainly(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> tuple[float, float]:
    """Loss and error in the usual three lines, all images at once."""
    with torch.no_grad():
        logits = model(x).double()
    return F.cross_entropy(logits, y).item(), 100 * (logits.argmax(1) != y).double().mean().item()


class TestDirections:
    def test_every_filter_has_the_norm_of_the_filter_of_the_weights(self):
        weights = directions.filters(net())
        for along in directions.directions(net(), seed=3):
            assert set(along) == set(weights)
            for name, weight in weights.items():
                for mine, theirs in zip(along[name], weight, strict=True):
                    assert math.isclose(mine.norm(), theirs.norm(), rel_tol=1e-5)

    def test_by_hand(self):
        """Rows (3, 4) and (0, 2) of the weights are 5 and 2 long; drawn (1, 0) and (3, 4)."""
        weights = {"w": torch.tensor([[3.0, 4.0], [0.0, 2.0]])}
        drawn = {"w": torch.tensor([[1.0, 0.0], [3.0, 4.0]])}
        found = directions.filter_normalised(drawn, weights)["w"]
        assert torch.allclose(found, torch.tensor([[5.0, 0.0], [1.2, 1.6]]))

    def test_a_filter_of_zeros_stays_where_it_is(self):
        weights = {"w": torch.zeros(2, 3, 3, 3)}
        drawn = directions.gaussian(weights, 0, "x")
        assert not directions.filter_normalised(drawn, weights)["w"].any()

    def test_bn_and_biases_are_not_moved(self):
        model = net()
        moved = directions.filters(model)
        kinds = {name: type(model.get_submodule(name.rpartition(".")[0])) for name in moved}
        assert set(kinds.values()) == {nn.Conv2d, nn.Linear}
        assert not [name for name in moved if name.endswith("bias")]

    def test_a_plain_net_and_its_residual_twin_get_the_same_numbers(self):
        plain, residual = (
            directions.gaussian(directions.filters(net(option)), 0, "x") for option in ("none", "A")
        )
        assert list(plain) == list(residual)
        assert all(torch.equal(plain[name], residual[name]) for name in plain)

    def test_another_seed_axis_or_name_is_another_direction(self):
        shape = {"a": torch.ones(4, 5), "b": torch.ones(4, 5)}
        first, again = (directions.gaussian(shape, 0, "x") for _ in range(2))
        others = [directions.gaussian(shape, 1, "x"), directions.gaussian(shape, 0, "y")]
        assert torch.equal(first["a"], again["a"]) and not torch.equal(first["a"], first["b"])
        assert not any(torch.equal(first["a"], other["a"]) for other in others)

    def test_the_numbers_are_standard_normal_and_no_global_state_is_touched(self):
        before = torch.get_rng_state(), np.random.get_state()[1].copy()
        drawn = directions.gaussian({"w": torch.ones(100, 100)}, 5, "y")["w"]
        assert abs(drawn.mean()) < 0.03 and abs(drawn.std() - 1) < 0.03
        assert torch.equal(torch.get_rng_state(), before[0])
        assert (np.random.get_state()[1] == before[1]).all()

    def test_x_and_y_are_nearly_at_right_angles(self):
        model = new_net(cifar(20, width=8), 0)
        x, y = (
            torch.cat([d.flatten() for d in along.values()])
            for along in directions.directions(model)
        )
        assert abs(x @ y) / (x.norm() * y.norm()) < 0.03

    @pytest.mark.parametrize(
        "wrong, said",
        [
            (lambda: directions.directions(net(), dimensions=3), "1 or 2 dimensions"),
            (lambda: directions.filters(nn.BatchNorm2d(3)), "convolutions or linear"),
            (lambda: directions.gaussian({}, 0, "z"), "x or y"),
        ],
    )
    def test_mistakes_are_said(self, wrong, said):
        with pytest.raises(InputError, match=said):
            wrong()


class Chain(nn.Module):
    """A linear residual chain of one channel: logits (a, 0), a = x times the factors (1 + w)."""

    def __init__(self, weights: list[float]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([nn.Linear(1, 1, bias=False) for _ in weights])
        for block, weight in zip(self.blocks, weights, strict=True):
            nn.init.constant_(block.weight, weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for block in self.blocks:
            x = x + block(x)
        return torch.cat([x, torch.zeros_like(x)], dim=1)


class TestByHand:
    """A 1x1 filter of weight w gets the direction +|w| or -|w|: steps of t give w (1 + s t)."""

    WEIGHTS = [0.5, -0.25, 1.0]

    def along(self, model: nn.Module) -> tuple[list[directions.Direction], list[float]]:
        (found,) = directions.directions(model, dimensions=1)
        signs = [
            (found[name].item() / weight) for name, weight in zip(found, self.WEIGHTS, strict=True)
        ]
        assert all(math.isclose(abs(sign), 1, rel_tol=1e-6) for sign in signs)
        return [found], signs

    def test_the_loss_along_a_linear_residual_chain(self):
        model = Chain(self.WEIGHTS)
        along, signs = self.along(model)
        x, y = torch.tensor([[0.5], [-2.0]]), torch.tensor([0, 1])
        steps = [-1.0, -0.5, 0.0, 0.25, 1.0]
        measured = surface.at_points(model, along, [(t,) for t in steps], x, y)
        for t, (loss, error) in zip(steps, measured, strict=True):
            factor = math.prod(
                1 + w * (1 + s * t) for w, s in zip(self.WEIGHTS, signs, strict=True)
            )
            # right answers: a = 0.5 factor against 0, and 0 against a = -2 factor
            expected = (math.log1p(math.exp(-0.5 * factor)) + math.log1p(math.exp(-2 * factor))) / 2
            assert math.isclose(loss, expected, rel_tol=1e-6)
            assert error == (0 if factor > 0 else 100)

    def test_the_curvature_along_the_normalised_direction(self):
        """One block: a = (1 + w) x, so the second derivative by t is w^2 x^2 p (1 - p)."""
        weight, x = 0.8, 1.5
        model = Chain([weight]).double()
        (along,) = directions.directions(model, dimensions=1)
        h = 1e-3
        points = [(-h,), (0.0,), (h,)]
        inputs, label = torch.tensor([[x]], dtype=torch.float64), torch.tensor([0])
        left, middle, right = (
            loss for loss, _ in surface.at_points(model, [along], points, inputs, label)
        )
        p = 1 / (1 + math.exp(-(1 + weight) * x))
        assert math.isclose(
            (left - 2 * middle + right) / h**2, weight**2 * x**2 * p * (1 - p), rel_tol=1e-4
        )

    def test_two_directions_against_autograd(self):
        """The slope of the slice at the net itself is the gradient along the direction."""
        model = net().double()
        x, y = images().double(), LABELS
        along = directions.directions(model)
        h = 1e-5
        points = [(h, 0.0), (-h, 0.0), (0.0, h), (0.0, -h)]
        up = [loss for loss, _ in surface.at_points(model, along, points, x, y)]
        F.cross_entropy(model(x), y).backward()
        gradient = dict(model.named_parameters())
        for axis, (plus, minus) in enumerate(((up[0], up[1]), (up[2], up[3]))):
            slope = sum((gradient[k].grad * d).sum().item() for k, d in along[axis].items())
            assert math.isclose((plus - minus) / (2 * h), slope, rel_tol=1e-4)


class TestPoints:
    def test_the_middle_is_the_plain_evaluation_to_the_last_bit(self):
        model, x = net(), images()
        ((loss, error),) = surface.at_points(
            model, directions.directions(model), [(0.0, 0.0)], x, LABELS
        )
        assert (loss, error) == plainly(model, x, LABELS)

    def test_a_point_is_what_a_net_with_these_weights_says(self):
        model, x = net(), images()
        along = directions.directions(model, seed=2)
        moved = copy.deepcopy(model)
        with torch.no_grad():
            for name, parameter in moved.named_parameters():
                if name in along[0]:
                    parameter.add_(0.25 * along[0][name]).add_(-0.5 * along[1][name])
        ((loss, error),) = surface.at_points(model, along, [(0.25, -0.5)], x, LABELS)
        expected = plainly(moved, x, LABELS)
        assert math.isclose(loss, expected[0], rel_tol=1e-6) and error == expected[1]

    def test_a_step_against_the_direction_is_a_step_along_its_opposite(self):
        model, x = net(), images()
        (along,) = directions.directions(model, dimensions=1)
        opposite = {name: -value for name, value in along.items()}
        (back,) = surface.at_points(model, [along], [(-0.3,)], x, LABELS)
        (forth,) = surface.at_points(model, [opposite], [(0.3,)], x, LABELS)
        assert back == forth

    def test_images_are_counted_once_each_in_pieces_that_do_not_divide_them(self, monkeypatch):
        model, x = net(), images()
        points, along = [(0.1,)], directions.directions(model, dimensions=1)
        ((whole, error),) = surface.at_points(model, along, points, x, LABELS)
        monkeypatch.setattr(surface, "BATCH", 7)
        ((parts, same),) = surface.at_points(model, along, points, x, LABELS)
        assert math.isclose(whole, parts, rel_tol=1e-6) and error == same

    @pytest.mark.parametrize("bn", ["running", "recomputed"])
    @pytest.mark.parametrize("at_once", [1, 3, 8])
    def test_vmap_and_loop_agree_within_rounding(self, bn, at_once):
        model, x = net("none"), images()
        along = directions.directions(model)
        points = [(0.0, 0.0), (0.2, 0.1), (-0.4, 0.3), (0.5, -0.5), (0.0, 0.9)]
        one = list(surface.at_points(model, along, points, x, LABELS, bn=bn))
        many = list(
            surface.at_points_vmapped(model, along, points, x, LABELS, bn=bn, at_once=at_once)
        )
        assert len(many) == len(points)
        assert np.allclose([p[0] for p in one], [p[0] for p in many], rtol=1e-4)
        assert [p[1] for p in one] == pytest.approx([p[1] for p in many], abs=5.01)

    def test_a_point_without_a_step_for_each_direction_is_refused(self):
        model = net()
        with pytest.raises(InputError, match="each of 2 directions"):
            next(surface.at_points(model, directions.directions(model), [(0.1,)], images(), LABELS))


class TestBN:
    def test_recomputed_is_training_mode_on_all_images_at_once(self):
        model, x = net(), images()
        ((loss, error),) = surface.at_points(
            model, directions.directions(model), [(0.0, 0.0)], x, LABELS, bn="recomputed"
        )
        assert (loss, error) == plainly(copy.deepcopy(model).train(), x, LABELS)
        assert loss != plainly(model, x, LABELS)[0]

    def test_recomputed_statistics_do_not_see_the_length_of_filters_behind_a_bn(self):
        """A filter twice as long changes nothing there, and much where the statistics are kept."""
        model = Block(3, 4, 1, shortcut="none")
        head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 10))
        whole = nn.Sequential(model, head).eval()
        along = {
            k: v if k.startswith("0.") else 0 * v for k, v in directions.filters(whole).items()
        }
        losses = {
            bn: [
                loss
                for loss, _ in surface.at_points(
                    whole, [along], [(0.0,), (1.0,)], images(), LABELS, bn=bn
                )
            ]
            for bn in ("running", "recomputed")
        }
        assert math.isclose(*losses["recomputed"], rel_tol=1e-3)
        assert not math.isclose(*losses["running"], rel_tol=1e-3)

    @pytest.mark.parametrize("measure", [surface.at_points, surface.at_points_vmapped])
    @pytest.mark.parametrize("bn", ["running", "recomputed"])
    def test_the_net_is_left_as_it_was(self, measure, bn):
        model = nn.Sequential(net().train(), nn.Dropout(0.5))
        model[0].stages.eval()  # mixed modes, as somebody may have them
        weights = {k: v.clone() for k, v in model.state_dict().items()}
        modes = [m.training for m in model.modules()]
        tracked = [getattr(m, "track_running_stats", None) for m in model.modules()]
        before = torch.get_rng_state()
        along = directions.directions(model)
        list(measure(model, along, [(0.3, 0.1)], images(), LABELS, bn=bn))
        assert all(torch.equal(v, weights[k]) for k, v in model.state_dict().items())
        assert [m.training for m in model.modules()] == modes
        assert [getattr(m, "track_running_stats", None) for m in model.modules()] == tracked
        assert all(p.grad is None and p.requires_grad for p in model.parameters())
        assert torch.equal(torch.get_rng_state(), before)
        assert not any(m._forward_hooks for m in model.modules())

    def test_modes_come_back_when_the_net_fails(self):
        model = net().train()
        with pytest.raises(RuntimeError):
            next(
                surface.at_points(
                    model,
                    directions.directions(model),
                    [(0.0, 0.0)],
                    images()[:, :2],
                    LABELS,
                    bn="recomputed",
                )
            )
        assert all(m.training for m in model.modules())
        assert all(m.track_running_stats for m in model.modules() if isinstance(m, nn.BatchNorm2d))

    def test_another_word_for_bn_is_refused(self):
        model = net()
        with pytest.raises(InputError, match="running or recomputed"):
            next(surface.at_points(model, [], [()], images(), LABELS, bn="batch"))
