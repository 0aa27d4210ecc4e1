"""The book on this machine's own address, for browsers that are strict about files.

Paper: nowhere; this is how the book is looked at.
Notebook: notebooks/00_start_here.py. Tests: tests/test_book_server.py.
"""

import errno
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from resnet_lab.errors import InputError

HOST = "127.0.0.1"  # nobody else on the network sees it


class Quiet(SimpleHTTPRequestHandler):
    """Sends the files of a folder and says nothing about it."""

    def log_message(self, format: str, *words: object) -> None:
        pass


def server(folder: Path, port: int) -> ThreadingHTTPServer:
    """A server of `folder` that holds the port, and is not started; port 0 is any free one.

    Raises: InputError if the port is taken or not allowed, or there is no book in `folder`.
    """
    if not (folder / "index.html").exists():
        raise InputError(f"there is no book in {folder}; run `resnet-lab book` first")
    return held(port, partial(Quiet, directory=str(folder)))


def free(port: int) -> None:
    """Nothing, if the port can be had now. Raises: InputError."""
    with held(port, SimpleHTTPRequestHandler):
        pass


def held(port: int, handler: Callable) -> ThreadingHTTPServer:
    """A server that holds the port. Raises: InputError if it cannot be had."""
    try:
        return ThreadingHTTPServer((HOST, port), handler)
    except OSError as error:
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            why = "in use" if error.errno == errno.EADDRINUSE else "not allowed to you"
            raise InputError(f"port {port} is {why}; choose another with --port") from error
        raise


def serve(folder: Path, port: int, say: Callable[[str], None]) -> None:
    """Serve `folder` until Ctrl-C. Raises: InputError as `server`."""
    with server(folder, port) as running:
        say(f"http://{HOST}:{running.server_address[1]}/ (Ctrl-C ends it)")
        try:
            running.serve_forever()
        except KeyboardInterrupt:
            say("The book is closed.")
