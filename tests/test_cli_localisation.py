"""The commands of localisation: train, evaluate, an ensemble, a folder, and what goes wrong."""

import json
from dataclasses import replace

import pytest
import test_localisation_folder
from test_localisation_folder import annotate

from resnet_lab import checkpoint, cli, cli_localisation
from resnet_lab.files import write_whole
from resnet_lab.localisation import recipe, record
from resnet_lab.localisation.job import Job, check
from resnet_lab.resnet import ResNet, imagenet

root = test_localisation_folder.root
SHORT = "--steps 2 --batch 4 --warm-up 0 --log-every 1 --threads 1".split()
SHORT += "--rcnn-steps 3 --rcnn-batch 4 --rcnn-warm-up 0".split()


def call(*words):
    """What the command line does, with its exit code."""
    try:
        cli.main([str(word) for word in words])
    except SystemExit as stop:
        return stop.code or 0
    return 0


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    place = tmp_path_factory.mktemp("out")
    for seed in (0, 1):
        words = "train localisation --images 40 --test-images 4 --epochs 1 --seed".split()
        assert call(*words, seed, "--out", place, *SHORT) == 0
    return place


def test_a_run_and_an_ensemble_print_their_errors(out, capsys):
    folders = sorted(out.glob("localisation/ResNet*"))
    assert len(folders) == 2
    words = ["evaluate", "localisation", *folders, "--test-images", 3, "--out", out]
    assert call(*words) == 0
    printed = capsys.readouterr().out
    assert "3 images of embedded" in printed and "rpn+rcnn" in printed
    assert call(*words, "--json", "--10-crop") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["seeds"] == [0, 1] and len(found["rows"]) == 12
    kept = [one for one in record.load_all(out) if isinstance(one, record.EnsembleRecord)]
    assert len(kept) == 2 and {one.images for one in kept} == {3}


def test_the_run_alone_reaches_what_its_record_says(out, capsys):
    folder = sorted(out.glob("localisation/ResNet*"))[0]
    words = ["evaluate", "localisation", folder, "--test-images", 4, "--out", out, "--json"]
    assert call(*words) == 0
    found, trained = json.loads(capsys.readouterr().out), record.load(folder / "record.json")
    assert [row["top5"] for row in found["rows"]] == [row.top5 for row in trained.rows]


@pytest.fixture
def weights(tmp_path):
    config = replace(imagenet(18), classes=2)
    path = tmp_path / "net.safetensors"
    write_whole(path, checkpoint.weights(ResNet(config)))
    return path


@pytest.mark.parametrize(
    "words, sentence",
    [
        (["--stages", "rcnn"], "train both"),
        (["--weights", "torchvision:resnet50"], "leave --weights away"),
        (["--data", "nowhere"], "--weights must name"),
        (["--data", "nowhere", "--weights", "x"], "no folder"),
        (["--flip"], "leave flip off"),
        (["--stages", "rpn", "--rcnn-lr", 0.1], "add rcnn to --stages"),
        (["--rcnn-drops", "a,b"], "drops"),
        (["--rcnn-batch", 0], "batch must be at least 1"),
    ],
)
def test_a_mistake_ends_with_one_sentence_and_exit_code_2(words, sentence, tmp_path, capsys):
    usual = ["--images", 8, "--test-images", 2, "--out", tmp_path]
    assert call("train", "localisation", *usual, *words) == 2
    said = capsys.readouterr().err
    assert sentence in said and said.count("\n") == 1


def test_a_missing_box_file_is_named(root, weights, tmp_path, capsys):
    words = ["train", "localisation", "--data", root, "--weights", weights, "--out", tmp_path]
    (root / "Annotations/CLS-LOC/val/n01_val_0.xml").unlink()
    assert call(*words) == 2 and "n01_val_0.xml is missing" in capsys.readouterr().err
    annotate(root, "val", "n01_val_0", [("n01", 1, 1, 9, 9)])


def test_a_folder_with_boxes_and_a_classifier_make_the_papers_job(root, weights):
    found = cli_localisation.on_imagenet(root, str(weights), False, None)
    job = Job(recipe=recipe.IMAGENET, rcnn=recipe.RCNN_IMAGENET, **found)
    check(job)
    config = job.config
    assert (config.crop, config.classes, config.backbone.depth) == (224, 2, 18)
    assert config.scales == (224, 256, 384, 480, 640) and config.deviations == []
    assert job.named.start != "images" and (len(job.train), len(job.test)) == (4, 2)
