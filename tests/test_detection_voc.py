"""VOC folders: read, joined, written back, and refused in one sentence."""

import re
from pathlib import Path

import pytest
import torch

from resnet_lab.detection import scene_export, scenes, voc
from resnet_lab.errors import InputError

XML = """<annotation>
  <folder>VOC2007</folder><filename>000001.jpg</filename>
  <size><width>353</width><height>500</height><depth>3</depth></size>
  <object>
    <name>dog</name><pose>Left</pose><truncated>1</truncated><difficult>0</difficult>
    <bndbox><xmin>48</xmin><ymin>240</ymin><xmax>195</xmax><ymax>371</ymax></bndbox>
  </object>
  <object>
    <name>person</name><difficult>1</difficult>
    <bndbox><xmin>8.5</xmin><ymin>12</ymin><xmax>352</xmax><ymax>498</ymax></bndbox>
    <part><name>head</name>
      <bndbox><xmin>60</xmin><ymin>20</ymin><xmax>90</xmax><ymax>60</ymax></bndbox></part>
  </object>
</annotation>
"""


@pytest.fixture
def pages(tmp_path) -> Path:
    (tmp_path / "000001.xml").write_text(XML)
    return tmp_path


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Six scenes as a VOC folder: what was written, and where."""
    data = scenes.load("train", 6)
    return data, scene_export.to_voc(data, tmp_path_factory.mktemp("voc") / "VOC2007")


def test_corners_become_half_open_and_parts_are_no_objects(pages):
    found = voc.pages(pages, voc.CLASSES).target(0)
    assert found.boxes.tolist() == [[47, 239, 195, 371], [7.5, 11, 352, 498]]
    assert found.labels.tolist() == [12, 15]  # dog and person, in alphabetical order from 1
    assert found.difficult.tolist() == [False, True] and not found.crowd.any()
    assert found.size == (500, 353) and found.image_id == "000001"
    assert found.area[0] == (195 - 48 + 1) * (371 - 240 + 1)


def test_there_are_twenty_classes_in_alphabetical_order():
    assert len(voc.CLASSES) == 20 and list(voc.CLASSES) == sorted(voc.CLASSES)


def test_drawn_scenes_survive_the_round_trip(drawn):
    data, place = drawn
    again = voc.folder(place, "trainval", data.classes)
    assert len(again) == 6 and again.classes == data.classes
    for (image, found), (image_, found_) in zip(data, again, strict=True):
        assert torch.equal(image, image_)
        for name in ("boxes", "labels", "difficult", "crowd", "area"):
            assert torch.equal(getattr(found, name), getattr(found_, name)), name
        assert (found.image_id, found.size) == (found_.image_id, found_.size)
    assert again.targets()[2].boxes.equal(data[2][1].boxes)
    assert again.content_hash == voc.folder(place, "trainval", data.classes).content_hash


def test_torchvision_reads_what_was_written(drawn):
    from xml.etree import ElementTree

    from torchvision.datasets import VOCDetection

    data, place = drawn
    root = ElementTree.parse(place / "Annotations" / "000001.xml").getroot()
    note = VOCDetection.parse_voc_xml(root)["annotation"]
    objects = note["object"] if isinstance(note["object"], list) else [note["object"]]
    assert [one["name"] for one in objects] == [
        data.classes[label - 1] for label in data[1][1].labels
    ]


def devkit(root: Path) -> Path:
    """VOC2007 and VOC2012 with three drawn scenes in each of four lists; 2012 test is blind."""
    lists = ((2007, "trainval"), (2007, "test"), (2012, "trainval"), (2012, "test"))
    for seed, (year, split) in enumerate(lists):
        folder = root / "VOCdevkit" / f"VOC{year}"
        data = scenes.load("train", 3, seed=seed)
        data._kept = [(image, renamed(found, f"{year}{split}")) for image, found in data]
        scene_export.to_voc(data, folder, split)
    for note in (root / "VOCdevkit" / "VOC2012" / "Annotations").glob("2012test*"):
        note.unlink()
    return root


def renamed(found, prefix: str):
    from dataclasses import replace

    return replace(found, image_id=prefix + found.image_id)


@pytest.mark.parametrize(
    "name, part, lists",
    [
        ("voc07", "train", ["2007trainval"]),
        ("voc07+12", "train", ["2007trainval", "2012trainval"]),
        ("voc07+12", "test", ["2007test"]),
        ("voc07++12", "train", ["2007trainval", "2007test", "2012trainval"]),
        ("voc07++12", "test", ["2012test"]),
    ],
)
def test_appendix_a_unions(tmp_path, name, part, lists):
    data = voc.load(devkit(tmp_path), name, part, scenes.CLASSES)
    assert [found.image_id for found in data.targets()] == [
        f"{prefix}{i:06d}" for prefix in lists for i in range(3)
    ]
    image, found = data[len(data) - 1]
    assert image.shape == (3, 96, 96) and found.size == (96, 96)
    assert (len(found) == 0) == (lists == ["2012test"])


def refused(match: str, call) -> None:
    with pytest.raises(InputError, match=match) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message and len(message) < 400


@pytest.mark.parametrize(
    "old, new, match",
    [
        (XML, "", "000001.xml is empty"),
        (XML, XML[:300], "000001.xml is not whole XML"),
        (XML, "<?xml version='1.0' encoding='no'?><annotation/>", "000001.xml is not whole XML"),
        (XML, "<html></html>", "000001.xml is no VOC annotation"),
        (XML, "<annotation></annotation>", "000001.xml has neither an object nor"),
        ("<xmax>195</xmax>", "<xmax>400</xmax>", "000001.xml has a box from"),
        ("<xmin>48</xmin>", "<xmin>-9</xmin>", "000001.xml has a box from"),
        ("<xmin>48</xmin>", "<xmin>200</xmin>", "object 1 of .*000001.xml has a box whose end"),
        ("<xmin>48</xmin>", "<xmin>nan</xmin>", "object 1 of .*000001.xml has a box that is not"),
        ("<xmin>48</xmin>", "<xmin>left</xmin>", "object 1 of .*000001.xml has no box"),
        ("<xmin>48</xmin>", "", "object 1 of .*000001.xml has no box"),
        ("<name>dog</name>", "<name>wombat</name>", "000001.xml has an object of class 'wombat'"),
        ("<name>dog</name>", "", "object 1 of .*000001.xml has no name"),
        ("<difficult>1</difficult>", "<difficult>x</difficult>", "object 2 of .*difficult by 'x'"),
    ],
)
def test_malformed_annotations_are_one_sentence(pages, old, new, match):
    (pages / "000001.xml").write_text(XML.replace(old, new))
    refused(match, lambda: voc.pages(pages, voc.CLASSES))


def test_a_box_may_leave_its_image_by_a_pixel_or_if_asked(pages):
    (pages / "000001.xml").write_text(XML.replace("<xmin>48</xmin>", "<xmin>0</xmin>"))
    assert voc.pages(pages, voc.CLASSES).target(0).boxes[0, 0] == -1
    (pages / "000001.xml").write_text(XML.replace("<xmin>48</xmin>", "<xmin>-30</xmin>"))
    assert voc.pages(pages, voc.CLASSES, outside=True).target(0).boxes[0, 0] == -31


def test_an_image_without_objects_and_a_missing_flag_are_legal(pages):
    (pages / "000001.xml").write_text(re.sub("<object>.*</object>", "", XML, flags=re.S))
    assert len(voc.pages(pages, voc.CLASSES).target(0)) == 0
    (pages / "000001.xml").write_text(re.sub("<difficult>.</difficult>", "", XML))
    assert not voc.pages(pages, voc.CLASSES).target(0).difficult.any()


def test_without_classes_those_that_occur_are_taken(pages):
    assert voc.pages(pages).classes == ("dog", "person")


def test_missing_and_broken_files_are_one_sentence(tmp_path):
    data = scenes.load("train", 2)
    place = scene_export.to_voc(data, tmp_path / "VOC2007")
    read = lambda: voc.folder(place, "trainval", data.classes)  # noqa: E731
    image, note = place / "JPEGImages" / "000001.png", place / "Annotations" / "000001.xml"

    content = image.read_bytes()
    image.write_bytes(content[: len(content) // 2])
    refused("000001.png cannot be read as an image", lambda: read()[1])
    image.write_bytes((place / "JPEGImages" / "000000.png").read_bytes())
    assert read()[1]
    wide = note.read_text().replace("<width>96</width>", "<width>97</width>")
    text, _ = note.read_text(), note.write_text(wide)
    refused("000001.png has 96 x 96 pixels, but .* 97 x 96", lambda: read()[1])
    note.write_text(text.replace("<width>96</width>", "<width>²</width>"), encoding="utf-8")
    assert read()[1][1].size == (96, 96)
    note.write_text(text.replace("<width>96</width>", ""))
    assert read()[1][1].size == (96, 96)  # from the image

    note.unlink()
    refused("annotation .*000001.xml cannot be read", read)
    note.write_text(text)
    image.unlink()
    refused("image .*000001.jpg is missing", read)
    refused("list of images .*val.txt", lambda: voc.folder(place, "val"))
    names = place / "ImageSets" / "Main" / "trainval.txt"
    names.write_text("000000\r\n", encoding="utf-8-sig")  # as some editors save it
    assert len(read()) == 1
    names.write_text("\n")
    refused("trainval.txt is empty", read)
    names.write_text("000000\n000000\n")
    refused("names an image twice", read)
    refused("is there already", lambda: scene_export.to_voc(data, place))


def test_unknown_names_and_places_are_one_sentence(tmp_path):
    refused("voc08", lambda: voc.load(tmp_path, "voc08", "train"))
    refused("VOCdevkit/VOC2007; --root names", lambda: voc.load(tmp_path, "voc07", "train"))
    refused("no .xml file", lambda: voc.pages(tmp_path))


def test_a_download_is_only_made_when_asked_for(monkeypatch, tmp_path, capsys):
    import torchvision.datasets

    from resnet_lab.cli import app

    asked = []
    monkeypatch.setattr(
        torchvision.datasets, "VOCDetection", lambda *args, **options: asked.append(args[1:])
    )
    app(["data", "get", "voc07", "--to", str(tmp_path)], standalone_mode=False)
    assert asked == [("2007", "trainval"), ("2007", "test")]
    assert capsys.readouterr().out.strip() == str(tmp_path)

    def unreachable(*args, **options):
        raise OSError("no route to host")

    monkeypatch.setattr(torchvision.datasets, "VOCDetection", unreachable)
    refused("no route to host", lambda: voc.download(tmp_path, 2012, "trainval"))
