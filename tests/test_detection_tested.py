"""Appendix B's options on the same weights: named, kept, found again; never the weights changed."""

import json
from dataclasses import replace

import pytest
import torch
from detection_records import fake, fake_test

from resnet_lab.detection import arms, run, scenes, tested
from resnet_lab.detection.arms import ARMS
from resnet_lab.detection.config import toy
from resnet_lab.detection.faster_rcnn import FasterRCNN
from resnet_lab.detection.tested import OPTIONS, SCALES
from resnet_lab.errors import InputError


def test_scales_stand_to_the_usual_one_as_the_papers():
    """Appendix B: 200, 400, 600, 800, 1000 where the single scale is 600."""
    assert [s / 96 for s in SCALES] == pytest.approx([s / 600 for s in (200, 400, 600, 800, 1000)])


def test_every_option_changes_testing_and_is_of_a_known_arm():
    for option in OPTIONS.values():
        assert option.arm in ARMS
        assert option.testing != arms.TESTING or option.side or option.ensemble


def test_what_is_saved_is_found_again(tmp_path):
    found = fake_test("voting alone", [fake("residual", 0)], 61.0, 42.0)
    path = tested.save(found, tmp_path)
    assert tested.load(path) == found and tested.load_all(tmp_path, tmp_path) == [found]
    assert found.testing.vote and not found.testing.refine


@pytest.mark.parametrize(
    "change, sentence",
    [
        (lambda f: f | {"option": "another"}, "was changed"),
        (lambda f: f | {"more": 1}, "more: Unexpected"),
        (lambda f: {k: v for k, v in f.items() if k != "digest"}, "not a whole result"),
        (lambda f: [], "not a whole result"),
    ],
)
def test_a_changed_file_is_refused(tmp_path, change, sentence):
    path = tested.save(fake_test("ensemble", [fake("residual", 0)], 61.0, 42.0), tmp_path)
    path.write_text(json.dumps(change(json.loads(path.read_bytes()))), encoding="utf-8")
    with pytest.raises(InputError, match=sentence):
        tested.load(path)
    with pytest.raises(InputError, match="cannot be read"):
        tested.load(tmp_path / "nothing.json")


def test_what_is_to_be_measured_by_hand(tmp_path):
    """5 options of each residual net, 2 of each with context; 2 ensembles, of three seeds only."""
    found = [(tmp_path, fake(key, seed)) for key in ("residual", "context") for seed in range(3)]
    names = [name for name, _ in tested.to_measure(found)]
    assert len(names) == 3 * 5 + 3 * 2 + 2
    assert [len(pairs) for name, pairs in tested.to_measure(found) if "ensemble" in name] == [3, 3]
    two = [pair for pair in found if pair[1].run.recipe.seed < 2]
    assert len(list(tested.to_measure(two))) == 2 * 5 + 2 * 2


def test_resizing_changes_no_weight():
    net = FasterRCNN(toy((1, 1, 1, 1)))
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    assert tested.resized(net, 144).config.short_side == 144 and net.config.long_side == 240
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())
    assert net.prepare([torch.zeros(3, 96, 96, dtype=torch.uint8)]).sizes == ((144, 144),)


def test_all_is_measured_once_and_then_found(tmp_path, monkeypatch):
    data = scenes.load("test", 2)
    record = fake("residual", 0)
    record = replace(record, final=replace(record.final, images=2))
    record = replace(
        record, run=replace(record.run, images=replace(record.run.images, test=data.content_hash))
    )
    folder = tmp_path / "detection" / record.run.stem
    folder.mkdir(parents=True)
    tested.record.save(record, folder / "record.json")
    (folder / "weights.safetensors").touch()
    config = ARMS["residual"].config
    monkeypatch.setattr(run, "trained", lambda folder, device: FasterRCNN(config).eval())
    said = []
    assert tested.measure_all(tmp_path, budget=-1.0, say=said.append) is False
    assert tested.measure_all(tmp_path, say=said.append)
    found = tested.load_all(tmp_path)
    assert sorted(one.option for one in found) == sorted(
        name for name, option in OPTIONS.items() if option.arm == "residual" and not option.ensemble
    )
    assert {one.images for one in found} == {data.content_hash}
    assert {one.runs for one in found} == {(record.run.hash,)}
    assert tested.measure_all(tmp_path, budget=-1.0, say=said.append)
    assert len(said) == 1 + 5
