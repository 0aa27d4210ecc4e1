"""Section 4.1's statement on signals, judged from made-up findings whose answer is plain."""

from dataclasses import replace

import pytest
from conftest import record_of
from test_records import HOW

from resnet_lab import claims, findings
from resnet_lab.claims import signals
from resnet_lab.findings import Finding

FLAT = [1.0] * 20


def look(depth=20, *, variance=FLAT, gradient=FLAT, scale="quick", images="cifar10", **settings):
    """A plain net that was looked at after 0 and 10 updates; the second time as given."""
    record = record_of(depth, "none", images=images, scale=scale)
    return Finding(
        format=findings.FORMAT,
        lens="signals",
        scale=scale,
        run=record.run,
        weights_sha256="",
        settings={"what": "training", "bn": "kept"} | settings,
        values={
            "updates": [0, 10],
            "variance": [FLAT, list(variance)],
            "activation_gradient": [FLAT, list(gradient)],
        },
        how=HOW,
    )


def verdicts(*found, images=None):
    rows = claims.ledger([], images, found)
    return [row for row in rows if row.id.startswith("4.1-")]


def test_without_findings_it_is_not_run():
    rows = verdicts()
    assert [row.verdict for row in rows] == ["not run"] * 3
    assert all("resnet-lab look signals" in row.why for row in rows)


def test_flat_signals_are_healthy():
    rows = verdicts(look(20), look(56))
    assert [row.verdict for row in rows] == ["seen"] * 3
    assert {row.n for row in rows} == {1} and rows[0].scale.startswith("quick (CIFAR-10")
    assert (
        rows[0].ours.startswith("at least 1 (plain-")
        and "plain-20 to update 10, plain-56 to update 10" in rows[0].why
    )


@pytest.mark.parametrize(
    "change, expected",
    [
        # a dead layer in the middle
        (dict(variance=[1.0] * 10 + [0.001] + [1.0] * 9), ["not seen", "seen", "seen"]),
        # gradients that lose a factor 2 each layer on the way to the front
        (dict(gradient=[2.0**k for k in range(20)]), ["seen", "not seen", "not seen"]),
        # gradients that win it: large, not small
        (dict(gradient=[2.0**-k for k in range(20)]), ["seen", "seen", "not seen"]),
        # zero in front
        (dict(gradient=[0.0] * 5 + [1.0] * 15), ["seen", "not seen", "not seen"]),
    ],
)
def test_each_trouble_is_seen_by_its_claim(change, expected):
    assert [row.verdict for row in verdicts(look(20), look(56, **change))] == expected


def test_the_classifier_does_not_count():
    quiet = [*FLAT[:-1], 1e-6]
    rows = verdicts(look(20), look(56, variance=quiet, gradient=quiet))
    assert [row.verdict for row in rows] == ["seen"] * 3


def test_nets_without_bn_residual_nets_and_untrained_ones_do_not_judge():
    sick = dict(gradient=[0.0] * 20)
    others = [look(56, bn="bias", **sick), look(56, what="start", **sick)]
    residual = look(56, **sick)
    net = replace(residual.run.net, shortcut="A")
    others.append(replace(residual, run=replace(residual.run, net=net)))
    assert [r.verdict for r in verdicts(*others, look(20), look(56))] == ["seen"] * 3
    assert [r.verdict for r in verdicts(*others, look(20))] == ["not run"] * 3


def test_paper_scale_comes_first_then_the_images_asked_for():
    sick = dict(gradient=[0.0] * 20)
    quick = [look(20), look(56)]
    embedded = [look(20, images="embedded"), look(56, images="embedded", **sick)]
    assert verdicts(*quick, *embedded)[1].verdict == "seen"
    assert verdicts(*quick, *embedded, images="embedded")[1].verdict == "not seen"
    whole = [look(20, scale="paper"), look(56, scale="paper")]
    row = verdicts(*embedded, *whole)[1]
    assert (row.scale, row.verdict) == ("paper", "seen")


def test_quarters_are_geometric():
    assert signals.quarters([8.0, 2.0, 1, 1, 1, 1, 1.0, 4.0]) == pytest.approx(4 / 2)


def test_plain_110_is_told_and_does_not_judge():
    sick = look(110, gradient=[0.01] * 10 + [1.0] * 10)
    rows = verdicts(look(20), look(56), sick)
    assert [row.verdict for row in rows] == ["seen"] * 3 and {row.n for row in rows} == {1}
    assert "not judged: 0.01 (plain-110 after 10 updates)" in rows[1].why
