"""Train and evaluate a detector from the command line, and what is typed wrongly."""

import json
from dataclasses import replace

import pytest

from resnet_lab import cli
from resnet_lab.detection import record, scene_export, scenes

TINY = (
    "--backbone toy-1,1,1,1 --weights random --images 6 --test-images 3 --steps 4 --log-every 2 "
    "--set rois=8 --set rpn_sample=16 --set train_proposals=20"
)


@pytest.fixture
def type_in(capsys, monkeypatch, tmp_path):
    """Run the command in an empty folder; exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(words: str) -> tuple[int, str, str]:
        try:
            cli.main(words.split())
            code = 0
        except SystemExit as end:
            code = end.code or 0
        return code, *capsys.readouterr()

    return run


def test_train_then_evaluate_in_every_way(type_in, tmp_path):
    code, out, err = type_in(f"train detection {TINY} --device cpu")
    assert code == 0, err
    assert "update 4 of 4: rate" in out and "mAP@.5" in out and "weights and record in" in out
    (folder,) = tmp_path.glob("out/detection/ResNet-10*")
    found = record.load(folder / "record.json")
    assert found.run.config.rois == 8 and found.run.recipe.drops == (3, 4)
    assert found.run.images.name == "scenes" and found.final.images == 3
    code, out, _ = type_in(f"train detection {TINY}")
    assert code == 0 and "is trained already" in out
    words = f"evaluate detection {folder} --images 3"
    code, out, _ = type_in(f"{words} --json")
    again = json.loads(out)
    assert code == 0 and again["scores"]["voc"] == found.final.voc
    code, out, _ = type_in(f"{words} --refine --vote --scales 48,96 --proposals 20 --json")
    better = json.loads(out)
    assert better["testing"]["refine"] and better["testing"]["scales"] == [48, 96]
    code, out, _ = type_in(f"evaluate detection {folder} {folder} --images 2")
    assert code == 0 and "on 2 images of scenes" in out
    assert len(list(tmp_path.glob("out/detection/evaluations/*.json"))) == 3
    code, out, err = type_in(f"{words} --score 0.9 --results found")
    assert code == 2 and "leave --results away" in err and not out  # before the images are tested
    assert not (tmp_path / "found").exists()


@pytest.mark.parametrize(
    "words, sentence",
    [
        ("train detection --data mnist", "there are no data 'mnist'"),
        ("train detection --data voc07+12", "--root must name the folder"),
        ("train detection --data voc07+12 --root nowhere", "nowhere"),
        ("train detection --data coco --root nowhere", "nowhere"),
        ("train detection --backbone alexnet", "no backbone 'alexnet'"),
        ("train detection --weights nothing.safetensors", "nothing.safetensors"),
        ("train detection --set pooling", "--set takes name=value"),
        ("train detection --set pooling=crop", "pool or align"),
        ("train detection --set rois=many", "rois are whole numbers"),
        ("train detection --set rois=1,2", "rois is one number"),
        ("train detection --set border_anchors=maybe", "true or false"),
        ("train detection --steps 0", "steps must be above 0"),
        ("train detection --drops x", "drops are whole numbers"),
        ("train detection --images 4 --per-device 3 --weights random", "cannot be cut into parts"),
        ("train detection --precision half --weights random --images 2", "float32 or bfloat16"),
        ("train detection --side 10", "64 to 1024 pixels"),
        ("evaluate detection nowhere", "nowhere"),
        ("evaluate detection . --scales a", ". holds no trained detector"),
        ("train detection --backbone toy-2,2", "no backbone 'toy-2,2'"),
        ("train detection --backbone toy-2,0,2,2", "no backbone 'toy-2,0,2,2'"),
    ],
)
def test_mistakes_are_one_sentence(type_in, words, sentence):
    code, out, err = type_in(words)
    assert code == 2 and sentence in err and "Traceback" not in err
    assert len(err.strip().splitlines()) == 1


@pytest.mark.parametrize("command", ["train cifar", "train detection", "evaluate detection"])
def test_help_ends_with_an_example(type_in, command):
    code, out, _ = type_in(f"{command} --help")
    assert code == 0 and f"Example: resnet-lab {command}" in " ".join(out.split())


def test_train_alone_is_still_train_cifar(type_in, monkeypatch):
    from resnet_lab import single

    seen = []

    def plan(depth, *rest, **options):
        seen.append(depth)
        raise SystemExit(0)

    monkeypatch.setattr(single, "plan", plan)
    for words in ("train", "train --depth 56", "train cifar --depth 20"):
        assert type_in(words)[0] == 0
    assert seen == [20, 56, 20]


class Renamed:
    """Drawn scenes whose shapes go by VOC's names."""

    name = "renamed"

    def __init__(self, split, n):
        from resnet_lab.detection import scenes, voc

        self.data, self.classes = scenes.load(split, n), voc.CLASSES

    def __len__(self):
        return len(self.data)

    def __getitem__(self, i):
        image, found = self.data[i]
        return image, replace(found, image_id=f"{self.data.split}{found.image_id}")


