"""Four layouts give the same images; what is broken, foreign or hostile is named and refused."""

import io
import os
import pickle
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resnet_lab import layouts
from resnet_lab.errors import InputError

REAL = os.environ.get("RESNET_LAB_TEST_CIFAR10")


@pytest.fixture
def small(monkeypatch):
    """A CIFAR-10 of five batches of ten images and ten test images, one or five per class."""
    monkeypatch.setattr(layouts, "COUNTS", {"train": 50, "test": 10})
    monkeypatch.setattr(layouts, "PER_FILE", 10)
    images = np.random.default_rng(0).integers(0, 256, (60, 3, 32, 32), dtype=np.uint8)
    return images, np.arange(60, dtype=np.int64) % 10


def batches(small):
    """File stem, images and labels of the six official files."""
    for i in range(6):
        part = slice(10 * i, 10 * i + 10)
        yield ("test_batch" if i == 5 else f"data_batch_{i + 1}"), small[0][part], small[1][part]


def write_binary(folder, small):
    folder.mkdir(parents=True, exist_ok=True)
    for stem, images, labels in batches(small):
        records = np.concatenate([labels[:, None].astype(np.uint8), images.reshape(-1, 3072)], 1)
        (folder / f"{stem}.bin").write_bytes(records.tobytes())
    return folder


