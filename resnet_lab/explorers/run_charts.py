"""Charts of the explorer of runs: two kinds of error, and the layer responses of Figure 7.

Paper: Figures 1, 6 and 7.
Notebook: notebooks/05_cifar.py, notebooks/06_layer_responses.py. Tests: tests/test_explorers.py.
"""

import altair as alt

from resnet_lab.explorers.charts import (
    GHOST,
    PLAIN,
    RESIDUAL,
    SOFT,
    bound,
    constant,
    finished,
    formula,
)
from resnet_lab.explorers.explorer import Chart

INPUTS = ("depth", "shortcut", "beside", "seed", "set", "kind")
# the chosen net is drawn in full, the one beside it dashed
CHOSEN = "datum.key == chosen || datum.key == other"
# in grey stand the paper's own nets and those of the chosen kind
AROUND = "datum.set == set && (datum.kind == 'basic' || datum.kind == kind)"
SEED = "seed == 'all' || datum.seed == toNumber(seed)"
# a plain net of 110 layers can have responses in the thousands: the chosen nets give the scale
TOP = formula("top", "1.05 * max(largest[chosen] || 0, largest[other] || 0, 1.5)")
INK = f"datum.shortcut == 'none' ? '{PLAIN}' : '{RESIDUAL}'"
# short at the end of a line, or no room is left for the line; the menu names the kind
SHORT = "(datum.shortcut == 'none' ? 'plain-' : 'ResNet-') + split(datum.key, '|')[2]"
SHORT += " + (datum.shortcut == 'B' || datum.shortcut == 'C' ? '-' + datum.shortcut : '')"
NAMES = (("net", "N"), ("seed", "Q"))
# two names that would stand on each other are moved apart
APART = (
    "abs(scale('y', datum.low) - scale('y', datum.top)) > 14 || datum.low == datum.top "
    "? 0 : datum.end == datum.top ? -7 : 7"
)
AXIS = alt.Axis(grid=False, tickCount=4, labelOverlap="parity", labelSeparation=8)
INSTEAD = {
    "errors": "not run",  # short, to fit a phone: the sentence above and the note say the rest
    "responses": "not measured",
}


def charts(
    depths: tuple[int, ...],
    sentences: dict[str, str],
    instead: dict[str, str],
    largest: dict[str, float],
) -> tuple[Chart, ...]:
    """Training error, test error and layer responses, all moved by the same inputs.

    `sentences` say where a net ended, `largest` is its largest response, both by key; `instead`
    names the nets of a set and depth.
    """
    common = [
        constant("depths", list(depths)),
        formula("layers", "depths[toNumber(depth)]"),
        formula("chosen", "set + '|' + kind + '|' + layers + '|' + shortcut"),
        formula("which", "seed == 'all' ? '' : '|' + seed"),
        formula("other", "set + '|' + kind + '|' + layers + '|' + (beside || '-')"),
    ]
    words = [
        constant("sentences", sentences),
        constant("instead", instead),
        formula(
            "there",
            "sentences[chosen] ? '' : instead[set + '|' + layers] ? '; with ' + layers "
            "+ ' layers there is: ' + instead[set + '|' + layers] "
            ": '; no net of ' + layers + ' layers was run on these images'",
        ),
        formula("missing", "': not run' + (seed == 'all' ? '' : ' with seed ' + seed)"),
        formula("named", "(shortcut == 'none' ? 'plain-' : 'ResNet-') + layers"),
        formula("beside_named", "(beside == 'none' ? 'plain-' : 'ResNet-') + layers"),
        formula(
            "words",
            "(sentences[chosen + which] || named + ' (' + kind + ', shortcut ' + shortcut + ')' "
            "+ missing + there) + '. ' + (beside && beside != shortcut ? 'Beside it: ' "
            "+ (sentences[other + which] || beside_named + ' (' + kind + ', shortcut ' + beside "
            "+ ')' + missing) + '.' : '')",
        ),
    ]
    every = bound(*INPUTS) + common
    known = constant("known", dict.fromkeys(sentences, 1))
    seen = constant("known", dict.fromkeys(largest, 1))
    return (
        Chart(
            name="training",
            title="Training error",
            spec=errors("train_error", [*every, known, *words]),
        ),
        Chart(name="test", title="Test error", spec=errors("test_error", [*every, known])),
        Chart(
            name="responses",
            title="Layer responses (Figure 7)",
            spec=responses([*every, seen, *bound("sorted"), constant("largest", largest), TOP]),
        ),
    )


