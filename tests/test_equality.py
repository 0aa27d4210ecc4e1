"""Precisions and loops are shown to be equal or not; equality is tested, not assumed."""

import copy
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch
from test_bench import toy

from resnet_lab import data, engine, runner, twins
from resnet_lab.bench import equality, equivalence, processes
from resnet_lab.errors import InputError


@contextmanager
def in_this_process(prepared, n, *, meet=False):
    """Stands in for `processes.pool` where processes are not what is tested."""
    processes.here["prepared"] = prepared
    with ThreadPoolExecutor(1) as workers:
        yield workers


class TestEquality:
    @pytest.mark.parametrize(
        "p, df, printed",  # any printed table of Student's t
        [
            (0.95, 1, 6.314),
            (0.95, 2, 2.920),
            (0.95, 3, 2.353),
            (0.95, 7, 1.895),
            (0.95, 10, 1.812),
            (0.95, 30, 1.697),
            (0.975, 1, 12.706),
            (0.975, 4, 2.776),
            (0.975, 9, 2.262),
            (0.995, 5, 4.032),
            (0.975, 1_000, 1.962),
            (0.5, 4, 0.0),
        ],
    )
    def test_t_quantile(self, p, df, printed):
        assert equivalence.t_quantile(p, df) == pytest.approx(printed, abs=6e-4)

    @pytest.mark.parametrize("p, df", [(0.4, 3), (1.0, 3), (0.9, 0)])
    def test_t_quantile_refuses(self, p, df):
        with pytest.raises(ValueError):
            equivalence.t_quantile(p, df)

    def test_interval_by_hand(self):
        """Differences 1, 2, 3: mean 2, deviation 1, so 2 -+ 2.920 / sqrt(3) = 0.314 to 3.686."""
        found = equivalence.Equivalence(
            net="n",
            measure="test error",
            images="toy",
            steps=1,
            margin=3.7,
            sides=("a", "b"),
            base=(10, 10, 10),
            other=(11, 12, 13),
        )
        assert found.interval == pytest.approx((0.314, 3.686), abs=1e-3)
        assert found.equal and not replace(found, margin=3.6).equal
        assert "equality not shown within 3.6" in equivalence.line_equal(replace(found, margin=3.6))

    def test_few_scattered_seeds_do_not_show_equality(self):
        """A mean difference of 0 is no proof: absence of evidence must not pass for evidence."""
        found = equivalence.Equivalence(
            net="n",
            measure="test error",
            images="toy",
            steps=1,
            margin=2.0,
            sides=("a", "b"),
            base=(10, 10),
            other=(7, 13),
        )
        assert not found.equal

    def test_every_net_is_trained_from_every_seed_on_every_side(self, monkeypatch):
        monkeypatch.setattr(equality, "pool", in_this_process)
        lines = []
        found = equality.equal_results(
            toy(256), depths=(8,), seeds=2, steps=2, margin=5.0, report=lines.append
        )
        assert [(f.net, f.measure) for f in found] == [
            (net, measure)
            for net in ("plain-8-w8", "ResNet-8-w8")
            for measure in ("training error", "test error")
        ]
        assert all(len(f.base) == len(f.other) == 2 for f in found)
        assert all(line in equivalence.table_equal(found) for line in lines) and len(lines) == 4
        assert "readable loop in bfloat16 minus readable loop in float32" in lines[0]

    def test_one_seed_is_refused(self):
        with pytest.raises(InputError, match="at least 2 seeds"):
            equality.equal_results(toy(64), seeds=1)

    def test_the_same_run_gives_the_same_errors_twice(self):
        run, side = equality.short_run(toy(256), 8, "A", 0, 3), equality.Side()
        images = runner.prepare(toy(256), run.images)
        assert equality.errors_after(images, run, side) == equality.errors_after(images, run, side)


