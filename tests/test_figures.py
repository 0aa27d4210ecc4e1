"""Figures say what they were made from, and a missing curve is an error."""

import dataclasses

import matplotlib.pyplot
import numpy as np
import pytest
from conftest import record_of

from resnet_lab import curves, figures, style
from resnet_lab.errors import InputError


@pytest.fixture
def four():
    nets = [(20, "none"), (56, "none"), (20, "A"), (56, "A")]
    return [record_of(d, s, seed=seed) for d, s in nets for seed in (0, 1)]


def test_figure_1_draws_every_run_and_its_mean_with_the_records_values(four):
    _, panels = figures.sheet(2)
    figures.degradation(panels, four)
    lines = panels[0].get_lines()
    assert len(lines) == 12  # four nets, two runs and a mean each
    steps, errors = figures.curve(four[0], "train")
    assert any(
        np.array_equal(line.get_xdata(), steps) and np.array_equal(line.get_ydata(), errors)
        for line in lines
    )


def test_curves_are_labelled_where_they_end_without_overlap(four):
    figure, panels = figures.sheet(2)
    figures.degradation(panels, four)
    figure.canvas.draw()
    boxes = [t.get_window_extent() for t in panels[0].texts]
    assert {t.get_text() for t in panels[0].texts} == {
        "plain-20",
        "plain-56",
        "ResNet-20",
        "ResNet-56",
    }
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


@pytest.mark.parametrize("images, says", [("embedded", "embedded data"), ("cifar10", "CIFAR-10")])
def test_a_figure_says_its_images_and_that_it_is_reduced(images, says):
    figure, panels = figures.sheet(2)
    figures.degradation(panels, [record_of(20, "none", images=images)])
    assert says in figure.get_suptitle() and "reduced scale" in figure.get_suptitle()
    assert "n = 1 a net" in figure.get_suptitle()


def test_the_number_of_runs_is_said_in_one_way():
    assert style.counted([[1, 2], [3, 4]]) == "n = 2 a net"
    assert style.counted([[1, 2], [3]], "pair") == "n = 1 to 2 a pair"
    assert style.counted([]) == "no run"


def test_runs_of_two_kinds_cannot_share_a_figure():
    mixed = [record_of(20, "none"), record_of(20, "A", images="embedded")]
    with pytest.raises(InputError, match="one scale on one set"):
        figures.describe(mixed)
    with pytest.raises(InputError, match="at least one"):
        figures.describe([])
    with pytest.raises(InputError, match="no records"):
        figures.by_net([])


def test_the_gap_is_deep_minus_shallow_seed_by_seed(four):
    _, (ax,) = figures.sheet(1)
    figures.depth_gap(ax, four)
    plain = {(r.net, r.run.recipe.seed): figures.curve(r, "train")[1] for r in four}
    expected = np.mean([plain["plain-56", s] - plain["plain-20", s] for s in (0, 1)], axis=0)
    assert any(np.allclose(line.get_ydata(), expected) for line in ax.get_lines())
    with pytest.raises(InputError, match="two depths"):
        figures.depth_gap(ax, four[:2])


def test_highlighting_a_net_that_was_not_run_is_an_error(four):
    _, panels = figures.sheet(2)
    with pytest.raises(InputError, match="no run of plain-110"):
        figures.highlight(panels, four, "plain-110")
    figures.highlight(panels, four, "plain-56")


def test_no_figure_touches_pyplot(four):
    before = matplotlib.pyplot.get_fignums()
    _, panels = figures.sheet(2)
    figures.depth_panels(panels, four)
    assert matplotlib.pyplot.get_fignums() == before


@pytest.mark.parametrize("net", ["plain-20", "ResNet-1202", "plain-8", "ResNet-110"])
def test_every_net_has_a_colour(net):
    assert figures.colour(net).startswith("#")


def test_plain_and_residual_never_share_a_colour():
    plain, residual = (set(figures.COLOURS[kind].values()) for kind in ("plain", "ResNet"))
    assert not plain & residual


def test_an_image_row_shows_each_image_as_it_is():
    images = np.random.default_rng(0).integers(0, 256, (3, 3, 8, 8), dtype=np.uint8)
    _, (ax,) = figures.sheet(1)
    figures.image_row(ax, images, "abc")
    drawn = ax.images[0].get_array()
    assert np.array_equal(drawn[:, 9:17], images[1].transpose(1, 2, 0))


