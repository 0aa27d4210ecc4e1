"""The ImageNet commands from end to end on drawn images, and what is typed wrongly."""

import json
import runpy
import sys

import pytest

from resnet_lab import cli

SMALL = (
    "--depth 18 --widths 4,4,8,8 --batch 16 --per-device 8 --steps 10 --crop 48 "
    "--short-side 52,64 --test-side 52 --log-every 5 --test-every 5 --bn-images 16 "
    "--statistics-images 20 --workers 0"
)


@pytest.fixture
def type_in(capsys, monkeypatch, tmp_path):
    """Run the command in an empty folder; exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(words: str) -> tuple[int, str, str]:
        try:
            cli.main(words.split())
            code = 0
        except SystemExit as end:
            code = end.code or 0
        return code, *capsys.readouterr()

    return run


def test_draw_train_evaluate(type_in, tmp_path):
    code, out, _ = type_in("imagenet draw drawn --classes 3 --train 12 --val 6")
    assert code == 0 and "drawn" in out
    code, out, _ = type_in("imagenet show --data drawn")
    assert code == 0 and "train: 43 images of 3 classes" in out and "1 files without" in out
    code, out, _ = type_in(f"imagenet train --data drawn --broken skip {SMALL}")
    assert code == 0 and "update 10:" in out
    (weights,) = tmp_path.glob("out/imagenet/*/weights.safetensors")
    words = f"evaluate imagenet --weights {weights} --data drawn --workers 0 --side 52 --crop 48"
    for protocol in ("centre", "10-crop", "multi-scale --sides 52,64"):
        code, out, err = type_in(f"{words} --protocol {protocol} --broken skip --json")
        found = json.loads(out)
        assert code == 0 and found["images"] == 23 and 0 <= found["top1"] <= 100
        assert "result out" in err
    code, out, _ = type_in(f"{words} --weights {weights},{weights} --broken skip")
    assert code == 0 and "Table 5" in out and "ResNet-18 + ResNet-18" in out
    code, out, _ = type_in(f"{words} --protocol centre --bn-images 32 --batch 16 --broken skip")
    assert code == 0 and "BN statistics: plain average" in out
    code, _, err = type_in(f"{words} --bn-images 4 --broken skip")
    assert code == 2 and "at least one batch of 32 images" in err
    code, _, err = type_in(words)
    assert code == 2 and "broken image val/class_00/broken_cut.JPEG" in err


@pytest.mark.parametrize(
    "command", ["imagenet train", "imagenet show", "imagenet draw", "bench imagenet"]
)
def test_every_command_ends_its_help_with_an_example(type_in, command):
    code, out, _ = type_in(f"{command} --help")
    assert code == 0 and f"Example: resnet-lab {command}" in " ".join(out.split())


@pytest.mark.parametrize("command", ["evaluate", "evaluate cifar", "evaluate imagenet"])
def test_evaluate_has_two_kinds_and_says_so(type_in, command):
    code, out, _ = type_in(f"{command} --help")
    assert code == 0 and f"Example: resnet-lab {command}" in " ".join(out.split())
    assert command != "evaluate" or ("cifar" in out and "imagenet" in out)


WRONG = [
    ("imagenet train --data nowhere", "there is no folder nowhere"),
    ("imagenet train --data . --depth 20", "Table 1"),
    ("imagenet train --data . --batch 100", "--per-device"),
    ("imagenet train --data . --short-side wide", "whole numbers"),
    ("imagenet train --data . --widths 1,2", "same number of stages"),
    ("imagenet train --data . --broken ignore", "fail or skip"),
    ("imagenet train --data . --precision half", "float32 or bfloat16"),
    ("imagenet train --data .", "has no train images"),
    ("imagenet show --data .", "has no train images"),
    ("imagenet draw new --classes 0", "classes can be drawn"),
    ("evaluate imagenet --data . --weights x --protocol 12-crop", "10-crop"),
    ("evaluate imagenet --data . --weights x --split test", "val or train"),
    ("evaluate imagenet --data nowhere --weights x", "there is no folder"),
    ("bench imagenet --size 8", "vanish"),
]


@pytest.mark.parametrize("words, says", WRONG, ids=[w for w, _ in WRONG])
def test_a_mistake_is_one_sentence_and_exit_code_2(type_in, words, says):
    code, out, err = type_in(words)
    assert code == 2
    assert says in err and "Traceback" not in err + out
    assert err.startswith("resnet-lab: ") and len(err.strip().splitlines()) == 1


def test_python_m_resnet_lab_is_the_command(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["resnet-lab", "imagenet", "draw", "x", "--classes", "99"])
    with pytest.raises(SystemExit) as end:
        runpy.run_module("resnet_lab", run_name="__main__")
    assert end.value.code == 2 and capsys.readouterr().err.startswith("resnet-lab: ")
