"""What the controls over nets, seeds, layers and orders show; and a chart that needs no kernel.

Paper: Figure 7.
Notebook: notebooks/06_layer_responses.py. Tests: tests/test_responses_explore.py.
"""

from statistics import mean, median, stdev

import numpy as np
from matplotlib.figure import Figure

from resnet_lab import figures
from resnet_lab.errors import InputError
from resnet_lab.findings import Finding
from resnet_lab.layer_responses import ranks
from resnet_lab.layer_responses.figure import AXES, Pairs, by_net, caption, chosen, ends, stds
from resnet_lab.layer_responses.stored import ROLES
from resnet_lab.style import COLOURS, colour, describe

# JupyterLab draws this kind by itself; Altair's own newer label it does not know yet
VEGA_LITE = "application/vnd.vegalite.v5+json"
SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
WORDS = {
    "plain": "a layer of a plain net",
    "stem": "the stem, before the first block",
    "inside": "the first layer of a residual branch",
    "end": "the end of a residual branch",
    "shortcut": "a projection",
    "unknown": "of unknown role",
}


def nets_of(pairs: Pairs) -> list[str]:
    """Nets with a finding, plain first."""
    return list(by_net(pairs))


def seeds_of(pairs: Pairs) -> list[int]:
    """Seeds with a finding, rising."""
    return sorted({record.run.recipe.seed for record, _ in pairs})


def one(pairs: Pairs, net: str, seed: int) -> Finding | None:
    """The finding on that net with that seed; None if there is none."""
    found = (f for f in by_net(pairs).get(net, ()) if f.run.recipe.seed == seed)
    return next(found, None)


def view(pairs: Pairs, net: str, seed: int = 0, order: str = "original", layer: int = 1) -> Figure:
    """One net over the grey curves of all others, one of its layers marked and told in words.

    A layer beyond the net's last is its last. Where there is no such net the words say so.

    Raises: InputError for another order.
    """
    figure, (ax,) = figures.sheet(1, width=8.2, height=3.6)
    for record, finding in pairs:
        values = stds(finding, order)
        grey = "--" if record.net.startswith("plain") else "-"
        ax.plot(np.arange(1, len(values) + 1), values, grey, color="0.87", linewidth=0.8)
    finding = one(pairs, net, seed)
    text = f"{net} with seed {seed}: not measured"
    if finding:
        values, layer = stds(finding, order), min(max(layer, 1), len(stds(finding)))
        x, y = np.arange(1, len(values) + 1), stds(finding)[layer - 1]
        ax.plot(x, values, "--" if net.startswith("plain") else "-", color=colour(net), lw=1.8)
        if order == "original":
            ax.plot(x[ends(finding)], values[ends(finding)], "o", color=colour(net), markersize=3)
        at = layer if order == "original" else rank(finding, layer)
        ax.plot([at], [y], "o", markersize=9, markerfacecolor="none", markeredgecolor="0.1")
        text = tell(finding, net, layer)
    ax.set(xlabel=AXES[order], ylabel="std of the response", xlim=(0, None))
    ax.set_ylim(bottom=0)
    face = f"{describe([r for r, _ in pairs])}, {chosen([f for _, f in pairs])}"
    figure.suptitle(f"{text}\n{face}", fontsize="small", color="0.25")
    return figure


def rank(finding: Finding, layer: int) -> int:
    """Place of layer number `layer` among the net's layers, largest first; both count from 1."""
    falling = np.argsort(-stds(finding), kind="stable")
    return int(np.flatnonzero(falling == layer - 1)[0]) + 1


def tell(finding: Finding, net: str, layer: int) -> str:
    """A layer in words: its number from 1, its role, its std, its place in the sorted panel."""
    values = finding.values
    role = WORDS[ROLES[values["roles"][layer - 1]]]
    return (
        f"{net}, seed {finding.run.recipe.seed}, layer {layer} of {len(values['std'])}, {role}: "
        f"std {values['std'][layer - 1]:.3f}, number {rank(finding, layer)} by size; "
        f"without BN's offsets {values['channel_std'][layer - 1]:.3f}"
    )


def table(pairs: Pairs) -> str:
    """Layers, nets, median and largest std of every net as a Markdown table.

    Means over seeds with their spread. "Ends" are the ends of residual branches alone.
    """
    rows = [
        "| net | 3x3 layers | nets | median std | of branch ends | of the others | largest |",
        "|---|---|---|---|---|---|---|",
    ]
    for net, found in by_net(pairs).items():
        cells = [spread([median(stds(f)) for f in found])]
        for wanted in (True, False):
            picked = [stds(f)[ends(f) == wanted] for f in found]
            has_ends = ends(found[0]).any()
            cells.append(spread([median(p) for p in picked]) if has_ends else "–")
        cells.append(spread([float(stds(f).max()) for f in found]))
        rows.append(f"| {net} | {len(stds(found[0]))} | {len(found)} | {' | '.join(cells)} |")
    return "\n".join(rows)