SMALL = (
    "--backbone toy-1,1,1,1 --weights random --steps 2 --batch 2 --log-every 1 --workers 1 "
    "--set rois=8 --set rpn_sample=16 --set train_proposals=20"
)


def test_files_in_vocs_format_from_training_to_result_files(type_in, tmp_path):
    scene_export.to_voc(Renamed("train", 3), tmp_path / "VOCdevkit/VOC2007", "trainval")
    scene_export.to_voc(Renamed("test", 2), tmp_path / "VOCdevkit/VOC2007", "test")
    code, out, err = type_in(f"train detection --data voc07 --root . {SMALL}")
    assert code == 0, err
    (folder,) = tmp_path.glob("out/detection/ResNet-10*")
    found = record.load(folder / "record.json")
    assert found.run.config.classes == 20 and found.final.images == 2
    # the linear rule: VOC's batch is 2, so its rate stands; --steps alone moves the drop
    assert found.run.recipe.lr == 1e-3 and found.run.recipe.bias_lr == 2
    code, out, _ = type_in(f"evaluate detection {folder} --root . --score 0 --results results")
    assert code == 0 and "20 result files in results" in out
    code, out, _ = type_in("evaluate result-files results --annotations VOCdevkit/VOC2007 --json")
    assert code == 0 and json.loads(out)
    # one taken for the other
    code, _, err = type_in("evaluate detection results")
    assert code == 2 and "scored by `resnet-lab evaluate result-files`" in err
    # a place where nothing can be written is refused before anything is tested
    file = tmp_path / "VOCdevkit/VOC2007/ImageSets/Main/test.txt"
    code, out, err = type_in(f"evaluate detection {folder} --root . --results {file}")
    assert code == 2 and not out and "File exists" in err and "--results" in err
    (tmp_path / "folder.json").mkdir()
    code, out, err = type_in(f"evaluate detection {folder} --root . --results folder.json")
    assert code == 2 and not out and "it is a folder" in err
    # with --json stdout is one object
    code, out, err = type_in(f"evaluate detection {folder} --root . --results again --json")
    assert code == 0 and json.loads(out)["data"] == "voc07" and "20 result files in again" in err


def test_files_in_cocos_format_from_training_to_a_result_file(type_in, tmp_path):
    scene_export.to_coco(scenes.load("train", 3), tmp_path, "train2017")
    scene_export.to_coco(scenes.load("test", 2), tmp_path, "val2017")
    code, out, err = type_in(f"train detection --data coco2017 --root . {SMALL}")
    assert code == 0, err
    (folder,) = tmp_path.glob("out/detection/ResNet-10*")
    found = record.load(folder / "record.json")
    assert found.run.recipe.lr == pytest.approx(1e-3 * 2 / 8)  # the linear rule, from batch 8
    assert found.classes == scenes.CLASSES
    assert f"mAP@.5 {found.final.coco50:.1f}, mAP@[.5,.95]" in out  # COCO's, as in Table 8
    assert "11 points" not in out
    code, out, _ = type_in(f"evaluate detection {folder} --root . --score 0 --results found.json")
    assert code == 0 and "result file found.json" in out
    rows = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert rows and {"image_id", "category_id", "bbox", "score"} == set(rows[0])
    code, out, _ = type_in(f"evaluate detection {folder} --root . --score 0 --results found")
    again = tmp_path / "found" / "detections_val2017_results.json"  # as COCO's server wants it
    assert code == 0 and again.read_bytes() == (tmp_path / "found.json").read_bytes()
    file = tmp_path / "annotations" / "instances_val2017.json"
    file.write_text(file.read_text().replace('"disc"', '"plate"'))
    code, out, err = type_in(f"evaluate detection {folder} --root .")
    assert code == 2 and not out and "'disc', that of coco-val2017 is 'plate'" in err
