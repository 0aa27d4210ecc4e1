"""Sliders over depth and seed, plain or residual, with BN or without: an untrained net's signals.

Paper: Section 4.1.
Notebook: notebooks/10_why_it_works.py. Tests: tests/test_signal_widgets.py.
"""

import ipywidgets
from matplotlib.figure import Figure

from resnet_lab import signal_figures, signals, train, widgets
from resnet_lab.arms import net_at
from resnet_lab.signal_runs import Probe

DEPTHS = (8, 14, 20, 32, 44, 56, 110)
BN = ("with BN", "without BN")


def start_of(probe: Probe, depth: int, kind: str, bn: str, seed: int) -> signals.Signals:
    """The signals of a new net of width 8; `kind` is plain or residual, `bn` one of `BN`.

    Raises: InputError unless depth is 6n+2.
    """
    shortcut = "none" if kind == "plain" else "A"
    net = train.new_net(net_at("quick", depth, shortcut), seed)
    return probe(signals.without_bn(net) if bn == BN[1] else net)


def start_view(
    probe: Probe, depth: int, kind: str = "plain", bn: str = BN[0], seed: int = 0
) -> Figure:
    """Variances and gradient norms of that net and of its twin with the other kind of blocks.

    Raises: InputError unless depth is 6n+2.
    """
    found = {}
    for one in (kind, "residual" if kind == "plain" else "plain"):
        name = f"{'plain' if one == 'plain' else 'ResNet'}-{depth}"
        name += signal_figures.BARE if bn == BN[1] else ""
        found[name] = start_of(probe, depth, one, bn, seed)
    loss = next(iter(found.values())).loss
    return signal_figures.start(found, f"{next(iter(found))}, seed {seed}: loss {loss:.3g}")


def start_explorer(probe: Probe) -> ipywidgets.VBox:
    """Sliders over depth and seed, toggles over the blocks and BN: both signals, drawn anew."""
    bn = ipywidgets.ToggleButtons(options=BN, style={"button_width": "7em"})
    bn.add_class("lab-bn")
    return widgets.draw(
        lambda depth, kind, bn, seed: start_view(probe, depth, kind, bn, seed),
        depth=widgets.depth_slider(DEPTHS, 56),
        kind=widgets.shortcut_toggle(),
        bn=bn,
        seed=widgets.seed_slider(range(5)),
    )
