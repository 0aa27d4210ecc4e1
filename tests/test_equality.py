"""bfloat16 and float32 are shown to be equal or not; equality is tested, not assumed."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import pytest
from test_bench import toy

from resnet_lab import runner
from resnet_lab.bench import equality, processes
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
        assert equality.t_quantile(p, df) == pytest.approx(printed, abs=6e-4)

    @pytest.mark.parametrize("p, df", [(0.4, 3), (1.0, 3), (0.9, 0)])
    def test_t_quantile_refuses(self, p, df):
        with pytest.raises(ValueError):
            equality.t_quantile(p, df)

    def test_interval_by_hand(self):
        """Differences 1, 2, 3: mean 2, deviation 1, so 2 -+ 2.920 / sqrt(3) = 0.314 to 3.686."""
        found = equality.Equivalence(
            net="n",
            measure="test error",
            images="toy",
            steps=1,
            margin=3.7,
            float32=(10, 10, 10),
            bfloat16=(11, 12, 13),
        )
        assert found.interval == pytest.approx((0.314, 3.686), abs=1e-3)
        assert found.equal and not replace(found, margin=3.6).equal
        assert "equality not shown within 3.6" in equality.line_equal(replace(found, margin=3.6))

    def test_few_scattered_seeds_do_not_show_equality(self):
        """A mean difference of 0 is no proof: absence of evidence must not pass for evidence."""
        found = equality.Equivalence(
            net="n",
            measure="test error",
            images="toy",
            steps=1,
            margin=2.0,
            float32=(10, 10),
            bfloat16=(7, 13),
        )
        assert not found.equal

    def test_every_net_is_trained_from_every_seed_in_both(self, monkeypatch):
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
        assert all(len(f.float32) == len(f.bfloat16) == 2 for f in found)
        assert all(line in equality.table_equal(found) for line in lines) and len(lines) == 4

    def test_one_seed_is_refused(self):
        with pytest.raises(InputError, match="at least 2 seeds"):
            equality.equal_results(toy(64), seeds=1)

    def test_the_same_run_gives_the_same_errors_twice(self):
        run = equality.short_run(toy(256), 8, "A", 0, 3)
        processes.here["prepared"] = runner.prepare(toy(256), run.images)
        assert equality.errors_after(run, "float32") == equality.errors_after(run, "float32")
