"""The slices that ship: whole, small, from committed code, of the weights they name."""

from collections import Counter

import pytest

from resnet_lab import findings, records
from resnet_lab.landscape import roughness
from resnet_lab.landscape.shown import net_of, select
from resnet_lab.landscape.targets import LENS, NETS

FOUND = findings.load_all(LENS)
RECORDS = {r.run.hash: r for r in records.load_all(records.SHIPPED)}


def test_every_slice_is_of_the_weights_of_a_shipped_record_and_from_unchanged_code():
    assert FOUND
    for finding in FOUND:
        assert RECORDS[finding.run.hash].weights_sha256 == finding.weights_sha256
        assert len(finding.how.git) == 12, "made by code that was not committed"
        assert finding.settings["normalised"] == "filter"


def test_all_of_them_are_small():
    folder = findings.SHIPPED / LENS
    assert sum(path.stat().st_size for path in folder.iterdir()) < 600_000


def test_every_slice_is_complete_and_holds_the_net_in_its_middle():
    for finding in FOUND:
        points = finding.settings["points"] ** finding.settings["dimensions"]
        assert len(finding.values["loss"]) == len(finding.values["error"]) == points
        assert roughness.steps(finding)[finding.settings["points"] // 2] == 0
        assert all(0 <= error <= 100 for error in finding.values["error"])


@pytest.mark.parametrize("images", ["cifar10", "embedded"])
@pytest.mark.parametrize("bn", ["running", "recomputed"])
def test_curves_of_the_four_nets_from_three_seeds(images, bn):
    found = select(FOUND, dimensions=1, bn=bn, images=images)
    seeds = Counter(net_of(f) for f in found)
    assert set(seeds) == set(NETS) and min(seeds.values()) >= 3
    assert len({tuple(sorted(f.settings.items())) for f in found}) == 1


@pytest.mark.parametrize("bn", ["running", "recomputed"])
def test_maps_of_the_four_nets(bn):
    found = select(FOUND, dimensions=2, bn=bn, images="cifar10")
    assert {net_of(f) for f in found} == set(NETS)
    assert {f.settings["points"] for f in found} == {25}


def test_kept_statistics_and_recomputed_ones_agree_on_the_net_itself_but_for_the_images():
    """At the middle both are the same net; only the statistics are of few images or of training."""
    for net in NETS:
        middle = {
            bn: [
                roughness.read(f).centre
                for f in select(FOUND, dimensions=1, bn=bn, images="cifar10", net=net)
            ]
            for bn in ("running", "recomputed")
        }
        assert middle["running"] == pytest.approx(middle["recomputed"], abs=0.05)