def python_2_pickle(images, labels):
    """Protocol 2 as Python 2 wrote it: byte strings, numpy.core, no _codecs."""

    def short(text):  # SHORT_BINSTRING
        return b"U" + bytes([len(text)]) + text

    raw = images.tobytes()
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + short(b"b")
    dtype = b"cnumpy\ndtype\n" + short(b"u1") + b"K\x00K\x01\x87R"
    dtype += b"(K\x03" + short(b"|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    shape = b"M" + struct.pack("<H", len(images)) + b"M" + struct.pack("<H", 3072) + b"\x86"
    state = b"(K\x01" + shape + dtype + b"\x89T" + struct.pack("<i", len(raw)) + raw + b"t"
    data = array + b"\x87R" + state + b"b"
    numbers = b"](" + b"".join(b"K" + bytes([k]) for k in labels) + b"e"
    return b"\x80\x02}(" + short(b"data") + data + short(b"labels") + numbers + b"u."


def python_3_pickle(images, labels, protocol=4):
    rows = images.reshape(-1, 3072)
    return pickle.dumps({b"data": rows, b"labels": labels.tolist()}, protocol)


def write_python(folder, small, dump=python_2_pickle):
    folder.mkdir(parents=True, exist_ok=True)
    for stem, images, labels in batches(small):
        (folder / stem).write_bytes(dump(images, labels))
    return folder


def png(image):
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(image.transpose(1, 2, 0)).save(stream, "PNG")
    return stream.getvalue()


def write_png(folder, small, names=layouts.CLASSES):
    for i, (image, label) in enumerate(zip(*small, strict=True)):
        path = folder / ("test" if i >= 50 else "train") / names[label] / f"{i:05}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(image))
    return folder


def write_parquet(folder, small, column="img"):
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir(parents=True, exist_ok=True)
    for split, part in (("train", slice(0, 50)), ("test", slice(50, 60))):
        rows = [{"bytes": png(image), "path": None} for image in small[0][part]]
        table = pa.table({column: rows, "label": small[1][part]})
        pq.write_table(table, folder / f"{split}-00000-of-00001.parquet")
    return folder


WRITERS = {
    "binary": lambda root, small: write_binary(root / "cifar-10-batches-bin", small),
    "python": lambda root, small: write_python(root / "cifar-10-batches-py", small),
    "png": write_png,
    "parquet": lambda root, small: write_parquet(root / "plain_text", small),
}


def read(root, **options):
    return layouts.read(layouts.detect(root), **options)


@pytest.mark.parametrize("layout", WRITERS)
@pytest.mark.parametrize("parent", [False, True])
def test_each_layout_gives_back_what_was_written(layout, parent, small, tmp_path):
    folder = WRITERS[layout](tmp_path, small)
    found = layouts.detect(tmp_path if parent else folder)
    assert (found.layout, found.folder) == (layout, folder)
    splits = layouts.read(found)
    for split, part in (("train", slice(0, 50)), ("test", slice(50, 60))):
        images, labels = splits[split]
        assert (images.dtype, labels.dtype) == (np.uint8, np.int64)
        order = np.arange(60)[part]
        if layout == "png":  # sorted by path: the class first, then the name of the file
            order = order[np.argsort(small[1][part], kind="stable")]
        assert np.array_equal(images, small[0][order])
        assert np.array_equal(labels, small[1][order])


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_batches_written_by_python_3_are_read_too(protocol, small, tmp_path):
    write_python(tmp_path, small, lambda x, y: python_3_pickle(x, y, protocol))
    assert np.array_equal(read(tmp_path)["train"][0], small[0][:50])


def test_the_two_python_pickles_hold_the_same_array(small):
    """An independent reader, numpy itself, agrees that the Python-2 pickle is well formed."""
    old = pickle.loads(python_2_pickle(small[0][:10], small[1][:10]), encoding="latin1")
    assert np.array_equal(old["data"], small[0][:10].reshape(-1, 3072))


def test_digits_name_classes_and_image_is_a_column_name(small, tmp_path):
    write_png(tmp_path / "a", small, "0123456789")
    write_parquet(tmp_path / "b" / "data", small, "image")
    assert len(read(tmp_path / "a")["train"][0]) == len(read(tmp_path / "b")["train"][0]) == 50


@settings(deadline=None)  # it writes files
@given(st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_binary_round_trip(tmp_path_factory, n, seed):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (6 * n, 3, 32, 32), dtype=np.uint8)
    labels = rng.integers(0, 10, 6 * n)
    folder = tmp_path_factory.mktemp("bin")
    for i in range(6):
        stem = "test_batch" if i == 5 else f"data_batch_{i + 1}"
        part = slice(n * i, n * i + n)
        rows = [bytes([y]) + x.tobytes() for x, y in zip(images[part], labels[part], strict=True)]
        (folder / f"{stem}.bin").write_bytes(b"".join(rows))
    splits = read(folder, complete=False)
    assert np.array_equal(splits["train"][0], images[: 5 * n])
    assert np.array_equal(splits["test"][1], labels[5 * n :])


def test_nothing_known_is_none(tmp_path):
    assert layouts.detect(tmp_path) is None
    assert layouts.detect(tmp_path / "missing") is None
    for animal in ("cat", "dog"):  # not ours
        (tmp_path / "train" / animal).mkdir(parents=True)
    assert layouts.detect(tmp_path) is None


def test_a_mixture_is_refused_by_name(small, tmp_path):
    WRITERS["binary"](tmp_path, small)
    WRITERS["parquet"](tmp_path, small)
    with pytest.raises(InputError, match="more than once: binary in .*-bin and parquet in .*text"):
        layouts.detect(tmp_path)


def test_a_truncated_batch_is_named_with_its_size(small, tmp_path):
    path = write_binary(tmp_path, small) / "data_batch_3.bin"
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(InputError, match=r"data_batch_3.bin has 30,725 bytes, not 30,730 "):
        read(tmp_path)
    path.write_bytes(path.read_bytes()[:3073])
    with pytest.raises(InputError, match="data_batch_3.bin has 1 images, not 10"):
        read(tmp_path)
    path.unlink()
    with pytest.raises(InputError, match="data_batch_3.bin cannot be read .*; unpack"):
        read(tmp_path)


def test_a_foreign_label_is_refused(small, tmp_path):
    path = write_binary(tmp_path, small) / "test_batch.bin"
    path.write_bytes(b"\x0a" + path.read_bytes()[1:])
    with pytest.raises(InputError, match="test_batch.bin has labels outside 0 to 9"):
        read(tmp_path)


def test_half_an_unpacked_batch_full_of_zeros_is_refused(small, tmp_path):
    """shared/cifar10/unpack.py leaves a hole of zeros if only the second half is unpacked."""
    path = write_binary(tmp_path, small) / "data_batch_5.bin"
    path.write_bytes(bytes(5 * 3073) + path.read_bytes()[5 * 3073 :])
    with pytest.raises(InputError, match="9 images of class airplane, not 5 .unpacked in part"):
        read(tmp_path)


class Payload:
    def __init__(self, function, *args):
        self.call = (function, args)

    def __reduce__(self):
        return self.call


HOSTILE = {
    "os.system": lambda to: pickle.dumps(Payload(os.system, f"touch {to}")),
    "eval": lambda to: pickle.dumps(Payload(eval, f"open({str(to)!r}, 'w')")),
    "exec in a batch": lambda to: pickle.dumps(
        {b"data": Payload(exec, f"open({str(to)!r}, 'w')"), b"labels": [1]}
    ),
    "getattr": lambda to: b"\x80\x02cbuiltins\ngetattr\ncposix\nsystem\nU\x08__call__\x86R.",
    "dotted name": lambda to: b"\x80\x04\x8c\x05numpy\x8c\x0edtype.__init__\x93.",
    "numpy.load": lambda to: b"\x80\x02cnumpy\nload\nU\x04/tmp\x85R.",
    "runstring": lambda to: b"cnumpy.testing._private.utils\nrunstring\n.",
    "extension": lambda to: b"\x80\x02\x82\x01.",
    "persistent": lambda to: b"Pid\n.",
    "build on a class": lambda to: b"\x80\x02cnumpy\nndarray\n}U\x01aK\x01sb.",
}


@pytest.mark.parametrize("attack", HOSTILE)
def test_a_hostile_pickle_runs_nothing(attack, small, tmp_path):
    mark = tmp_path / "executed"
    folder = write_python(tmp_path / "batches", small)
    (folder / "data_batch_1").write_bytes(HOSTILE[attack](mark))
    with pytest.raises(InputError, match="data_batch_1 is (refused: it asks to run|damaged)"):
        read(folder)
    assert not mark.exists()


@pytest.mark.parametrize("keep", [0, 1, 40, 500, 30_000])
def test_a_truncated_pickle_is_named(keep, small, tmp_path):
    path = write_python(tmp_path, small) / "test_batch"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match="test_batch is damaged"):
        read(tmp_path)