def errors(which: str, params: list) -> dict:
    """One kind of error over updates."""
    rows = (
        alt.Chart(alt.NamedData(name="runs"))
        .transform_filter(AROUND)
        .transform_calculate(shortcut="split(datum.key, '|')[3]")
        .transform_flatten(["step", which])
        .transform_filter(f"isValid(datum.{which})")
    )
    x = alt.X("step:Q", title="updates", scale=alt.Scale(zero=True, nice=False), axis=AXIS)
    title = f"{'training' if which == 'train_error' else 'test'} error (%)"
    y = alt.Y(f"{which}:Q", title=title, scale=alt.Scale(domain=[0, 100]))
    others = rows.mark_line(color=GHOST, strokeWidth=1.2).encode(
        x=x, y=y.aggregate("mean"), detail="key:N", tooltip=alt.Tooltip("net:N")
    )
    return finished(alt.layer(others, *chosen(rows, x, y, "errors", which)), params)


def responses(params: list) -> dict:
    """Standard deviation of each layer's response, in order or largest first."""
    rows = (
        alt.Chart(alt.NamedData(name="responses"))
        .transform_filter(AROUND)
        .transform_calculate(shortcut="split(datum.key, '|')[3]")
        .transform_flatten(["std"])
        .transform_window(layer="row_number()", groupby=["key", "seed"])
        .transform_window(
            rank="row_number()",
            groupby=["key", "seed"],
            sort=[alt.SortField("std", order="descending")],
        )
        .transform_calculate(place="sorted == 'yes' ? datum.rank : datum.layer")
    )
    x = alt.X("place:Q", title="layer", scale=alt.Scale(zero=True, nice=False), axis=AXIS)
    scale = alt.Scale(domainMin=0, domainMax=alt.expr("top"), nice=False)
    y = alt.Y("std:Q", title="standard deviation", scale=scale)
    others = rows.mark_line(color=GHOST, strokeWidth=1.0, clip=True).encode(
        x=x, y=y.aggregate("mean"), detail="key:N", tooltip=alt.Tooltip("net:N")
    )
    return finished(alt.layer(others, *chosen(rows, x, y, "responses", "std")), params)


def chosen(rows: alt.Chart, x: alt.X, y: alt.Y, kind: str, which: str) -> tuple[alt.Chart, ...]:
    """The nets that the controls choose, a line a seed, their names, and words where none is."""
    mine = (
        rows.transform_filter(CHOSEN)
        .transform_filter(SEED)
        .transform_calculate(ink=INK, short=SHORT)
    )
    place = x.to_dict()["field"]
    lines = mine.mark_line(strokeWidth=2).encode(
        x=x,
        y=y,
        stroke=alt.Stroke("ink:N", scale=None),
        strokeDash=alt.condition("datum.key == chosen", alt.value([1, 0]), alt.value([6, 4])),
        detail=["key:N", "seed:N"],
        tooltip=[alt.Tooltip(f"{f}:{t}") for f, t in ((place, "Q"), (which, "Q"), *NAMES)],
    )
    ends = (
        mine.transform_joinaggregate(last=f"max({place})", groupby=["key"])
        .transform_filter(f"datum.{place} == datum.last")
        .transform_aggregate(end=f"mean({which})", groupby=["key", "short", "ink", "last"])
        .transform_joinaggregate(top="max(end)", low="min(end)")
    )
    names = ends.mark_text(
        align="left", dx=6, dy=alt.expr(APART), baseline="middle", fontSize=12, fontWeight=600
    ).encode(
        x=alt.X("last:Q"), y=alt.Y("end:Q"), text="short:N", fill=alt.Fill("ink:N", scale=None)
    )
    # of data of its own: a count of no rows is no row, and would say nothing
    nothing = (
        alt.Chart(alt.sequence(0, 1))
        .mark_text(fontSize=14, color=SOFT)
        .encode(
            x=alt.value(alt.expr("width / 2")),
            y=alt.value(alt.expr("height / 4")),
            text=alt.value(alt.expr(f'known[chosen + which] ? "" : "{INSTEAD[kind]}"')),
        )
    )
    return lines, names, nothing
