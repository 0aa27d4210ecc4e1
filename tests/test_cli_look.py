"""`resnet-lab look`: what it writes is a finding, and mistakes are one sentence."""

import pytest

from resnet_lab import cli, data, findings


@pytest.fixture
def here(mini, monkeypatch, tmp_path):
    monkeypatch.setattr(data, "load", lambda root=None, *, name=None: mini)
    return tmp_path


def look(*words) -> int:
    try:
        cli.main(["look", *map(str, words)])
    except SystemExit as end:
        return end.code or 0
    return 0


def test_signals_at_the_start_and_after_two_updates(here, capsys):
    assert look("signals", "--depth", 8, "--start", "--out", here) == 0
    assert look("signals", "--depth", 8, "--updates", 2, "--out", here) == 0
    start, training = sorted(
        findings.load_all("signals", here / "records" / "findings"),
        key=lambda f: f.settings["what"],
    )
    assert start.values["updates"] == [0] and training.values["updates"] == [0, 1, 2]
    printed = capsys.readouterr().out
    assert "looked at after 1 updates" in printed and str(here) in printed


@pytest.mark.parametrize(
    "words, said",
    [
        (("signals", "--depth", 9), "6n+2"),
        (("signals", "--bn", "none", "--start"), "kept or bias"),
        (("signals", "--scale", "slow"), "quick or paper"),
        (("lesion", "--seed", 77), "has no quick record"),
    ],
)
def test_mistakes_are_one_sentence(here, capsys, words, said):
    assert look(*words, "--out", here) == 2
    error = capsys.readouterr().err
    assert said in error and len(error.splitlines()) == 1
