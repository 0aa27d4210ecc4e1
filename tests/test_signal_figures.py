"""Every line that was measured is drawn, and what is missing is an error or a sentence."""

import pytest
from test_signal_claims import look

from resnet_lab import figures, signal_figures
from resnet_lab.errors import InputError
from resnet_lab.signals import Signals


def seen(values) -> Signals:
    row = tuple(values)
    return Signals(
        layers=tuple(map(str, row)),
        variance=row,
        raw_variance=row,
        activation_gradient=row,
        weight_gradient=row,
        loss=2.3,
    )


def test_lines_hold_the_numbers_without_the_classifier_and_bare_nets_are_dashed():
    _, (ax,) = figures.sheet(1)
    found = {"plain-20": [1.0, 2.0, 3.0, 99.0], "plain-20, no BN": [3.0, 2.0, 0.1, 99.0]}
    signal_figures.lines(ax, found, "variance")
    kept, bare = ax.lines
    assert list(kept.get_ydata()) == [1.0, 2.0, 3.0] and list(bare.get_ydata()) == [3.0, 2.0, 0.1]
    assert (kept.get_linestyle(), bare.get_linestyle()) == ("-", "--")
    assert kept.get_color() == bare.get_color() == figures.colour("plain-20")
    assert {t.get_text() for t in ax.texts} == set(found) and ax.get_yscale() == "log"


def test_what_is_equal_is_drawn_as_equal():
    _, (ax,) = figures.sheet(1)
    signal_figures.lines(ax, {"plain-20": [1.0, 0.9999, 1.0]}, "variance")
    low, high = ax.get_ylim()
    assert high / low == pytest.approx(100)


def test_names_do_not_overlap():
    at = [0.5, 0.5, 0.51, 0.99, 1.0]
    placed = signal_figures.apart(at, 0.1)
    gaps = [b - a for a, b in zip(placed, placed[1:], strict=False)]
    assert min(gaps) >= 0.1 - 1e-9 and max(placed) <= 1 + 1e-9
    assert signal_figures.apart([0.1, 0.9], 0.1) == [0.1, 0.9]


def test_the_start_has_a_panel_each_way():
    figure = signal_figures.start({"plain-20": seen([1, 2, 3]), "ResNet-20": seen([1, 1, 1])}, "x")
    assert [ax.get_ylabel() for ax in figure.axes] == [
        "variance of the response",
        "gradient norm, response",
    ]


def test_a_course_has_a_line_for_every_look_and_one_scale_for_all_nets():
    steep = look(56, gradient=[2.0**k for k in range(20)])
    figure = signal_figures.courses([look(20), steep], "activation_gradient")
    assert [len(ax.lines) for ax in figure.axes] == [2, 2]
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["0", "10"]
    assert "reduced scale" in figure.get_suptitle()
    short = look(56)
    short.values["updates"][:] = [10]
    for name in ("variance", "activation_gradient"):
        del short.values[name][0]
    panels = signal_figures.courses([look(20), short], "variance").axes
    assert panels[1].lines[0].get_color() == panels[0].lines[1].get_color()  # both after 10
    assert signal_figures.courses([], "variance").startswith("Not run")


def test_mistakes_are_one_sentence():
    _, (ax,) = figures.sheet(1)
    for found, quantity in (({}, "variance"), ({"plain-20": [1.0, 1.0]}, "noise")):
        with pytest.raises(InputError, match="one of variance"):
            signal_figures.lines(ax, found, quantity)