def labels(ax) -> list[str]:
    return [text.get_text() for text in ax.texts]


@pytest.fixture
def family():
    """Every net of Figure 6 to 110 layers, ending in the order of the paper."""
    plain = [record_of(d, "none", test=float(d), seed=s) for d in (20, 32, 44, 56) for s in (0, 1)]
    plain.append(record_of(110, "none", train=85.0, test=88.0))
    residual = [
        record_of(d, "A", test=t, seed=s)
        for d, t in ((20, 38.0), (32, 37.9), (44, 37.8), (56, 37.7), (110, 41.0))
        for s in (0, 1)
    ]
    return plain + residual


def test_figure_6_has_plain_nets_then_residual_nets_then_110_and_1202(family):
    figure, panels = figures.sheet(3, width=11.4)
    figures.figure_6(panels, [*family, record_of(1202, "A", test=45.0)])
    assert [ax.get_title() for ax in panels][:2] == ["plain nets", "residual nets"]
    assert set(labels(panels[0])) >= {"plain-20", "plain-32", "plain-44", "plain-56"}
    assert {"ResNet-20", "ResNet-110"} <= set(labels(panels[1]))
    assert {"ResNet-110", "ResNet-1202"} <= set(labels(panels[2]))
    assert not [text for ax in panels for text in labels(ax) if "not run" in text]
    # training dashed and test solid, of every run and of the mean
    styles = [line.get_linestyle() for line in panels[1].get_lines()]
    assert styles.count("--") == styles.count("-") == 5 * (2 + 1)
    assert len({ax.get_ylim() for ax in panels}) == 1
    assert "reduced scale" in figure.get_suptitle() and "n = 1 to 2 a net" in figure.get_suptitle()


def test_figure_6_names_what_was_not_run_inside_its_panel(family):
    _, panels = figures.sheet(3)
    figures.figure_6(panels, [r for r in family if r.net not in ("ResNet-32", "ResNet-44")])
    assert "not run: ResNet-32, ResNet-44" in labels(panels[1])
    assert "not run: ResNet-1202" in labels(panels[2])
    _, panels = figures.sheet(3)
    figures.figure_6(panels, [r for r in family if r.net.startswith("plain")])
    assert labels(panels[1]) == ["not run"] and not panels[1].get_lines()


def test_figure_6_without_any_run_is_three_panels_of_words():
    figure, panels = figures.sheet(3)
    figures.figure_6(panels, [])
    assert [labels(ax) for ax in panels] == [["not run"]] * 3
    assert figure.get_suptitle() == "no run is recorded"
    figure.canvas.draw()


def test_figure_6_does_not_squeeze_its_nets_for_plain_110(family):
    """As in the paper, whose caption says that plain-110 is above 60 % and not drawn."""
    low = [
        record_of(r.run.net.depth, r.run.net.shortcut, test=9.0, train=5.0)
        for r in family
        if r.net != "plain-110"
    ]
    _, panels = figures.sheet(3)
    figures.figure_6(panels, [*low, record_of(110, "none", train=88.0, test=89.9)])
    assert panels[0].get_ylim()[1] == 20  # 9 and some room; the paper's axis ends there too
    assert "plain-110 is above: 89.9 % test error" in labels(panels[0])
    assert "plain-110" not in labels(panels[0])


def test_figure_6_at_paper_scale_shows_the_last_third_on_the_right():
    runs = [record_of(d, "A", train=0.1, test=7.0, scale="paper") for d in (110, 1202)]
    _, panels = figures.sheet(3)
    figures.figure_6(panels, runs)
    assert panels[2].get_xlim() == (40_000, 64_000)  # ticks 4 to 6, in units of 10,000
    assert panels[1].get_xlim() == (0, 64_000)


def test_no_labels_of_figure_6_overlap(family):
    figure, panels = figures.sheet(3, width=11.4, height=3.9)
    figures.figure_6(panels, family)
    figure.canvas.draw()
    for ax in panels:
        boxes = [text.get_window_extent() for text in ax.texts]
        assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


