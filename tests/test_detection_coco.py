"""COCO files: read, written back, and refused in one sentence."""

import json

import pytest
import torch

from resnet_lab.detection import coco, scene_export, scenes
from resnet_lab.errors import InputError


def whole() -> dict:
    """Two images given out of order, categories 3 and 18, one crowd."""
    return {
        "images": [
            {"id": 20, "file_name": "b.png", "width": 40, "height": 30},
            {"id": 7, "file_name": "a.png", "width": 50, "height": 60},
        ],
        "categories": [{"id": 18, "name": "dog"}, {"id": 3, "name": "car"}],
        "annotations": [
            {"id": 1, "image_id": 20, "category_id": 18, "bbox": [1, 2, 10, 20], "area": 99.5},
            {"id": 2, "image_id": 7, "category_id": 3, "bbox": [0, 0, 50, 60], "iscrowd": 1},
            {"id": 3, "image_id": 20, "category_id": 3, "bbox": [5.5, 6, 0, 4], "iscrowd": 0},
        ],
    }


def read(tmp_path, content):
    file = tmp_path / "instances_mini.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return coco.read(file)


def test_images_and_classes_come_in_the_order_of_their_ids(tmp_path):
    found = read(tmp_path, whole())
    assert found.image_ids == (7, 20) and found.classes == ("car", "dog")
    assert found.category_ids == (3, 18)
    first, second = found.target(0), found.target(1)
    assert first.crowd.tolist() == [True] and first.labels.tolist() == [1]
    assert second.boxes.tolist() == [[1, 2, 11, 22], [5.5, 6, 5.5, 10]]
    assert second.labels.tolist() == [2, 1] and not second.crowd.any()
    assert second.area.tolist() == [99.5, 0]  # of the segment; of the box where it is not given
    assert second.size == (30, 40) and second.image_id == "20"


def test_ids_may_be_whole_floats_as_tables_write_them(tmp_path):
    content = whole()
    for row in content["images"] + content["categories"]:
        row["id"] = float(row["id"])
    content["annotations"][0]["image_id"] = 20.0
    found = read(tmp_path, content)
    assert found.image_ids == (7, 20) and found.category_ids == (3, 18)
    assert isinstance(found.image_ids[0], int)  # result files must not say 7.0
    assert found.target(1).labels.tolist() == [2, 1]


def test_two_categories_of_one_name_are_named(tmp_path):
    content = whole()
    content["categories"].append({"id": 90, "name": "dog"})
    with pytest.raises(InputError, match="categories 18 and 90 of .*mini.json are both .*'dog'"):
        read(tmp_path, content)
    content["categories"][2]["name"] = None  # one without a name goes by its id
    assert read(tmp_path, content).classes == ("car", "dog", "90")


@pytest.mark.parametrize("name", ["../b.png", "sub/../../b.png", "absolute"])
def test_an_image_outside_its_folder_is_refused(tmp_path, name):
    scene_export.to_coco(scenes.load("test", 1), tmp_path, "val2017")
    (picture,) = (tmp_path / "val2017").iterdir()
    picture.rename(tmp_path / "b.png")
    file = tmp_path / "annotations" / "instances_val2017.json"
    content = json.loads(file.read_text())
    content["images"][0]["file_name"] = str(tmp_path / "b.png") if name == "absolute" else name
    file.write_text(json.dumps(content))
    with pytest.raises(InputError, match="image 1 of .* leads out of .*val2017; name a file"):
        coco.load(tmp_path, "val2017")
    (tmp_path / "val2017" / "..b.png").write_bytes((tmp_path / "b.png").read_bytes())
    content["images"][0]["file_name"] = "..b.png"  # only looks like it
    file.write_text(json.dumps(content))
    assert len(coco.load(tmp_path, "val2017")) == 1


def test_drawn_scenes_survive_the_round_trip(tmp_path):
    data = scenes.load("test", 6)
    file = scene_export.to_coco(data, tmp_path, "val2014")
    again = coco.load(tmp_path, "val2014")
    assert file == tmp_path / "annotations" / "instances_val2014.json"
    assert again.name == "coco-val2014" and again.classes == data.classes
    for (image, found), (image_, found_) in zip(data, again, strict=True):
        assert torch.equal(image, image_)
        for name in ("boxes", "labels", "area"):
            assert torch.equal(getattr(found, name), getattr(found_, name)), name
        assert torch.equal(found_.crowd, found.difficult)
    assert again.annotations.category_ids == tuple(range(1, 16, 2))


