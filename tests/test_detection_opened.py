"""What the sliders read is what the detector does; overlaps and hits against hand arithmetic."""

from dataclasses import replace

import pytest
import torch
from detection_records import data, fake, seen

from resnet_lab.detection import arms, opened, record, run
from resnet_lab.detection.targets import detections
from resnet_lab.errors import InputError


def test_the_usual_settings_give_the_traced_proposals_and_detections():
    one = seen()
    usual = opened.proposals_at(one, one.net.config.rpn_nms, arms.TESTING.proposals)
    assert torch.equal(usual.boxes, one.trace.proposals.boxes)
    plain = seen(refine=False)
    found = opened.detections_at(plain, arms.TESTING.score, arms.TESTING.nms)
    assert torch.equal(found.boxes, plain.trace.found.boxes)
    assert torch.equal(found.scores, plain.trace.found.scores)


def test_judging_the_proposals_again_changes_nothing():
    one = seen()
    again = opened.judged(one.net, one.trace.maps, one.trace.proposals.boxes, one.size)
    assert torch.allclose(again.scores, one.trace.first.scores)
    assert torch.allclose(again.boxes, one.trace.first.boxes)


def test_sizes_and_shapes():
    one = seen()
    assert one.size == (96, 96) and one.grid == (12, 12)
    assert one.shapes[:3] == [(12, 0.5), (24, 0.5), (48, 0.5)] and len(one.shapes) == 9
    assert torch.equal(one.truth, one.target.boxes)  # the image is not resized


def test_overlap_by_hand():
    boxes = torch.tensor([[0.0, 0, 4, 4], [10, 10, 12, 12]])
    truth = torch.tensor([[2.0, 0, 6, 4], [0, 0, 4, 5]])
    values, which = opened.best_overlap(boxes, truth)
    assert values.tolist() == pytest.approx([16 / 20, 0]) and which[0] == 1
    assert opened.best_overlap(boxes, truth[:0])[1].tolist() == [-1, -1]
    assert opened.covered(boxes, truth) == 1 and opened.covered(boxes[:0], truth) == 0
    assert opened.covered(boxes, truth, 0.9) == 0


def test_objects_covered_so_far_are_those_covered_by_each_beginning():
    torch.manual_seed(0)
    corners = torch.rand(40, 2) * 60
    boxes, truth = torch.cat([corners, corners + 20], 1), torch.tensor([[0.0, 0, 20, 20]])
    truth = torch.cat([truth, boxes[7:9] + 2, boxes[30:31] + 1])
    found = opened.covered_so_far(boxes, truth)
    assert found == [opened.covered(boxes[: k + 1], truth) for k in range(40)] and found[-1] >= 3
    assert opened.covered_so_far(boxes[:2], truth[:0]) == [0, 0]
    assert opened.covered_so_far(boxes[:0], truth) == []


def test_a_second_detection_of_an_object_and_another_class_are_wrong():
    one = seen()
    label, box = int(one.target.labels[0]), one.truth[0].tolist()
    other = label % 8 + 1
    found = detections([box, box, box], [0.5, 0.9, 0.95], [label, label, other])
    assert opened.right(found, one).tolist() == [False, True, False]


def test_a_detector_is_found_by_its_arm_lowest_seed_first(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "trained", lambda folder: folder.name)
    for key, seed in (("residual", 2), ("residual", 0), ("residual", 1), ("plain", 0)):
        found = fake(key, seed)
        folder = tmp_path / "detection" / found.run.stem
        folder.mkdir(parents=True)
        record.save(found, folder / "record.json")
        if (key, seed) != ("residual", 0):  # its weights are not here
            (folder / "weights.safetensors").touch()
    assert opened.detector([tmp_path]) == fake("residual", 1).run.stem
    assert len(opened.recorded([tmp_path, tmp_path])) == 4
    with pytest.raises(InputError, match="context.*resnet-lab reproduce detection"):
        opened.detector([tmp_path], "context")


def test_own_results_come_before_those_that_ship(tmp_path):
    own = opened.folders(tmp_path / "records")
    assert own[:2] == [tmp_path / "records", tmp_path] and len(opened.folders()) == 1


def test_an_image_with_nothing_to_find_can_be_opened():
    class Nothing:
        classes = data().classes

        def __getitem__(self, i):
            image, target = data()[i]
            none = {k: getattr(target, k)[:0] for k in ("boxes", "labels", "difficult")}
            return image, replace(target, crowd=target.crowd[:0], area=target.area[:0], **none)

    one = opened.open_image(seen().net, Nothing(), 0)
    assert not opened.right(one.trace.found, one).any()