@pytest.mark.parametrize(
    "values, expected",
    [
        ([1, 5, 9], [1, 5, 9]),
        ([5, 5], [4.5, 5.5]),
        ([5, 5, 5.2, 9], [4.0667, 5.0667, 6.0667, 9]),  # around their mean, 5.0667
        ([0, 0, 0], [0, 1, 2]),  # not below the axis
        ([0, 0.5, 1, 1.5], [0, 1, 2, 3]),
        ([], []),
    ],
)
def test_labels_that_are_too_close_spread_around_their_lines(values, expected):
    assert style.spread(values, 1) == pytest.approx(expected, abs=1e-3)


def cold(seed: int = 0, **changes):
    """ResNet-110 at quick scale without its warm-up."""
    record = record_of(110, "A", seed=seed, **changes)
    recipe = dataclasses.replace(record.run.recipe, warm_up_steps=0)
    return dataclasses.replace(record, run=dataclasses.replace(record.run, recipe=recipe))


def test_the_warm_up_is_drawn_at_its_start_and_as_a_whole():
    figure, panels = figures.sheet(2)
    figures.warm_up(panels, [record_of(110, "A"), cold(), cold(1)])
    for ax in panels:
        assert set(labels(ax)) == {"ResNet-110,\nwith warm-up", "ResNet-110,\nno warm-up", ""}
        assert {line.get_linestyle() for line in ax.get_lines()} == {"--"}  # training error
    assert panels[0].get_xlim() == (0, 400) and panels[1].get_xlim() == (0, 1_200)
    assert figures.colour("ResNet-110, no warm-up") != figures.colour("ResNet-110")


@pytest.mark.parametrize(
    "runs, missing",
    [([record_of(110, "A")], "no warm-up"), ([cold()], "with warm-up")],
)
def test_a_missing_arm_of_the_warm_up_is_named(runs, missing):
    _, panels = figures.sheet(2)
    figures.warm_up(panels, runs)
    assert f"not run: ResNet-110, {missing}" in labels(panels[0])
    _, panels = figures.sheet(2)
    figures.warm_up(panels, [])
    assert "not run: ResNet-110, with warm-up\nnot run: ResNet-110, no warm-up" in labels(panels[1])


def test_the_band_of_the_warm_up_is_read_off_the_curve():
    record = record_of(110, "A", scale="paper")
    points = [(400, 0.01), (500, 0.1), (32_000, 0.1), (48_000, 0.01), (64_000, 0.001)]
    curve = [dataclasses.replace(record.curve[0], step=step, lr=lr) for step, lr in points]
    assert curves.warm_updates(dataclasses.replace(record, curve=tuple(curve))) == 400


def test_one_run_is_drawn_over_all_others_in_grey(four):
    _, panels = figures.sheet(2)
    figures.highlight(panels, four, "plain-56", seed=1)
    chosen = next(r for r in four if r.net == "plain-56" and r.run.recipe.seed == 1)
    (line,) = panels[0].get_lines()
    assert np.array_equal(line.get_ydata(), figures.curve(chosen, "train")[1])
    (grey,) = panels[0].collections
    assert len(grey.get_segments()) == len(four) - 1


def test_a_run_half_way_is_drawn_as_far_as_it_came_and_stays_grey_whole(four):
    _, panels = figures.sheet(2)
    figures.highlight(panels, four, "plain-56", seed=1, update=600)
    (line,) = panels[1].get_lines()
    assert list(line.get_xdata()) == [600]
    (grey,) = panels[1].collections
    assert len(grey.get_segments()) == len(four)
    assert figures.tested_updates(four) == [600, 1_200]


def test_a_training_three_times_as_long_can_stand_beside_the_usual_one(four):
    """The experiment `longer`, footnote 3: both lengths are said, and the long one is drawn."""
    long = four[2]  # plain-56
    recipe = dataclasses.replace(long.run.recipe, steps=3_600, drops=(3_000,))
    points = tuple(dataclasses.replace(point, step=3 * point.step) for point in long.curve)
    long = dataclasses.replace(long, run=dataclasses.replace(long.run, recipe=recipe), curve=points)
    figure, panels = figures.sheet(2)
    figures.degradation(panels, [*four, long])
    assert "1,200 or 3,600 updates, n = " in figure.get_suptitle()
    assert "plain-56, 3x longer" in labels(panels[0])
