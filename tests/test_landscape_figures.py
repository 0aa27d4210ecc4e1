"""What is drawn is what was measured, on scales that are the same for a pair."""

import json
import math

import numpy as np
import pytest
from test_landscape_roughness import LN10, made

from resnet_lab.errors import InputError
from resnet_lab.landscape import chart, drawing, lines
from resnet_lab.style import colour, sheet

NETS = {(20, "none"): 1.5, (20, "A"): 1.0, (56, "none"): 1.9, (56, "A"): 1.1}
LINES = [
    made(lambda x, c=c, s=seed: c + (3 + s) * x * x, net=net, seed=seed, bn=bn)
    for bn in ("running", "recomputed")
    for net, c in NETS.items()
    for seed in (0, 1)
]
MAPS = [
    made(lambda x, y, c=c: c + 30 * x * x + 3 * y * y, dimensions=2, net=net, bn=bn)
    for bn in ("running", "recomputed")
    for net, c in NETS.items()
]
STORED = LINES + MAPS


def ax():
    return sheet(1)[1][0]


class TestLevels:
    def test_guessing_is_an_edge_and_the_edges_rise_from_the_lowest_loss_to_ten_times_guessing(
        self,
    ):
        edges = drawing.levels(MAPS[:4])
        assert np.isclose(edges, LN10).any() and (np.diff(edges) > 0).all()
        assert edges[0] == 1.0 and edges[-1] == pytest.approx(10 * LN10)
        steps = np.diff(np.log(edges))
        assert steps.max() / steps.min() < 1.6

    def test_of_two_nets_they_are_those_of_both(self):
        pair = drawing.levels(MAPS[2:4])
        assert pair[0] == min(drawing.levels([m])[0] for m in MAPS[2:4])

    @pytest.mark.parametrize("low, high", [(3.0, 9.0), (0.5, 0.6), (2.3, 2.31), (1e-6, 1e9)])
    def test_of_any_losses_they_rise(self, low, high):
        finding = made(lambda x, y: low + (high - low) * (x * x + y * y) / 2, dimensions=2)
        edges = drawing.levels([finding])
        assert (np.diff(edges) > 0).all() and np.isfinite(edges).all()
        drawing.maps([finding])

    def test_of_nothing_there_are_none(self):
        with pytest.raises(InputError, match="no slice to draw"):
            drawing.levels([])


class TestMaps:
    def test_the_four_nets_share_one_scale_and_say_what_they_are(self):
        figure = drawing.maps(MAPS[:4])
        titles = [panel.get_title() for panel in figure.axes[:4]]
        assert titles == ["plain-20", "ResNet-20", "plain-56", "ResNet-56"]
        assert "500 training images of CIFAR-10; reduced scale" in figure.get_suptitle()
        filled = [panel.collections[0] for panel in figure.axes[:4]]
        assert len({tuple(f.norm.boundaries) for f in filled}) == 1

    def test_the_red_line_is_where_guessing_is(self):
        panel = ax()
        drawing.paint(panel, MAPS[1])
        red = panel.collections[1].get_paths()[0].vertices
        level = 1.0 + 30 * red[:, 0] ** 2 + 3 * red[:, 1] ** 2
        assert np.allclose(level, LN10, atol=0.15)

    def test_a_smaller_radius_shows_the_middle(self):
        panel = ax()
        drawing.paint(panel, MAPS[0], radius=0.25)
        assert panel.get_xlim() == panel.get_ylim() == (-0.25, 0.25)

    def test_a_loss_that_is_no_number_has_the_last_colour(self):
        wall = made(lambda x, y: math.inf if x > 0.5 else 1 + x * x, dimensions=2)
        drawing.maps([wall])

    def test_a_curve_is_no_map_and_a_map_no_curve(self):
        with pytest.raises(InputError, match="2 dimensions"):
            drawing.paint(ax(), LINES[0])
        with pytest.raises(InputError, match="1 dimension"):
            lines.draw_curves(ax(), MAPS[:1])

    def test_a_chapter_gets_the_four_nets_with_pairs_side_by_side_or_a_sentence(self):
        figure = drawing.pair_of_maps(STORED, "cifar10", "recomputed")
        assert [panel.get_title() for panel in figure.axes[:2]] == ["plain-20", "ResNet-20"]
        assert drawing.pair_of_maps(STORED, "embedded", "running").startswith(
            "Not measured: no 2-D"
        )


