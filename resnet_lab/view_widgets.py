"""Sliders over scales and crops: a wrapper around `view_figures.view`.

Paper: Section 3.4.
Notebook: notebooks/04_imagenet.py. Tests: tests/test_view_figures.py.
"""

import ipywidgets
from torch import Tensor

from resnet_lab import explore_views, view_figures, widgets


def view_explorer(image: Tensor) -> ipywidgets.VBox:
    """Sliders over the five scales and the ten crops: the crop, and the window nearest to it."""
    side = ipywidgets.SelectionSlider(
        options=list(explore_views.SIDES),
        value=384,
        description="shorter side",
        continuous_update=False,
    )
    number = ipywidgets.SelectionSlider(
        options=list(range(1, 11)), value=2, description="crop", continuous_update=False
    )
    side.add_class("lab-side")
    number.add_class("lab-crop")
    return widgets.draw(
        lambda side, number: view_figures.view(image, side, number), side=side, number=number
    )
