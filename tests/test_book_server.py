"""The book on this machine's own address: only there, and one sentence where that fails."""

import socket
import threading
import urllib.request

import pytest

from resnet_lab import cli
from resnet_lab.book import server
from resnet_lab.errors import InputError


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "index.html").write_text("the book", encoding="utf-8")
    return tmp_path


def test_it_serves_the_folder_on_loopback_only(folder):
    with server.server(folder, 0) as running:
        host, port = running.server_address
        assert host == "127.0.0.1"
        threading.Thread(target=running.serve_forever, daemon=True).start()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/index.html", timeout=30) as page:
            assert page.read() == b"the book"
        running.shutdown()


def test_ctrl_c_ends_it_with_a_sentence(folder, monkeypatch):
    def stop(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(server.ThreadingHTTPServer, "serve_forever", stop)
    said = []
    server.serve(folder, 0, said.append)
    assert said[0].startswith("http://127.0.0.1:") and said[1] == "The book is closed."


def test_a_busy_port_is_one_sentence_before_any_work(folder, capsys):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(InputError, match=f"port {port} is in use; choose another with --port"):
            server.serve(folder, port, print)
        with pytest.raises(SystemExit) as end:
            cli.main(["book", "--serve", "--port", str(port), "--out", str(folder / "out")])
    assert end.value.code == 2 and "Traceback" not in capsys.readouterr().err
    assert not (folder / "out").exists()


def test_a_folder_without_a_book_is_refused(tmp_path):
    with pytest.raises(InputError, match="there is no book"):
        server.server(tmp_path, 0)
