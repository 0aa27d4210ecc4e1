"""Dots where the errors are, rings where the shape changes, and tables that count."""

import pytest
from conftest import record_of
from test_records import HOW

from resnet_lab import figures, findings, lesion_chart, lesion_figures
from resnet_lab.errors import InputError
from resnet_lab.findings import Finding


def operated(depth=20, shortcut="A", seed=0, images="cifar10", bn="running", **values):
    """A made-up finding of lesions: block k costs 40 + k, the whole net errs 30 + seed."""
    record = record_of(depth, shortcut, seed=seed, images=images)
    blocks = (depth - 2) // 2
    found = {
        "whole": [30.0 + seed],
        "single": [40.0 + k for k in range(blocks)],
        "drops": [0, 2],
        "drop_errors": [[30.0, 30.0], [50.0, 60.0]],
        "swaps": [0, 1],
        "swap_taus": [[1.0, 1.0], [0.9, 0.8]],
        "swap_errors": [[30.0, 30.0], [35.0, 45.0]],
    }
    return Finding(
        format=findings.FORMAT,
        lens="lesion",
        scale="quick",
        run=record.run,
        weights_sha256="ab" * 32,
        settings={"bn": bn, "images": 100},
        values=found | values,
        how=HOW,
    )


def test_a_panel_has_a_dot_for_every_block_and_rings_where_the_shape_changes():
    _, (ax,) = figures.sheet(1)
    lesion_figures.single(ax, [operated(), operated(seed=1)])
    inside, rings, *_, whole = ax.lines
    assert list(inside.get_xdata()) == [0, 1, 2, 4, 5, 7, 8]
    assert list(rings.get_xdata()) == [3, 6] and list(rings.get_ydata()) == [43, 46]
    assert whole.get_ydata()[0] == 30.5 and ax.get_title() == "ResNet-20 (n=2)"


def test_nets_that_were_not_looked_at_are_no_empty_panels():
    nets = ("plain-20", "ResNet-20", "plain-56")
    figure = lesion_figures.every_single([operated(), operated(shortcut="none")], nets)
    assert [ax.get_title() for ax in figure.axes] == ["plain-20 (n=1)", "ResNet-20 (n=1)"]
    assert lesion_figures.every_single([], nets).startswith("Not run")
    assert lesion_figures.every_single([operated(bn="estimated")], nets).startswith("Not run")
    assert lesion_figures.groups_of_blocks([]).startswith("Not run")


def test_several_blocks_are_drawn_with_their_means():
    figure = lesion_figures.groups_of_blocks([operated(), operated(shortcut="none")])
    several, swapped = figure.axes
    means = [line for line in several.lines if line.get_linestyle() == "-" and line.get_lw() == 1.6]
    assert [list(line.get_ydata()) for line in means] == [[30, 55], [30, 55]]
    assert swapped.xaxis_inverted() and len(swapped.lines) == 3
    assert list(swapped.lines[0].get_xdata()) == [0.8, 0.9, 1.0, 1.0]


def test_the_table_has_mean_and_spread_over_seeds():
    lines = lesion_figures.table([operated(), operated(seed=2)]).splitlines()
    # inside: 40 41 42 44 45 47 48, median 44, worst 48; first of a stage: 43 and 46
    assert lines[2] == (
        "| ResNet-20 | 2 | 100 | 31.0 ± 1.4 | 44.0 ± 0.0 | 48.0 ± 0.0 | 44.5 ± 0.0 |"
    )
    assert lesion_figures.table([], bn="estimated").startswith("Not run")


def test_one_panel_is_one_net():
    _, (ax,) = figures.sheet(1)
    with pytest.raises(InputError, match="one net"):
        lesion_figures.single(ax, [operated(), operated(shortcut="none")])
    with pytest.raises(InputError, match="at least one"):
        lesion_figures.single(ax, [])


class TestChart:
    def test_rows_are_blocks_with_their_names(self):
        rows = lesion_chart.rows([operated(seed=1)])
        assert len(rows) == 9
        assert rows[3] == {
            "net": "ResNet-20",
            "seed": 1,
            "block": 3,
            "name": "2.1",
            "kind": "changes the shape",
            "error": 43.0,
            "whole": 31.0,
        }

    def test_the_chart_stands_on_its_own_and_has_a_sentence_instead(self):
        pytest.importorskip("altair")
        found = [operated(), operated(seed=1), operated(56, "none")]
        bundle = lesion_chart.single_lesions(found)._repr_mimebundle_()
        spec = bundle["application/vnd.vegalite.v5+json"]
        assert "/v5.json" in spec["$schema"] and "http" not in str(spec).replace(
            spec["$schema"], ""
        )
        menus = {p["name"]: p["bind"]["options"] for p in spec["params"] if "bind" in p}
        assert menus == {"net": ["ResNet-20", "plain-56"], "seed": [0, 1]}
        assert sum(map(len, spec.get("datasets", {}).values())) or "values" in str(spec)
        assert "JupyterLab" in bundle["text/plain"]

    def test_nothing_to_draw_is_said(self):
        pytest.importorskip("altair")
        with pytest.raises(InputError, match="look lesion"):
            lesion_chart.single_lesions([])
