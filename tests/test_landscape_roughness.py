"""Readings of slices whose shape is known: parabolas, saddles, plateaus, walls."""

import math
from dataclasses import replace

import numpy as np
import pytest
from conftest import record_of

from resnet_lab import findings
from resnet_lab.errors import InputError
from resnet_lab.findings import Finding
from resnet_lab.landscape import report, roughness, shown
from resnet_lab.landscape.slices import Choice, values

LN10 = math.log(10)


def made(
    function,
    *,
    dimensions: int = 1,
    net: tuple[int, str] = (20, "A"),
    seed: int = 0,
    bn: str = "running",
    points: int = 21,
    images: str = "cifar10",
) -> Finding:
    """A finding whose loss is `function` of the step or steps; its error is 50 % everywhere."""
    choice = Choice(dimensions=dimensions, points=points, bn=bn)
    record = record_of(*net, seed=seed, images=images)
    return Finding(
        format=findings.FORMAT,
        lens="landscape",
        scale="quick",
        run=record.run,
        weights_sha256="ab" * 32,
        settings=choice.settings(),
        values=values(choice, [(function(*point), 50.0) for point in choice.grid]),
        how=record.how,
    )


def test_the_grid_comes_back_with_y_first():
    finding = made(lambda x, y: 10 + x + 3 * y, dimensions=2, points=3)
    assert roughness.grid(finding).tolist() == [[6, 7, 8], [9, 10, 11], [12, 13, 14]]
    assert roughness.steps(finding).tolist() == [-1, 0, 1]


class TestNonconvexShare:
    def test_a_parabola_is_convex_and_its_mirror_image_is_not(self):
        x = np.linspace(-1, 1, 21)
        assert roughness.nonconvex_share(1 + x**2) == 0
        assert roughness.nonconvex_share(9 - x**2) == 100

    def test_a_straight_line_is_no_bend_whatever_the_rounding(self):
        rounded = np.array([float(f"{5 + k / 7:.6g}") for k in range(50)])
        assert roughness.nonconvex_share(rounded) == 0

    def test_by_hand(self):
        # second differences: 2, -4, 2
        assert roughness.nonconvex_share(np.array([1.0, 1, 3, 1, 1])) == pytest.approx(100 / 3)

    def test_of_a_sine_about_half_bends_down(self):
        assert roughness.nonconvex_share(5 + np.sin(0.05 + np.linspace(0, 20 * np.pi, 401))) == (
            pytest.approx(50, abs=1)
        )

    def test_a_bowl_is_convex_a_saddle_is_not_and_a_tilted_valley_is(self):
        y, x = np.mgrid[-1:1:9j, -1:1:9j]
        assert roughness.nonconvex_share(1 + x**2 + 2 * y**2) == 0
        assert roughness.nonconvex_share(5 + x**2 - y**2) == 100
        assert roughness.nonconvex_share(5 + x * y) == 100  # only the mixed difference tells
        assert roughness.nonconvex_share(5 + (x + y) ** 2) == 0

    def test_what_is_not_finite_counts(self):
        loss = np.array([1.0, 1, 1, 1, math.inf])
        assert roughness.nonconvex_share(loss) == pytest.approx(100 / 3)


class TestEigenvalues:
    def test_against_the_second_derivatives_of_a_quadratic(self):
        """Of 3 x^2 + x y + y^2 they are 6, 1 and 2; differences are those times h^2."""
        h = 0.1
        y, x = np.mgrid[-0.4:0.4:9j, -0.4:0.4:9j]
        found = roughness.hessians(3 * x**2 + x * y + y**2) / h**2
        assert np.allclose(found, [[6, 1], [1, 2]])
        assert np.allclose(
            roughness.eigenvalues(3 * x**2 + x * y + y**2) / h**2, [4 - 5**0.5, 4 + 5**0.5]
        )

    def test_the_ratio_of_a_bowl_a_saddle_and_a_hill(self):
        y, x = np.mgrid[-1:1:9j, -1:1:9j]
        assert roughness.eigenvalue_ratio(1 + x**2 + y**2) == 0
        assert roughness.eigenvalue_ratio(9 + 2 * x**2 - y**2) == pytest.approx(0.5)
        assert roughness.eigenvalue_ratio(9 - x**2 - 2 * y**2) == pytest.approx(1)


class TestValleys:
    def test_a_bowl_has_one_and_a_slope_or_hill_none(self):
        x = np.linspace(-1, 1, 21)
        assert roughness.valleys(1 + x**2) == 1
        assert roughness.valleys(2 + x) == 0 and roughness.valleys(9 - x**2) == 0

    def test_by_hand_two_of_three_are_deep_enough(self):
        loss = np.array([5.0, 1, 3, 2, 2.01, 1.9, 4])  # 2 to 2.01 is half a percent
        assert roughness.valleys(loss) == 2
        assert roughness.valleys(loss, depth=0.001) == 3
        assert roughness.valleys(loss[::-1]) == 2

    def test_a_flat_bottom_is_one_valley_and_one_at_the_edge_is_none(self):
        assert roughness.valleys(np.array([5.0, 1, 1, 1, 5])) == 1
        assert roughness.valleys(np.array([5.0, 4, 1])) == 0
        assert roughness.valleys(np.array([5.0, 1, 1.001, 1.002])) == 0

    def test_waves_are_counted(self):
        x = np.linspace(0, 6 * np.pi, 301)
        assert roughness.valleys(3 - np.sin(x)) == 3


