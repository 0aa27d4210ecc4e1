"""A result is whole or not there: no failure leaves half a file or a stray one."""

import errno
import os
import stat
import subprocess

import pytest

from resnet_lab import files
from resnet_lab.errors import InputError
from resnet_lab.files import write_whole


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("content", [b"", b"\x00\xff" * 100_000, "", "Größe\n"])
def test_content_arrives_whole_and_nothing_else_is_left(tmp_path, content):
    path = tmp_path / "new" / "folder" / "file.json"
    write_whole(path, content)
    assert path.read_bytes() == (content if isinstance(content, bytes) else content.encode())
    assert names(path.parent) == ["file.json"]


def test_an_old_file_is_replaced(tmp_path):
    path = tmp_path / "file"
    write_whole(path, "old and long")
    write_whole(path, "new")
    assert path.read_text() == "new" and names(tmp_path) == ["file"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask of this kind")
@pytest.mark.parametrize("umask, mode", [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)])
def test_the_users_umask_says_who_may_read_a_result(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        write_whole(tmp_path / "file", "old")
        write_whole(tmp_path / "file", "new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == mode


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("old", [b"old", None])
def test_a_full_disk_keeps_what_was_there_and_says_what_to_do(
    tmp_path, monkeypatch, code, call, old
):
    path = tmp_path / "record.json"
    if old is not None:
        path.write_bytes(old)

    def full(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(files.os, call, full)
    with pytest.raises(
        InputError, match="the disk is full.*kept.*run the same command again"
    ) as caught:
        write_whole(path, b"new")
    assert str(path) in str(caught.value)
    assert names(tmp_path) == ([] if old is None else ["record.json"])
    assert old is None or path.read_bytes() == old


@pytest.mark.parametrize("code", [errno.EIO, errno.EROFS, errno.EACCES])
def test_another_failure_is_named_and_another_folder_proposed(tmp_path, monkeypatch, code):
    path = tmp_path / "record.json"
    path.write_bytes(b"old")

    def broken(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(files.os, "fsync", broken)
    with pytest.raises(InputError, match=f"cannot be written .{os.strerror(code)}.*--out"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old" and names(tmp_path) == ["record.json"]


@pytest.mark.parametrize("size", [4_096, 1_000_000])
def test_a_write_that_stops_half_way_leaves_the_old_file(tmp_path, size):
    """A real short write: the kernel lets 2,000 bytes through and refuses the rest."""
    resource = pytest.importorskip("resource")
    path = tmp_path / "record.json"
    path.write_bytes(b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, hard))
    try:
        with pytest.raises(InputError, match="cannot be written"):
            write_whole(path, b"n" * size)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == b"old" and names(tmp_path) == ["record.json"]


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 64 KiB, where this process may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    try:
        mounted = subprocess.run(words, capture_output=True, timeout=20).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("this process may not mount a file system")
    yield place
    subprocess.run(["umount", str(place)], capture_output=True, timeout=20)


def test_a_disk_that_is_really_full_keeps_the_old_file(small_disk):
    path = small_disk / "record.json"
    write_whole(path, b"o" * 30_000)
    with pytest.raises(InputError, match="the disk is full"):
        write_whole(path, b"n" * 60_000)  # fits alone, but not beside the old one
    assert path.read_bytes() == b"o" * 30_000 and names(small_disk) == ["record.json"]
    write_whole(path, b"n" * 20_000)  # and the same call works when there is space
    assert path.read_bytes() == b"n" * 20_000


def test_control_c_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "record.json"
    path.write_bytes(b"old")

    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old" and names(tmp_path) == ["record.json"]


def test_a_reader_that_looks_before_the_rename_sees_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "record.json"
    path.write_bytes(b"old")
    seen = []
    rename = os.replace

    def watched(source, target):
        seen.append(path.read_bytes())
        rename(source, target)
        seen.append(path.read_bytes())

    monkeypatch.setattr(files.os, "replace", watched)
    write_whole(path, b"new")
    assert seen == [b"old", b"new"]


def test_content_is_on_the_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    calls = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)

        def noted(*arguments, name=name, real=real):
            calls.append(name)
            return real(*arguments)

        monkeypatch.setattr(files.os, name, noted)
    write_whole(tmp_path / "file", b"x")
    assert calls[:2] == ["fsync", "replace"]


def test_a_file_in_the_place_of_the_folder_is_a_users_mistake(tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(InputError, match="cannot be written.*--out"):
        write_whole(tmp_path / "out" / "records" / "a.json", b"x")
    assert (tmp_path / "out").read_text() == "a file"


def test_a_folder_in_the_place_of_the_file_is_a_users_mistake(tmp_path):
    (tmp_path / "a.json").mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        write_whole(tmp_path / "a.json", b"x")
    assert names(tmp_path) == ["a.json"]


@pytest.mark.skipif(
    os.name == "nt" or os.geteuid() == 0, reason="nothing is read-only for root, nor on Windows"
)
def test_a_read_only_folder_is_a_users_mistake(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="cannot be written.*--out"):
        write_whole(tmp_path / "a.json", b"x")
    tmp_path.chmod(0o700)
