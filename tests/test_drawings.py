"""Drawings hold what the modules are: boxes to scale, the words of each layer, arcs."""

import matplotlib.pyplot
import pytest
import torch
from matplotlib.patches import Rectangle

from resnet_lab import anatomy, drawings, explore_blocks, figures
from resnet_lab.blocks import Block
from resnet_lab.claims.nets import weightless
from resnet_lab.resnet import imagenet


def drawn(option, *, c_in=64, width=128, stride=2, bottleneck=False, size=56):
    with torch.device("meta"):
        block = Block(c_in, width, stride, shortcut=option, bottleneck=bottleneck)
    figure, (ax,) = figures.sheet(1, width=8.2, height=3.5)
    drawings.block(ax, anatomy.of_block(block, size))
    return figure, ax


def boxes(ax) -> list[Rectangle]:
    return [patch for patch in ax.patches if isinstance(patch, Rectangle)]


def words(ax) -> str:
    return "\n".join(text.get_text() for text in ax.texts)


def test_maps_are_as_wide_as_their_channels_and_as_high_as_their_side():
    _, ax = drawn("none")
    first, middle, *_ = boxes(ax)
    assert middle.get_width() == pytest.approx(2 * first.get_width())
    assert first.get_height() == pytest.approx(2 * middle.get_height())


@pytest.mark.parametrize(
    "option, count, says",
    [
        ("none", 4, "no shortcut"),
        ("A", 4 + 3, "64 of them zero"),  # zeros, what is carried, zeros
        ("B", 4 + 1, "projection: 1x1, 128, /2 - BN\n8,192 weights"),
        ("C", 4 + 1, "projection: 1x1, 128, /2 - BN\n8,192 weights"),
    ],
)
def test_every_option_has_its_own_shortcut(option, count, says):
    _, ax = drawn(option)
    assert len(boxes(ax)) == count
    assert says in words(ax)
    assert ("+" in [t.get_text() for t in ax.texts]) == (option != "none")
    assert "3x3, 128, /2" in words(ax) and words(ax).count("ReLU") == 2


def test_the_padding_is_drawn_as_wide_as_it_is():
    _, ax = drawn("A")
    hatched = [box for box in boxes(ax) if box.get_hatch()]
    (carried,) = [box for box in boxes(ax)[4:] if not box.get_hatch()]
    assert len(hatched) == 2
    assert sum(box.get_width() for box in hatched) == pytest.approx(carried.get_width())


@pytest.mark.parametrize("option", ["A", "B"])
def test_where_nothing_changes_shape_x_is_carried_as_it_is(option):
    _, ax = drawn(option, width=64, stride=1)
    assert "identity" in words(ax) and len(boxes(ax)) == 4


def test_figure_5_a_bottleneck_is_narrow_in_its_middle():
    _, ax = drawn("B", c_in=256, width=64, stride=1, bottleneck=True)
    widths = [box.get_width() for box in boxes(ax)]
    assert widths[0] == pytest.approx(4 * widths[1]) and widths[1] == widths[2]
    assert all(text in words(ax) for text in ("1x1, 64", "3x3, 64", "1x1, 256"))


@pytest.mark.parametrize("option", explore_blocks.OPTIONS)
@pytest.mark.parametrize("place", explore_blocks.PLACES)
def test_no_two_words_overlap(option, place):
    figure = explore_blocks.option_view(option, place)
    figure.canvas.draw()
    (ax,) = figure.axes
    extents = [t.get_window_extent() for t in (*ax.texts, ax.title) if t.get_text()]
    assert not any(a.overlaps(b) for i, a in enumerate(extents) for b in extents[:i])


@pytest.mark.parametrize("depth", [18, 34, 50, 101, 152])
@pytest.mark.parametrize("kind", ["residual", "plain"])
def test_a_net_is_drawn_layer_by_layer_and_its_names_do_not_overlap(depth, kind):
    figure = explore_blocks.depth_view(depth, kind)
    figure.canvas.draw()
    (ax,) = figure.axes
    bars, *arcs = ax.collections
    assert len(bars.get_paths()) == depth + 2  # two pools
    blocks = sum(imagenet(depth).blocks)
    assert sum(len(arc.get_paths()) for arc in arcs) == (blocks if kind == "residual" else 0)
    extents = [text.get_window_extent() for text in ax.texts]
    assert not any(a.overlaps(b) for i, a in enumerate(extents) for b in extents[:i])


def test_group_names_add_up_the_work_of_their_layers():
    _, (ax,) = figures.sheet(1, width=8.2)
    drawings.net(ax, *anatomy.of_net(weightless(imagenet(34)), 224))
    assert "6 x 3x3, 64\n56x56\n0.69e9" in words(ax)  # 6 x 115,605,504
    assert "7x7, 64, /2\n112x112" in words(ax)


def test_plain_is_brown_and_residual_blue():
    edges = {option: boxes(drawn(option)[1])[0].get_edgecolor()[:3] for option in ("none", "A")}
    assert edges["none"][0] > edges["none"][2] and edges["A"][0] < edges["A"][2]


def test_no_drawing_touches_pyplot():
    before = matplotlib.pyplot.get_fignums()
    explore_blocks.figure_3()
    explore_blocks.figure_5()
    assert matplotlib.pyplot.get_fignums() == before
