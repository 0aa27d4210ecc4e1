"""Tables 13 and 14: the paper's numbers, ours beside them, and runs that may be compared."""

from dataclasses import replace

import pytest
import test_localisation_record
from test_localisation_record import HOW

from resnet_lab.localisation import evaluate, tables, twin_tables
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
    text = twin_tables.table_14([])
    for line in ("OverFeat (ILSVRC 2013) | 30.0 | 29.9", "| – | 26.7", "8.9 | 9.0", "not run"):
        assert line in text


def test_means_spreads_and_the_ensemble_stand_in_their_rows():
    runs = [a_run(seed, shift) for seed, shift in enumerate((-1.0, 0.0, 1.0))]
    lines = tables.table_13([*runs, ensemble(runs)]).splitlines()
    assert "| 33.1 | 40.0 ± 1.0 (n=3) |" in lines[2] and "| 13.3 | 20.0 ± 1.0 (n=3) |" in lines[3]
    assert "| 11.7 | 15.0 ± 1.0" in lines[4] and "| 14.4 | 18.0 ± 1.0" in lines[5]
    assert "| 10.6 | 12.0 ± 1.0" in lines[6] and "| 8.9 | 9.0 (n=1) |" in lines[7]
    assert "EMBEDDED" in lines[0]
    text = twin_tables.table_14([*runs, ensemble(runs)])
    assert "| ours, EMBEDDED images: another task | 9.0 (n=1) | – |" in text
    assert "| the same with plain nets, in VGG's part | not run | – |" in text


def test_only_runs_that_differ_in_the_seed_alone_are_averaged():
    runs = [a_run(seed) for seed in (2, 0)]
    other, plain = a_run(1, proposals=8), a_run(1, shortcut="none")
    found = tables.comparable([*runs, other, plain])
    assert [one.run.recipe.seed for one in found] == [0, 2]
    assert tables.comparable([]) == []
    assert tables.comparable([plain, *runs, other], plain=True) == [plain]
    assert tables.ensemble_of([*runs, ensemble(found[:1] * 2)]) is None  # of other members
    assert tables.ensemble_of([*runs, ensemble(found)]) is not None


def test_what_stands_beside_the_table():
    text = twin_tables.beside([a_run(0), a_run(1, 1.0)])
    assert "| RPN + R-CNN, dense, predicted class, top-1 | 22.5 ± 0.7 (n=2) |" in text
    assert tables.text([]) == "not run" and tables.text([1.25]) == "1.2 (n=1)"


def test_another_recipe_of_r_cnn_is_another_group():
    longer = a_run(1)
    longer = replace(longer, run=replace(longer.run, rcnn=replace(longer.run.rcnn, steps=9)))
    assert len(tables.comparable([a_run(0), longer])) == 1
    text = tables.differs([a_run(0)])
    assert "76,800 anchors" in text and "38,400 regions" in text  # 300 x 32 x 8; 1,200 x 32


def test_twins_are_paired_by_seed():
    """Residual errors 12 and 13, plain ones 20 and 15 of seeds 1 and 2: 20 - 13 of seed 1 alone."""
    residual = [a_run(0), a_run(1, 1.0)]
    plain = [a_run(1, 8.0, shortcut="none"), a_run(2, 3.0, shortcut="none")]
    said = twin_tables.twins([*residual, *plain]).splitlines()
    assert "residual: ResNet-16 | plain: plain-16" in said[0]
    (row,) = [line for line in said if line.startswith("| + R-CNN")]
    assert row == "| + R-CNN | 12.5 ± 0.7 (n=2) | 17.5 ± 3.5 (n=2) | 7.0 (n=1) |"
    assert said[-1] == "| + ensemble | not run | not run | not run |"
    both = [*residual, *plain, ensemble(residual), ensemble(plain, 4.0)]
    said = twin_tables.twins(both).splitlines()
    assert said[-1] == "| + ensemble | 9.0 (n=1) | 16.0 (n=1) | 7.0 (n=1) |"
    assert "not run | not run | not run |" in twin_tables.twins([])


@pytest.mark.parametrize("row", tables.ROWS, ids=lambda row: row.leaf)
def test_every_row_is_one_that_an_evaluation_fills(row):
    assert (row.method, row.protocol) in evaluate.WAYS
