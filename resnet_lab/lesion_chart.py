"""Which single block costs how much: a chart that moves without a kernel, from stored findings.

Paper: Section 4.2 (the CIFAR nets); the lesions are those of Veit et al. 2016.
Notebook: notebooks/10_why_it_works.py. Tests: tests/test_lesion_figures.py.
"""

from collections.abc import Sequence

from resnet_lab import figures
from resnet_lab.errors import InputError
from resnet_lab.findings import Finding
from resnet_lab.lesion_figures import by_net, first_of_stage
from resnet_lab.signal_figures import describe

# JupyterLab draws this kind by itself, from the saved notebook too; Altair's newer name it does not
VEGA_LITE = "application/vnd.vegalite.v5+json"
SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
INSTEAD = "This chart needs JupyterLab (make lab); the figure above it shows the same."
KIND = {False: "inside a stage", True: "changes the shape"}


class Chart:
    """A Vega-Lite chart where it can be drawn, and a sentence where it cannot."""

    def __init__(self, spec: dict) -> None:
        self.spec = spec

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, object]:
        return {VEGA_LITE: self.spec, "text/plain": INSTEAD}


def rows(findings: Sequence[Finding]) -> list[dict[str, object]]:
    """One row for each block of each run: what the chart draws. Units: errors in percent."""
    found = []
    for name, runs in by_net(findings).items():
        firsts, counts = first_of_stage(runs[0]), runs[0].run.net.blocks
        names = [f"{s}.{b}" for s, n in enumerate(counts, 1) for b in range(1, n + 1)]
        for run in runs:
            whole = run.values["whole"][0]
            for k, error in enumerate(run.values["single"]):
                found.append(
                    {
                        "net": name,
                        "seed": run.run.recipe.seed,
                        "block": k,
                        "name": names[k],
                        "kind": KIND[k in firsts],
                        "error": round(error, 2),
                        "whole": round(whole, 2),
                    }
                )
    return found


def single_lesions(findings: Sequence[Finding]) -> Chart:
    """Test error without each block: menus over net and seed, a tip on every block.

    Raises: InputError if there is nothing to draw.
    """
    import altair as alt

    found = rows(findings)
    if not found:
        raise InputError("there is no finding to draw; `resnet-lab look lesion` makes some")
    nets = list(dict.fromkeys(row["net"] for row in found))
    seeds = sorted({row["seed"] for row in found})
    net = alt.param("net", value=nets[-1], bind=alt.binding_select(options=nets, name="net "))
    seed = alt.param("seed", value=seeds[0], bind=alt.binding_select(options=seeds, name="seed "))
    base = (
        alt.Chart(alt.Data(values=found))
        .transform_filter("datum.net == net && datum.seed == seed")
        .properties(width=560, height=230, title=describe(findings[0]))
    )
    y = alt.Y("error:Q", scale=alt.Scale(domain=[0, 100]), title="test error (%)")
    bars = base.mark_bar().encode(
        x=alt.X("block:O", title="block left out", axis=alt.Axis(labelAngle=0)),
        y=y,
        color=alt.Color(
            "kind:N",
            title="",
            scale=alt.Scale(
                domain=list(KIND.values()),
                range=[figures.COLOURS["ResNet"][44], figures.COLOURS["plain"][20]],
            ),
        ),
        tooltip=[alt.Tooltip("name:N"), alt.Tooltip("error:Q"), alt.Tooltip("whole:Q")],
    )
    whole = base.mark_rule(strokeDash=[5, 4]).encode(y=alt.Y("whole:Q", aggregate="mean"))
    spec = (bars + whole).add_params(net, seed).to_dict(validate=True)
    return Chart(spec | {"$schema": SCHEMA})
