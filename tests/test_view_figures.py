"""Figures show what their titles say; the sliders redraw at both ends."""

import pytest
from matplotlib.figure import Figure

from resnet_lab import explore_views, view_figures, view_widgets
from resnet_lab.drawn_scene import scene
from resnet_lab.errors import InputError
from resnet_lab.imagenet_recipe import ImageNetRecipe, drops_so_far

IMAGE = scene()


def titles(figure: Figure) -> list[str]:
    return [ax.get_title() for ax in figure.axes]


def test_every_training_view_has_a_frame_and_a_panel():
    figure = view_figures.training_views(IMAGE, ImageNetRecipe(), range(4))
    whole, *views = figure.axes
    assert len(whole.patches) == len(views) == 4
    assert all(ax.get_title().startswith("side ") for ax in views)


def test_ten_crops_are_numbered():
    names = titles(view_figures.ten_crops(IMAGE))[2:]
    assert names[0] == "1 top left" and names[-1] == "10 mirrored, centre" and len(names) == 10


def test_five_scales_are_to_one_scale_of_pixels():
    (ax,) = view_figures.five_scales(IMAGE).axes
    heights = [abs(i.get_extent()[2] - i.get_extent()[3]) for i in ax.images]
    assert heights == list(explore_views.SIDES)
    assert "294 windows" in ax.texts[-1].get_text()


@pytest.mark.parametrize("side", explore_views.SIDES)
@pytest.mark.parametrize("number", [1, 4, 10])
def test_the_window_stays_on_the_map(side, number):
    panel = view_figures.view(IMAGE, side, number).axes[2]
    window, found = panel.patches[-1], explore_views.scale_of((375, 500), side)
    assert window.get_x() + window.get_width() <= found.map[1]
    assert window.get_y() + window.get_height() <= found.map[0]


def test_a_crop_that_there_is_not_is_said():
    with pytest.raises(InputError, match="crops 1 to 10, not 11"):
        view_figures.view(IMAGE, 256, 11)


def test_the_made_up_errors_fall_after_each_of_two_drops():
    recipe = ImageNetRecipe()
    errors = view_figures.made_up_errors(recipe)
    drops = [drops_so_far(errors[: n + 1], recipe) for n in range(len(errors))]
    assert sorted(set(drops)) == [0, 1, 2]
    for drop in (1, 2):
        at = drops.index(drop)
        assert min(errors[at + 1 :]) < min(errors[: at + 1]) - recipe.min_gain
    figure = view_figures.plateau(errors, recipe)
    assert "made-up" in figure.axes[0].get_title()
    assert len(figure.axes[0].lines) == 1 + 2  # the errors, and a line at each drop


def test_the_explorer_redraws_at_both_ends_and_a_browser_can_find_it(shown):
    side, number = view_widgets.view_explorer(IMAGE).children[0].children
    assert "lab-side" in side._dom_classes and "lab-crop" in number._dom_classes
    for value in (224, 640):
        side.value = value
        assert titles(shown[-1])[0].startswith(f"side {value}:")
    for value in (1, 10):
        number.value = value
        assert titles(shown[-1])[1].startswith(f"crop {value}:")
