"""Verdicts on made-up runs: seen, not seen, undecided, and not run."""

from test_localisation_tables import ERRORS, a_run, ensemble

from resnet_lab import claims
from resnet_lab.claims.localisation import appendix_c
from resnet_lab.localisation import record


def verdicts(runs):
    return {row.id: row.verdict for row in appendix_c(runs)}


def test_without_runs_nothing_has_a_verdict():
    assert set(verdicts([]).values()) == {"not run"}
    assert [row.id for row in appendix_c([])] == [
        row.id for row in claims.ledger([]) if row.id.startswith("C-")
    ]


def test_what_table_13_says_is_seen_in_runs_that_say_it():
    runs = [a_run(seed, shift) for seed, shift in enumerate((-1.0, 0.0, 1.0))]
    found = verdicts([*runs, ensemble(runs, shift=-9.0)])
    assert found.pop("C-top5-error") == "not run"
    assert set(found.values()) == {"seen"}
    row = appendix_c(runs)[0]
    assert row.paper == "33.1 against 13.3" and row.ours == "40.00 against 20.00"
    assert row.n == 3 and row.spread == 1.0 and "embedded images" in row.scale
    assert "-20.00" in row.why


def test_the_turned_order_is_not_seen(monkeypatch):
    monkeypatch.setitem(ERRORS, "rcnn", 25.0)
    runs = [a_run(seed, shift) for seed, shift in enumerate((-1.0, 0.0, 1.0))]
    assert verdicts(runs)["C-rcnn-below-rpn"] == "not seen"
    assert verdicts(runs)["C-ensemble-below-single"] == "not run"


def test_a_small_difference_of_one_run_is_undecided(monkeypatch):
    monkeypatch.setitem(ERRORS, "dense", 18.0)
    assert verdicts([a_run(0)])["C-dense-below-1-crop"] == "undecided"
    assert verdicts([a_run(0)])["C-rpn-below-regression"] == "seen"


def test_an_ensemble_close_to_its_members_is_undecided():
    runs = [a_run(seed, shift) for seed, shift in enumerate((-1.0, 0.0, 1.0))]
    assert verdicts([*runs, ensemble(runs, shift=-1.0)])["C-ensemble-below-single"] == "undecided"


def test_what_ships_was_made_by_committed_code_and_judges_the_order():
    shipped = record.load_all(record.SHIPPED)
    assert {len(one.how.git) for one in shipped} == {12}
    assert "not run" not in {row.verdict for row in appendix_c(shipped)[:5]}
