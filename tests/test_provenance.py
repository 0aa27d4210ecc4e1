"""A record says what made it, and never somebody else's revision."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from resnet_lab import provenance


def test_the_device_is_named():
    assert provenance.device_name("cpu").startswith("cpu (")


def revision_of(package: Path) -> str:
    """The revision that a copy of the module at `package` reports."""
    code = "from provenance import git_revision; print(git_revision())"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=package, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path):
    """A git repository with one commit, and a copy of the module in it that is not tracked."""
    package = tmp_path / "package"
    package.mkdir()
    shutil.copy(provenance.__file__, package / "provenance.py")
    (tmp_path / "theirs.txt").write_text("theirs")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "theirs.txt")
    git(tmp_path, "commit", "-qm", "theirs")
    return tmp_path


def git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run(["git", *who, *words], cwd=folder, check=True)


def test_the_revision_of_a_repository_that_only_surrounds_us_is_not_ours(repository):
    assert revision_of(repository / "package") == ""


def test_the_revision_is_marked_when_files_changed(repository):
    (repository / ".gitignore").write_text("__pycache__/\n")
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "ours")
    clean = revision_of(repository / "package")
    assert len(clean) == 12
    (repository / "package" / "new.py").write_text("")
    assert revision_of(repository / "package") == clean + "+"