class TestCurves:
    def test_thin_lines_are_seeds_and_the_thick_one_their_geometric_mean(self):
        panel = ax()
        lines.draw_curves(panel, LINES[:2])
        *thin, thick, guessing = panel.lines
        assert [line.get_ydata()[0] for line in thin] == pytest.approx([4.5, 5.5])
        assert thick.get_ydata()[0] == pytest.approx((4.5 * 5.5) ** 0.5)
        assert thick.get_color() == colour("plain-20") and panel.get_yscale() == "log"
        assert guessing.get_ydata()[0] == pytest.approx(LN10)

    def test_panels_by_depth_share_their_scale_and_name_their_lines(self):
        figure = lines.curves(LINES[:8])
        left, right = figure.axes
        assert left.get_ylim() == right.get_ylim()
        assert {t.get_text() for t in right.texts} == {"plain-56", "ResNet-56"}
        heights = [t.xy[1] for t in right.texts]
        assert abs(heights[0] - heights[1]) >= 0.08 - 1e-9

    def test_both_modes_of_bn_share_one_scale_and_say_which_is_which(self):
        left, right = lines.two_modes(LINES, "cifar10").axes
        assert left.get_ylim() == right.get_ylim()
        assert left.get_title() == "BN statistics kept, 2 seeds"
        assert right.get_title() == "BN statistics recomputed at every point, 2 seeds"
        with pytest.raises(InputError, match="110 layers"):
            lines.two_modes(LINES, "cifar10", depth=110)

    def test_errors_are_percent_on_a_plain_scale(self):
        (panel, _) = lines.curves(LINES[:8], "error").axes
        assert panel.get_yscale() == "linear" and panel.get_ylabel() == "error (%)"


class TestView:
    @pytest.mark.parametrize("bn", chart.BN)
    @pytest.mark.parametrize("radius", [chart.RADII[0], chart.RADII[-1]])
    def test_every_net_at_both_ends_of_the_radius(self, bn, radius):
        for net in ("plain-20", "ResNet-56"):
            figure = drawing.view(STORED, "cifar10", net, bn, radius)
            left, right, _ = figure.axes
            assert left.get_title() == f"{net}, 2 seeds, along x"
            assert left.get_xlim() == right.get_xlim() == (-radius, radius)

    def test_the_scale_does_not_move_from_net_to_net(self):
        limits = {
            drawing.view(STORED, "cifar10", net).axes[0].get_ylim()
            for net in ("plain-20", "ResNet-56")
        }
        assert len(limits) == 1

    def test_without_a_map_the_panel_says_so(self):
        figure = drawing.view(LINES, "cifar10", "plain-20")
        assert figure.axes[1].texts[0].get_text() == "no map of this net is stored"

    def test_a_net_that_was_not_measured_is_a_sentence(self):
        with pytest.raises(InputError, match="`resnet-lab landscape` measures it"):
            drawing.view(STORED, "embedded", "plain-20")


class TestControls:
    def test_the_explorer_redraws_for_every_control(self, shown):
        net, bn, radius = chart.landscape_explorer(STORED, "cifar10").children[0].children
        assert list(net.options) == ["plain-20", "plain-56", "ResNet-20", "ResNet-56"]
        net.value, bn.value, radius.value = "ResNet-56", "recomputed", 0.1
        assert shown[-1].axes[0].get_title().startswith("ResNet-56")
        assert "recomputed" in shown[-1].get_suptitle()
        names = ("lab-net", "lab-bn", "lab-radius")
        assert all(n in c._dom_classes for n, c in zip(names, (net, bn, radius), strict=True))

    def test_the_chart_holds_every_point_and_needs_no_kernel(self):
        bundle = chart.explorer(STORED, "cifar10")
        spec = bundle[chart.VEGA_LITE]
        rows = spec["data"]["values"]
        assert len(rows) == len(LINES)
        plain = [f for f in LINES if f.run.net.shortcut == "none" and f.run.net.depth == 20]
        for name, column in plain[0].values.items():
            assert rows[0][name] == pytest.approx(column, rel=6e-3)
        assert {p["name"] for p in spec["params"]} >= {"bn_mode", "what", "chosen", "radius"}
        assert spec["$schema"].endswith("v5.json") and "without a kernel" in bundle["text/plain"]
        json.dumps(spec, allow_nan=False)

    def test_the_chart_has_the_colours_of_the_project(self):
        scale = chart.explorer(STORED, "cifar10")[chart.VEGA_LITE]["encoding"]["color"]["scale"]
        assert dict(zip(scale["domain"], scale["range"], strict=True)) == {
            net: colour(net) for net in ("plain-20", "plain-56", "ResNet-20", "ResNet-56")
        }
