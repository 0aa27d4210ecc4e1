"""Each way a mirror can fail, on a local server; what has arrived is kept, what is wrong is not."""

import errno
import hashlib
import io
import os
import pickle
import socket
import struct
import tarfile
import threading
import time
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from resnet_lab import download, layouts, mirrors
from resnet_lab.errors import InputError
from resnet_lab.mirrors import Mirror, RemoteFile

STALL = 0.3  # seconds
NAME = "cifar-10-python.tar.gz"


def archive(extra=()):
    """The official archive in miniature: six batches of one random image each."""
    rng = np.random.default_rng(0)
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        members = [
            (
                f"cifar-10-batches-py/{'test_batch' if i == 6 else f'data_batch_{i}'}",
                pickle.dumps(
                    {b"data": rng.integers(0, 256, (1, 3072), np.uint8), b"labels": [i]}, 2
                ),
            )
            for i in range(1, 7)
        ]
        for name, raw in (*members, *extra):
            info = tarfile.TarInfo(name)
            info.size = len(raw)
            tar.addfile(info, io.BytesIO(raw))
    return stream.getvalue()


def parquet(labels):
    import pyarrow as pa
    import pyarrow.parquet as pq
    from PIL import Image

    png, out = io.BytesIO(), io.BytesIO()
    Image.new("RGB", (32, 32)).save(png, "PNG")
    rows = [{"bytes": png.getvalue(), "path": None}] * len(labels)
    pq.write_table(pa.table({"img": rows, "label": labels}), out)
    return out.getvalue()


BODY = archive()
FILE = RemoteFile(NAME, len(BODY), "md5:" + hashlib.md5(BODY).hexdigest())
HALF = len(BODY) // 2


class Handler(BaseHTTPRequestHandler):
    """The first folder of the address says how to behave; `log` keeps what was asked."""

    log: list[tuple[str, str | None]] = []

    def log_message(self, *_):
        pass

    def start(self, status, length=None, **headers):
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def do_GET(self):
        kind = self.path.split("/")[1]
        asked = self.headers.get("Range")
        self.log.append((kind, asked))
        first = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        try:
            getattr(self, kind)(first)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def ranged(self, first, body=BODY, end=None):
        if first:
            said = f"bytes {first}-{len(body) - 1}/{len(body)}"
            self.start(206, len(body) - first, Content_Range=said)
        else:
            self.start(200, len(body))
        self.wfile.write(body[first:end])

    good = ranged

    def ignores_range(self, first):
        self.start(200, len(BODY))
        self.wfile.write(BODY)

    def without_length(self, first):
        self.start(200)
        self.wfile.write(BODY)

    def refuses_range(self, first):
        if first:
            self.start(416, 0, Content_Range=f"bytes */{len(BODY)}")
        else:
            self.good(0)

    def lies_about_range(self, first):
        self.start(206, len(BODY), Content_Range=f"bytes 0-{len(BODY) - 1}/{len(BODY)}")
        self.wfile.write(BODY)

    def missing(self, first):
        self.send_error(404)

    def broken(self, first):
        self.send_error(503)

    def truncates(self, first):
        self.ranged(first, end=HALF)

    def stalls(self, first):
        self.ranged(first, end=HALF)
        self.wfile.flush()
        time.sleep(3 * STALL)

    def silent(self, first):
        time.sleep(3 * STALL)

    def trickles(self, first):
        self.start(200, len(BODY))
        for byte in BODY[:30]:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            time.sleep(STALL / 6)

    def resets(self, first):
        self.ranged(first, end=HALF)
        self.wfile.flush()
        linger = struct.pack("ii", 1, 0)  # close with a reset, not with an end
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.wfile.close(), self.rfile.close(), self.connection.close()

    def corrupts(self, first):
        self.ranged(first, body=BODY[:-100] + bytes(100))

    def login_page(self, first):
        self.start(200, 17)
        self.wfile.write(b"<html>Log in</html>"[:17])

    def nonsense(self, first):
        self.wfile.write(b"SSH-2.0-OpenSSH\r\n\r\n")


