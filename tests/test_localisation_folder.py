"""ImageNet's localisation set, drawn in its own layout: boxes by hand, and every mistake named."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from resnet_lab.detection import backbones, voc_xml
from resnet_lab.errors import InputError
from resnet_lab.localisation import folder, record, run
from resnet_lab.localisation.config import toy
from resnet_lab.localisation.recipe import EMBEDDED
from resnet_lab.resnet import ResNetConfig

NAMES = ("n01", "n02")


def annotate(root, split, where, things, size=(60, 80)):
    """Write an XML file; things are (class, x0, y0, x1, y1), first and last pixel from 1."""
    path = root / "Annotations" / "CLS-LOC" / split / f"{where}.xml"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [voc_xml.Thing(name, tuple(map(float, box)), False) for name, *box in things]
    cut = [False] * len(rows)
    path.write_bytes(voc_xml.write(rows, file=path.stem, size=size, truncated=cut))
    return path


@pytest.fixture
def root(tmp_path):
    random = np.random.default_rng(0)
    for split, each in (("train", 3), ("val", 1)):
        for name in NAMES:
            inside = tmp_path / split / name
            inside.mkdir(parents=True)
            for k in range(each):
                pixels = random.integers(0, 255, (60, 80, 3), np.uint8)
                Image.fromarray(pixels).save(inside / f"{name}_{split}_{k}.png")
                where = f"{name}/{name}_{split}_{k}" if split == "train" else f"{name}_{split}_{k}"
                if k < 2:  # the third training image has no boxes, as most of ImageNet's
                    annotate(tmp_path, split, where, [(name, 11, 21, 40, 60)])
    return tmp_path


def test_images_with_boxes_are_loaded_and_training_images_without_are_left_out(root):
    seen, test = folder.load(root, "train"), folder.load(root, "val", classes=NAMES)
    assert (len(seen), len(test)) == (4, 2) and seen.classes == NAMES
    image, found = seen[3]
    assert image.shape == (3, 60, 80) and image.dtype == torch.uint8
    # from pixel 11 to 40, counted from 1: 30 pixels, beginning after 10
    assert found.boxes.tolist() == [[10, 20, 40, 60]] and found.labels.tolist() == [2]
    assert found.size == (60, 80) and found.image_id == "train/n02/n02_train_1.png"


def test_kaggles_layout_is_the_same_set(root):
    plain = folder.load(root, "train")
    inner = root / "Data" / "CLS-LOC"
    inner.mkdir(parents=True)
    for split in ("train", "val"):
        (root / split).rename(inner / split)
    again = folder.load(root, "train")
    assert len(again) == len(plain) and again.content_hash == plain.content_hash


def test_only_boxes_of_the_images_own_class_count(root):
    things = [("n02", 1, 1, 5, 5), ("n01", 1, 1, 80, 60), ("n01", 2, 3, 4, 5)]
    annotate(root, "train", "n01/n01_train_0", things)
    _, found = folder.load(root, "train")[0]
    assert found.boxes.tolist() == [[0, 0, 80, 60], [1, 2, 4, 5]]
    assert found.labels.tolist() == [1, 1]


def test_a_changed_box_is_another_set(root):
    before = folder.load(root, "train").content_hash
    annotate(root, "train", "n01/n01_train_0", [("n01", 11, 21, 40, 59)])
    assert folder.load(root, "train").content_hash != before


def test_the_blacklist_leaves_validation_images_out(root):
    listed = root / "blacklist.txt"
    listed.write_text("1\n")
    (left,) = folder.load(root, "val", blacklist=listed).known
    assert left.xml.name == "n02_val_0.xml"
    for text, words in (("3", "not there"), ("one", "something else")):
        listed.write_text(text)
        with pytest.raises(InputError, match=words):
            folder.load(root, "val", blacklist=listed)


def spoil(root, words):
    """One mistake a user may make; the file that the sentence must name."""
    notes = root / "Annotations" / "CLS-LOC"
    match words:
        case "is missing":
            path = notes / "val" / "n01_val_0.xml"
            path.unlink()
        case "for no image":
            path = notes / "train" / "n02"
            for one in path.iterdir():
                one.unlink()
        case "no box of class":
            path = annotate(root, "val", "n01_val_0", [("n02", 1, 1, 9, 9)])
        case "in an image of":
            path = annotate(root, "val", "n01_val_0", [("n01", 1, 1, 90, 9)])
        case "another image":
            path = annotate(root, "val", "n01_val_0", [("n01", 1, 1, 9, 9)], size=(60, 81))
        case "is empty":
            path = notes / "val" / "n01_val_0.xml"
            path.write_bytes(b"")
        case "as an image":
            path = root / "val" / "n01" / "n01_val_0.png"
            path.write_bytes(b"broken")
        case "no folder":
            path = notes / "val"
            path.rename(notes / "elsewhere")
    return path.name if path.suffix else str(path)


@pytest.mark.parametrize(
    "words",
    [
        "is missing",
        "for no image",
        "no box of class",
        "in an image of",
        "another image",
        "is empty",
        "as an image",
        "no folder",
    ],
)
def test_a_mistake_is_one_sentence_that_names_the_file(root, words):
    named = spoil(root, words)
    with pytest.raises(InputError, match=words) as caught:
        for split in ("train", "val"):
            data = folder.load(root, split)
            [data[i] for i in range(len(data))]
    assert named in str(caught.value) and "\n" not in str(caught.value)


def test_boxes_that_leave_are_cut_where_the_user_says_so(root):
    path = annotate(root, "val", "n01_val_0", [("n01", 51, 1, 90, 9)])
    _, found = folder.load(root, "val", outside=True)[0]
    assert found.boxes.tolist() == [[50, 0, 80, 9]]
    annotate(root, "val", path.stem, [("n01", 85, 1, 90, 9)])
    with pytest.raises(InputError, match="no box with an area"):
        folder.load(root, "val", outside=True)[0]


def test_a_localiser_trains_on_a_folder_and_is_tested_on_it(root, tmp_path):
    """The same run as on embedded images, from a given classifier, with threads that read ahead."""
    backbone = ResNetConfig(blocks=(1, 1, 1, 1), widths=(4, 8, 8, 8), classes=2)
    config = toy(backbone=backbone, classes=2, rpn_width=8, hidden=8)
    short = replace(EMBEDDED, steps=2, drops=(1,), batch=2, warm_up=0, log_every=1)
    job = run.Job(
        config=config,
        recipe=short,
        rcnn=replace(short, steps=3),
        train=folder.load(root, "train"),
        test=folder.load(root, "val", classes=NAMES),
        net=backbones.classifier(config.detector),
        workers=2,
    )
    found = record.load(run.run(job, tmp_path / "out") / "record.json")
    assert found.images == 2 and len(found.rows) == 8 and found.run.images.name == "imagenet"
