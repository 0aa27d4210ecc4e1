"""Every explorer has named, labelled controls, and draws at both ends of each."""

import ipywidgets
import pytest
from detection_records import data, seen

from resnet_lab.detection import improvement_views, tested, widgets


def explorers():
    one, with_context = seen(), seen(context=True)
    return {
        "anchors": lambda: widgets.anchors(one, 6, 6),
        "objectness": lambda: widgets.objectness(one),
        "proposals": lambda: widgets.proposals(one),
        "roi": lambda: widgets.roi_grid(one),
        "head": lambda: widgets.head(one),
        "detections": lambda: widgets.detections(one),
        "voting": lambda: widgets.voting(one),
        "context": lambda: widgets.context(with_context, data(), (0, 1)),
        "multi-scale": lambda: widgets.multi_scale(improvement_views.scaled(one, tested.SCALES)),
        "ensemble": lambda: widgets.ensemble([one.net, one.net], ["a", "b"], data(), (0, 1)),
    }


@pytest.mark.parametrize("name", explorers())
def test_controls_are_labelled_and_both_ends_draw(name):
    box = explorers()[name]()
    controls, output = box.children[0].children, box.children[1]
    assert all(control.description for control in controls)
    assert all(control._dom_classes[0].startswith("lab-") for control in controls)
    for control in controls:
        assert isinstance(control, ipywidgets.SelectionSlider | ipywidgets.ToggleButtons)
        for end in (0, -1):
            control.index = len(control.options) - 1 if end else 0
            words, picture = output.outputs  # an error would be one output
            assert words["data"]["text/markdown"] == picture["data"]["text/plain"]
            assert len(picture["data"]["image/png"]) > 1000
