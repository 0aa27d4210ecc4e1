"""What users type, rightly and wrongly: one sentence, exit code 2, no traceback."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from resnet_lab import cli


@pytest.fixture
def type_in(capsys, monkeypatch, tmp_path):
    """Run the command in an empty folder; exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: str) -> tuple[int, str, str]:
        try:
            cli.main(list(words))
            code = 0
        except SystemExit as end:
            code = end.code or 0
        return code, *capsys.readouterr()

    return run


COMMANDS = [
    "reproduce",
    "train",
    "evaluate",
    "claims",
    "figures",
    "notebooks",
    "doctor",
    "audit",
    "book",
]


@pytest.mark.parametrize("command", [*COMMANDS, "bench cpu", "bench gpu", "data get", "data show"])
def test_every_command_ends_its_help_with_an_example_and_a_time(type_in, command):
    code, out, _ = type_in(*command.split(), "--help")
    assert code == 0
    assert f"Example: resnet-lab {command}" in out


WRONG = [
    ("train --depth 21", "depth must be 6n+2"),
    ("train --shortcut D", "none, A, B or C"),
    ("train --steps 0", "steps must be above 0"),
    ("train --drops x", "whole numbers"),
    ("train --scale big", "scale must be quick or paper"),
    ("train --images mnist", "mnist"),
    ("train --data nowhere", "nowhere"),
    ("reproduce figure_9", "there is no experiment 'figure_9'"),
    ("reproduce --scale big", "scale must be quick or paper"),
    ("reproduce --budget soon", "a budget looks like"),
    ("reproduce --data nowhere", "nowhere"),
    ("reproduce --images cifar10", "resnet-lab data get cifar10"),
    ("figures figure_9", "there is no experiment"),
    ("figures table_6 --scale paper --images embedded", "resnet-lab reproduce table_6"),
    ("evaluate nothing.safetensors --images embedded", "there is no file nothing.safetensors"),
    ("notebooks 99", "99"),
    ("data get mnist", "no data set 'mnist'"),
    ("data show --data nowhere", "nowhere"),
    ("bench cpu --data nowhere", "nowhere"),
]


@pytest.mark.parametrize("words, says", WRONG, ids=[w for w, _ in WRONG])
def test_a_mistake_is_one_sentence_and_exit_code_2(type_in, words, says):
    code, out, err = type_in(*words.split())
    assert code == 2
    assert says in err and "Traceback" not in err + out
    assert err.startswith("resnet-lab: ") and len(err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "words", ["train --stpes 3", "reprodcue", "train --steps many", "bench gpu --x", "train --seed"]
)
def test_a_typo_in_a_word_is_a_usage_error(type_in, words):
    code, _, err = type_in(*words.split())
    assert code == 2 and "Traceback" not in err


def test_nothing_is_left_behind_by_a_mistake(type_in, tmp_path):
    type_in("reproduce", "figure_9")
    type_in("train", "--depth", "21")
    assert not list(tmp_path.iterdir())


def test_claims_json_is_a_list_of_objects_with_the_promised_keys(type_in):
    code, out, _ = type_in("claims", "--json")
    rows = json.loads(out)
    assert code == 0 and len(rows) > 20
    wanted = {"id", "place", "statement", "paper", "ours", "n", "spread", "scale", "verdict"}
    assert all(wanted <= set(row) for row in rows)


def test_claims_for_people_counts_the_verdicts(type_in):
    code, out, _ = type_in("claims")
    assert code == 0 and "not run" in out and "seen" in out


def test_train_from_the_command_line_leaves_a_record_and_says_its_digest(type_in, tmp_path):
    words = "train --depth 8 --width 4 --steps 6 --log-every 3 --drops 4 --images embedded"
    code, out, _ = type_in(*words.split())
    assert code == 0 and "digest" in out
    (record,) = tmp_path.glob("out/records/own/*.json")
    assert json.loads(record.read_text())["digest"] in out
    code, out, _ = type_in(*words.split())
    assert code == 0 and "trained already" in out
    weights = str(record.with_suffix(".safetensors"))
    words = f"evaluate {weights} --depth 8 --width 4 --size 16 --images embedded"
    code, out, _ = type_in(*words.split())
    error = json.loads(record.read_text())["final"]["test_error"]
    assert code == 0 and f"{error:.2f} %" in out


def test_a_full_disk_is_a_sentence(type_in, monkeypatch):
    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("resnet_lab.files.os.fsync", full)
    words = "train --depth 8 --width 4 --steps 3 --log-every 3 --drops 2 --images embedded"
    code, out, err = type_in(*words.split())
    assert code == 1 and "the disk is full" in out + err


def test_importing_costs_little_beyond_torch():
    """No notebook, table or checking package is loaded by `import resnet_lab`."""
    code = "import sys, resnet_lab; print(*sorted(sys.modules))"
    environment = {"PYTHONPATH": str(Path(cli.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    heavy = {"matplotlib", "pydantic", "pandas", "IPython", "ipywidgets", "papermill", "typer"}
    assert not loaded & (heavy | {"torchvision", "seaborn", "jupytext", "PIL", "pyarrow", "rich"})


def test_training_needs_no_notebook_package():
    code = "import sys, resnet_lab.workers, resnet_lab.reproduce; print(*sorted(sys.modules))"
    environment = {"PYTHONPATH": str(Path(cli.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert not loaded & {
        "matplotlib",
        "IPython",
        "ipywidgets",
        "papermill",
        "jupytext",
        "nbconvert",
    }
