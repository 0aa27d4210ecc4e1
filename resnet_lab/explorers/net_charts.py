"""Charts of the explorer of nets: the net drawn, its stages, and its place among the others.

Paper: Figure 3; Table 1.
Notebook: notebooks/03_bottlenecks.py. Tests: tests/test_explorers.py.
"""

import altair as alt

from resnet_lab.explorers.charts import (
    GHOST,
    INK,
    PLAIN,
    RESIDUAL,
    SOFT,
    bound,
    constant,
    finished,
    formula,
)
from resnet_lab.explorers.explorer import Chart

TINT = f"shortcut == 'none' || family == 'vgg' ? '{PLAIN}' : '{RESIDUAL}'"
KINDS = {"identity": RESIDUAL, "zero padding": "var(--good)", "projection": "var(--projection)"}
# room for the highest map of the family and the shortcuts above it
HIGHEST = "family == 'cifar' || family == 'bottleneck' ? 6.6 : family == 'vgg' ? 8.6 : 8.2"
SI = "datum.value >= 1e9 ? format(datum.value / 1e9, '.2f') + 'e9' : "
SI += "datum.value >= 1e6 ? format(datum.value / 1e6, '.2f') + 'e6' : format(datum.value, ',')"
# what is said under a stage depends on the room there: all, all in short lines, or nothing
ROOM = "scale('x', datum.upto) - scale('x', datum.before)"
LINES = f"{ROOM} > 132 ? datum.lines : {ROOM} > 58 ? datum.narrow : ''"
# the name of the chosen net stays within the chart
ASIDE = "scale('x', datum.parameters) > 0.7 * width ? 'right' : "
ASIDE += "scale('x', datum.parameters) < 0.3 * width ? 'left' : 'center'"


def charts(depths: dict[str, tuple[int, ...]], sentences: dict[str, str]) -> tuple[Chart, ...]:
    """The net layer by layer, parameters and multiply-adds by stage, and all nets at once."""
    every = [
        *bound("depth", "family", "shortcut"),
        constant("depths", {family: list(found) for family, found in depths.items()}),
        formula("layers", "depths[family][min(toNumber(depth), depths[family].length - 1)]"),
        formula("option", "family == 'vgg' ? 'none' : shortcut"),
        formula("chosen", "family + '|' + layers + '|' + option"),
        constant("sentences", sentences),
        formula(
            "words",
            "(sentences[chosen] || 'ResNet-' + layers + ' is here with option A and as a plain net "
            "only, as the paper has it') + (family == 'vgg' && shortcut != 'none' "
            "? '; VGG has no shortcuts.' : '.')",
        ),
    ]
    return (
        Chart(name="drawing", title="Layer by layer", spec=drawing(every), wide=True),
        Chart(name="parameters", title="Parameters", spec=costs("parameters", every)),
        Chart(name="multiply_adds", title="Multiply-adds", spec=costs("multiply_adds", every)),
        Chart(name="among", title="Among all nets of its images", spec=among(every)),
    )


def stages() -> alt.Chart:
    """The stages of the chosen net, and the number of the layer before each."""
    return (
        alt.Chart(alt.NamedData(name="stages"))
        .transform_filter("datum.key == chosen")
        .transform_window(upto="sum(layers)", sort=[alt.SortField("order")])
        .transform_calculate(
            before="datum.upto - datum.layers", middle="datum.upto - datum.layers / 2"
        )
    )


