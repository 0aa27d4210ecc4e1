"""Whole files or none: every result is written to a temporary name, then renamed.

Paper: nowhere; this is how an interrupted run loses nothing.
Notebook: notebooks/00_start_here.py. Tests: tests/test_files.py.
"""

import errno
import os
import secrets
from pathlib import Path

from resnet_lab.errors import InputError


def write_whole(path: Path, content: bytes | str) -> None:
    """Write `content` to `path` so that a reader sees the old file or the new one, never a part.

    Raises: InputError if the disk is full or the folder cannot be written; `path` is as before.
    """
    content = content.encode() if isinstance(content, str) else content
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        with open(new, "xb") as file:  # the rights are what the user's umask leaves
            temporary = new
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # else a power cut can leave the new name with no content
        os.replace(temporary, path)
        temporary = None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise InputError(
                f"the disk is full: {path} was not written and what was there is kept; "
                "free some space and run the same command again"
            ) from error
        raise InputError(
            f"{path} cannot be written ({error.strerror}); name another folder with --out"
        ) from error
    finally:
        # also on Ctrl-C; only a kill can leave the hidden temporary file behind
        if temporary is not None:
            temporary.unlink(missing_ok=True)
