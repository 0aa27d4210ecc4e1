"""`resnet-lab notebooks` with its options; mistakes are one sentence and exit code 2."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from resnet_lab import cli, colab, notebooks
from resnet_lab.errors import InputError

SOURCES = sorted((Path(__file__).parent.parent / "notebooks").glob("[0-9]*.py"))


def run(*words):
    return CliRunner().invoke(cli.app, ["notebooks", *map(str, words)])


def test_copies_for_a_class(tmp_path):
    done = run("00", "05", "--student", "--out", tmp_path / "class")
    assert done.exit_code == 0, done.output
    names = sorted(path.name for path in (tmp_path / "class").iterdir())
    assert names == ["00_start_here.ipynb", "05_cifar.ipynb", "glossary.md"]


def test_the_folder_of_copies_has_a_name_by_default(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("00", "--student").exit_code == 0
    assert (tmp_path / "student" / "00_start_here.ipynb").exists()


def test_slides(tmp_path, monkeypatch):
    monkeypatch.setattr(notebooks, "build", None)  # nothing is built
    from resnet_lab import slides

    monkeypatch.setattr(slides, "outputs_of", lambda source, folder: slides_of(source))
    done = run("03", "--slides", tmp_path)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "03_bottlenecks.slides.html").exists()


def slides_of(source):
    import jupytext

    return jupytext.read(source)


@pytest.mark.parametrize(
    "words, says",
    [
        (["--student", "--slides", "x"], "one of --student, --slides"),
        (["--out", "x"], "--out is the folder of --student"),
        (["00", "--repository", "https://github.com/a/b"], "leave the names away"),
        (["--repository", "nowhere"], "like https://github.com"),
        (["--repository", ""], "like https://github.com"),
        (["99", "--student"], "there is no notebook"),
        (["00", "--student", "--out", str(SOURCES[0].parent)], "choose another folder"),
        (["00", "--slides", str(SOURCES[0].parent)], "choose another"),
    ],
)
def test_mistakes_are_said_and_nothing_is_written(words, says, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(colab, "write_whole", None)
    done = run(*words)
    assert isinstance(done.exception, InputError) and says in str(done.exception)
    assert list(tmp_path.iterdir()) == []
