"""Folders and tar files give the same images; odd ones are read, broken ones named."""

import base64
import io
import tarfile

import pytest
import torch

from resnet_lab import augmentation, drawn_images, imagenet_devkit, imagenet_folder
from resnet_lab.augmentation import BrokenImage
from resnet_lab.errors import InputError

# scipy.io.savemat (compressed) of five synsets: three classes (1: n03, 2: n01, 3: n02) and two
# that have children, with the fields of the real meta.mat in its order
META_MAT = (
    "TUFUTEFCIDUuMCBNQVQtZmlsZSBQbGF0Zm9ybTogcG9zaXgsIENyZWF0ZWQgb246IFNhdCBOb3YgMjEgMTQ6NTE6"
    "MDUgMjAyNgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABSU0PAAAA"
    "gwEAAHic42NgYGjgYmBgA9IcQMzEAAGsUD6IZoRidiAurswrTi0pBoqzMAhCxTuA2NMnOCzI2cjA0Cje0wVkQLgf"
    "hIaD8vyilGJkgfSc/GIUgbzS3PjkjMyclKLUPLAACgdmRl5qSXxGamZ6RglUS0lRYmZefGZuYnpqMQMfUNCCAeEf"
    "PjT/MCJhEOBBEmeAqjdA0s+CRT8zknoBIC/PwBisz4GAPn4UfRB+dmaJQlp+hY5CWGlOAdT9hOxnRDGHkSEd6m5y"
    "/A0D6PayoemHAZh+TiR9lNpLjn4RVsr0w9I5efFtiGEvNn2sDKjxDVJ7eKVCSn46cfaOxjPl8cyMw9/ExbMRWfFU"
    "AbXPg4A+QQbU9AHiJyrk5OelK4DLRoWS1IoSCsOPAUn/UIr3O0yU6X/JjN3fRMW7pQFR+ZuNATX+QPzUvJLMkkr6"
    "52/k8syBgH4mNP0CSHzk/EKOO4Qp1M9Aof5XFMU7eeU6iF+SkZkHiz96xjtyu4XSdENp+UpJfAMAzwxTAQ=="
)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return drawn_images.draw(
        tmp_path_factory.mktemp("drawn") / "imagenet", classes=3, train=4, val=3
    )


def contents(files):
    return [files.read(i) for i in range(len(files))]


def test_a_folder_gives_every_image_with_the_label_of_its_sorted_class(root):
    found = imagenet_folder.find(root, "train")
    assert found.classes == ("class_00", "class_01", "class_02") and found.layout == "folder"
    assert len(found) == 3 * 4 + 7 and found.others == 1  # notes.txt
    paths = sorted((root / "train").glob("*/*.[Jp]*"))
    assert contents(found) == [path.read_bytes() for path in paths]
    assert found.labels.tolist() == [int(path.parent.name[-1]) for path in paths]
    assert found.name(0) == "train/class_00/broken_cut.JPEG"


def test_odd_files_are_read_and_broken_ones_say_why(root):
    found = imagenet_folder.find(root, "val")
    broken, shapes = {}, {}
    for i in range(len(found)):
        try:
            image = augmentation.decode(found.read(i))
            assert image.dtype == torch.uint8 and image.shape[0] == 3
            shapes[found.name(i)] = tuple(image.shape[1:])
        except BrokenImage as error:
            broken[found.name(i).split("/")[-1]] = str(error)
    assert set(broken) == {"broken_cut.JPEG", "broken_empty.JPEG"}
    assert "truncated" in broken["broken_cut.JPEG"] and all(broken.values())
    assert shapes["val/class_00/odd_thin.JPEG"] == (200, 3)


def test_grey_and_cmyk_become_the_rgb_they_show():
    from PIL import Image

    for mode in ("L", "CMYK", "RGBA", "P", "1"):
        buffer = io.BytesIO()
        image = Image.new("RGB", (8, 6), (204, 204, 204)).convert(mode)
        image.save(buffer, format="JPEG" if mode in ("L", "CMYK") else "PNG")
        shown = augmentation.decode(buffer.getvalue())
        assert shown.shape == (3, 6, 8)
        if mode != "1":
            assert (shown.float() - 204).abs().max() <= 2, mode


def test_the_list_is_kept_and_made_anew_when_a_class_folder_changes(root, tmp_path, monkeypatch):
    monkeypatch.setenv("RESNET_LAB_CACHE", str(tmp_path))
    first = imagenet_folder.find(root, "train")
    (kept,) = tmp_path.glob("imagenet-*.pt")
    monkeypatch.setattr(imagenet_folder, "from_folders", None)  # would fail if it were called
    assert imagenet_folder.find(root, "train").hash == first.hash
    monkeypatch.undo()
    monkeypatch.setenv("RESNET_LAB_CACHE", str(tmp_path))
    kept.write_bytes(b"damaged")
    assert imagenet_folder.find(root, "train").hash == first.hash
    new = root / "train" / "class_01" / "new.JPEG"
    new.write_bytes((root / "train" / "class_01" / "train_0000.JPEG").read_bytes())
    try:
        assert len(imagenet_folder.find(root, "train")) == len(first) + 1
    finally:
        new.unlink()


