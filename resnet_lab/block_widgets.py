"""Sliders over shortcut options and ImageNet depths: wrappers around `explore_blocks`.

Paper: Sections 3.2, 3.3 and 4.1; Figures 2 and 3; Table 1.
Notebook: notebooks/02_shortcuts.py, notebooks/03_bottlenecks.py.
Tests: tests/test_block_widgets.py.
"""

import ipywidgets

from resnet_lab import explore_blocks, widgets
from resnet_lab.table_1 import DEPTHS


def option_explorer() -> ipywidgets.VBox:
    """Slider over none, A, B and C, and a toggle over the place of the block: the block drawn."""
    slider = ipywidgets.SelectionSlider(
        options=explore_blocks.OPTIONS, value="A", description="option", continuous_update=False
    )
    slider.add_class("lab-option")
    place = widgets.toggle(list(explore_blocks.PLACES), "lab-place", "the block")
    return widgets.draw(explore_blocks.option_view, option=slider, place=place)


def depth_explorer() -> ipywidgets.VBox:
    """Slider over the depths of Table 1 and a residual/plain toggle: the net layer by layer."""
    slider = widgets.depth_slider(DEPTHS, 50)
    kind = widgets.shortcut_toggle(("residual", "plain"))
    return widgets.draw(explore_blocks.depth_view, depth=slider, kind=kind)
