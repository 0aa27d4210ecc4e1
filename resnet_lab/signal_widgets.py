"""Sliders over depth and seed, plain or residual, with BN or without: an untrained net's signals.

Paper: Section 4.1.
Notebook: notebooks/10_why_it_works.py. Tests: tests/test_signal_widgets.py.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import ipywidgets
from matplotlib.figure import Figure

from resnet_lab import figures, signal_figures, signal_runs, signals, train, widgets
from resnet_lab.arms import net_at
from resnet_lab.findings import Finding
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


def starts(
    probe: Probe, depths: Sequence[int], bn: str = BN[0], seed: int = 0
) -> dict[str, signals.Signals]:
    """New plain nets of `depths`, then residual ones: name -> signals, as `signal_figures` draws.

    Raises: InputError unless depths are 6n+2.
    """
    found = {}
    for kind, word in (("plain", "plain"), ("residual", "ResNet")):
        for depth in depths:
            name = f"{word}-{depth}" + (signal_figures.BARE if bn == BN[1] else "")
            found[name] = start_of(probe, depth, kind, bn, seed)
    return found


def ends(found: Mapping[str, signals.Signals]) -> str:
    """First against last layer before the classifier, as a Markdown table."""
    lines = [
        "| net | variance: first | last | gradient norm: first | last | loss |",
        "|---|---|---|---|---|---|",
    ]
    for name, seen in found.items():
        cells = [
            f"{row[k]:.2g}" for row in (seen.variance, seen.activation_gradient) for k in (0, -2)
        ]
        lines.append(f"| {name} | {' | '.join(cells)} | {seen.loss:.3g} |")
    return "\n".join(lines)


def start_view(
    probe: Probe, depth: int, kind: str = "plain", bn: str = BN[0], seed: int = 0
) -> Figure:
    """Variances and gradient norms of that net, named above, beside its twin of the other kind.

    Raises: InputError unless depth is 6n+2.
    """
    return twins_view(starts(probe, [depth], bn, seed), kind, seed)


def twins_view(found: Mapping[str, signals.Signals], kind: str, seed: int) -> Figure:
    """A plain net and its residual twin, the one of that `kind` named above."""
    name = next(n for n in found if n.startswith("plain") == (kind == "plain"))
    words = f"{name}, seed {seed}: loss {found[name].loss:.3g}"
    return signal_figures.start(found, words)


def start_explorer(probe: Probe) -> ipywidgets.VBox:
    """Sliders over depth and seed, toggles over the blocks and BN: both signals, drawn anew."""

    @lru_cache(maxsize=widgets.KEPT)  # the other kind is in the same picture: no net runs again
    def twins(depth: int, bn: str, seed: int) -> dict[str, signals.Signals]:
        return starts(probe, [depth], bn, seed)

    return widgets.draw(
        lambda depth, kind, bn, seed: twins_view(twins(depth, bn, seed), kind, seed),
        depth=widgets.depth_slider(DEPTHS, 56),
        kind=widgets.shortcut_toggle(),
        bn=widgets.toggle(BN, "lab-bn", "BN"),
        seed=widgets.seed_slider(range(5)),
    )


def course_view(found: Sequence[Finding], update: int, kind: str = "both") -> Figure:
    """Both signals of every net after `update` updates; nets that were not looked at are named.

    `kind`: plain, residual or both. Scales are those of the whole trainings, to compare updates.
    Raises: InputError if no net was looked at then.
    """
    chosen = [f for f in found if kind == "both" or (kind == "plain") == is_plain(f)]
    room = signal_figures.sides(map(signal_figures.name_of, found), 0.48)
    figure, panels = figures.sheet(2, width=7.8, height=3.2, room=room)
    then = [f for f in chosen if update in f.values["updates"]]
    for ax, quantity in zip(panels, signal_figures.WAYS, strict=True):
        shown = {signal_figures.name_of(f): signal_runs.read(f, update, quantity) for f in then}
        every = [
            value
            for f in found
            for step in f.values["updates"]
            for value in signal_runs.read(f, step, quantity)[:-1]
        ]
        signal_figures.lines(ax, shown, quantity, (min(every) / 2, 2 * max(every)))
    missing = [signal_figures.name_of(f) for f in chosen if f not in then]
    words = f"; not looked at then: {', '.join(missing)}" if missing else ""
    figure.suptitle(
        f"after {update:,} updates{words}\n{signal_figures.describe(found[0])}",
        fontsize="small",
        color="0.35",
    )
    return figure


def is_plain(found: Finding) -> bool:
    """Whether the net of `found` has no shortcuts."""
    return found.run.net.shortcut == "none"


def course_explorer(found: Sequence[Finding]) -> ipywidgets.VBox:
    """A slider over the training updates that were looked at, and a toggle over the shortcuts."""
    updates = sorted({step for one in found for step in one.values["updates"]})
    return widgets.draw(
        lambda update, kind: course_view(found, update, kind),
        update=widgets.update_slider(updates),
        kind=widgets.shortcut_toggle(("both", "plain", "residual")),
    )
