"""Result files of both formats, there and back, and the command that scores them."""

import json
import math

import numpy as np
import pytest
import torch

from resnet_lab.cli import main
from resnet_lab.detection import coco, evaluation, result_files, scene_export, scenes, scoring
from resnet_lab.detection.targets import detections
from resnet_lab.errors import InputError


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    """Eight scenes on disk in both formats, and detections that are right about half the time."""
    root, data = tmp_path_factory.mktemp("stage"), scenes.load("test", 8)
    place = scene_export.to_voc(data, root / "VOC2007", "test")
    file = scene_export.to_coco(data, root, "val")
    random, found = torch.Generator().manual_seed(1), []
    for its in data.targets():
        shift = 4 * torch.randn(len(its), 4, generator=random)
        boxes = (its.boxes + shift).clamp(0, 96)
        boxes[:, 2:] = torch.maximum(boxes[:, 2:], boxes[:, :2] + 1)
        found.append(detections(boxes, torch.rand(len(its), generator=random), its.labels))
    return data, place, file, found


def same(a, b) -> bool:
    return all(
        torch.equal(getattr(one, name), getattr(two, name))
        for one, two in zip(a, b, strict=True)
        for name in ("boxes", "scores", "labels")
    )


def sorted_by_class(found):
    orders = [torch.argsort(one.labels, stable=True) for one in found]
    return [
        detections(one.boxes[order], one.scores[order], one.labels[order])
        for one, order in zip(found, orders, strict=True)
    ]


def test_a_coco_result_file_holds_what_was_found(stage, tmp_path):
    data, _, file, found = stage
    known = coco.read(file)
    path = result_files.write_coco(tmp_path / "results.json", found, known)
    rows = json.loads(path.read_text())
    assert set(rows[0]) == {"image_id", "category_id", "bbox", "score"}
    assert rows[0]["image_id"] == 1 and rows[0]["category_id"] % 2 == 1
    x0, y0, x1, y1 = found[0].boxes[0].double().tolist()
    assert rows[0]["bbox"] == [x0, y0, x1 - x0, y1 - y0]
    assert same(result_files.per_image(*result_files.read(path, known), len(known)), found)


def test_voc_result_files_count_pixels_from_one(stage, tmp_path):
    data, place, _, found = stage
    known = scoring.annotations_at(place, classes=data.classes)
    paths = result_files.write_voc(tmp_path, found, known)
    assert [path.name for path in paths] == [f"comp4_det_test_{name}.txt" for name in data.classes]
    words = next(path for path in paths if path.read_text()).read_text().split("\n")[0].split()
    assert len(words) == 6 and words[0].isdigit()
    again = result_files.per_image(*result_files.read(tmp_path, known), len(known))
    assert same(again, sorted_by_class(found))
    # the exact object written as a result has the numbers of its XML
    exact = [detections(t.boxes, torch.ones(len(t)), t.labels) for t in data.targets()]
    result_files.write_voc(tmp_path, exact, known)
    truth, found_ = known.truth, result_files.read(tmp_path, known)[0]
    assert np.array_equal(np.sort(truth.boxes, 0), np.sort(found_.boxes, 0))


def test_the_same_results_score_the_same_from_memory_and_from_every_file(stage, tmp_path):
    data, place, file, found = stage
    of_coco, of_voc = coco.read(file), scoring.annotations_at(place, classes=data.classes)
    json_file = result_files.write_coco(tmp_path / "results.json", found, of_coco)
    result_files.write_voc(tmp_path / "voc", found, of_voc)
    targets, classes = data.targets(), data.classes
    coco_ap = evaluation.coco_map(found, targets, classes).mean_ap
    voc_ap = evaluation.voc_map(found, targets, classes).mean_ap
    assert 5 < coco_ap < voc_ap < 100
    assert scoring.score(json_file, of_coco).mean_ap == pytest.approx(coco_ap, abs=1e-9)
    assert scoring.score(tmp_path / "voc", of_voc).mean_ap == pytest.approx(voc_ap, abs=1e-9)
    crossed = scoring.score(tmp_path / "voc", of_voc, metric="coco")
    assert crossed.mean_ap == pytest.approx(coco_ap, abs=1e-9)
    crossed = scoring.score(json_file, of_coco, metric="voc")
    assert crossed.mean_ap == pytest.approx(voc_ap, abs=1e-9)


