"""Weights by name: torchvision's give torchvision's answers; everything else is a sentence."""

import json
from dataclasses import asdict, replace
from urllib.error import URLError

import pytest
import torch
from torchvision import models

from resnet_lab import augmentation, checkpoint, imagenet_weights
from resnet_lab.errors import InputError
from resnet_lab.resnet import ResNet, imagenet


@pytest.fixture(scope="module")
def theirs():
    torch.manual_seed(0)
    return models.resnet18(num_classes=10).eval()


def same_answers(source, net):
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        return torch.allclose(source.net(x), net(x), atol=1e-5)


@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_file_with_torchvisions_names_is_known_as_one(theirs, tmp_path, prefix):
    path = tmp_path / "their.pth"
    torch.save({prefix + name: value for name, value in theirs.state_dict().items()}, path)
    source = imagenet_weights.load(str(path))
    assert same_answers(source, theirs) and source.net.config.classes == 10
    assert source.net.config.shortcut == "B" and source.net.config.depth == 18
    assert source.statistics.std is not None and "deviation" in source.statistics.source
    paper = imagenet_weights.load(str(path), normalise="paper")
    assert paper.statistics.std is None


def test_torchvisions_download_is_loaded_under_our_names(monkeypatch):
    torch.manual_seed(0)
    net = models.resnet50().eval()
    asked = []

    def state_dict(self, **_options):
        asked.append(self.name)
        return net.state_dict()

    monkeypatch.setattr(models.ResNet50_Weights, "get_state_dict", state_dict)
    source = imagenet_weights.load("torchvision:resnet50")
    assert asked == ["IMAGENET1K_V1"] and source.name == "torchvision:resnet50:IMAGENET1K_V1"
    assert same_answers(source, net) and source.net.config.stride_in == "3x3"
    imagenet_weights.load("torchvision:resnet50:IMAGENET1K_V2")
    assert asked[-1] == "IMAGENET1K_V2"


def test_without_a_network_the_sentence_names_the_address(monkeypatch):
    def offline(self, **_options):
        raise URLError("no route to host")

    monkeypatch.setattr(models.ResNet50_Weights, "get_state_dict", offline)
    with pytest.raises(InputError, match=r"no route to host.*https://.*resnet50"):
        imagenet_weights.load("torchvision:resnet50")


@pytest.mark.parametrize(
    "spec, says",
    [
        ("torchvision:resnet20", "resnet50"),
        ("torchvision:vgg16", "resnet50"),
        ("torchvision:resnet50:V9", "IMAGENET1K_V1"),
        ("nothing.pth", "there is no file"),
    ],
)
def test_a_name_that_is_none(spec, says):
    with pytest.raises(InputError, match=says):
        imagenet_weights.load(spec)


def test_our_own_file_brings_its_net_and_its_statistics(tmp_path):
    config = replace(imagenet(18), widths=(4, 4, 8, 8), classes=3)
    net = ResNet(config).eval()
    path = tmp_path / "weights.safetensors"
    path.write_bytes(checkpoint.weights(net))
    with pytest.raises(InputError, match="--depth and --shortcut"):
        imagenet_weights.load(str(path))  # widths are not Table 1's
    (tmp_path / "record.json").write_text(json.dumps({"run": {"net": asdict(config)}}))
    own = augmentation.published(divide=False)
    (tmp_path / "statistics.safetensors").write_bytes(own.as_bytes())
    source = imagenet_weights.load(str(path))
    assert source.net.config == config and same_answers(source, net)
    assert source.statistics.source == "statistics.safetensors"
    assert imagenet_weights.load(str(path), normalise="torchvision").statistics.std is not None
    (tmp_path / "record.json").write_text("{}")
    with pytest.raises(InputError, match="not the record of an ImageNet run"):
        imagenet_weights.load(str(path))


def test_the_depth_is_read_from_the_names_and_a_wrong_shortcut_is_said(tmp_path):
    net = ResNet(imagenet(34)).eval()
    path = tmp_path / "w.safetensors"
    path.write_bytes(checkpoint.weights(net))
    assert imagenet_weights.load(str(path)).net.config == imagenet(34)
    with pytest.raises(InputError, match="ResNet-34-B"):
        imagenet_weights.load(str(path), shortcut="B")
    with pytest.raises(InputError, match="normalise must be"):
        imagenet_weights.load(str(path), normalise="zero")
    torch.save({"x": torch.zeros(1)}, tmp_path / "x.pth")
    with pytest.raises(InputError, match="no net of Table 1"):
        imagenet_weights.load(str(tmp_path / "x.pth"))
