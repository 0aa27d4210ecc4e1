"""Figures say what they were made from, and a missing curve is an error."""

import matplotlib.pyplot
import numpy as np
import pytest
from conftest import record_of

from resnet_lab import figures
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