def spread(values: list[float]) -> str:
    """ "0.93 ± 0.01"; of one value no spread."""
    return f"{mean(values):.3f}" + (f" ± {stdev(values):.3f}" if len(values) > 1 else "")


def depth_table(pairs: Pairs, points: int = 5) -> str:
    """The sorted panel at equal shares of the layers, residual nets side by side, in Markdown.

    Each number: mean over seeds of the std at that share, largest first.
    """
    nets = {net: found for net, found in by_net(pairs).items() if net.startswith("ResNet")}
    if not nets:
        raise InputError("no residual net is measured; `resnet-lab reproduce figure_7`")
    shares = [f"{100 * (i + 0.5) / points:.0f} %" for i in range(points)]
    rows = [f"| from the largest | {' | '.join(shares)} |", "|---" * (points + 1) + "|"]
    for net, found in nets.items():
        read = np.mean([ranks.by_share(stds(f), points) for f in found], axis=0)
        rows.append(f"| {net} (n={len(found)}) | {' | '.join(f'{v:.3f}' for v in read)} |")
    return "\n".join(rows)


def chart(pairs: Pairs) -> dict[str, object]:
    """The same as a chart with its own controls, to display with `raw=True`; needs no kernel.

    Net, seed and order are chosen below it, the pointer on a layer tells its numbers. Pages that
    do not draw such charts show a sentence instead.
    """
    nets, seeds = nets_of(pairs), [str(seed) for seed in seeds_of(pairs)]
    controls = {
        "net": ({"input": "select", "options": nets}, nets[-1]),
        "seed": ({"input": "radio", "options": ["all", *seeds]}, "all"),
        "order": ({"input": "radio", "options": list(AXES)}, "original"),
    }
    spec = layers().to_dict()
    spec |= {"$schema": SCHEMA, "title": caption(pairs).split("\n")[:2]}
    # as CSV, a quarter of JSON's size: an .ipynb gives each number a line of its own
    numbers = dict.fromkeys(("layer", "place", "std", "seed"), "number")  # else 10 comes before 2
    spec["data"] = {"values": rows_of(pairs), "format": {"type": "csv", "parse": numbers}}
    for layer in spec["layer"]:
        layer.pop("data", None)  # Altair puts an empty one where it was given none
    spec["params"] = [
        {"name": name, "value": value, "bind": bind | {"name": f"{name} "}}
        for name, (bind, value) in controls.items()
    ]
    words = "A chart with controls of its own, which JupyterLab draws without a kernel."
    return {VEGA_LITE: spec, "text/plain": words}


def layers() -> "altair.LayerChart":  # noqa: F821
    """Grey lines of all nets, the chosen one in colour, a dot a layer; residual ends full."""
    import altair  # late: measuring and drawing need none of it

    base = (
        altair.Chart(width=620, height=260)
        .transform_calculate(
            x="order == 'sorted' ? datum.place : datum.layer",
            chosen="datum.net == net && (seed == 'all' || toString(datum.seed) == seed)",
        )
        .encode(
            x=altair.X("x:Q", title="3x3 layer"),
            y=altair.Y("std:Q", title="std of the response"),
            detail="run:N",
            order="x:Q",
        )
    )
    kinds = altair.Scale(
        domain=["plain", "ResNet"], range=[COLOURS["plain"][56], COLOURS["ResNet"][56]]
    )
    drawn = base.transform_filter("datum.chosen").encode(
        color=altair.Color("kind:N", scale=kinds, legend=None)
    )
    dots = drawn.mark_circle(size=34).encode(
        tooltip=["net:N", "seed:N", "layer:Q", "place:Q", "role:N", "std:Q"],
        opacity=altair.condition("datum.role == 'end'", altair.value(1.0), altair.value(0.25)),
    )
    return base.mark_line(color="#dddddd", strokeWidth=0.8) + drawn.mark_line() + dots


def rows_of(pairs: Pairs) -> str:
    """What the chart draws as CSV, a line for each layer of each net."""
    lines = ["net,kind,seed,run,layer,place,std,role"]
    for net, found in by_net(pairs).items():
        for f in found:
            places = np.argsort(np.argsort(-stds(f), kind="stable"), kind="stable") + 1
            seed = f.run.recipe.seed
            lines += [
                f"{net},{net.split('-')[0]},{seed},{net} {seed},{i + 1},{places[i]},{value:.3f},"
                f"{ROLES[f.values['roles'][i]]}"
                for i, value in enumerate(stds(f))
            ]
    return "\n".join(lines)