def test_pycocotools_scores_our_result_file_the_same(stage, tmp_path, capsys):
    api, cocoeval = (
        pytest.importorskip("pycocotools.coco"),
        pytest.importorskip("pycocotools.cocoeval"),
    )
    data, _, file, found = stage
    path = result_files.write_coco(tmp_path / "results.json", found, coco.read(file))
    whole = api.COCO(str(file))
    scorer = cocoeval.COCOeval(whole, whole.loadRes(str(path)), "bbox")
    scorer.evaluate(), scorer.accumulate(), scorer.summarize()
    capsys.readouterr()
    ours = np.array(list(scoring.score(path, coco.read(file)).summary().values())) / 100
    assert np.abs(np.nan_to_num(ours, nan=-1) - scorer.stats).max() < 1e-9


def run(capsys, *arguments) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as caught:
        main(["evaluate", "result-files", *map(str, arguments)])
    printed = capsys.readouterr()
    return caught.value.code or 0, printed.out, printed.err


def test_the_command_prints_a_table(stage, tmp_path, capsys):
    data, place, file, found = stage
    known = scoring.annotations_at(place, classes=data.classes)
    result_files.write_voc(tmp_path, found, known)
    options = ["--annotations", place, "--classes", ",".join(data.classes)]
    code, out, _ = run(capsys, tmp_path, *options, "--eleven-points")
    expected = evaluation.voc_map(found, data.targets(), data.classes, eleven_points=True)
    rows = dict(line.split() for line in out.splitlines())
    assert code == 0 and list(rows) == [*data.classes, "mean"]
    assert float(rows["mean"]) == pytest.approx(expected.mean_ap, abs=0.006)

    path = result_files.write_coco(tmp_path / "results.json", found, coco.read(file))
    code, out, _ = run(capsys, path, "--annotations", file, "--json")
    rows = json.loads(out)
    assert code == 0 and list(rows)[:3] == ["AP", "AP50", "AP75"] and rows["AP large"] is None


def test_its_name_of_old_still_works(stage, tmp_path, capsys):
    _, _, file, found = stage
    path = result_files.write_coco(tmp_path / "results.json", found, coco.read(file))
    with pytest.raises(SystemExit) as caught:
        main(["evaluate", "detections", str(path), "--annotations", str(file), "--json"])
    assert not caught.value.code and json.loads(capsys.readouterr().out)["AP"] > 5
    with pytest.raises(SystemExit):
        main(["evaluate", "--help"])
    shown = capsys.readouterr().out
    assert "result-files" in shown and "detections " not in shown.replace("detections,", "")


def test_what_is_no_list_of_annotations_is_told_which_is(stage, tmp_path, capsys):
    data, place, file, found = stage
    path = result_files.write_coco(tmp_path / "results.json", found, coco.read(file))
    code, _, err = run(capsys, path, "--annotations", file.parents[1])
    assert code == 2 and f"name what does, as {file}" in err
    (tmp_path / "VOCdevkit" / "VOC2007").mkdir(parents=True)
    for root in (tmp_path, tmp_path / "VOCdevkit"):
        code, _, err = run(capsys, path, "--annotations", root)
        assert code == 2 and "VOCdevkit/VOC2007" in err
    for wrong, match in (("disc,disc", "named twice"), ("disc,,ring", "class names with commas")):
        code, _, err = run(capsys, path, "--annotations", place, "--classes", wrong)
        assert code == 2 and match in err and len(err.splitlines()) == 1
    (tmp_path / "record.json").write_text("{}")
    code, _, err = run(capsys, tmp_path, "--annotations", file)
    assert code == 2 and "`resnet-lab evaluate detection` tests it" in err