@settings(deadline=None)  # it writes files
@given(st.binary(max_size=200))
def test_any_bytes_are_refused_as_a_sentence(tmp_path_factory, raw):
    path = tmp_path_factory.mktemp("pickle") / "test_batch"
    path.write_bytes(raw)
    with pytest.raises(InputError, match="test_batch is"):
        layouts._python(path)


def broken_png():
    whole = png(np.zeros((3, 32, 32), np.uint8))
    return {
        "truncated": whole[:60],
        "empty": b"",
        "text": b"not a picture",
        "checksum": whole[:20] + b"\xff" + whole[21:],
    }


@pytest.mark.parametrize("kind", ["truncated", "empty", "text", "checksum"])
def test_a_broken_png_is_named(kind, small, tmp_path):
    write_png(tmp_path, small)
    (tmp_path / "train" / "cat" / "00013.png").write_bytes(broken_png()[kind])
    with pytest.raises(InputError, match="train/cat/00013.png is not a readable PNG"):
        read(tmp_path)


def test_a_png_of_another_size_or_mode_is_named(small, tmp_path):
    from PIL import Image

    write_png(tmp_path, small)
    path = tmp_path / "test" / "dog" / "00055.png"
    Image.new("RGB", (28, 28)).save(path)
    with pytest.raises(InputError, match="00055.png is 28x28 RGB, not 32x32 RGB"):
        read(tmp_path)
    Image.new("L", (32, 32)).save(path)
    with pytest.raises(InputError, match="00055.png is 32x32 L, not 32x32 RGB"):
        read(tmp_path)
    # a header that promises two billion pixels is refused before they are unpacked
    head = struct.pack(">IIBBBBB", 46_000, 46_000, 8, 2, 0, 0, 0)
    check = struct.pack(">I", zlib.crc32(b"IHDR" + head))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + head + check)
    with pytest.raises(InputError, match="00055.png"):
        read(tmp_path)


def test_a_missing_picture_or_strange_class_is_named(small, tmp_path):
    write_png(tmp_path, small)
    (tmp_path / "train" / "cat" / "00013.png").rename(tmp_path / "elsewhere.png")
    with pytest.raises(InputError, match="train split in .* has 49 images, not 50"):
        read(tmp_path)
    assert len(read(tmp_path, complete=False)["train"][0]) == 49
    (tmp_path / "train" / "zebra").mkdir()
    with pytest.raises(InputError, match="train/zebra is not named after a class"):
        read(tmp_path)


def test_a_parquet_file_of_something_else_is_named(small, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = write_parquet(tmp_path, small)
    path = folder / "train-00000-of-00001.parquet"
    for table, words in (
        (pa.table({"text": ["a"]}), "has columns text, not img"),
        (pa.table({"img": [b"a"], "label": [1]}), "is no CIFAR-10 parquet file"),
        (pa.table({"img": [{"bytes": b"a"}], "label": [1]}), "image 0 of .* is not a readable PNG"),
        (pa.table({"img": [{"bytes": b"a"}], "label": [None]}), "is no CIFAR-10 parquet file"),
    ):
        pq.write_table(table, path)
        with pytest.raises(InputError, match=f"train-00000-of-00001.parquet.*{words}|{words}"):
            read(tmp_path)
    path.write_bytes(b"PAR1 but not really")
    with pytest.raises(InputError, match="train-00000-of-00001.parquet"):
        read(tmp_path)
    path.unlink()
    with pytest.raises(InputError, match="train split in .* has 0 images, not 50"):
        read(tmp_path)


@pytest.mark.parametrize("layout", WRITERS)
def test_the_fingerprint_changes_with_any_file(layout, small, tmp_path):
    folder = WRITERS[layout](tmp_path, small)
    seen = {layouts.fingerprint(layouts.detect(tmp_path))}
    assert layouts.fingerprint(layouts.detect(tmp_path)) in seen
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    os.utime(files[0], ns=(1, 1))  # same size, another time
    seen.add(layouts.fingerprint(layouts.detect(tmp_path)))
    files[-1].write_bytes(files[-1].read_bytes() + b"x")
    seen.add(layouts.fingerprint(layouts.detect(tmp_path)))
    assert len(seen) == 3


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_batch_is_named(small, tmp_path):
    path = write_binary(tmp_path, small) / "test_batch.bin"
    path.chmod(0)
    with pytest.raises(InputError, match="test_batch.bin cannot be read .Permission denied."):
        read(tmp_path)


@pytest.mark.skipif(not REAL, reason="RESNET_LAB_TEST_CIFAR10 names no unpacked CIFAR-10")
def test_the_real_cifar_10_has_5000_and_1000_images_of_each_class():
    splits = layouts.read(layouts.detect(layouts.Path(REAL)))
    assert np.bincount(splits["train"][1]).tolist() == [5_000] * 10
    assert np.bincount(splits["test"][1]).tolist() == [1_000] * 10