@pytest.fixture(scope="module")
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def quiet(monkeypatch, tmp_path):
    Handler.log.clear()
    monkeypatch.setenv("RESNET_LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def get(server, folder, *kinds, file=FILE, **options):
    where = tuple(Mirror(f"{server}{kind}/", (file,)) for kind in kinds)
    return download.get_cifar10(folder, where, timeout=STALL, complete=False, **options)


def arrived(folder):
    """CIFAR-10 is there, and nothing else is."""
    splits = layouts.read(layouts.detect(folder), complete=False)
    assert splits["train"][1].tolist() == [1, 2, 3, 4, 5]
    assert names(folder) == ["cifar-10-batches-py"]
    return True


def names(folder):
    """What lies there, except the empty file of the lock."""
    return sorted(path.name for path in folder.iterdir() if path.name != download.LOCK)


def keep(folder, raw):
    """What an earlier call left."""
    part = folder / download.PARTIAL / NAME
    part.parent.mkdir(parents=True)
    part.write_bytes(raw)
    return part


@pytest.mark.parametrize("kind", ["good", "ignores_range", "without_length", "refuses_range"])
@pytest.mark.parametrize("have", [0, 1, HALF, len(BODY) - 1, len(BODY)])
def test_a_download_starts_resumes_and_ends(kind, have, server, tmp_path):
    if have:
        keep(tmp_path, BODY[:have])
    assert get(server, tmp_path, kind) == tmp_path
    assert arrived(tmp_path)
    asked = [] if have == len(BODY) else [(kind, f"bytes={have}-" if have else None)]
    assert Handler.log[:1] == asked


FAILURES = {
    "missing": "answered 404 Not Found",
    "broken": "answered 503",
    "truncates": f"ended after {HALF:,} of {len(BODY):,} bytes",
    "stalls": f"sent nothing for 0.3 s after {HALF:,} bytes",
    "silent": "sent nothing for 0.3 s",
    "trickles": "gave less than 10,000 bytes/s",
    "resets": "reset",
    "corrupts": f"{NAME} has md5:.*, not {FILE.digest}, and was deleted",
    "login_page": f"serves 17 bytes as {NAME}, not {len(BODY)}",
    "nonsense": "SSH-2.0",
}


@pytest.mark.parametrize("kind", FAILURES)
def test_a_failing_mirror_is_left_for_the_next(kind, server, tmp_path):
    get(server, tmp_path, kind, "good")
    assert arrived(tmp_path)
    assert {name for name, _ in Handler.log} == {kind, "good"}


@pytest.mark.parametrize("kind", FAILURES)
def test_when_all_fail_one_sentence_says_what_happened(kind, server, tmp_path):
    host = server.split("/")[2]
    with pytest.raises(InputError, match=f"{host}: .*{FAILURES[kind]}.*; {host}: ") as caught:
        get(server, tmp_path, kind, "missing")
    said = str(caught.value)
    assert "try again later" in said and f"put {NAME} there by hand" in said
    assert "\n" not in said and "\r" not in said
    assert layouts.detect(tmp_path) is None


def test_connection_refused_is_left_for_the_next(server, tmp_path):
    closed = Mirror("http://127.0.0.1:9/", (FILE,))
    good = Mirror(f"{server}good/", (FILE,))
    download.get_cifar10(tmp_path, (closed, good), timeout=STALL, complete=False)
    assert arrived(tmp_path)
    with pytest.raises(InputError, match="127.0.0.1:9: .*refused"):
        download.get_cifar10(tmp_path / "b", (closed,), timeout=STALL, complete=False)


@pytest.mark.parametrize("kind", ["truncates", "stalls", "resets"])
def test_the_next_mirror_and_the_next_call_go_on_where_one_stopped(kind, server, tmp_path):
    with pytest.raises(InputError):
        get(server, tmp_path, kind)
    assert (tmp_path / "partial" / NAME).read_bytes() == BODY[:HALF]
    get(server, tmp_path, "good")
    assert arrived(tmp_path)
    assert Handler.log[-1] == ("good", f"bytes={HALF}-")


def test_a_range_we_did_not_ask_for_is_refused(server, tmp_path):
    part = keep(tmp_path, BODY[:HALF])
    with pytest.raises(InputError, match=f"answered with bytes 0-.* instead of bytes {HALF:,} on"):
        get(server, tmp_path, "lies_about_range")
    assert part.read_bytes() == BODY[:HALF]


@pytest.mark.parametrize("kind", ["login_page", "missing", "silent"])
def test_a_failing_mirror_does_not_cost_the_partial_file(kind, server, tmp_path):
    part = keep(tmp_path, BODY[:HALF])
    with pytest.raises(InputError):
        get(server, tmp_path, kind)
    assert part.read_bytes() == BODY[:HALF]


@pytest.mark.parametrize("old", [bytes(HALF), bytes(len(BODY)), bytes(len(BODY) + 5)])
def test_a_wrong_partial_file_is_not_blamed_on_the_mirror(old, server, tmp_path):
    keep(tmp_path, old)
    get(server, tmp_path, "good")
    assert arrived(tmp_path)


def test_a_corrupt_download_is_deleted(server, tmp_path):
    with pytest.raises(InputError, match="was deleted"):
        get(server, tmp_path, "corrupts")
    assert list((tmp_path / "partial").iterdir()) == []


def test_nothing_is_asked_when_the_data_are_there(server, tmp_path):
    get(server, tmp_path, "good")
    Handler.log.clear()
    assert get(server, tmp_path, "good") == tmp_path
    assert Handler.log == []


def test_data_that_are_there_but_broken_are_named(server, tmp_path):
    get(server, tmp_path, "good")
    (tmp_path / "cifar-10-batches-py" / "data_batch_2").write_bytes(b"")
    with pytest.raises(InputError, match="data_batch_2 is damaged.*after removing what is in"):
        get(server, tmp_path, "good")


def test_an_archive_put_there_by_hand_is_used_and_kept(server, tmp_path):
    (tmp_path / NAME).write_bytes(BODY)
    get(server, tmp_path, "missing")
    assert Handler.log == []
    assert names(tmp_path) == ["cifar-10-batches-py", NAME]


@pytest.mark.parametrize("name", [NAME, "cifar-10-binary.tar.gz"])
def test_a_corrupt_archive_put_there_by_hand_is_named_and_kept(name, server, tmp_path):
    (tmp_path / name).write_bytes(BODY[:-1])
    with pytest.raises(InputError, match=f"{name} has {len(BODY) - 1:,} bytes and md5:.* remove"):
        get(server, tmp_path, "good")
    assert (tmp_path / name).read_bytes() == BODY[:-1]


@pytest.fixture(params=["filter", "no filter"])
def with_and_without_filter(request, monkeypatch):
    """Python before 3.11.4 has none."""
    if request.param == "no filter":
        monkeypatch.delattr(tarfile, "data_filter", raising=False)
    elif not hasattr(tarfile, "data_filter"):
        pytest.skip("this Python has no filter")


@pytest.mark.usefixtures("with_and_without_filter")
@pytest.mark.parametrize(
    "member", ["../evil", "/tmp/resnet-lab-evil", "cifar-10-batches-py/../../e"]
)
def test_an_archive_never_writes_outside_its_folder(member, server, tmp_path):
    body = archive([(member, b"evil")])
    file = RemoteFile(NAME, len(body), "md5:" + hashlib.md5(body).hexdigest())
    place = tmp_path / "a" / "b"
    place.mkdir(parents=True)
    (place / NAME).write_bytes(body)
    if member[0] == "/":  # the filter strips the slash, so it lands inside
        get(server, place, "good", file=file)
        assert not os.path.exists(member)
        return
    with pytest.raises(InputError, match=f"{NAME} cannot be unpacked"):
        get(server, place, "good", file=file)
    assert names(place) == [NAME]
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["b"]


def test_without_a_filter_only_regular_files_and_folders_are_unpacked(monkeypatch, tmp_path):
    monkeypatch.delattr(tarfile, "data_filter", raising=False)
    kinds = {
        "folder": tarfile.DIRTYPE,
        "folder/file": tarfile.REGTYPE,
        "link": tarfile.SYMTYPE,
        "hard": tarfile.LNKTYPE,
        "pipe": tarfile.FIFOTYPE,
        "disk": tarfile.BLKTYPE,
    }
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
        for name, kind in kinds.items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc"
            tar.addfile(info)
    download._unpack(tmp_path / "a.tar.gz", tmp_path / "out")
    found = (tmp_path / "out").rglob("*")
    assert sorted(p.relative_to(tmp_path / "out").as_posix() for p in found) == [
        "folder",
        "folder/file",
    ]


def test_two_downloads_into_one_folder_do_not_mix(server, tmp_path):
    """The second is refused while the first one works, and finds everything when it is over."""
    refused = []

    def second(done, total):
        if not refused:
            with pytest.raises(InputError, match=f"another download works in {tmp_path}") as caught:
                get(server, tmp_path, "good")
            refused.append(str(caught.value))

    get(server, tmp_path, "good", progress=second)
    assert refused and "wait for it or name another folder with --to" in refused[0]
    assert arrived(tmp_path)
    Handler.log.clear()
    assert get(server, tmp_path, "good") == tmp_path and Handler.log == []


def test_an_archive_of_something_else_is_refused(server, tmp_path):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        tar.addfile(tarfile.TarInfo("readme"))
    body = stream.getvalue()
    file = RemoteFile(NAME, len(body), "md5:" + hashlib.md5(body).hexdigest())
    (tmp_path / NAME).write_bytes(body)
    with pytest.raises(InputError, match=f"{NAME} holds no CIFAR-10"):
        get(server, tmp_path, "good", file=file)
    assert names(tmp_path) == [NAME]


def test_a_full_disk_while_downloading_keeps_what_arrived(server, tmp_path):
    """A limit on the size of files makes a real write fail half-way."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (HALF, hard))
    try:
        with pytest.raises(InputError, match="cannot be written .File too large.; free about"):
            get(server, tmp_path, "good")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (tmp_path / "partial" / NAME).read_bytes() == BODY[:HALF]
    get(server, tmp_path, "good")
    assert arrived(tmp_path)


def test_a_full_disk_while_unpacking_leaves_no_half_folder(server, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(tarfile, "copyfileobj", full)
        with pytest.raises(InputError, match="No space left on device.*free about 400 MB"):
            get(server, tmp_path, "good")
    assert names(tmp_path) == ["partial"]
    Handler.log.clear()
    get(server, tmp_path, "good")
    assert arrived(tmp_path) and Handler.log == []  # the archive was kept


def test_a_path_that_cannot_be_made_is_a_sentence(server, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file.* cannot be written .*check the path"):
        get(server, tmp_path / "file" / "below", "good")


def test_a_mirror_of_several_files_is_moved_as_one(server, tmp_path, monkeypatch):
    """The Hub's two parquet files appear together or not at all."""
    bodies = {"train": parquet([1, 2, 3, 4, 5]), "test": parquet([6])}

    def hub(self, first):
        split = self.path.rsplit("/", 1)[1].partition("-")[0]
        if split == "test" and self.path.startswith("/hub/half"):
            return self.send_error(404)
        return self.ranged(first, bodies[split])

    monkeypatch.setattr(Handler, "hub", hub, raising=False)
    files = tuple(
        RemoteFile(f"plain_text/{s}-00000.parquet", len(b), "sha256:" + sha256(b).hexdigest())
        for s, b in bodies.items()
    )
    half, whole = Mirror(f"{server}hub/half/", files), Mirror(f"{server}hub/", files)
    with pytest.raises(InputError, match="404"):
        download.get_cifar10(tmp_path, (half,), timeout=STALL, complete=False)
    assert layouts.detect(tmp_path) is None
    seen = []
    download.get_cifar10(
        tmp_path, (whole,), timeout=STALL, complete=False, progress=lambda *now: seen.append(now)
    )
    assert seen[-1] == (sum(map(len, bodies.values())),) * 2
    assert names(tmp_path) == ["plain_text"]
    splits = layouts.read(layouts.detect(tmp_path), complete=False)
    assert splits["train"][1].tolist() == [1, 2, 3, 4, 5]


def test_progress_counts_to_the_end(server, tmp_path):
    seen = []
    get(server, tmp_path, "good", progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (len(BODY), len(BODY)) and seen == sorted(seen)


@pytest.mark.parametrize("terminal", [False, True])
def test_progress_in_plain_text_is_a_line_per_ten_percent(terminal, monkeypatch):
    out = io.StringIO()
    monkeypatch.setattr(out, "isatty", lambda: terminal)
    show = download.printer(out)
    for done in range(0, 1_001):
        show(done * 170_000, 170_000_000)
    text = out.getvalue()
    assert text.endswith("170.0 of 170.0 MB\n")
    assert (text.count("\n"), text.count("\r")) == ((1, 100) if terminal else (11, 0))


def test_the_default_folder_is_where_find_looks(server, tmp_path, monkeypatch):
    from resnet_lab import data

    assert get(server, None, "good") == tmp_path / "cache" / "cifar10"
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RESNET_LAB_DATA", raising=False)
    assert data.find() == tmp_path / "cache" / "cifar10" / "cifar-10-batches-py"


def test_every_mirror_serves_a_whole_cifar_10_with_a_digest():
    for mirror in mirrors.MIRRORS:
        assert mirror.base.startswith("https://") and mirror.base.endswith("/")
        assert mirror.files in ((mirrors.PYTHON,), (mirrors.TRAIN, mirrors.TEST))
        for file in mirror.files:
            kind, _, digits = file.digest.partition(":")
            assert len(digits) == 2 * hashlib.new(kind).digest_size
