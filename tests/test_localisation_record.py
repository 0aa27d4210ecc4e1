"""Records of localisers: whole, checked, and the same whatever the clock said."""

import json
from dataclasses import replace

import pytest

from resnet_lab.detection.record import DetectionHow, DetectionImages
from resnet_lab.errors import InputError
from resnet_lab.localisation import record as records
from resnet_lab.localisation.config import toy
from resnet_lab.localisation.recipe import CLASSIFIER, EMBEDDED, RCNN_EMBEDDED
from resnet_lab.localisation.record import LocalisationRecord, LocalisationRun, Row

HOW = DetectionHow(
    device="cpu",
    precision="float32",
    threads=1,
    processes=1,
    per_device=1,
    torch="2",
    resnet_lab="0",
    git="abc",
    seconds=1.0,
    finished="2000-01-01T00:00:00+00:00",
)
RUN = LocalisationRun(
    config=toy(),
    recipe=EMBEDDED,
    rcnn=None,
    stages=("rpn",),
    images=DetectionImages(name="embedded", train="a", test="b"),
    start="images",
    classifier=CLASSIFIER,
)
RECORD = LocalisationRecord(
    format=records.FORMAT,
    run=RUN,
    deviations=("a = 1 instead of 2",),
    curves={"rpn": ()},
    images=4,
    top1=25.0,
    top5=0.0,
    rows=(Row(method="rpn", protocol="dense", classes="true", top1=25.0, top5=25.0),),
    weights_sha256={"rpn": "0"},
    how=HOW,
)


def test_a_record_comes_back_as_it_was(tmp_path):
    place = tmp_path / "localisation"
    records.save(RECORD, place / "a.json")
    assert records.load(place / "a.json") == RECORD
    ensemble = records.EnsembleRecord(
        format=records.ENSEMBLE,
        members=(RECORD.digest,),
        seeds=(0,),
        test="b",
        how=HOW,
        **{name: getattr(RECORD, name) for name in ("images", "top1", "top5", "rows")},
    )
    records.save(ensemble, place / "evaluations" / "b.json")
    records.save(ensemble, place / "evaluations" / "c.json")
    assert records.load_all(tmp_path) == [RECORD, ensemble]
    assert records.load_all(tmp_path / "records") == []  # what is beside it is not in it
    assert records.load_all(tmp_path, tmp_path) == [RECORD, ensemble]


def test_another_value_is_another_run_and_the_clock_is_not_in_the_digest():
    assert RUN.hash != replace(RUN, recipe=replace(EMBEDDED, seed=1)).hash
    rcnn = replace(RUN, stages=("rpn", "rcnn"), rcnn=RCNN_EMBEDDED)
    assert rcnn.hash != replace(rcnn, rcnn=replace(RCNN_EMBEDDED, steps=9_999)).hash
    assert RUN.hash != replace(RUN, config=toy(shortcut="none")).hash
    assert replace(RECORD, how=replace(HOW, seconds=9.0)).digest == RECORD.digest
    assert replace(RECORD, top1=26.0).digest != RECORD.digest


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda text: text[:200], "not a whole record"),
        (lambda text: text.replace('"top1": 25.0', '"top1": 24.0', 1), "was changed"),
        (lambda text: text.replace('"images": 4', '"images": "4"'), "images"),
        (lambda text: text.replace(records.FORMAT, "another"), "has format 'another'"),
        (lambda text: json.dumps([1]), "not a whole record"),
    ],
)
def test_a_damaged_file_is_one_sentence_with_its_name(tmp_path, change, words):
    path = tmp_path / "a.json"
    records.save(RECORD, path)
    path.write_text(change(path.read_text()))
    with pytest.raises(InputError, match=words) as caught:
        records.load(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
