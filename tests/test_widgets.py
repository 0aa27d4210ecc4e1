"""A widget is a wrapper: what it shows is what the plain function returns."""

from conftest import record_of

from resnet_lab import widgets
from resnet_lab.blocks import Block


def controls(box):
    return box.children[0].children


def test_the_net_explorer_redraws_at_both_ends_and_for_both_kinds(shown):
    slider, toggle = controls(widgets.net_explorer())
    assert (slider.options[0], slider.options[-1]) == (8, 1202)
    for depth in (8, 1202):
        slider.value = depth
        assert f"6n + 2 = {depth}" in shown[-1]
    toggle.value = "residual"
    assert "ResNet-1202" in shown[-1] and "identity" in shown[-1]


def test_the_curve_explorer_offers_what_was_trained(shown):
    runs = [record_of(d, s) for d in (20, 56) for s in ("none", "A")]
    slider, toggle = controls(widgets.curve_explorer(runs))
    assert list(slider.options) == [20, 56]
    before = len(shown)
    slider.value, toggle.value = 20, "residual"
    assert len(shown) == before + 2


def test_every_control_has_a_class_that_a_browser_test_can_find():
    slider, toggle = controls(widgets.net_explorer())
    assert "lab-depth" in slider._dom_classes and "lab-shortcut" in toggle._dom_classes


def test_source_is_shown_from_the_package():
    text = widgets.show(Block.forward).data
    assert text.startswith("```python") and "y + self.shortcut(x)" in text


def test_the_run_explorer_moves_by_depth_by_seed_and_by_kind(shown):
    runs = [record_of(d, s, seed=n) for d in (20, 56) for s in ("none", "A") for n in (0, 1)]
    runs.append(record_of(1202, "A"))
    slider, toggle, seed, update = controls(widgets.run_explorer(runs))
    assert list(slider.options) == [20, 56, 1202] and list(seed.options) == [0, 1]
    assert "lab-seed" in seed._dom_classes
    assert shown[-1].get_suptitle().startswith("plain-1202: not run\n")
    slider.value = 20
    assert shown[-1].get_suptitle().startswith("plain-20, seed 0")
    seed.value = 1
    assert shown[-1].get_suptitle().startswith("plain-20, seed 1")
    toggle.value = "residual"
    assert shown[-1].get_suptitle().startswith("ResNet-20, seed 1")