class TestBasin:
    def test_of_a_parabola(self):
        x = np.linspace(-1, 1, 201)
        assert roughness.basin(x, 4 * x**2, 1.0) == pytest.approx(0.5)

    def test_sides_are_averaged_and_a_side_that_stays_below_counts_as_the_radius(self):
        x = np.linspace(-1, 1, 5)
        assert roughness.basin(x, np.array([9.0, 1, 0, 0, 0]), 2.0) == pytest.approx(
            (0.5 + 0.5 / 8 + 1) / 2
        )

    def test_what_falls_again_behind_a_wall_is_outside(self):
        x = np.linspace(-1, 1, 5)
        assert roughness.basin(x, np.array([0.0, 4, 0, 4, 0]), 2.0) == pytest.approx(0.25)

    def test_a_net_no_better_than_guessing_has_none(self):
        assert roughness.basin(np.linspace(-1, 1, 3), np.full(3, 2.5), LN10) == 0

    def test_of_a_map_from_its_row_and_column(self):
        y, x = np.mgrid[-1:1:201j, -1:1:201j]
        both = roughness.basin(np.linspace(-1, 1, 201), 4 * x**2 + 16 * y**2, 1.0)
        assert both == pytest.approx((0.5 + 0.25) / 2)

    def test_a_wall_of_no_number_is_where_it_stands(self):
        x = np.linspace(-1, 1, 5)
        assert roughness.basin(x, np.array([math.inf, 0, 0, 0, math.inf]), 2.0) == 1


def test_a_finding_is_read_with_guessing_as_the_level():
    reading = roughness.read(made(lambda x: 1 + x**2 * 2 * (LN10 - 1), points=201))
    assert reading.centre == 1 and reading.nonconvex == 0 and reading.ratio is None
    assert reading.basin == pytest.approx(0.5**0.5, abs=1e-3)
    assert roughness.read(made(lambda x, y: 1 + x * x + y * y, dimensions=2)).ratio == 0


def bumpy(net: tuple[int, str], bumps: float, seed: int, **how) -> Finding:
    return made(
        lambda x: 2 + x * x + bumps * math.sin(20 * x + seed) / 20, net=net, seed=seed, **how
    )


STORED = [
    *(bumpy((56, "none"), 1.0 + seed / 10, seed) for seed in range(3)),
    *(bumpy((56, "A"), 0.05 + seed / 10, seed) for seed in range(3)),
    *(bumpy((20, "A"), 0.0, seed, bn=bn) for seed in (0, 1) for bn in ("running", "recomputed")),
]


class TestReport:
    def test_the_gap_of_two_nets_has_its_interval_and_n(self):
        line = report.gap(STORED, "cifar10", "running", "plain-56", "ResNet-56")
        assert line.startswith("non-convex share, plain-56 minus ResNet-56, BN running: +")
        assert "n=3 and 3" in line and line.endswith("yes")
        back = report.gap(STORED, "cifar10", "running", "ResNet-56", "plain-56")
        assert back.endswith("the reverse")

    def test_single_runs_decide_nothing(self):
        one = [f for f in STORED if f.run.recipe.seed == 0]
        assert "undecided" in report.gap(one, "cifar10", "running", "plain-56", "ResNet-56")

    def test_the_table_has_a_row_for_every_net_and_mode(self):
        table = report.table(STORED, "cifar10")
        assert table.count("\n") == 5 - 1 + 1
        assert "| plain-56 | running | 3 |" in table and "| ResNet-20 | recomputed | 2 |" in table

    def test_the_gaps_of_a_chapter_are_six_lines_and_need_all_four_nets(self):
        nets = [(depth, option) for depth in (20, 56) for option in ("none", "A")]
        every = [
            bumpy(net, 0.5, seed, bn=bn)
            for net in nets
            for seed in (0, 1)
            for bn in ("running", "recomputed")
        ]
        lines = report.gaps(every, "cifar10").splitlines()
        assert len(lines) == 6 and all(line.endswith("undecided") for line in lines)
        with pytest.raises(InputError, match="plain-20"):
            report.gaps(STORED, "cifar10")

    def test_mistakes_are_said(self):
        with pytest.raises(InputError, match="no reading 'height'"):
            report.gap(STORED, "cifar10", "running", "plain-56", "ResNet-56", "height")
        with pytest.raises(InputError, match="no 1-D slice of plain-110 on cifar10"):
            report.gap(STORED, "cifar10", "running", "plain-110", "ResNet-56")


class TestShown:
    def test_nets_come_in_their_order_with_their_seeds(self):
        found = shown.select(STORED[::-1], dimensions=1, bn="running", images="cifar10")
        assert list(shown.by_net(found)) == ["plain-56", "ResNet-20", "ResNet-56"]
        assert [f.run.recipe.seed for f in found] == [0, 1, 2, 0, 1, 0, 1, 2]

    def test_the_face_says_images_scale_and_bn(self):
        text = shown.describe(STORED[:3])
        assert text.startswith("500 training images of CIFAR-10; reduced scale")
        assert text.endswith("BN statistics kept")

    def test_a_chapter_shows_the_images_that_there_are_and_says_so(self):
        assert shown.images_with(STORED, "cifar10")[0] == "cifar10"
        name, sentence = shown.images_with(STORED, "embedded")
        assert name == "cifar10" and "embedded data none are stored" in sentence
        with pytest.raises(InputError, match="no slice is stored"):
            shown.images_with([], "cifar10")

    def test_two_modes_are_not_one_figure(self):
        with pytest.raises(InputError, match="one BN mode"):
            shown.describe(STORED)

    def test_a_net_of_its_own_recipe_keeps_its_own_name(self):
        own = replace(STORED[0], scale="own")
        assert shown.net_of(own) == "plain-56-w8" and shown.net_of(STORED[0]) == "plain-56"
