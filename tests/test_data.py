"""CIFAR-10 and the embedded set as tensors; the mean image and the 45k/5k split of Section 4.2."""

import os
import subprocess
import sys
import types
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import resnet_lab
from resnet_lab import data, layouts
from resnet_lab.errors import InputError

REAL = os.environ.get("RESNET_LAB_TEST_CIFAR10")
real = pytest.mark.skipif(not REAL, reason="RESNET_LAB_TEST_CIFAR10 names no unpacked CIFAR-10")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """No data, no cache and no embedded set but the test's own; CIFAR-10 of 60 images."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("RESNET_LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("RESNET_LAB_DATA", raising=False)
    fake = types.ModuleType("resnet_lab.embedded")
    fake.VERSION, fake.CLASSES, fake.calls = "1", ("disc", "ring"), []

    def images(split):
        fake.calls.append(split)
        n = {"train": 8, "test": 4}[split]
        return np.full((n, 3, 32, 32), n, np.uint8), np.arange(n) % 2

    fake.images = images
    monkeypatch.setitem(sys.modules, "resnet_lab.embedded", fake)
    monkeypatch.setattr(resnet_lab, "embedded", fake, raising=False)
    return fake


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(layouts, "COUNTS", {"train": 50, "test": 10})
    monkeypatch.setattr(layouts, "PER_FILE", 10)


def write(folder, seed=0):
    """A miniature of the official binary layout; returns the images and labels."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    images, labels = rng.integers(0, 256, (60, 3, 32, 32), np.uint8), np.arange(60) % 10
    for i in range(6):
        stem = "test_batch" if i == 5 else f"data_batch_{i + 1}"
        rows = range(10 * i, 10 * i + 10)
        raw = b"".join(bytes([labels[k]]) + images[k].tobytes() for k in rows)
        (folder / f"{stem}.bin").write_bytes(raw)
    return images, labels


def test_cifar10_gives_the_files_in_order(small, tmp_path):
    images, labels = write(tmp_path / "set")
    for _ in range(2):  # from the files, then from the cache
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # torch warns of read-only memory
            x, y = data.cifar10(tmp_path / "set", "train")
            test_x, test_y = data.cifar10(str(tmp_path / "set"), split="test")
        assert (x.dtype, y.dtype) == (torch.uint8, torch.int64)
        assert torch.equal(x, torch.from_numpy(images[:50]))
        assert torch.equal(test_x, torch.from_numpy(images[50:]))
        assert (y.tolist(), test_y.tolist()) == (labels[:50].tolist(), labels[50:].tolist())


def test_a_tensor_may_be_changed_without_harm_to_the_cache(small, tmp_path):
    write(tmp_path / "set")
    data.cifar10(tmp_path / "set")
    x, _ = data.cifar10(tmp_path / "set")
    before = x.clone()
    x.zero_()
    assert torch.equal(data.cifar10(tmp_path / "set")[0], before)


def test_changed_files_are_read_again(small, tmp_path):
    write(tmp_path / "set", seed=0)
    old = data.load(tmp_path / "set")
    images, _ = write(tmp_path / "set", seed=1)
    new = data.load(tmp_path / "set")
    assert torch.equal(new.train_images, torch.from_numpy(images[:50]))
    assert new.content_hash != old.content_hash


def test_find_looks_in_the_documented_order(small, tmp_path, monkeypatch):
    assert data.find() is None
    for place in (tmp_path / "cache" / "cifar10", tmp_path / "here" / "data", tmp_path / "named"):
        write(place / "cifar-10-batches-bin")
        if place.name == "named":
            monkeypatch.setenv("RESNET_LAB_DATA", str(place))
        assert data.find().resolve() == place / "cifar-10-batches-bin"
    write(tmp_path / "given")
    assert data.find(tmp_path / "given") == tmp_path / "given"
    assert data.find(tmp_path / "named") == tmp_path / "named" / "cifar-10-batches-bin"


def test_a_wrong_folder_is_a_sentence_with_a_remedy(tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    for name, words in (("missing", "not a folder"), ("file", "not a folder"), ("empty", "holds")):
        for load in (data.find, data.load, data.cifar10):
            with pytest.raises(InputError, match=f"{name} .*{words}.*data get cifar10.*--data"):
                load(tmp_path / name) if words == "holds" else load(f"{tmp_path / name} ")
    monkeypatch.setenv("RESNET_LAB_DATA", str(tmp_path / "missing"))
    with pytest.raises(InputError, match="RESNET_LAB_DATA.* is not a folder"):
        data.load()


def test_somebody_elses_parquet_in_data_is_left_alone(tmp_path):
    folder = tmp_path / "here" / "data"
    folder.mkdir()
    (folder / "train-00000-of-00001.parquet").write_bytes(b"not ours")
    assert data.find() is None
    assert data.load().name == "embedded"


def test_load_prefers_cifar_10_and_falls_back(small, tmp_path, elsewhere):
    assert data.load().name == "embedded"
    write(tmp_path / "here" / "data")
    cifar = data.load()
    assert (cifar.name, cifar.label, cifar.layout) == ("cifar10", "CIFAR-10", "binary")
    assert cifar.classes == data.CLASSES and cifar.place == "data"
    assert data.load(name="embedded").name == "embedded"
    assert data.load(name="cifar10").content_hash == cifar.content_hash


def test_the_embedded_set_is_generated_once_per_version(elsewhere):
    first, again = data.load(name="embedded"), data.load(name="embedded")
    assert elsewhere.calls == ["train", "test"]
    assert first.content_hash == again.content_hash
    assert (again.label, again.classes, again.layout) == ("embedded data",) + (
        ("disc", "ring"),
        "embedded",
    )
    assert again.train_images.shape == (8, 3, 32, 32) and again.test_labels.tolist() == [0, 1, 0, 1]
    elsewhere.VERSION = "2"
    assert "version 2" in data.load(name="embedded").place
    assert elsewhere.calls == ["train", "test"] * 2


def test_what_load_refuses(tmp_path):
    with pytest.raises(InputError, match="no data set 'mnist'; choose cifar10 or embedded"):
        data.load(name="mnist")
    with pytest.raises(InputError, match="CIFAR-10 is not in .*data get cifar10.*--data DIR"):
        data.load(name="cifar10")
    with pytest.raises(InputError, match="needs no folder"):
        data.load(tmp_path, name="embedded")
    with pytest.raises(InputError, match="no split 'val'"):
        data.cifar10(tmp_path, "val")


def test_a_part_of_cifar_10_is_refused(tmp_path):
    """The miniature is not whole without the fixture that shrinks the counts."""
    write(tmp_path / "set")
    with pytest.raises(InputError, match="data_batch_1.bin has 10 images, not 10,000"):
        data.load(tmp_path / "set")


def test_importing_data_imports_no_reader():
    code = "import sys, resnet_lab.data, resnet_lab.download; print(*sys.modules)"
    root = Path(resnet_lab.__path__[0]).parent
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root
    )
    loaded = set(out.stdout.split())
    assert not loaded & {"pandas", "pyarrow", "PIL", "torchvision"}


