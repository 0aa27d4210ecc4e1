"""Files as they are found: nested, prefixed, wrapped, damaged, hostile."""

import argparse
import fractions
import io
import pickle

import numpy as np
import pytest
import torch
from torch import nn

from resnet_lab import audit, checkpoint
from resnet_lab.audit import reading
from resnet_lab.errors import InputError
from resnet_lab.resnet import ResNet, cifar

NET = ResNet(cifar(14, width=4, shortcut="B"))
STATE = NET.state_dict()


def momentum():
    """An optimizer's state, with tensors of the same shapes."""
    optimizer = torch.optim.SGD(NET.parameters(), 0.1, momentum=0.9)
    NET(torch.randn(2, 3, 8, 8)).sum().backward()
    optimizer.step()
    return optimizer.state_dict()


def prefixed(prefix):
    return {prefix + name: value for name, value in STATE.items()}


NESTS = {
    "bare": STATE,
    "state_dict": {"state_dict": STATE, "epoch": 3, "best_acc1": 91.2},
    "model": {"model": STATE, "optimizer": momentum(), "lr_scheduler": {"last_epoch": 3}},
    "net": {"net": prefixed("module."), "acc": 95.0},
    "twice": {"checkpoint": {"model_state_dict": prefixed("model.")}},
    "ema": {"state_dict": STATE, "state_dict_ema": STATE, "amp_scaler": {"scale": 1.0}},
    "ema only": {"model_ema": {"module": STATE}},
    "lightning": {"state_dict": prefixed("model."), "hyper_parameters": {"lr": 0.1}},
    "compiled": prefixed("_orig_mod.module."),
    "averaged": prefixed("module.") | {"n_averaged": torch.tensor(5)},
    "self-supervised": {"state_dict": prefixed("encoder_q.") | prefixed("encoder_k.")},
    "half": {name: value.half() for name, value in STATE.items()},
    "double": {name: value.double() for name, value in STATE.items()},
    "old": {name: value for name, value in STATE.items() if "num_batches" not in name},
    "arguments": {"model": STATE, "args": argparse.Namespace(lr=0.1), "best": np.float64(91.2)},
    "parameters": {"model": dict(NET.named_parameters())},
}


@pytest.mark.parametrize("nest", NESTS)
def test_weights_are_found_wherever_they_are(nest, tmp_path):
    path = tmp_path / "net.pt"
    torch.save(NESTS[nest], path)
    report = audit(path)
    assert report["depth"] == 14 and report["shortcut"] == "B" and report["classes"] == 10
    assert report["parameters"] == sum(p.numel() for p in NET.parameters())


def test_a_dict_for_every_layer_is_one_net():
    nested: dict = {}
    for name, value in STATE.items():
        *path, leaf = name.split(".")
        place = nested
        for part in path:
            place = place.setdefault(part, {})
        place[leaf] = value
    assert audit(nested)["depth"] == 14


def test_safetensors_and_pt_say_the_same(tmp_path):
    torch.save(STATE, tmp_path / "net.pt")
    (tmp_path / "net.safetensors").write_bytes(checkpoint.weights(NET))
    reports = [audit(tmp_path / name) for name in ("net.pt", "net.safetensors")]
    assert reports[0].facts == reports[1].facts
    assert reports[0].differences == reports[1].differences


def test_a_wrong_suffix_does_not_matter(tmp_path):
    torch.save(STATE, tmp_path / "torch.safetensors")
    (tmp_path / "safe.pt").write_bytes(checkpoint.weights(NET))
    assert audit(tmp_path / "torch.safetensors")["depth"] == audit(tmp_path / "safe.pt")["depth"]


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    path = tmp_path / "net.pt"
    torch.save(STATE, path)

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(InputError, match=r"cannot be read \(Permission denied\)"):
        audit(path)


def test_other_tensors_in_the_file_are_named(tmp_path):
    torch.save(NESTS["ema"], tmp_path / "net.pt")
    differences = audit(tmp_path / "net.pt").differences
    assert "the file also holds tensors under state_dict_ema" in differences[0]


def test_a_checkpoint_that_calls_itself_another_depth(tmp_path):
    torch.save({"arch": "resnet56", "state_dict": STATE}, tmp_path / "best.pt")
    assert "called 56, but has depth 14" in audit(tmp_path / "best.pt").differences[0]