def add(tar, name, content):
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


@pytest.fixture(scope="module")
def tars(tmp_path_factory):
    """The original files in small: three classes of two images, four validation images."""
    folder = tmp_path_factory.mktemp("tars")
    with tarfile.open(folder / "ILSVRC2012_img_train.tar", "w") as whole:
        for wnid in ("n03", "n01", "n02"):
            inner = io.BytesIO()
            with tarfile.open(fileobj=inner, mode="w") as tar:
                for i in range(2):
                    add(tar, f"{wnid}_{i}.JPEG", f"{wnid} {i}".encode())
            add(whole, f"{wnid}.tar", inner.getvalue())
    with tarfile.open(folder / "ILSVRC2012_img_val.tar", "w") as tar:
        for i in (2, 1, 4, 3):
            add(tar, f"ILSVRC2012_val_0000000{i}.JPEG", f"val {i}".encode())
    with tarfile.open(folder / "ILSVRC2012_devkit_t12.tar.gz", "w:gz") as tar:
        add(tar, "ILSVRC2012_devkit_t12/data/meta.mat", base64.b64decode(META_MAT))
        truth = b"1\n2\n3\n2\n"
        add(tar, f"ILSVRC2012_devkit_t12/{imagenet_devkit.TRUTH}", truth)
    return folder


def test_the_original_tars_are_read_without_unpacking(tars):
    train, val = (imagenet_folder.find(tars, split) for split in ("train", "val"))
    assert train.classes == val.classes == ("n01", "n02", "n03") and train.layout == "tar"
    assert contents(train) == [f"{w} {i}".encode() for w in train.classes for i in range(2)]
    assert train.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert contents(val) == [f"val {i}".encode() for i in (1, 2, 3, 4)]
    assert val.labels.tolist() == [2, 0, 1, 0]  # ids 1, 2, 3, 2 are n03, n01, n02, n01


def test_validation_images_in_one_folder_take_the_devkits_labels(tars, tmp_path):
    (tmp_path / "val").mkdir()
    for i in (1, 2, 3, 4):
        (tmp_path / "val" / f"ILSVRC2012_val_0000000{i}.JPEG").write_bytes(b"x")
    with pytest.raises(InputError, match="ILSVRC2012_devkit_t12.tar.gz"):
        imagenet_folder.find(tmp_path, "val")
    kit = "ILSVRC2012_devkit_t12.tar.gz"
    (tmp_path / kit).write_bytes((tars / kit).read_bytes())
    assert imagenet_folder.find(tmp_path, "val").labels.tolist() == [2, 0, 1, 0]


def test_labels_may_be_counted_in_a_longer_list_of_classes(root):
    longer = ["class_02", "other", "class_00", "class_01"]
    found = imagenet_folder.find(root, "val", longer)
    own = imagenet_folder.find(root, "val")
    assert [longer[i] for i in found.labels] == [own.classes[i] for i in own.labels]
    with pytest.raises(InputError, match="class_01"):
        imagenet_folder.find(root, "val", ["class_00", "class_02"])


def test_what_is_no_imagenet_is_said_in_a_sentence(tmp_path):
    with pytest.raises(InputError, match="no folder"):
        imagenet_folder.find(tmp_path / "nowhere", "train")
    with pytest.raises(InputError, match="neither"):
        imagenet_folder.find(tmp_path, "train")
    (tmp_path / "train" / "empty").mkdir(parents=True)
    with pytest.raises(InputError, match="empty holds no image"):
        imagenet_folder.find(tmp_path, "train")
    (tmp_path / "ILSVRC2012_img_val.tar").write_bytes(b"no tar" * 200)
    (tmp_path / imagenet_devkit.KIT / "data").mkdir(parents=True)
    (tmp_path / imagenet_devkit.KIT / imagenet_devkit.META).write_bytes(b"MATLAB" * 30)
    (tmp_path / imagenet_devkit.KIT / imagenet_devkit.TRUTH).write_bytes(b"1\n")
    with pytest.raises(InputError, match="cannot be read"):
        imagenet_folder.find(tmp_path, "val")


def test_a_drawing_does_not_overwrite(root):
    with pytest.raises(InputError, match="there already"):
        drawn_images.draw(root)
    with pytest.raises(InputError, match="classes"):
        drawn_images.draw(root / "new", classes=99)
