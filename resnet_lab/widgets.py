"""Sliders for notebooks: thin wrappers around functions that are tested without them.

Paper: Sections 1 and 4.2; Figures 1 and 6.
Notebook: notebooks/01_degradation.py, notebooks/05_cifar.py. Tests: tests/test_widgets.py.
"""

import inspect
import threading
from collections.abc import Sequence
from functools import lru_cache

import ipywidgets
from IPython.display import Markdown

from resnet_lab import explore, figures, pictures, spoken
from resnet_lab.records import Record

KEPT = 256  # pictures of an explorer, of some 50 kB each, in memory


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


def toggle(choices: Sequence[str], name: str, said: str = "") -> ipywidgets.ToggleButtons:
    """Buttons of which one is on, first the first; found by a browser as `name`.

    `said` stands before them, and is what a screen reader calls them; default: `name`'s last word.
    """
    width = f"{0.6 * max(map(len, choices)) + 2:.1f}em"
    buttons = ipywidgets.ToggleButtons(
        options=list(choices),
        description=said or name.removeprefix("lab-"),
        style={"button_width": width},
        layout={"width": "max-content"},
    )
    buttons.add_class(name)
    return buttons


def shortcut_toggle(kinds: Sequence[str] = ("plain", "residual")) -> ipywidgets.ToggleButtons:
    """Plain or residual, or the options by name; the first of them on."""
    return toggle(kinds, "lab-shortcut")


def draw(function, **controls: ipywidgets.Widget) -> ipywidgets.VBox:
    """The controls above what `function` makes of their values: a Figure, or Markdown as text.

    `function` is asked once for each choice of values; going back shows the same again at once.
    """
    output, turn = ipywidgets.Output(), threading.Lock()
    output.add_class("lab-output")

    @lru_cache(maxsize=KEPT)
    def shown(*values: object) -> list[dict]:
        return pictures.outputs_of(function(**dict(zip(controls, values, strict=True))))

    def redraw(change: object = None) -> None:
        with turn:  # whoever draws last reads the controls last
            try:
                found = shown(*(control.value for control in controls.values()))
            except Exception as error:  # a callback's error would show nowhere in the notebook
                found = [pictures.problem_of(error)]
            pictures.put(output, found)

    for control in controls.values():
        control.observe(redraw, "value")
    redraw()
    row = ipywidgets.HBox(list(controls.values()), layout={"flex_flow": "row wrap"})
    return ipywidgets.VBox([row, output, spoken.names()])


def net_explorer() -> ipywidgets.VBox:
    """Slider over every 6n+2 depth to 110, and 1202; plain or residual: the net stage by stage."""
    return draw(
        explore.describe_net,
        depth=depth_slider((*explore.DEPTHS, 1202), 20),
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


def update_slider(updates: Sequence[int]) -> ipywidgets.SelectionSlider:
    """A slider over training updates, the last one chosen."""
    slider = ipywidgets.SelectionSlider(
        options=list(updates), value=updates[-1], description="update", continuous_update=False
    )
    slider.add_class("lab-update")
    return slider


def run_explorer(
    records: Sequence[Record], kinds: Sequence[str] = ("plain", "residual")
) -> ipywidgets.VBox:
    """Sliders over the depths, seeds and updates in `records` and a toggle over `kinds`: a run."""
    depths = sorted({record.run.net.depth for record in records})
    return draw(
        lambda depth, kind, seed, update: explore.run_of(records, depth, kind, seed, update),
        depth=depth_slider(depths, depths[-1]),
        kind=shortcut_toggle(kinds),
        seed=seed_slider(explore.trained_seeds(records)),
        update=update_slider(figures.tested_updates(records)),
    )
