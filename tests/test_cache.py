"""The second start reads one checked file; damage is noticed, and nothing breaks without a disk."""

import errno
import multiprocessing
import os
import time
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resnet_lab import cache

POSIX = pytest.mark.skipif(os.name != "posix", reason="needs POSIX limits and rights")


def splits(seed=0, n=20):
    rng = np.random.default_rng(seed)
    return {
        split: (rng.integers(0, 256, (k, 3, 32, 32), np.uint8), rng.integers(0, 10, k))
        for split, k in (("train", n), ("test", n // 2))
    }


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("RESNET_LAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def forbidden():
    raise AssertionError("the cache should have answered")


def same(a, b):
    return all(np.array_equal(x, y) for s in b for x, y in zip(a[s], b[s], strict=True))


def test_the_second_load_builds_nothing_and_is_equal(folder):
    first, digest = cache.load("set", "key", splits)
    again, digest_again = cache.load("set", "key", forbidden)
    assert same(first, splits()) and same(again, splits())
    assert digest == digest_again == cache.content_hash(splits())
    assert [p.name for p in folder.iterdir()] == ["set.cache"]


def test_another_key_builds_again_and_replaces_the_file(folder):
    cache.load("set", "old", splits)
    assert same(cache.load("set", "new", lambda: splits(1))[0], splits(1))
    assert same(cache.load("set", "new", forbidden)[0], splits(1))
    assert len(list(folder.iterdir())) == 1


def test_arrays_are_writable_and_never_change_the_file(folder):
    cache.load("set", "key", splits)
    images, labels = cache.load("set", "key", forbidden)[0]["train"]
    images[:], labels[:] = 0, 0
    assert same(cache.load("set", "key", forbidden)[0], splits())


def damages(raw):
    flip = bytearray(raw)
    flip[-1] ^= 1
    head = bytearray(raw)
    head[40] ^= 1
    pixel = bytearray(raw)
    pixel[len(raw) // 2] ^= 128
    return {
        "empty": b"",
        "half": raw[: len(raw) // 2],
        "one byte short": raw[:-1],
        "one byte long": raw + b"\0",
        "header only": raw[: cache.HEADER],
        "last byte": bytes(flip),
        "a pixel": bytes(pixel),
        "header": bytes(head),
        "foreign": b"PK\x03\x04" + os.urandom(len(raw)),
        "zeros": bytes(len(raw)),
    }


@pytest.mark.parametrize("damage", damages(b"0" * 100))
def test_a_damaged_cache_is_noticed_and_written_again(damage, folder):
    cache.load("set", "key", splits)
    path = folder / "set.cache"
    whole = path.read_bytes()
    path.write_bytes(damages(whole)[damage])
    assert same(cache.load("set", "key", splits)[0], splits())
    assert path.read_bytes() == whole


@settings(deadline=None, max_examples=30)
@given(st.randoms(use_true_random=False), st.integers(2, 40))
def test_the_content_hash_ignores_order_and_nothing_else(random, n):
    data = splits(n, n)
    digest = cache.content_hash(data)
    order = random.sample(range(n), n)
    images, labels = data["train"]
    shuffled = {"test": data["test"], "train": (images[order], labels[order])}
    assert cache.content_hash(shuffled) == digest
    i = random.randrange(n)
    for change in ("pixel", "label", "split"):
        other = {s: (x.copy(), y.copy()) for s, (x, y) in data.items()}
        if change == "pixel":
            other["train"][0][i, 2, 31, 31] ^= 1
        elif change == "label":
            other["train"][1][i] += 1
        else:
            other = {"train": other["test"], "test": other["train"]}
        assert cache.content_hash(other) != digest


def test_swapping_the_labels_of_two_images_changes_the_hash():
    images = splits(n=2)["train"][0]
    one, two = ({"train": (images, np.array(y))} for y in ([3, 5], [5, 3]))
    assert cache.content_hash(one) != cache.content_hash(two)


@POSIX
def test_a_full_disk_gives_one_warning_and_no_partial_file(folder):
    """A limit on the size of files makes a real write fail half-way."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
        try:
            loaded, digest = cache.load("set", "key", splits)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert same(loaded, splits()) and digest == cache.content_hash(splits())
    assert len(caught) == 1 and "set.cache cannot be written" in str(caught[0].message)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_folder_that_cannot_be_written_gives_one_warning(code, folder, monkeypatch):
    def fail(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "replace", fail)
    with pytest.warns(UserWarning, match="stay in memory") as caught:
        assert same(cache.load("set", "key", splits)[0], splits())
    assert len(caught) == 1
    assert list(folder.iterdir()) == []


def test_a_file_in_the_place_of_the_folder_gives_a_warning(folder):
    folder.write_text("a file")
    with pytest.warns(UserWarning, match="cannot be written"):
        assert same(cache.load("set", "key", splits)[0], splits())
    assert folder.read_text() == "a file"


def test_what_a_killed_process_left_is_swept_when_old(folder):
    folder.mkdir()
    old, young = folder / "set.cache.a.tmp", folder / "set.cache.b.tmp"
    old.touch(), young.touch()
    os.utime(old, (time.time() - 7_200,) * 2)
    cache.load("set", "key", splits)
    assert (old.exists(), young.exists()) == (False, True)


def racer(barrier, queue):
    def build():
        barrier.wait(20)  # both have found no cache
        return splits(n=400)

    loaded, digest = cache.load("set", "key", build)
    queue.put((digest, same(loaded, splits(n=400))))


@POSIX
def test_two_processes_that_race_both_end_well(folder):
    context = multiprocessing.get_context("fork")
    barrier, queue = context.Barrier(2), context.Queue()
    racers = [context.Process(target=racer, args=(barrier, queue)) for _ in range(2)]
    for process in racers:
        process.start()
    results = [queue.get(timeout=30) for _ in racers]
    for process in racers:
        process.join(30)
    assert results == [(cache.content_hash(splits(n=400)), True)] * 2
    assert [p.name for p in folder.iterdir()] == ["set.cache"]
    assert same(cache.load("set", "key", forbidden)[0], splits(n=400))


@pytest.mark.parametrize(
    "lab, xdg, expected",
    [
        ("/a/b", "/c", "/a/b"),
        ("", "/c", "/c/resnet-lab"),
        ("", "", "/somewhere/u/.cache/resnet-lab"),
    ],
)
def test_the_folder_follows_the_environment(lab, xdg, expected, monkeypatch):
    monkeypatch.setenv("RESNET_LAB_CACHE", lab)
    monkeypatch.setenv("XDG_CACHE_HOME", xdg)
    monkeypatch.setenv("HOME", "/somewhere/u")
    assert cache.folder().as_posix() == expected
