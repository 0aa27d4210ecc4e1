"""Tables 13 and 14: the paper's numbers, ours beside them, and runs that may be compared."""

from dataclasses import replace

import pytest
import test_localisation_record
from test_localisation_record import HOW

from resnet_lab.localisation import evaluate, tables
from resnet_lab.localisation import record as records
from resnet_lab.localisation.config import toy
from resnet_lab.localisation.recipe import RCNN_EMBEDDED
from resnet_lab.localisation.record import EnsembleRecord, Row

# errors of each row of Table 13 for a run, in its order
ERRORS = {"regression": 40.0, "centre": 20.0, "dense": 15.0, "predicted": 18.0, "rcnn": 12.0}


def rows(shift=0.0):
    wanted = {
        ("regression", "centre", "true"): ERRORS["regression"],
        ("rpn", "centre", "true"): ERRORS["centre"],
        ("rpn", "dense", "true"): ERRORS["dense"],
        ("rpn", "dense", "predicted"): ERRORS["predicted"],
        ("rpn+rcnn", "dense", "predicted"): ERRORS["rcnn"],
    }
    made = []
    for method, protocol in evaluate.WAYS:
        for classes in ("true", "predicted"):
            error = wanted.get((method, protocol, classes), 50.0) + shift
            names = dict(method=method, protocol=protocol, classes=classes)
            made.append(Row(**names, top1=error + 10, top5=error))
    return tuple(made)


def a_run(seed=0, shift=0.0, **config):
    made = test_localisation_record.RECORD
    run = replace(
        made.run,
        config=toy(**config),
        stages=("regression", "rpn", "rcnn"),
        recipe=replace(made.run.recipe, seed=seed),
        rcnn=replace(RCNN_EMBEDDED, seed=seed),
    )
    return replace(made, run=run, rows=rows(shift))


def ensemble(members, shift=-3.0):
    return EnsembleRecord(
        format=records.ENSEMBLE,
        members=tuple(one.digest for one in members),
        seeds=tuple(one.run.recipe.seed for one in members),
        test=members[0].run.images.test,
        images=4,
        top1=1.0,
        top5=0.0,
        rows=rows(shift),
        how=HOW,
    )


def test_the_paper_is_printed_as_it_stands():
    said = [tables.printed(row) for row in tables.ROWS]
    assert said == [33.1, 13.3, 11.7, 14.4, 10.6, 8.9]
    text = tables.table_13([])
    assert all(f"| {value:.1f} | not run |" in text for value in said)
    text = tables.table_14([])
    for line in ("OverFeat (ILSVRC 2013) | 30.0 | 29.9", "| – | 26.7", "8.9 | 9.0", "not run"):
        assert line in text


def test_means_spreads_and_the_ensemble_stand_in_their_rows():
    runs = [a_run(seed, shift) for seed, shift in enumerate((-1.0, 0.0, 1.0))]
    lines = tables.table_13([*runs, ensemble(runs)]).splitlines()
    assert "| 33.1 | 40.0 ± 1.0 (n=3) |" in lines[2] and "| 13.3 | 20.0 ± 1.0 (n=3) |" in lines[3]
    assert "| 11.7 | 15.0 ± 1.0" in lines[4] and "| 14.4 | 18.0 ± 1.0" in lines[5]
    assert "| 10.6 | 12.0 ± 1.0" in lines[6] and "| 8.9 | 9.0 (n=1) |" in lines[7]
    assert "EMBEDDED" in lines[0]
    assert "| ours, EMBEDDED images: another task | 9.0 (n=1) | – |" in tables.table_14(
        [*runs, ensemble(runs)]
    )


def test_only_runs_that_differ_in_the_seed_alone_are_averaged():
    runs = [a_run(seed) for seed in (2, 0)]
    other, plain = a_run(1, proposals=8), a_run(1, shortcut="none")
    found = tables.comparable([*runs, other, plain])
    assert [one.run.recipe.seed for one in found] == [0, 2]
    assert tables.comparable([]) == [] and tables.plain_runs([plain, *runs]) == [plain]
    assert tables.ensemble_of([*runs, ensemble(found[:1] * 2)]) is None  # of other members
    assert tables.ensemble_of([*runs, ensemble(found)]) is not None


def test_what_stands_beside_the_table():
    text = tables.beside([a_run(0), a_run(1, 1.0)])
    assert "| RPN + R-CNN, dense, predicted class, top-1 | 22.5 ± 0.7 (n=2) |" in text
    assert "plain backbone: RPN, dense, GT class | not run" in text
    assert tables.text([]) == "not run" and tables.text([1.25]) == "1.2 (n=1)"


@pytest.mark.parametrize("row", tables.ROWS, ids=lambda row: row.leaf)
def test_every_row_is_one_that_an_evaluation_fills(row):
    assert (row.method, row.protocol) in evaluate.WAYS