class Hostile:
    """Runs code when it is unpickled the ordinary way."""

    def __reduce__(self):
        return (exec, ("raise SystemExit('code in the file ran')",))


def truncated():
    buffer = io.BytesIO()
    torch.save(STATE, buffer)
    return buffer.getvalue()[:-500]


def saved(thing):
    buffer = io.BytesIO()
    torch.save(thing, buffer)
    return buffer.getvalue()


BAD = {
    "hostile.pt": (pickle.dumps(Hostile()), "nothing was run|no state dict"),
    "hostile.pth": (saved({"state_dict": STATE, "x": Hostile()}), "nothing was run"),
    "module.pt": (saved(nn.Linear(2, 2)), "torch.nn.modules.linear.Linear.*nothing was run"),
    "counter.pt": (
        saved({"model": STATE, "args": fractions.Fraction(1, 2)}),
        "fractions.Fraction.*nothing was run",
    ),
    "short.pt": (truncated(), "cut short or damaged"),
    "short.safetensors": (checkpoint.weights(NET)[:-9], "not a whole safetensors file"),
    "text.safetensors": (b"hello", "not a whole safetensors file"),
    "text.pt": (b"hello, this is text", "no state dict saved by torch"),
    "empty.pt": (b"", "no state dict saved by torch"),
    "numbers.pt": (saved({"lr": 0.1, "epoch": 4}), "holds no state dict"),
    "list.pt": (saved([torch.zeros(3)]), "holds no state dict"),
    "tensor.pt": (saved(torch.zeros(3)), "holds no state dict"),
    "nothing.pt": (saved({}), "holds no state dict"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_without_weights_is_a_sentence(name, tmp_path):
    content, says = BAD[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=f"{name}.*(?:{says})") as caught:
        audit(tmp_path / name)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.filterwarnings("ignore")  # torch deprecates what people still have files of
def test_torchscript_is_refused_by_its_name(tmp_path):
    path = tmp_path / "scripted.pt"
    traced = torch.jit.trace(nn.Conv2d(3, 4, 3), torch.zeros(1, 3, 8, 8))
    traced.save(str(path))
    with pytest.raises(InputError, match="TorchScript archive"):
        audit(path)


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(InputError, match="there is no file"):
        audit(tmp_path / "absent.pt")
    with pytest.raises(InputError, match="is a folder"):
        audit(tmp_path)


FACTORIES = """
import torch, sys
from resnet_lab import ResNet, cifar
def small(): return ResNet(cifar(8, width=4))
ready = ResNet(cifar(14, width=4))
class Box:
    make = staticmethod(small)
def fails(): raise RuntimeError("no GPU here\\nsecond line")
def needs(depth): return small()
def number(): return 3
def leaves(): sys.exit(3)
"""


@pytest.fixture
def zoo(tmp_path, monkeypatch):
    (tmp_path / "my_zoo.py").write_text(FACTORIES, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    yield
    import sys

    sys.modules.pop("my_zoo", None)


@pytest.mark.parametrize("name, depth", [("small", 8), ("ready", 14), ("Box.make", 8)])
def test_a_factory_in_the_current_folder_is_called(zoo, name, depth):
    report = audit(f"my_zoo:{name}")
    assert report["depth"] == depth and report["shortcut"] == "A"


@pytest.mark.parametrize(
    "words, says",
    [
        ("my_zoo:absent", "made no net: AttributeError"),
        ("my_zoo:fails", "made no net: RuntimeError: no GPU here$"),
        ("my_zoo:needs", "made no net: TypeError.*depth"),
        ("my_zoo:number", "returned a int, not a torch.nn.Module"),
        ("my_zoo:leaves", "it ended the program"),
        ("no_such_package:net", "made no net: ModuleNotFoundError"),
        ("no.such.package:net", "made no net: ModuleNotFoundError"),
    ],
)
def test_a_factory_that_makes_no_net_is_a_sentence(zoo, words, says):
    with pytest.raises(InputError, match=says) as caught:
        audit(words)
    assert len(str(caught.value).splitlines()) == 1


def test_natural_words_tell_a_factory_from_a_file():
    assert reading.is_factory("torchvision.models:resnet50")
    for words in ("C:\\nets\\a.pt", "nets/a.pt", "a.pt", ":x", "x:", "a b:c"):
        assert not reading.is_factory(words)
