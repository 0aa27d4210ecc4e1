"""`resnet-lab landscape` as people type it: stopped, gone on with, wrong, from a file."""

import json
import re

import pytest
import torch

from resnet_lab import cli, data, findings, records
from resnet_lab.errors import InputError
from resnet_lab.landscape import measuring, slices, targets
from resnet_lab.landscape.slices import Choice

CHOICE = Choice(dimensions=1, points=5, n=20)
SHIPPED = next(
    path
    for path in sorted((records.SHIPPED / "quick").glob("ResNet-20-w8_seed0-*.safetensors"))
    if records.load(path.with_suffix(".json")).run.images.name == "embedded"
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


@pytest.fixture(scope="module")
def embedded():
    return data.load(name="embedded")


@pytest.fixture(scope="module")
def target(embedded):
    return targets.recorded("ResNet-20", 0, "quick", embedded)


SMALL = "--dimensions 1 --points 5 --images 20 --data-set embedded --device cpu"


def test_a_slice_of_a_shipped_net_is_a_finding_with_a_picture(type_in, tmp_path):
    code, out, err = type_in(f"landscape plain-20 ResNet-20 {SMALL}")
    assert code == 0, err
    found = findings.load_all("landscape", tmp_path / "out" / "findings")
    assert {f.run.net.shortcut for f in found} == {"none", "A"}
    for finding in found:
        assert finding.settings["n"] == 20 and len(finding.values["loss"]) == 5
        assert finding.weights_sha256 and finding.how.device.startswith("cpu")
        path = findings.path_of(tmp_path / "out" / "findings", finding)
        assert path.with_suffix(".png").stat().st_size > 1_000 and path.name in out
    assert not list((tmp_path / "out" / "checkpoints").iterdir())
    code, out, _ = type_in(f"landscape plain-20 ResNet-20 {SMALL}")
    assert code == 0 and out.count("measured before") == 2


def test_a_budget_stops_and_the_same_command_goes_on_to_the_same_numbers(type_in, tmp_path):
    """A slice stopped after its first points has the digest of a whole one."""
    words = f"landscape ResNet-20 {SMALL}"
    code, out, _ = type_in(f"{words} --budget 0.0001s")
    assert code == 1 and "goes on from here" in out
    assert type_in(words)[0] == 0
    (stopped,) = findings.load_all("landscape", tmp_path / "out" / "findings")
    assert type_in(f"{words} --out other")[0] == 0
    (whole,) = findings.load_all("landscape", tmp_path / "other" / "findings")
    assert stopped.digest == whole.digest


def test_killed_in_the_middle_it_goes_on_to_the_same_bytes(target, embedded, tmp_path):
    told, asked = [], iter([False, False, True])
    how = {"say": told.append}
    stop = {"stop": lambda: next(asked)}
    assert measuring.one(target, CHOICE, embedded, tmp_path, **how, **stop) is None
    (half,) = (tmp_path / "checkpoints").glob("*.landscape")
    assert len(json.loads(half.read_text())["scores"]) == 2
    path = measuring.one(target, CHOICE, embedded, tmp_path, **how)
    assert any("goes on after point 2 of 5" in line for line in told) and not half.exists()
    again = measuring.one(target, CHOICE, embedded, tmp_path / "again", **how)
    assert findings.load(path).digest == findings.load(again).digest
    assert "left" in " ".join(told)


def test_the_middle_point_is_the_loss_of_the_net(target, embedded, tmp_path):
    path = measuring.one(target, CHOICE, embedded, tmp_path, say=lambda text: None)
    images = target.sample(embedded, CHOICE)
    with torch.no_grad():
        logits = target.net(images.images).double()
    loss = torch.nn.functional.cross_entropy(logits, images.labels).item()
    assert findings.load(path).values["loss"][2] == slices.rounded(loss)


def test_weights_in_a_file_give_the_numbers_of_their_record(type_in, tmp_path):
    words = f"landscape {SHIPPED} --width 8 --size 16 {SMALL}"
    code, out, err = type_in(words)
    assert code == 0, err
    (path,) = tmp_path.glob("out/landscape/*.json")
    assert path.name in out
    from_file = json.loads(path.read_text())
    assert type_in(f"landscape ResNet-20 {SMALL}")[0] == 0
    (finding,) = findings.load_all("landscape", tmp_path / "out" / "findings")
    assert from_file["values"] == finding.values
    assert from_file["weights_sha256"] == finding.weights_sha256


def test_other_means_are_another_slice(type_in, tmp_path):
    words = f"landscape {SHIPPED} --width 8 --size 16 {SMALL}"
    type_in(words)
    assert type_in(f"{words} --mean 0.5 0.5 0.5")[0] == 0
    assert len(list(tmp_path.glob("out/landscape/*.json"))) == 2


WRONG = [
    ("landscape --points 24", "odd"),
    ("landscape --radius 0", "above 0"),
    ("landscape --radius nan", "above 0"),
    ("landscape --images embedded", "--data-set embedded"),
    ("landscape --images some", "number of images or all"),
    ("landscape --images 100000", "has 20,000"),
    ("landscape --images 1", "at least 2 images"),
    ("landscape --bn batch", "running or recomputed"),
    ("landscape --split valid", "train or test"),
    ("landscape --dimensions 3", "1 or 2"),
    ("landscape plain-19", "plain-19"),
    ("landscape ResNet-20 --seed 99", "seed 99"),
    ("landscape --scale big", "quick or paper"),
    ("landscape --budget soon", "a budget looks like"),
    ("landscape --device tpu", "cpu or cuda"),
    ("landscape nothing.safetensors", "there is no file"),
    (f"landscape {SHIPPED}", "holds no ResNet-20"),
    (f"landscape {SHIPPED} --depth 21", "6n+2"),
    ("bench landscape plain-19", "plain-19"),
]


@pytest.mark.parametrize("words, says", WRONG, ids=[words.split("/")[-1] for words, _ in WRONG])
def test_a_mistake_is_one_sentence_and_exit_code_2(type_in, tmp_path, words, says):
    code, out, err = type_in(f"{words} --data-set embedded")
    assert code == 2
    assert says in err and "Traceback" not in err + out
    assert err.startswith("resnet-lab: ") and len(err.strip().splitlines()) == 1
    assert not list(tmp_path.glob("out/findings/**/*.json"))


def test_weights_that_do_not_ship_are_asked_for(embedded):
    with pytest.raises(InputError, match="copy plain-20-w8_seed4-.*beside its record"):
        targets.recorded("plain-20", 4, "quick", embedded)


def test_a_finding_needs_the_images_of_its_run(target, mini):
    with pytest.raises(InputError, match="the run is on embedded"):
        targets.finding(target, CHOICE, mini)


@pytest.mark.parametrize("command", ["landscape", "bench landscape"])
def test_its_help_ends_with_an_example_and_a_time(type_in, command):
    code, out, _ = type_in(f"{command} --help")
    assert code == 0 and f"Example: resnet-lab {command}" in out


def test_bench_prints_each_way_with_its_ratio_and_n(type_in):
    code, out, _ = type_in(
        "bench landscape --images 10 --points 2 --rounds 2 --data-set embedded --device cpu"
    )
    assert code == 0 and "n=2 rounds" in out
    assert re.search(r"\| vmap, 4 points \| \d\.\d+ \(.*\) \| \d+\.\d\d \(", out)
