"""Data, backbones and weights by name; what is not known is a sentence."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from resnet_lab import checkpoint
from resnet_lab.detection import backbones, sources
from resnet_lab.detection.config import DetectorConfig, toy
from resnet_lab.detection.recipe import COCO, TOY, VOC, Pretraining
from resnet_lab.distributed import World
from resnet_lab.errors import InputError
from resnet_lab.resnet import ResNet, imagenet


def test_data_by_name():
    assert len(sources.data("scenes", "test", images=3, prior=5)) == 3
    with pytest.raises(InputError, match="--root must name the folder that holds voc07"):
        sources.data("voc07", "train")
    for name in ("mnist", "coco2020"):
        with pytest.raises(InputError, match=f"there are no data '{name}'"):
            sources.data(name, "train")


def test_the_head_of_a_data_set():
    whole = sources.data("scenes", "test", images=5)
    head = sources.Head(whole, 2)
    assert [one.image_id for _, one in head] == ["000000", "000001"] and len(head) == 2
    assert len(sources.Head(whole, 9)) == 5
    assert head.content_hash != whole.content_hash and head.classes == whole.classes


def test_schedules_by_the_datas_name():
    names = ("scenes", "voc07+12", "voc12", "coco", "coco2017")
    assert [sources.recipe(name) for name in names] == [TOY, VOC, VOC, COCO, COCO]


@pytest.mark.parametrize(
    "name, net",
    [
        ("resnet101", "ResNet-101"),
        ("plain34", "plain-34"),
        ("vgg16", "VGG-16"),
        ("toy", "ResNet-16-B"),
        ("toy-plain", "plain-16"),
        ("toy-3,3,3,2-plain", "plain-24"),
        ("toy-1,1,1,1", "ResNet-10-B"),
    ],
)
def test_backbones_by_name(name, net):
    found = sources.config(name, 20)
    assert found.name == net and found.classes == 20


@pytest.mark.parametrize("name", ["alexnet", "toy-", "toyplain", "resnet"])
def test_an_unknown_backbone_is_a_sentence(name):
    with pytest.raises(InputError, match=f"no backbone '{name}'"):
        sources.config(name, 20)


def test_a_file_of_our_own_resnet_with_its_normalisation(tmp_path):
    net = ResNet(replace(imagenet(18), widths=(4, 4, 8, 8)))
    detector = DetectorConfig(backbone=net.config)
    path = tmp_path / "weights.safetensors"
    path.write_bytes(checkpoint.weights(net))
    with pytest.raises(InputError, match="holds no"):  # of the paper's widths
        sources.start(str(path), detector, "resnet18")
    whole = ResNet(imagenet(18))
    path.write_bytes(checkpoint.weights(whole))
    config, start = sources.start(str(path), sources.config("resnet18", 20), "resnet18")
    assert config.backbone == whole.config and config.std == (1, 1, 1)
    assert torch.equal(start.net.stem[0].weight, whole.stem[0].weight) and len(start.name) == 16
    with pytest.raises(InputError, match="not a ResNet-34|holds no ResNet-18|not a"):
        sources.start(str(path), sources.config("resnet34", 20), "resnet34")


def test_torchvisions_names_bring_torchvisions_normalisation(tmp_path):
    from torchvision.models import resnet18

    theirs = resnet18()
    path = tmp_path / "theirs.pth"
    torch.save(theirs.state_dict(), path)
    config, start = sources.start(str(path), sources.config("resnet18", 20), "resnet18")
    assert config.mean == pytest.approx((0.485, 0.456, 0.406))
    assert config.std == pytest.approx((0.229, 0.224, 0.225))
    assert config.backbone.shortcut == "B"
    assert torch.equal(start.net.stem[0].weight, theirs.conv1.weight)


def test_torchvisions_vgg_16_finds_its_places(monkeypatch, tmp_path):
    """With small layers in the place of the real ones."""

    def small(config):
        c = [nn.Conv2d(3, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
        return nn.Sequential(*c, nn.Linear(8, 4), nn.ReLU(), nn.Dropout(), nn.Linear(4, 3))

    monkeypatch.setattr(backbones, "classifier", small)
    ours = small(None).state_dict()
    theirs = {
        name.replace("0.", "features.0.")
        .replace("4.", "classifier.0.")
        .replace("7.", "classifier.3."): value
        for name, value in ours.items()
    }
    assert "classifier.3.bias" in theirs
    torch.save(theirs, tmp_path / "vgg.pth")
    net = sources.vgg_16(str(tmp_path / "vgg.pth"))
    assert all(torch.equal(value, ours[name]) for name, value in net.state_dict().items())
    torch.save({"features.0.weight": torch.zeros(1)}, tmp_path / "odd.pth")
    with pytest.raises(InputError, match="does not fit the net"):
        sources.vgg_16(str(tmp_path / "odd.pth"))


class TestPretrained:
    SHORT = Pretraining(epochs=1, crops=64, batch=16, bn_crops=32)

    def test_trained_once_and_kept(self, tmp_path):
        said = []
        detector = toy((1, 1, 1, 1))
        one = sources.pretrained(detector, self.SHORT, 0, tmp_path, World(), said.append)
        two = sources.pretrained(detector, self.SHORT, 0, tmp_path, World(), said.append)
        assert len(said) == 1 and "pre-training, update 4 of 4" in said[0]
        assert one.name == "crops" and one.pretraining == self.SHORT
        state = two.net.state_dict()
        assert all(torch.equal(value, state[name]) for name, value in one.net.state_dict().items())
        sources.pretrained(
            replace(detector, context=True), self.SHORT, 0, tmp_path, World(), said.append
        )
        assert len(said) == 1  # what the detector makes of it changes nothing in it
        sources.pretrained(detector, self.SHORT, 1, tmp_path, World(), said.append)
        assert len(said) == 2

    def test_a_damaged_file_and_large_nets_are_a_sentence(self, tmp_path):
        sources.pretrained(toy((1, 1, 1, 1)), self.SHORT, 0, tmp_path, World(), print)
        (path,) = tmp_path.glob("pretrained/*")
        path.write_bytes(path.read_bytes()[:100])
        with pytest.raises(InputError, match="not a whole safetensors file"):
            sources.pretrained(toy((1, 1, 1, 1)), self.SHORT, 0, tmp_path, World(), print)
        with pytest.raises(InputError, match="--weights"):
            sources.pretrained(DetectorConfig(), self.SHORT, 0, tmp_path, World(), print)


def test_random_weights_are_no_net():
    config, start = sources.start("random", toy(), "toy")
    assert config == toy() and start.name == "random" and start.net is None


def test_options_of_the_scenes_are_refused_for_files(tmp_path):
    with pytest.raises(InputError, match="side: for drawn scenes only, not for voc07"):
        sources.data("voc07", "train", tmp_path, side=64)


def test_weights_of_a_net_that_is_no_vgg_are_refused_in_a_sentence(tmp_path):
    path = tmp_path / "other.safetensors"
    path.write_bytes(checkpoint.weights(torch.nn.ModuleDict({"classifier": torch.nn.Linear(2, 2)})))
    with pytest.raises(InputError, match="other.safetensors does not fit the net"):
        sources.vgg_16(str(path))
