"""Figure 7's facts, judged on made-up responses whose order is known."""

from dataclasses import replace

import pytest
from conftest import record_of
from test_findings import finding

from resnet_lab import claims
from resnet_lab.claims import responses
from resnet_lab.layer_responses import stored

ROLES = {"plain": lambda n: "p" * (n - 1), "ResNet": lambda n: "s" + "ie" * ((n - 2) // 2)}
DEFAULT = {"split": "test", "images": 10, "bn": "running", "batch": None}


def nets(std, seeds=5, bn="running"):
    """Records and findings; `std(kind, depth, layer, role, seed)` is the response."""
    recorded, measured = [], []
    for kind, depths in (("plain", (20, 56)), ("ResNet", (20, 56, 110))):
        for depth in depths:
            for seed in range(seeds):
                record = record_of(depth, "none" if kind == "plain" else "A", seed=seed)
                roles = ROLES[kind](depth)
                values = [std(kind, depth, i, role, seed) for i, role in enumerate(roles)]
                recorded.append(record)
                measured.append(
                    finding(
                        lens=stored.LENS,
                        run=record.run,
                        weights_sha256=record.weights_sha256,
                        settings=DEFAULT | {"bn": bn},
                        values={"std": values, "channel_std": values, "roles": roles},
                    )
                )
    return recorded, measured


def as_in_the_paper(kind, depth, layer, role, seed):
    return (2.0 if kind == "plain" else 20 / depth) + 0.001 * layer + 0.01 * seed


def judged(recorded, measured):
    rows = claims.ledger(recorded, measured=measured)
    return {row.id: row for row in rows if "Figure 7" in row.place}


def test_there_are_four_and_all_are_seen_where_they_hold():
    found = judged(*nets(as_in_the_paper))
    assert set(found) == {
        "3.1-residuals-are-small",
        "4.2-smaller-responses-than-plain",
        "4.2-deeper-smaller-responses",
        "4.2-deeper-layer-changes-less",
    }
    for row in found.values():
        assert (row.verdict, row.n) == ("seen", 5), row
        assert row.scale.startswith("quick (CIFAR-10 at 16x16")


def test_the_reverse_is_not_seen():
    found = judged(*nets(lambda *a: 5 - as_in_the_paper(*a)))
    assert {row.verdict for row in found.values()} == {"not seen"}


def test_no_difference_is_undecided():
    found = judged(*nets(lambda kind, depth, layer, role, seed: 1 + 0.01 * ((7 * seed) % 5)))
    assert {row.verdict for row in found.values()} == {"undecided"}


def test_one_net_of_each_is_never_enough_however_many_layers():
    found = judged(*nets(as_in_the_paper, seeds=1))
    assert {row.verdict for row in found.values()} == {"undecided"}
    assert "0.25 at best" in found["4.2-smaller-responses-than-plain"].why


def test_small_branch_ends_alone_are_no_smaller_responses_in_general():
    """The 3.1 row looks at the ends; the 4.2 row at all layers."""

    def std(kind, depth, layer, role, seed):
        return {"e": 0.5, "i": 2.0, "s": 2.0, "p": 1.0}[role] + 0.01 * seed

    found = judged(*nets(std))
    assert found["3.1-residuals-are-small"].verdict == "seen"
    assert found["4.2-smaller-responses-than-plain"].verdict != "seen"


def test_without_findings_or_with_those_of_other_weights_it_is_not_run():
    recorded, measured = nets(as_in_the_paper)
    others = [replace(f, weights_sha256="ee" * 32) for f in measured]
    for given in ([], others):
        for row in judged(recorded, given).values():
            assert row.verdict == "not run" and "reproduce figure_7" in row.why
    assert all(row.verdict == "not run" for row in judged([], measured).values())


def test_what_hangs_on_the_mode_of_bn_is_undecided():
    recorded, running = nets(as_in_the_paper)
    _, batch = nets(lambda *a: 5 - as_in_the_paper(*a), bn="batch")
    row = judged(recorded, running + batch)["4.2-smaller-responses-than-plain"]
    assert row.verdict == "undecided"
    assert row.why.startswith("seen with BN's stored statistics, not seen with those of each batch")
    _, same = nets(as_in_the_paper, bn="batch")
    assert judged(recorded, running + same)["4.2-smaller-responses-than-plain"].verdict == "seen"
    alone = judged(recorded, batch)["4.2-smaller-responses-than-plain"]
    assert alone.verdict == "not run"


def test_a_step_that_fails_is_named():
    def std(kind, depth, layer, role, seed):
        return {20: 1.0, 56: 0.8, 110: 0.9}[depth] + 0.01 * seed

    row = judged(*nets(std))["4.2-deeper-smaller-responses"]
    assert row.verdict == "not seen"
    assert "seen: 20 above 56" in row.why and "not seen: 56 above 110" in row.why


@pytest.mark.parametrize("word", ["every net is one observation", "2.5 %"])
def test_the_rule_is_in_words(word):
    assert word in responses.explain() and word in claims.rule()
