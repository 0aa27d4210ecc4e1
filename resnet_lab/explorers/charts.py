"""What every chart of the book shares: inks that follow the page, inputs that the page holds.

Paper: nowhere; one look for all its figures.
Notebook: notebooks/00_start_here.py. Tests: tests/test_explorers.py.
"""

from collections.abc import Iterable

import altair as alt

# colours of the page, which change with its light or dark theme; SVG takes them by name
PLAIN, RESIDUAL, INK, SOFT, LINE, GHOST = (
    f"var(--{name})" for name in ("plain", "residual", "ink", "soft", "line", "ghost")
)
# by name: Vega measures texts with it, and what it measures wrongly does not fit into the chart
FONT = 'system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif'
CONFIG = {
    "background": None,
    "font": FONT,
    "view": {"stroke": None},
    "axis": {
        "labelColor": SOFT,
        "titleColor": SOFT,
        "gridColor": LINE,
        "domainColor": LINE,
        "tickColor": LINE,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "labelFont": FONT,
        "titleFont": FONT,
    },
    "legend": {
        "labelColor": SOFT,
        "titleColor": SOFT,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "labelFont": FONT,
        "titleFont": FONT,
    },
    "text": {"color": INK, "font": FONT},
}


def bound(*names: str) -> list[alt.Parameter]:
    """A parameter for each of the page's inputs, whose id is the parameter's name."""
    return [
        alt.param(name=name, value="", bind=alt.BindDirect(element=f"#{name}", event="input"))
        for name in names
    ]


def constant(name: str, value: object) -> alt.Parameter:
    """A parameter that never changes."""
    return alt.param(name=name, value=value)


def formula(name: str, text: str) -> alt.Parameter:
    """A parameter that follows the others."""
    return alt.param(name=name, expr=text)


def finished(
    chart: alt.LayerChart | alt.Chart,
    params: Iterable[alt.Parameter],
    *,
    height: int | dict = 260,
) -> dict:
    """The chart as a checked Vega-Lite object, as wide as its place in the page.

    Units: `height` in pixels.
    """
    spec = (
        chart.properties(width="container", height=height)
        .add_params(*params)
        .to_dict(validate=True)
    )
    spec["config"] = CONFIG
    # laid out anew after each change: other nets have longer names and larger numbers
    spec["autosize"] = {"type": "fit-x", "contains": "padding", "resize": True}
    spec["padding"] = {"left": 2, "top": 6, "bottom": 2, "right": 4}
    return spec