@settings(deadline=None)
@given(st.sampled_from([1, 2, 4, 8, 16, 32]), st.integers(0, 2**32 - 1), st.integers(0, 3))
def test_shrink_is_the_rounded_mean_of_each_square(size, seed, n):
    x = np.random.default_rng(seed).integers(0, 256, (n, 3, 32, 32), np.uint8)
    k = 32 // size
    expected = np.empty((n, 3, size, size), np.uint8)
    for row in range(size):
        for column in range(size):
            square = x[:, :, row * k : row * k + k, column * k : column * k + k]
            mean = square.mean((2, 3))  # exact: sums and k * k are small integers
            expected[:, :, row, column] = np.floor(mean + 0.5)
    assert np.array_equal(data.shrink(torch.from_numpy(x), size).numpy(), expected)


def test_shrink_rounds_halves_up():
    x = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
    x[0, 0, 0, :2] = 1  # two of four pixels are 1: the mean is 0.5
    assert data.shrink(x, 16)[0, 0, 0, 0] == 1
    assert data.shrink(x, 32).equal(x)


@pytest.mark.parametrize("size", [-16, 0, 3, 5, 12, 33, 64])
def test_shrink_refuses_a_size_that_does_not_divide_32(size):
    with pytest.raises(InputError, match=f"not to {size}"):
        data.shrink(torch.zeros(1, 3, 32, 32, dtype=torch.uint8), size)


@settings(deadline=None)
@given(st.integers(1, 30), st.integers(1, 7), st.integers(0, 2**32 - 1))
def test_per_pixel_mean_is_the_mean(n, chunk, seed):
    x = torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (n, 3, 4, 5), np.uint8))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "CHUNK", chunk)
        mean = data.per_pixel_mean(x)
    assert (mean.dtype, mean.shape) == (torch.float32, (3, 4, 5))
    assert torch.allclose(mean, (x.double() / 255).mean(0).float(), atol=1e-7, rtol=0)


def test_per_pixel_mean_of_nothing_is_refused():
    with pytest.raises(InputError, match="at least one"):
        data.per_pixel_mean(torch.zeros(0, 3, 32, 32, dtype=torch.uint8))


@settings(deadline=None)
@given(st.integers(2, 60), st.integers(0, 5), st.data())
def test_hold_out_splits_without_loss_or_overlap(total, seed, draw):
    n = draw.draw(st.integers(1, total - 1))
    x = torch.arange(total).reshape(-1, 1, 1, 1)
    kept, kept_y, held, held_y = data.hold_out(x, torch.arange(total), n, seed)
    assert len(held) == n and kept.flatten().equal(kept_y) and held.flatten().equal(held_y)
    assert sorted(kept_y.tolist() + held_y.tolist()) == list(range(total))
    again = data.hold_out(x, torch.arange(total), n, seed)
    assert again[3].equal(held_y)


def test_hold_out_is_45k_and_5k_and_depends_on_the_seed():
    x, y = torch.zeros(50_000, 1, 1, 1), torch.arange(50_000)
    one, two = data.hold_out(x, y), data.hold_out(x, y, seed=1)
    assert (len(one[1]), len(one[3])) == (45_000, 5_000)  # Section 4.2
    assert not one[3].equal(two[3])


@pytest.mark.parametrize("n", [-1, 0, 4, 5])
def test_hold_out_refuses_to_take_all_or_nothing(n):
    with pytest.raises(InputError, match="cannot be held out"):
        data.hold_out(torch.zeros(4, 3, 2, 2), torch.zeros(4), n)


@real
def test_the_real_cifar_10_has_its_published_channel_means():
    train = data.load(REAL)
    means = data.per_pixel_mean(train.train_images).double().mean((1, 2))
    assert means.tolist() == pytest.approx([0.49140, 0.48216, 0.44653], abs=5e-6)
    assert train.train_labels.bincount().tolist() == [5_000] * 10
    assert train.test_labels.bincount().tolist() == [1_000] * 10


@real
def test_the_second_load_of_the_real_cifar_10_reads_the_cache_and_no_other_file(monkeypatch):
    """That is what makes it take a tenth of a second; the time itself is not asserted."""
    first = data.load(REAL)
    monkeypatch.setattr(data.layouts, "read", lambda *_: pytest.fail("the layout was read again"))
    again = data.load(REAL)
    assert torch.equal(first.test_images, again.test_images)
    assert first.content_hash == again.content_hash
