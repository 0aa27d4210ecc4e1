"""Figure 7 draws every net, in its order and sorted, and says what it was made from."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from test_claims_responses import as_in_the_paper, nets

from resnet_lab import figures
from resnet_lab.errors import InputError
from resnet_lab.layer_responses import figure, measure, stored

RECORDED, MEASURED = nets(as_in_the_paper, seeds=2)
PAIRS = stored.of_records(RECORDED, MEASURED)


def thick(ax):
    return {
        line.get_label(): line
        for line in ax.get_lines()
        if line.get_linewidth() > 1.5 and not line.get_label().startswith("_")
    }


def test_both_panels_have_the_five_nets_and_as_many_points_as_layers():
    drawn = figure.figure_7(PAIRS)
    assert len(drawn.axes) == 2
    for ax in drawn.axes:
        lengths = {name: len(line.get_xdata()) for name, line in thick(ax).items()}
        assert lengths == {
            **{"plain-20": 19, "plain-56": 55},
            **{"ResNet-20": 19, "ResNet-56": 55, "ResNet-110": 109},
        }
    assert drawn.axes[0].get_ylim() == drawn.axes[1].get_ylim()


def test_the_lower_panel_falls_and_holds_the_same_numbers():
    upper, lower = (thick(ax) for ax in figure.figure_7(PAIRS).axes)
    for net, line in lower.items():
        assert (np.diff(line.get_ydata()) <= 0).all()
        assert sorted(line.get_ydata()) == pytest.approx(sorted(upper[net].get_ydata()))


def test_plain_is_dashed_as_well_as_brown():
    styles = {
        name: line.get_linestyle() for name, line in thick(figure.figure_7(PAIRS).axes[0]).items()
    }
    assert {style for name, style in styles.items() if name.startswith("plain")} == {"--"}
    assert {style for name, style in styles.items() if name.startswith("ResNet")} == {"-"}


def test_dots_mark_the_ends_of_residual_branches():
    _, (ax,) = figures.sheet(1)
    figure.curves(ax, {"ResNet-20": figure.by_net(PAIRS)["ResNet-20"]})
    (dots,) = [line for line in ax.get_lines() if line.get_marker() == "o"]
    assert list(dots.get_xdata()) == list(range(3, 20, 2))


def test_the_face_says_scale_images_mode_and_what_is_missing():
    words = figure.caption(PAIRS)
    assert "reduced scale" in words and "10 test images" in words and "stored statistics" in words
    assert "n = 2 a net" in words and "not measured" not in words
    some = [pair for pair in PAIRS if pair[0].net != "ResNet-110"]
    assert figure.caption(some).endswith("not measured: ResNet-110")


def test_two_modes_do_not_share_a_figure():
    recorded, batch = nets(as_in_the_paper, seeds=1, bn="batch")
    mixed = PAIRS[:1] + [(recorded[0], batch[0])]
    with pytest.raises(InputError, match="one image set and in one mode"):
        figure.figure_7(mixed)


def test_nothing_to_draw_and_a_wrong_order_are_sentences():
    _, (ax,) = figures.sheet(1)
    with pytest.raises(InputError, match="reproduce figure_7"):
        figure.curves(ax, {})
    with pytest.raises(InputError, match="original or sorted, got 'random'"):
        figure.stds(MEASURED[0], "random")


def test_roles_draws_both_sorts_of_layers_of_both_kinds():
    _, (ax,) = figures.sheet(1)
    figure.roles(ax, figure.by_net(PAIRS))
    names = {text.get_text() for text in ax.get_legend().get_texts()}
    assert names == {
        f"{kind}, {sort}"
        for kind in ("plain nets", "residual nets")
        for sort in ("branch ends", "first layers")
    }


def test_a_plain_net_has_its_places_where_its_twin_has_branch_ends():
    nets_ = figure.by_net(PAIRS)
    plain, residual = nets_["plain-20"][0], nets_["ResNet-20"][0]
    assert figure.places(plain).tolist() == figure.places(residual).tolist()


def test_one_net_of_anybodys():
    import torch

    from resnet_lab import ResNet, cifar

    found = measure(ResNet(cifar(8, width=4)), [torch.randn(2, 3, 8, 8)])
    drawn = figure.of_one(found, {"images": "2 of noise"})
    assert isinstance(drawn, Figure) and "2 of noise" in drawn.get_suptitle()
    lines = [len(line.get_xdata()) for line in drawn.axes[0].get_lines()]
    assert lines == [7, 3]
