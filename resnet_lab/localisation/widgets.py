"""Controls over class, threshold and crop: wrappers around `figures`.

Paper: Appendix C.
Notebook: notebooks/09_localisation.py. Tests: tests/test_localisation_explore.py.
"""

import ipywidgets

from resnet_lab import widgets
from resnet_lab.localisation import explore, figures
from resnet_lab.localisation.explore import CLASSES, Shown


def choice(one: Shown) -> ipywidgets.Dropdown:
    """The classes, the image's own first chosen."""
    menu = ipywidgets.Dropdown(options=list(CLASSES), value=one.own, description="class")
    menu.add_class("lab-class")
    return menu


def class_explorer(one: Shown) -> ipywidgets.VBox:
    """A menu over the classes: the map of that class and its best box."""
    return widgets.draw(lambda name: figures.class_view(one, name), name=choice(one))


def proposal_explorer(one: Shown) -> ipywidgets.VBox:
    """Class and score threshold: the proposals that are left."""
    slider = ipywidgets.FloatSlider(
        value=0.5, min=0, max=0.95, step=0.05, description="score", continuous_update=False
    )
    slider.add_class("lab-threshold")
    return widgets.draw(
        lambda name, threshold: figures.proposal_view(one, name, threshold),
        name=choice(one),
        threshold=slider,
    )


def crop_explorer(one: Shown) -> ipywidgets.VBox:
    """A slider over the proposals for the image's class: each one warped, scored and moved."""
    count = len(explore.proposals(one, one.own).boxes)
    slider = ipywidgets.IntSlider(
        value=min(2, count), min=1, max=count, description="proposal", continuous_update=False
    )
    slider.add_class("lab-proposal")
    return widgets.draw(lambda number: figures.crop_view(one, one.own, number), number=slider)
