"""`resnet-lab responses`: anybody's net in a sentence, a table and files."""

import json
from pathlib import Path

import pytest
import torch

from resnet_lab import ResNet, checkpoint, cifar, cli, data
from resnet_lab.errors import InputError
from resnet_lab.layer_responses import foreign, measure

SMALL = ["--images", "embedded", "--count", "16", "--size", "8"]


def run(capsys, *words: str) -> tuple[int, str]:
    try:
        cli.main(["responses", *words])
        code = 0
    except SystemExit as stop:
        code = stop.code or 0
    shown = capsys.readouterr()
    return code, shown.out + shown.err


@pytest.fixture
def weights(tmp_path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "net.safetensors"
    path.write_bytes(checkpoint.weights(ResNet(cifar(20, width=4))))
    return path


def test_a_file_gives_a_table_and_files(weights, tmp_path, capsys):
    code, text = run(
        capsys, str(weights), "--width", "4", *SMALL, "--out", str(tmp_path / "o"), "--bn", "batch"
    )
    assert code == 0 and "19 layers (1 stem, 9 inside, 9 end)" in text
    assert "16 test images of embedded data" in text and "bn: batch" in text
    assert sorted(p.name for p in (tmp_path / "o").iterdir()) == [
        f"responses.{ending}" for ending in ("csv", "json", "png")
    ]
    kept = json.loads((tmp_path / "o" / "responses.json").read_text(encoding="utf-8"))
    assert kept["images"] == 16 and len(kept["layers"]) == 19


def test_a_factory_is_called(capsys):
    words = [w if w != "8" else "64" for w in SMALL]
    code, text = run(capsys, "torchvision.models:resnet18", *words)
    assert code == 0 and "ResNet: 16 layers (8 inside, 8 end)" in text


def test_a_net_that_was_never_trained_is_called_so(capsys):
    words = [w if w != "8" else "64" for w in SMALL]
    assert "untrained: no BN of this net" in run(capsys, "torchvision.models:resnet18", *words)[1]
    net = ResNet(cifar(8, width=4))
    assert foreign.caution(net)
    net.train()(torch.randn(4, 3, 8, 8))
    assert foreign.caution(net) is None
    assert foreign.caution(torch.nn.Conv2d(3, 3, 3)) is None


@pytest.mark.parametrize(
    "words, said",
    [
        (["no.safetensors"], "there is no file no.safetensors"),
        (["torchvision.models:squeezenet1_1", "--size", "32"], "SqueezeNet runs no BN"),
        (["nowhere:net"], "nowhere:net made no net"),
        (["torchvision.models:resnet18", "--bn", "both"], "bn must be running or batch"),
        (["torchvision.models:resnet18", "--split", "all"], "split must be test or train"),
        (["torchvision.models:resnet18", "--count", "0"], "must all be at least 1"),
        (["torchvision.models:resnet18", "--size", "7"], "images shrink to 1, 2, 4, 8, 16 or 32"),
        (["x.pt", "--depth", "21"], "depth must be 6n+2"),
    ],
)
def test_mistakes_are_one_sentence_and_exit_code_2(words, said, capsys):
    code, text = run(capsys, *words, "--images", "embedded")
    assert code == 2 and said in text and "Traceback" not in text


def test_images_are_normalised_and_sized_as_asked():
    whole = data.load(name="embedded")
    wanted = foreign.Input(count=5, size=48, batch=2, mean=(0.5, 0.4, 0.3), std=(0.1, 0.2, 0.5))
    found = list(foreign.batches(whole, wanted))
    assert [tuple(x.shape) for x in found] == [(2, 3, 48, 48), (2, 3, 48, 48), (1, 3, 48, 48)]
    plain = next(foreign.batches(whole, foreign.Input(count=5, size=32, batch=2, mean=(0, 0, 0))))
    first = whole.test_images[:2].float() / 255
    assert torch.allclose(plain, first)


def test_other_peoples_option_a_weights_load_by_position(tmp_path):
    net = ResNet(cifar(8, width=4))
    renamed = {f"w{i}": t for i, t in enumerate(net.state_dict().values()) if t.dim()}
    path = tmp_path / "theirs.pt"
    torch.save(renamed, path)
    with pytest.raises(InputError):
        foreign.net_of(str(path), cifar(8, width=4))
    loaded = foreign.net_of(str(path), cifar(8, width=4), by_position=True)
    x = [torch.randn(2, 3, 8, 8)]
    assert measure(loaded, x).std == measure(net, x).std
