"""The measuring commands: what users type wrongly, and what a good call hands over and writes."""

import json

import pytest
import torch
from test_bench_gpu import example
from test_cli import type_in  # noqa: F401  a fixture
from test_equality import equivalence

from resnet_lab import cli_bench
from resnet_lab.bench import equality, gpu
from resnet_lab.errors import InputError

NO_GPU = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")

WRONG = [
    ("--depths 21", "depth must be 6n+2"),
    ("--depths 20,x", "--depths takes whole numbers"),
    ("--depths ,", "--depths takes whole numbers"),
    ("--at-once 2,0", "--at-once takes whole numbers"),
    ("--budget abc", "a budget looks like"),
]


@pytest.mark.parametrize(
    "words, says", [*WRONG, pytest.param("", "resnet-lab bench cpu", marks=NO_GPU)]
)
def test_a_mistake_or_no_gpu_is_one_sentence_and_exit_code_2(type_in, words, says):  # noqa: F811
    code, out, err = type_in("bench", "gpu", *words.split())
    assert code == 2 and says in err and not out
    assert err.startswith("resnet-lab: ") and len(err.strip().splitlines()) == 1


@pytest.fixture
def measured(monkeypatch):
    """`bench gpu` with a GPU that is pretended and results made by hand; what it was asked."""
    asked = {}
    result = example()

    def measure(dataset, runs, *, keep, report, **how):
        asked.update(how, nets=[run.net.name for run in runs])
        keep(result)
        return result

    def equal_results(dataset, *, report, **how):
        asked.update(equal=how)
        sides = dict(sides=("a", "b"), base=(1.0, 2.0), other=(1.0, 9.0))
        made = dict(net="n", measure="test error", images="toy", steps=1, margin=2.0)
        return [equivalence.Equivalence(**made, **sides)]

    monkeypatch.setattr(gpu, "check_device", lambda: None)
    monkeypatch.setattr(gpu, "measure", measure)
    monkeypatch.setattr(equality, "equal_results", equal_results)
    return asked


def test_the_options_arrive(type_in, measured):  # noqa: F811
    code, out, _ = type_in(
        *"bench gpu --images embedded --depths 56,20 --updates 7 --repeats 2 --at-once".split(),
        *"1,3 --budget 90s".split(),
    )
    assert code == 0 and "fastest: engine" in out
    assert measured == {
        "nets": ["ResNet-56", "ResNet-20"],
        "updates": 7,
        "rounds": 2,
        "at_once": [3],
        "budget": 90,
    }


def test_the_file_holds_the_measurement_and_the_equality(type_in, measured, tmp_path):  # noqa: F811
    words = "bench gpu --images embedded --depths 56,20 --json new/gpu.json"
    assert type_in(*words.split())[0] == 0
    first = json.loads((tmp_path / "new" / "gpu.json").read_text(encoding="utf-8"))
    assert first["equality"] == [] and len(first["depths"]) == 1
    code, out, _ = type_in(*words.split(), "--seeds", "10")
    whole = json.loads((tmp_path / "new" / "gpu.json").read_text(encoding="utf-8"))
    assert code == 0 and "90 % interval" in out
    assert whole["equality"][0]["base"] == [1, 2] and not whole["equality"][0]["equal"]
    assert measured["equal"]["depths"] == [56] and measured["equal"]["seeds"] == 10
    assert measured["equal"]["device"] == "cuda"


@pytest.mark.parametrize("text, found", [("20", [20]), ("2, 4,2", [2, 4])])
def test_numbers(text, found):
    assert cli_bench.numbers("--x", text) == found


@pytest.mark.parametrize("text", ["", "2;4", "-2", "0", "2.5", "²"])
def test_what_is_no_number_is_refused(text):
    with pytest.raises(InputError, match="--x takes whole numbers"):
        cli_bench.numbers("--x", text)
