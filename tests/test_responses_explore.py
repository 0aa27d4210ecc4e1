"""Every control moves at both ends; the chart holds every layer and needs nothing else."""

import json

import pytest
from test_claims_responses import as_in_the_paper, nets

from resnet_lab.errors import InputError
from resnet_lab.layer_responses import explore, stored
from resnet_lab.layer_responses.widgets import response_explorer

RECORDED, MEASURED = nets(as_in_the_paper, seeds=2)
PAIRS = stored.of_records(RECORDED, MEASURED)


def title(figure) -> str:
    return figure.get_suptitle()


def test_a_layer_in_words():
    words = title(explore.view(PAIRS, "ResNet-20", 1, "original", 3))
    # 20 / 20 + 0.001 * 2 + 0.01; with 19 layers rising by 0.001 the third is the 17th largest
    assert "seed 1, layer 3 of 19, the end of a residual branch: std 1.012, number 17" in words


@pytest.mark.parametrize("order", ["original", "sorted"])
def test_layers_beyond_the_net_are_its_last(order):
    assert "layer 19 of 19" in title(explore.view(PAIRS, "plain-20", 0, order, 109))
    assert "layer 1 of 19" in title(explore.view(PAIRS, "plain-20", 0, order, 0))


def test_a_net_that_was_not_measured_is_said():
    assert "ResNet-20 with seed 9: not measured" in title(explore.view(PAIRS, "ResNet-20", 9))


def test_the_table_has_layers_seeds_and_branch_ends():
    rows = explore.table(PAIRS).splitlines()
    assert len(rows) == 2 + 5
    assert rows[2].startswith("| plain-20 | 19 | 2 | 2.014 ± 0.007 | – | – |")
    assert rows[-1].startswith("| ResNet-110 | 109 | 2 |")


def test_depths_side_by_side_at_equal_shares():
    rows = explore.depth_table(PAIRS, points=3).splitlines()
    assert [row.split(" ")[1] for row in rows[2:]] == ["ResNet-20", "ResNet-56", "ResNet-110"]
    firsts = [float(row.split("|")[2]) for row in rows[2:]]
    assert firsts == sorted(firsts, reverse=True)
    plain = [pair for pair in PAIRS if pair[0].net.startswith("plain")]
    with pytest.raises(InputError, match="no residual net"):
        explore.depth_table(plain)


def test_the_chart_holds_every_layer_and_its_own_controls():
    bundle = explore.chart(PAIRS)
    spec = json.loads(json.dumps(bundle[explore.VEGA_LITE], allow_nan=False))
    assert spec["$schema"].endswith("vega-lite/v5.json")
    lines = spec["data"]["values"].splitlines()
    assert not [layer for layer in spec["layer"] if "data" in layer]  # it would hide the data above
    assert spec["data"]["format"]["type"] == "csv" and lines[0].startswith("net,kind,seed,run")
    assert len(lines) == 1 + 2 * (19 + 55 + 19 + 55 + 109)
    assert lines[1] == "plain-20,plain,0,plain-20 0,1,19,2.000,plain"
    assert {p["name"] for p in spec["params"]} >= {"net", "seed", "order"}
    assert all(p["value"] in p["bind"]["options"] for p in spec["params"] if "bind" in p)
    assert "http" not in json.dumps(spec).replace(explore.SCHEMA, "")


def test_the_sliders_redraw_at_both_ends(shown):
    explorer = response_explorer(PAIRS)
    controls = explorer.children[0].children
    net, seed, order, layer = controls
    names = ("lab-net", "lab-seed", "lab-order", "lab-layer")
    assert all(n in c._dom_classes for n, c in zip(names, controls, strict=True))
    net.value = "plain-20"
    layer.value = layer.max
    seed.value = 1
    order.value = "sorted"
    assert "plain-20, seed 1, layer 19 of 19" in title(shown[-1])
    assert layer.max == 109 and len(shown) >= 4
