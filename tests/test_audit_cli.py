"""`resnet-lab audit`: a table, an object, or one sentence."""

import json

import pytest
import torch
import torchvision

from resnet_lab import cli
from resnet_lab.resnet import ResNet, cifar


@pytest.fixture
def type_in(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")

    def run(*words):
        try:
            cli.main(["audit", *words])
            code = 0
        except SystemExit as end:
            code = end.code or 0
        return code, *capsys.readouterr()

    return run


def test_a_resnet_is_a_table_with_its_differences_below(type_in):
    torch.save(ResNet(cifar(20, shortcut="B", width=4)).state_dict(), "[bold].pt")
    code, out, _ = type_in("[bold].pt")
    assert code == 0 and out.startswith("[bold].pt: ResNet-20 with first width 4")
    assert "3, 3, 3" in out and "2 projections" in out
    assert "- Option B on a CIFAR net, where Section 4.2 uses A." in out


def test_what_cannot_be_decided_says_so_with_its_reason(type_in):
    torch.save(ResNet(cifar(20, width=4)).state_dict(), "net.pt")
    _, out, _ = type_in("net.pt")
    assert "undecidable" in out and "identity shortcuts have no weights" in " ".join(out.split())


def test_json_is_one_strict_object(type_in):
    torch.save(torchvision.models.resnet50().state_dict(), "net.pt")
    code, out, _ = type_in("net.pt", "--json")
    found = json.loads(out)
    facts = {fact["name"]: fact for fact in found["facts"]}
    assert code == 0 and found["is_resnet"] and found["source"] == "net.pt"
    assert facts["blocks"]["value"] == [3, 4, 6, 3] and facts["parameters"]["value"] == 25_557_032
    assert facts["stride in"]["value"] == "undecidable" and facts["stride in"]["why"]
    assert facts["multiply-adds"]["value"]["stride in 1x1"] == 3_857_973_248


def test_something_else_is_a_sentence_and_no_failure(type_in):
    code, out, _ = type_in("torchvision.models:squeezenet1_1")
    assert code == 0 and "This is no ResNet: " in out and "│" not in out


@pytest.mark.parametrize("words", ["absent.pt", "no_such_package:net", "torch.nn:Linear"])
def test_what_cannot_be_read_is_exit_code_2(type_in, words):
    code, out, err = type_in(words)
    assert code == 2 and not out
    assert err.startswith("resnet-lab: ") and len(err.strip().splitlines()) == 1


def test_the_help_says_that_a_factory_runs_code(type_in):
    code, out, _ = type_in("--help")
    words = " ".join(out.replace("│", " ").split())
    assert code == 0 and "Example: resnet-lab audit" in words and "runs its code" in words