@pytest.mark.parametrize(
    "row, match",
    [
        ({"score": math.nan}, "detection 1 of .*results.json has no finite score"),
        ({"score": "high"}, "detection 1 of .*results.json has no finite score"),
        ({"image_id": 99}, "detection 1 of .*results.json is of image 99"),
        ({"image_id": [1]}, "detection 1 of .*results.json is of image"),
        ({"category_id": 2}, "detection 1 of .*results.json is of category 2"),
        ({"bbox": [1, 2, 3]}, "detection 1 of .*results.json has no bbox of four"),
        ({"bbox": [1, 2, 3, -1]}, "detection 1 of .*results.json has a box of negative"),
    ],
)
def test_malformed_coco_results_are_one_sentence(stage, tmp_path, capsys, row, match):
    _, _, file, _ = stage
    good = {"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}
    path = tmp_path / "results.json"
    path.write_text(json.dumps([good | row]))
    with pytest.raises(InputError, match=match):
        scoring.score(path, coco.read(file))
    code, _, error = run(capsys, path, "--annotations", file)
    assert code == 2 and error.startswith("resnet-lab: ") and error.count("\n") == 1


@pytest.mark.parametrize(
    "line, match",
    [
        ("000001 0.5 1 2 3", "line 2 of .*comp4_det_test_disc.txt is not an image, a score"),
        ("000001 nan 1 2 3 4", "line 2 of .*comp4_det_test_disc.txt is not an image, a score"),
        ("000001 0.5 1 2 x 4", "line 2 of .*comp4_det_test_disc.txt is not an image, a score"),
        ("street 0.5 1 2 3 4", "line 2 of .*comp4_det_test_disc.txt is of image street"),
        ("000001 0.5 9 2 3 4", "line 2 of .*comp4_det_test_disc.txt has a box whose end"),
    ],
)
def test_malformed_voc_results_are_one_sentence(stage, tmp_path, line, match):
    data, place, _, _ = stage
    known = scoring.annotations_at(place, classes=data.classes)
    (tmp_path / "comp4_det_test_disc.txt").write_text(f"000001 0.5 1 2 3 4\n{line}\n")
    with pytest.raises(InputError, match=match):
        scoring.score(tmp_path, known)


def test_what_cannot_be_scored_is_one_sentence(stage, tmp_path):
    data, place, file, _ = stage
    known = coco.read(file)
    (tmp_path / "cut.json").write_text('[{"image_id": 1,')
    for path, match in (
        (tmp_path / "cut.json", "cut.json is not whole JSON"),
        (tmp_path / "none.json", "none.json cannot be read"),
        (file, "is no COCO result file"),
        (tmp_path, "holds no comp4_det"),
    ):
        with pytest.raises(InputError, match=match):
            scoring.score(path, known)
    with pytest.raises(InputError, match="metric 'ap'"):
        scoring.score(file, known, metric="ap")
    for options in ({"iou": 0.75}, {"eleven_points": True}):  # COCO's metric would ignore them
        with pytest.raises(InputError, match="add --metric voc"):
            scoring.score(file, known, **options)
    with pytest.raises(InputError, match="names its own"):
        scoring.annotations_at(file, classes=data.classes)
    with pytest.raises(InputError, match="no file or folder"):
        scoring.annotations_at(tmp_path / "none")
    empty = json.loads(file.read_text()) | {"annotations": []}
    (tmp_path / "empty.json").write_text(json.dumps(empty))
    with pytest.raises(InputError, match="empty.json holds no object"):
        scoring.score(file, coco.read(tmp_path / "empty.json"))


def test_a_class_whose_name_ends_like_another_has_its_own_file(tmp_path):
    note = "<annotation><size><width>9</width><height>9</height></size></annotation>"
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "1.xml").write_text(note)
    known = scoring.annotations_at(tmp_path / "notes", classes=("light", "traffic_light"))
    found = [detections([(0, 0, 1, 1)], [0.5], [2])]
    result_files.write_voc(tmp_path, found, known)
    assert result_files.read(tmp_path, known)[0].label.tolist() == [2]


def test_labels_that_are_no_class_are_not_written(stage, tmp_path):
    _, _, file, found = stage
    wrong = [detections([(0, 0, 1, 1)], [0.5], [9]), *found[1:]]
    with pytest.raises(InputError, match="labels run from 1 to 8"):
        result_files.write_coco(tmp_path / "r.json", wrong, coco.read(file))