class TestLoops:
    def test_on_a_processor_the_engine_ends_with_the_very_same_errors(self, monkeypatch):
        monkeypatch.setattr(equality, "pool", in_this_process)
        sides = (equality.Side(), equality.Side(fast=True))
        found = equality.equal_results(
            toy(256), pairs=[sides], depths=(8,), shortcuts=("A",), seeds=3, steps=4
        )
        assert all(one.differences == [0, 0, 0] and one.equal for one in found)
        assert found[0].sides == ("readable loop in float32", "engine in float32")

    def test_any_other_device_trains_one_run_after_the_other_in_this_process(self, monkeypatch):
        monkeypatch.setattr(equality, "pool", None)
        run = equality.short_run(toy(256), 8, "A", 0, 2)
        images = runner.prepare(toy(256), run.images)
        with equality.trainer(images, "cpu:0", None) as begin:
            errors = begin(run, equality.Side(fast=True))()
        assert errors == equality.errors_after(images, run, equality.Side())

    def test_a_gpu_compares_its_default_loop_with_float32_first(self, monkeypatch):
        monkeypatch.setattr(equality.train, "fast_precision", lambda device: "bfloat16")
        monkeypatch.setattr(equality.twins, "can_compile", lambda device: True)
        names = [(base.name, other.name) for base, other in equality.loops("cuda")]
        fast = "compiled engine in bfloat16"
        assert names == [("readable loop in float32", fast), ("readable loop in bfloat16", fast)]

    def test_where_only_float32_is_fast_there_is_one_comparison(self, monkeypatch):
        monkeypatch.setattr(equality.train, "fast_precision", lambda device: "float32")
        assert len(equality.loops("cpu")) == 1

    @pytest.mark.parametrize("scale, size, width", [("quick", 16, 8), ("paper", 32, 16)])
    def test_a_short_run_is_that_of_its_scale_with_drops_at_half_and_three_quarters(
        self, scale, size, width
    ):
        run = equality.short_run(toy(256), 20, "A", 3, 400, scale)
        assert (run.images.size, run.net.widths[0], run.recipe.seed) == (size, width, 3)
        assert (run.recipe.steps, run.recipe.drops) == (400, (200, 300))


# Ten times or more of what a change of 1e-7 in all weights grows to in as many updates of this
# net on a processor: other kernels round otherwise. Other crops are far beyond (see below).
FIRST = 1e-5  # of the loss, from the same weights: nothing has grown yet
UPDATES, LOSS, WEIGHTS, STATISTICS = 5, 2e-3, 0.2, 3e-3


def compared(device="cpu", **how):
    """ResNet-20 at quick scale, which starts at a rate of 0.01; with crops."""
    dataset = data.load(name="embedded")
    run = equality.short_run(dataset, 20, "A", 0, 300)
    run = replace(run, recipe=replace(run.recipe, pad=2))
    images = runner.prepare(dataset, run.images, device)
    return equality.step_by_step(images, run, **dict(updates=UPDATES) | how)


def check_close(found):
    assert found[0].loss <= FIRST
    assert max(each.loss for each in found) <= LOSS
    assert max(each.weights for each in found) <= WEIGHTS
    assert max(each.statistics for each in found) <= STATISTICS


class TestStepByStep:
    @pytest.mark.parametrize("window, steps", [(1, [1, 2, 3, 4]), (3, [3, 4])])
    def test_on_a_processor_both_loops_are_equal_to_the_last_bit(self, window, steps):
        found = compared(updates=4, window=window)
        assert [each.step for each in found] == steps
        assert all((each.loss, each.weights, each.statistics) == (0, 0, 0) for each in found)

    def test_another_stream_of_images_is_far_beyond_the_tolerances(self, monkeypatch):
        right = engine.train

        def wrong(state, batches, recipe, **how):
            other = copy.copy(batches)
            other.seed, other._plans = batches.seed + 1, {}
            return right(state, other, recipe, **how)

        monkeypatch.setattr(equality.engine, "train", wrong)
        found = compared()
        assert found[0].loss > 1_000 * FIRST and found[-1].loss > 5 * LOSS
        assert found[-1].weights > 2 * WEIGHTS and found[-1].statistics > 5 * STATISTICS

    @pytest.mark.gpu
    @pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
    @pytest.mark.parametrize("compiled", [False, True])
    def test_on_a_gpu_both_loops_stay_within_the_tolerances(self, compiled):
        if compiled and not twins.can_compile("cuda"):
            pytest.skip("blocks cannot be compiled here")
        check_close(compared("cuda", compiled=compiled))

    @pytest.mark.gpu
    @pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
    def test_on_a_gpu_a_few_seeds_end_with_like_errors(self):
        """That both sides train; equality itself is what `bench gpu --seeds 10` tests."""
        found = equality.equal_results(
            data.load(name="embedded"),
            pairs=equality.loops("cuda"),
            device="cuda",
            depths=(8,),
            shortcuts=("A",),
            seeds=2,
            steps=60,
        )
        assert len(found) == 4
        assert all(max(map(abs, each.differences)) < 25 for each in found)
