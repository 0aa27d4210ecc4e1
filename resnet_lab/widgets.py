"""Sliders for notebooks: thin wrappers around functions that are tested without them.

Paper: Sections 1 and 4.2; Figures 1 and 6.
Notebook: notebooks/01_degradation.py, notebooks/05_cifar.py. Tests: tests/test_widgets.py.
"""

import inspect
from collections.abc import Sequence

import ipywidgets
from IPython.display import Markdown, display

from resnet_lab import explore
from resnet_lab.records import Record


def show(thing: object) -> Markdown:
    """The source of a class or function of the package, as it is, for display in a cell."""
    return Markdown(f"```python\n{inspect.getsource(thing)}```")


def depth_slider(depths: Sequence[int], value: int) -> ipywidgets.SelectionSlider:
    """A slider over depths that exist: 6n+2, or those that were trained."""
    slider = ipywidgets.SelectionSlider(
        options=list(depths), value=value, description="depth", continuous_update=False
    )
    slider.add_class("lab-depth")
    return slider


def seed_slider(seeds: Sequence[int]) -> ipywidgets.SelectionSlider:
    """A slider over seeds that were run, from the first."""
    slider = ipywidgets.SelectionSlider(
        options=list(seeds), value=seeds[0], description="seed", continuous_update=False
    )
    slider.add_class("lab-seed")
    return slider


def shortcut_toggle() -> ipywidgets.ToggleButtons:
    """Plain or residual."""
    toggle = ipywidgets.ToggleButtons(
        options=["plain", "residual"], value="plain", style={"button_width": "7em"}
    )
    toggle.add_class("lab-shortcut")
    return toggle


def draw(function, **controls: ipywidgets.Widget) -> ipywidgets.VBox:
    """The controls above what `function` makes of their values: a figure or text, made anew."""

    def redraw(**values: object) -> None:
        result = function(**values)
        display(Markdown(result) if isinstance(result, str) else result)

    output = ipywidgets.interactive_output(redraw, controls)
    output.add_class("lab-output")
    row = ipywidgets.HBox(list(controls.values()), layout={"flex_flow": "row wrap"})
    return ipywidgets.VBox([row, output])


def net_explorer() -> ipywidgets.VBox:
    """Slider over every 6n+2 depth to 110 and a plain/residual toggle: the net stage by stage."""
    return draw(
        explore.describe_net,
        depth=depth_slider(explore.DEPTHS, 20),
        kind=shortcut_toggle(),
    )


def curve_explorer(records: Sequence[Record]) -> ipywidgets.VBox:
    """Slider over the depths in `records` and a plain/residual toggle: that net's curves."""
    depths = explore.trained_depths(records)
    return draw(
        lambda depth, kind: explore.curves_of(records, depth, kind),
        depth=depth_slider(depths, depths[-1]),
        kind=shortcut_toggle(),
    )


def run_explorer(records: Sequence[Record]) -> ipywidgets.VBox:
    """Sliders over the depths and seeds in `records` and a plain/residual toggle: that run."""
    depths = sorted({record.run.net.depth for record in records})
    return draw(
        lambda depth, kind, seed: explore.run_of(records, depth, kind, seed),
        depth=depth_slider(depths, depths[-1]),
        kind=shortcut_toggle(),
        seed=seed_slider(explore.trained_seeds(records)),
    )
