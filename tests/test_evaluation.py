"""Stored weights, ours and other people's, measured on the test set."""

import pytest
import torch
from torch import nn

from resnet_lab import checkpoint, evaluation
from resnet_lab.errors import InputError
from resnet_lab.resnet import ResNet, cifar


@pytest.fixture
def net():
    torch.manual_seed(3)
    return ResNet(cifar(8, width=4)).eval()


def theirs(net: ResNet) -> dict[str, torch.Tensor]:
    """The same tensors under other people's names, without the counters that old files lack."""
    values = [v for n, v in net.state_dict().items() if not n.endswith("num_batches_tracked")]
    return {f"module.layer{i}.weight": value for i, value in enumerate(values)}


def test_our_own_weights_come_back(net, tmp_path):
    path = tmp_path / "net.safetensors"
    path.write_bytes(checkpoint.weights(net))
    x = torch.randn(4, 3, 16, 16)
    assert torch.equal(evaluation.load_net(path, net.config)(x), net(x))


@pytest.mark.parametrize("wrapped", [True, False])
def test_other_peoples_weights_load_by_position(net, tmp_path, wrapped):
    path = tmp_path / "resnet8.th"
    torch.save({"state_dict": theirs(net), "best_prec1": 91.7} if wrapped else theirs(net), path)
    x = torch.randn(4, 3, 16, 16)
    assert torch.equal(evaluation.load_net(path, net.config, by_position=True)(x), net(x))
    with pytest.raises(InputError, match="--by-position"):
        evaluation.load_net(path, net.config)


def test_the_names_that_are_missing_are_counted_not_all_listed(net, tmp_path):
    path = tmp_path / "theirs.pt"
    torch.save({f"w{i}": tensor for i, tensor in enumerate(net.state_dict().values())}, path)
    with pytest.raises(InputError, match=r"stem.0.weight.* and \d+ more \(--by") as caught:
        evaluation.load_net(path, net.config)
    assert len(str(caught.value)) < 300 + len(str(path))


def test_a_net_of_another_depth_or_width_is_refused(net, tmp_path):
    path = tmp_path / "resnet8.th"
    torch.save(theirs(net), path)
    with pytest.raises(InputError, match="holds 37 tensors, ResNet-14-w4 has 67"):
        evaluation.load_net(path, cifar(14, width=4), by_position=True)
    with pytest.raises(InputError, match="has shape"):
        evaluation.load_net(path, cifar(8, width=8), by_position=True)


@pytest.mark.parametrize("name", ["x.safetensors", "x.pt"])
@pytest.mark.parametrize("content", [b"", b"hello", b"\x00" * 100, b"\x80\x02cos\nsystem\n."])
def test_files_that_hold_no_weights_are_named(net, tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=name):
        evaluation.load_net(path, net.config)
    with pytest.raises(InputError, match="there is no file"):
        evaluation.load_net(tmp_path / "absent.pt", net.config)


def test_a_saved_module_is_refused_and_nothing_in_it_runs(net, tmp_path):
    path = tmp_path / "whole.pt"
    torch.save(nn.Linear(2, 2), path)
    with pytest.raises(InputError, match="whole.pt"):
        evaluation.load_net(path, net.config)


def test_a_truncated_file_of_weights_is_named(net, tmp_path):
    path = tmp_path / "net.safetensors"
    path.write_bytes(checkpoint.weights(net)[:-10])
    with pytest.raises(InputError, match="not a whole safetensors file"):
        evaluation.load_net(path, net.config)


def test_the_error_uses_the_normalisation_that_is_asked_for(net, mini):
    """By hand: ten classes of noise, logits computed image by image."""
    mean, std = (0.4, 0.5, 0.6), (0.2, 0.3, 0.4)
    wrong = 0
    with torch.no_grad():
        for image, label in zip(mini.test_images, mini.test_labels, strict=True):
            x = torch.stack([(image[c] / 255 - mean[c]) / std[c] for c in range(3)])
            wrong += int(net(x[None]).argmax() != label)
    assert evaluation.test_error(net, mini, mean=mean, std=std) == wrong  # of 100 images


def test_by_default_the_per_pixel_mean_of_the_training_images_is_subtracted(net, mini):
    mean = mini.train_images.double().mean(0) / 255
    with torch.no_grad():
        logits = net((mini.test_images / 255 - mean).float())
    expected = 100 * (logits.argmax(1) != mini.test_labels).double().mean().item()
    assert evaluation.test_error(net, mini) == pytest.approx(expected)
