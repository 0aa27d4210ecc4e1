"""Sliders over net, seed, order and layer: a wrapper around `explore.view`.

Paper: Figure 7.
Notebook: notebooks/06_layer_responses.py. Tests: tests/test_responses_explore.py.
"""

import ipywidgets

from resnet_lab import widgets
from resnet_lab.layer_responses import explore
from resnet_lab.layer_responses.figure import ORDERS, Pairs


def response_explorer(pairs: Pairs) -> ipywidgets.VBox:
    """Sliders over the nets and seeds in `pairs` and over layers, and a toggle over the orders."""
    nets = explore.nets_of(pairs)
    net = ipywidgets.SelectionSlider(
        options=nets, value=nets[-1], description="net", continuous_update=False
    )
    net.add_class("lab-net")
    deepest = max(len(finding.values["std"]) for _, finding in pairs)
    layer = ipywidgets.IntSlider(
        value=1, min=1, max=deepest, description="layer", continuous_update=False
    )
    layer.add_class("lab-layer")
    return widgets.draw(
        lambda net, seed, order, layer: explore.view(pairs, net, seed, order, layer),
        net=net,
        seed=widgets.seed_slider(explore.seeds_of(pairs)),
        order=widgets.toggle(ORDERS, "lab-order"),
        layer=layer,
    )
