"""What names a run: everything that changes its weights, and nothing else."""

import json
from dataclasses import replace

import pytest
from detection_records import fake

from resnet_lab.detection import record
from resnet_lab.detection.config import toy
from resnet_lab.detection.recipe import TOY, Pretraining
from resnet_lab.detection.record import DetectionImages, DetectionRun
from resnet_lab.errors import InputError

IMAGES = DetectionImages(name="scenes", train="a" * 64, test="b" * 64)
RUN = DetectionRun(
    config=toy(), recipe=TOY, images=IMAGES, start="crops", pretraining=Pretraining()
)


@pytest.mark.parametrize(
    "other",
    [
        replace(RUN, config=toy(shortcut="none")),
        replace(RUN, config=toy(context=True)),
        replace(RUN, recipe=replace(TOY, seed=1)),
        replace(RUN, images=replace(IMAGES, train="c" * 64)),
        replace(RUN, start="random", pretraining=None),
        replace(RUN, pretraining=Pretraining(epochs=12)),
    ],
    ids=["plain", "context", "seed", "images", "start", "pretraining"],
)
def test_each_choice_names_another_run(other):
    assert other.hash != RUN.hash


def test_the_folder_says_net_and_seed():
    assert RUN.stem == f"ResNet-16-B_seed0-{RUN.hash}" and len(RUN.hash) == 10


def test_equal_numbers_name_equal_runs():
    assert replace(RUN, recipe=replace(TOY, momentum=0.9, bias_lr=1)).hash == RUN.hash


def test_a_record_of_old_without_class_names_keeps_its_digest(tmp_path):
    new = replace(fake("residual", 0), classes=("cat", "dog"))
    record.save(new, tmp_path / "new.json")
    assert record.load(tmp_path / "new.json") == new
    old = fake("residual", 0)
    record.save(old, tmp_path / "old.json")
    fields = json.loads((tmp_path / "old.json").read_text())
    assert fields.pop("classes") == []
    (tmp_path / "old.json").write_text(json.dumps(fields))  # as it was written then
    assert record.load(tmp_path / "old.json") == old
    assert new.run.hash == old.run.hash and new.digest != old.digest


def test_a_missing_record_is_a_sentence(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        record.load(tmp_path / "record.json")
    assert record.load_all(tmp_path, tmp_path / "nowhere") == []