def test_a_file_of_test_images_alone_has_empty_targets(tmp_path):
    content = whole()
    del content["annotations"]
    file = tmp_path / "image_info_test.json"
    file.write_text(json.dumps(content))
    assert [len(coco.read(file).target(i)) for i in range(2)] == [0, 0]


def test_ids_may_be_words_in_one_list_and_numbers_in_another(tmp_path):
    content = whole()
    content["images"][0]["id"] = "20"
    content["annotations"][1]["image_id"] = "7"
    found = read(tmp_path, content)
    assert found.image_ids == (7, "20") and [len(found.target(i)) for i in (0, 1)] == [1, 2]


def changed(place: str, **values) -> dict:
    content = whole()
    content[place][0] |= values
    return content


@pytest.mark.parametrize(
    "content, match",
    [
        ("", "is empty"),
        (json.dumps(whole())[:200], "is not whole JSON"),
        ("[]", "does not hold an object"),
        ("{}", "no list 'images'"),
        ({"images": [{"id": 1}], "categories": [{"id": 1}]}, "no list 'annotations'"),
        ({"images": [], "categories": [{"id": 1}], "annotations": []}, "lists no image"),
        (changed("images", id=7), "every entry of 'images' has an id of its own"),
        (changed("annotations", image_id=8), "annotation 1 of .* image 8"),
        (changed("annotations", image_id=[8]), "annotation 1 of .* image"),
        (changed("annotations", category_id=4), "annotation 1 of .* category 4"),
        (changed("annotations", bbox=[1, 2, 3]), "annotation 1 of .* no bbox of four"),
        (changed("annotations", bbox=[1, 2, 3, None]), "annotation 1 of .* no bbox of four"),
        (changed("annotations", bbox=[1, 2, 3, float("nan")]), "annotation 1 of .* no bbox"),
        (changed("annotations", bbox=[1, 2, -3, 4]), "annotation 1 of .* negative"),
        (changed("annotations", bbox=[30, 2, 30, 4]), "image 20 of .* has a box from"),
        (changed("annotations", area="big"), "annotation 1 of .* area"),
        (changed("annotations", bbox=[10**400, 2, 3, 4]), "annotation 1 of .* no bbox of four"),
        (changed("annotations", iscrowd="0"), "annotation 1 of .* iscrowd '0'"),
        (changed("annotations", iscrowd=2), "annotation 1 of .* iscrowd 2"),
    ],
)
def test_malformed_files_are_one_sentence(tmp_path, content, match):
    with pytest.raises(InputError, match=match) as caught:
        read(tmp_path, content)
    message = str(caught.value)
    assert "instances_mini.json" in message and "\n" not in message


def test_missing_images_and_files_are_one_sentence(tmp_path):
    data = scenes.load("test", 2)
    scene_export.to_coco(data, tmp_path, "val")
    (tmp_path / "val" / "000001.png").write_bytes(b"")
    with pytest.raises(InputError, match="000001.png cannot be read as an image"):
        coco.load(tmp_path, "val")[1]
    (tmp_path / "val" / "000001.png").unlink()
    with pytest.raises(InputError, match="000001.png is missing"):
        coco.load(tmp_path, "val")
    with pytest.raises(InputError, match="instances_train.json cannot be read"):
        coco.load(tmp_path, "train")


@pytest.mark.parametrize("field, value", [("width", None), ("height", "96"), ("file_name", "")])
def test_an_image_without_size_or_name_is_named(tmp_path, field, value):
    file = scene_export.to_coco(scenes.load("test", 2), tmp_path, "val")
    content = json.loads(file.read_text())
    content["images"][1][field] = value
    file.write_text(json.dumps(content))
    with pytest.raises(InputError, match=f"image {content['images'][1]['id']} of .*{field}"):
        coco.load(tmp_path, "val")