def drawing(params: list) -> dict:
    """Every layer as a bar as high as its map, every block's shortcut as a line above."""
    x = alt.X(
        "left:Q",
        title="layer",
        scale=alt.Scale(nice=False, zero=True),
        axis=alt.Axis(grid=False, tickCount=8),
    )
    y = alt.Y(
        "height:Q",
        axis=None,
        scale=alt.Scale(domainMin=-3.1, domainMax=alt.expr(HIGHEST), nice=False),
    )
    layers = (
        stages().transform_calculate(number="sequence(datum.layers)").transform_flatten(["number"])
    )
    bars = layers.transform_calculate(
        left="datum.before + datum.number + 0.08",
        right="datum.before + datum.number + 0.92",
        height="log(datum.size) / log(2) + 0.5",
        floor="0",
        strength="0.35 + 0.65 * datum.order / 5",
    ).mark_rect(color=alt.expr(TINT))
    bars = bars.encode(
        x=x,
        x2="right:Q",
        y=y,
        y2="floor:Q",
        opacity=alt.Opacity("strength:Q", scale=None),
        tooltip=[alt.Tooltip(f"{name}:N") for name in ("stage", "size", "channels")],
    )
    blocks = (
        stages()
        .transform_filter("datum.blocks > 0 && datum.carried != 'none'")
        .transform_calculate(number="sequence(datum.blocks)")
        .transform_flatten(["number"])
        .transform_calculate(
            left="datum.before + datum.number * datum.block_layers + 0.08",
            right="datum.before + (datum.number + 1) * datum.block_layers - 0.08",
            height="log(datum.size) / log(2) + 0.5 + 0.45",
            kind="datum.number == 0 ? datum.carried : datum.repeated",
        )
    )
    lines = blocks.mark_rule(strokeWidth=3).encode(
        x="left:Q",
        x2="right:Q",
        y=y,
        stroke=alt.Stroke(
            "kind:N",
            title="shortcut of a block",
            scale=alt.Scale(domain=list(KINDS), range=list(KINDS.values())),
            legend=alt.Legend(
                orient="top", symbolType="stroke", symbolStrokeWidth=3, columnPadding=18
            ),
        ),
        tooltip=[alt.Tooltip("stage:N"), alt.Tooltip("kind:N")],
    )
    return finished(alt.layer(bars, lines, *words(y)), params, height=250)


def words(y: alt.Y) -> tuple[alt.Chart, alt.Chart]:
    """Under each stage its name, the shape of its map and its blocks."""
    text = (
        stages()
        .transform_filter("datum.layers > 1")
        .transform_calculate(
            height="-0.35",
            shape="(datum.size > 1 ? datum.size + 'x' + datum.size + ', ' : '') + datum.channels",
            times="datum.blocks ? datum.blocks + ' blocks of ' + datum.block_layers "
            "+ ' layers' : datum.layers + ' layers'",
            lines="[datum.stage, datum.shape, datum.times]",
            side="datum.size > 1 ? datum.size + 'x' + datum.size : 'vectors'",
            parts="datum.blocks ? datum.blocks + ' blocks' : datum.layers + ' layers'",
            narrow="[datum.stage, datum.side, 'x ' + datum.channels, datum.parts]",
        )
    )
    first = text.mark_text(baseline="top", fontSize=12, lineHeight=16, color=INK).encode(
        x="middle:Q", y=y, text=alt.value(alt.expr(LINES))
    )
    return (first,)


def costs(which: str, params: list) -> dict:
    """What each stage costs, with its number at the end of its bar."""
    rows = stages().transform_calculate(
        value=f"datum.{which}", words=SI.replace("datum.value", f"datum.{which}")
    )
    # by number: left to itself Vega keeps the stages of the family before in their old places
    sort = alt.EncodingSortField("order", op="min")
    y = alt.Y("stage:N", title=None, sort=sort, axis=alt.Axis(ticks=False, domain=False))
    x = alt.X("value:Q", title=None, axis=None, scale=alt.Scale(zero=True, nice=False))
    bars = rows.mark_bar(color=alt.expr(TINT), height=16).encode(
        x=x, y=y, tooltip=[alt.Tooltip("value:Q", format=",")]
    )
    ends = rows.mark_text(align="left", dx=6, fontSize=12, color=INK).encode(
        x=x, y=y, text="words:N"
    )
    return finished(alt.layer(bars, ends), params, height=230)


def among(params: list) -> dict:
    """Parameters against multiply-adds of all nets on images of the same size."""
    rows = alt.Chart(alt.NamedData(name="nets")).transform_filter(
        "(datum.input == 32) == (family == 'cifar' || family == 'bottleneck')"
    )
    log = alt.Scale(type="log", nice=False, padding=12)
    axis = alt.Axis(grid=False, tickCount=4, format="~s")
    x = alt.X("parameters:Q", title="parameters", scale=log, axis=axis)
    y = alt.Y("multiply_adds:Q", title="multiply-adds", scale=log, axis=axis)
    tips = [
        alt.Tooltip("net:N"),
        *(alt.Tooltip(f"{n}:Q", format=",") for n in ("parameters", "multiply_adds")),
    ]
    others = rows.mark_circle(size=45, color=GHOST, opacity=1).encode(x=x, y=y, tooltip=tips)
    mine = rows.transform_filter("datum.key == chosen")
    dot = mine.mark_circle(size=130, color=alt.expr(TINT), opacity=1).encode(x=x, y=y, tooltip=tips)
    name = mine.mark_text(
        align=alt.expr(ASIDE), dy=-14, fontSize=12, fontWeight=600, color=SOFT
    ).encode(x=x, y=y, text="net:N")
    return finished(alt.layer(others, dot, name), params, height=230)
