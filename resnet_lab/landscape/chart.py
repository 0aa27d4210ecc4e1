"""1-D slices as a chart with controls of its own, and one slice of one net as sliders of Lab.

Paper: beyond it; Li et al. 2018 (arXiv 1712.09913).
Notebook: notebooks/10_why_it_works.py. Tests: tests/test_landscape_figures.py.
"""

from collections.abc import Sequence

import ipywidgets

from resnet_lab import widgets
from resnet_lab.findings import Finding
from resnet_lab.landscape import drawing
from resnet_lab.landscape.roughness import guessing
from resnet_lab.landscape.shown import by_net, describe, net_of, select
from resnet_lab.style import colour

# JupyterLab draws this kind by itself; Altair's own newer label it does not know yet
VEGA_LITE = "application/vnd.vegalite.v5+json"
SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
BN = ("running", "recomputed")
RADII = (0.1, 0.2, 0.3, 0.5, 0.75, 1.0)
WORDS = (
    "A chart with controls of its own, which JupyterLab draws without a kernel: "
    "BN mode, loss or error, net and radius."
)


def rows_of(found: Sequence[Finding], images: str) -> list[dict[str, object]]:
    """One row for each 1-D slice on `images`, in both BN modes, with its points as lists.

    A loss that is not finite is None: the line has a gap there.
    """
    rows = []
    for bn in BN:
        for finding in select(found, dimensions=1, bn=bn, images=images):
            net, seed = net_of(finding), finding.run.recipe.seed
            row = {"net": net, "bn": bn, "seed": seed, "run": f"{net} {seed}"}
            for name in ("steps", "loss", "error"):
                # three digits: a pixel shows no more, and notebooks stay small
                row[name] = [None if v is None else float(f"{v:.3g}") for v in finding.values[name]]
            rows.append(row)
    return rows


def explorer(found: Sequence[Finding], images: str) -> dict[str, object]:
    """The chart, to display with `raw=True`; needs no kernel.

    Pages that do not draw such charts show a sentence instead.
    Raises: InputError if there is no slice.
    """
    import altair  # late: measuring and drawing need none of it

    shown = select(found, dimensions=1, bn=BN[0], images=images)
    nets = list(by_net(shown))
    highest = drawing.HIGHEST * guessing(shown[0])
    face = describe(shown).split("\n")[0]  # the mode of BN is chosen below the chart
    source = altair.Data(values=rows_of(found, images))
    colours = altair.Scale(domain=nets, range=[colour(net) for net in nets])
    spec = (
        altair.Chart(source, width=560, height=280, title=face)
        .transform_flatten(["steps", "loss", "error"])
        .transform_filter(
            "datum.bn == bn_mode && abs(datum.steps) <= radius + 1e-9"
            " && (chosen == 'all' || datum.net == chosen)"
        )
        # Vega-Lite has no scale that switches from log to linear: the height is computed
        .transform_calculate(
            height="what == 'error' ? datum.error / 100 : datum.loss == null ? null"
            f" : log(min(datum.loss, {highest:.6g})) / LN10"
        )
        .mark_line(strokeWidth=1.4, opacity=0.75)
        .encode(
            x=altair.X("steps:Q", title="step along x (1 is the length of the weights)"),
            y=altair.Y("height:Q", title="log10 of the loss, or error / 100"),
            color=altair.Color("net:N", scale=colours),
            detail="run:N",
            tooltip=["net:N", "seed:Q", "steps:Q", "loss:Q", "error:Q"],
        )
        .add_params(*controls(nets))
        .to_dict()
    )
    return {VEGA_LITE: spec | {"$schema": SCHEMA}, "text/plain": WORDS}


def controls(nets: Sequence[str]) -> list:
    """The parameters of the chart, each with its control."""
    import altair

    choices = {
        "bn_mode": (BN[0], altair.binding_radio(options=list(BN), name="BN statistics ")),
        "what": ("loss", altair.binding_radio(options=["loss", "error"], name="shown ")),
        "chosen": ("all", altair.binding_select(options=["all", *nets], name="net ")),
        "radius": (1.0, altair.binding_range(min=0.1, max=1, step=0.1, name="radius ")),
    }
    return [
        altair.param(name=name, value=value, bind=bind) for name, (value, bind) in choices.items()
    ]


def landscape_explorer(found: Sequence[Finding], images: str) -> ipywidgets.VBox:
    """Sliders over net and radius and a toggle over the BN modes: `drawing.view`."""
    nets = list(by_net(select(found, dimensions=1, bn=BN[0], images=images)))
    net = ipywidgets.SelectionSlider(options=nets, description="net", continuous_update=False)
    radius = ipywidgets.SelectionSlider(
        options=RADII, value=RADII[-1], description="radius", continuous_update=False
    )
    net.add_class("lab-net")
    radius.add_class("lab-radius")
    bn = widgets.toggle(BN, "lab-bn", "BN")
    return widgets.draw(
        lambda net, bn, radius: drawing.view(found, images, net, bn, radius),
        net=net,
        bn=bn,
        radius=radius,
    )
