"""Sliders redraw at both ends, and a browser can find them."""

from matplotlib.figure import Figure

from resnet_lab import block_widgets


def title(figure: Figure) -> str:
    return figure.axes[0].get_title()


def test_the_option_explorer_redraws_for_every_option_and_place(shown):
    slider, place = block_widgets.option_explorer().children[0].children
    assert list(slider.options) == ["none", "A", "B", "C"] and slider.value == "A"
    for option in ("none", "C"):
        slider.value = option
    assert title(shown[-1]).startswith("option C, changes shape")
    place.value = "same shape"
    assert title(shown[-1]).startswith("option C, same shape")
    assert len(shown) == 4


def test_the_depth_explorer_redraws_at_both_ends_and_for_both_kinds(shown):
    slider, kind = block_widgets.depth_explorer().children[0].children
    for depth in (18, 152):
        slider.value = depth
        assert title(shown[-1]).startswith(f"ResNet-{depth}:")
    kind.value = "plain"
    assert title(shown[-1]).startswith("plain-152:")


def test_every_control_has_a_class_that_a_browser_test_can_find():
    for explorer, names in (
        (block_widgets.option_explorer(), ("lab-option", "lab-place")),
        (block_widgets.depth_explorer(), ("lab-depth", "lab-shortcut")),
    ):
        controls = explorer.children[0].children
        assert all(n in c._dom_classes for n, c in zip(names, controls, strict=True))
