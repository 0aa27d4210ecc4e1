"""What the sliders over options and depths show, at both ends."""

import pytest

from resnet_lab import explore_blocks
from resnet_lab.errors import InputError


def title(figure) -> str:
    return figure.axes[0].get_title()


def test_the_title_splits_the_cost_of_the_shortcut_off():
    # 1x1 from 64 to 128: 8,192 weights and 256 of BN; 128 x 28 x 28 x 64 multiply-adds
    assert "(8,448 in the shortcut)" in title(explore_blocks.option_view("B", "changes shape"))
    assert "(6.4e6)" in title(explore_blocks.option_view("B", "changes shape"))
    for option in ("none", "A"):
        assert "(0 in the shortcut)" in title(explore_blocks.option_view(option, "changes shape"))
    assert "(0 in the shortcut)" in title(explore_blocks.option_view("B", "same shape"))
    assert "(4,224 in the shortcut)" in title(explore_blocks.option_view("C", "same shape"))


def test_table_3_counts_projections_and_prints_the_papers_errors(paper):
    rows = [line.strip("| ").split(" | ") for line in explore_blocks.table_3().splitlines()[2:]]
    assert [row[1] for row in rows] == ["0", "0", "3", "16", "4", "4", "4"]
    derived = paper["derived"]["imagenet_parameters"]
    for row, name in zip(rows[1:4], ("plain_or_A_34", "B_34", "C_34"), strict=True):
        assert row[2] == f"{derived[name]['value']:,}"
    assert [row[5] for row in rows[:4]] == ["28.54", "25.03", "24.52", "24.19"]
    assert all(row[-1] == "not run" for row in rows)


def test_section_4_1_c_has_13_extra_projections():
    assert explore_blocks.extra_projections().startswith("option C has 13 projections more")
    assert explore_blocks.extra_projections().endswith("says 13")


def test_section_4_1_a_projection_about_doubles_a_bottleneck():
    # 70,400 parameters; the projection has 256 x 256 + 512
    assert "136,448" in explore_blocks.projected_bottleneck()
    assert "1.94 and 1.94 times" in explore_blocks.projected_bottleneck()


@pytest.mark.parametrize("depth, e9", [(18, "1.79e9"), (152, "11.28e9")])
def test_the_depth_slider_at_both_ends(depth, e9):
    assert title(explore_blocks.depth_view(depth)).startswith(f"ResNet-{depth}:")
    assert e9 in title(explore_blocks.depth_view(depth))
    assert title(explore_blocks.depth_view(depth, "plain")).startswith(f"plain-{depth}:")


def test_figure_3_has_the_three_nets_and_their_cost():
    titles = [ax.get_title(loc="left") for ax in explore_blocks.figure_3().axes]
    assert [text.split(",")[0] for text in titles] == [
        "VGG-19",
        "34-layer plain",
        "34-layer residual",
    ]
    assert "19.63e9" in titles[0] and "3.64e9" in titles[1]


def test_figure_5_draws_both_designs_on_one_scale():
    basic, bottleneck = explore_blocks.figure_5().axes
    assert basic.get_xlim() == bottleneck.get_xlim()
    assert basic.patches[0].get_width() * 4 == pytest.approx(bottleneck.patches[0].get_width())


def test_the_users_errors():
    with pytest.raises(InputError, match="changes shape or same shape, got 'elsewhere'"):
        explore_blocks.option_view("A", "elsewhere")
    with pytest.raises(InputError, match="got 'D'"):
        explore_blocks.option_view("D")
    with pytest.raises(InputError, match="Table 1"):
        explore_blocks.depth_view(20)
