"""10-crop against torchvision's; the fully-convolutional form against explicit loops."""

import math

import pytest
import torch
from torchvision.transforms import v2

from resnet_lab import augmentation, imagenet_evaluation
from resnet_lab.errors import InputError
from resnet_lab.imagenet_evaluation import Protocol, ensemble, probabilities, score_map, ten_crop
from resnet_lab.resnet import ResNet, ResNetConfig

SHAPES = [(256, 341), (257, 256), (301, 256), (224, 224), (225, 500), (480, 256)]


@pytest.fixture(scope="module", params=[False, True], ids=["basic", "bottleneck"])
def net(request):
    torch.manual_seed(1)
    config = ResNetConfig(
        blocks=(1, 1, 1, 1),
        widths=(4, 4, 6, 8),
        bottleneck=request.param,
        shortcut="B",
        stem="imagenet",
        classes=7,
    )
    return ResNet(config).eval()


def picture(height, width, seed=0):
    random = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (3, height, width), generator=random, dtype=torch.uint8)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("crop", [224, 97])
def test_the_ten_crops_are_torchvisions(shape, crop):
    image = picture(*shape)
    assert torch.equal(ten_crop(image, crop), torch.stack(v2.TenCrop(crop)(image)))


def test_10_crop_is_the_mean_of_ten_softmaxes(net):
    image, protocol = picture(50, 71), Protocol(side=72, crop=64)
    own = augmentation.published(divide=True)
    resized = augmentation.resize(image, 72)
    views = [own.normalise(crop[None]) for crop in v2.TenCrop(64)(resized)]
    with torch.no_grad():
        expected = sum(net(view)[0].softmax(0) for view in views) / 10
    found = ensemble([net], [own], [protocol(image)], protocol)
    assert torch.allclose(found[0], expected, atol=1e-6)


def dense_by_loops(net, x, window):
    """Run the trunk on the whole image, then pool and classify each window on its own."""
    with torch.no_grad():
        maps = net.stages(net.stem(x))[0]
        rows = []
        for top in range(maps.shape[1] - window + 1):
            for left in range(maps.shape[2] - window + 1):
                total = torch.zeros(maps.shape[0])
                for i in range(window):
                    for j in range(window):
                        total += maps[:, top + i, left + j]
                mean = total / window**2
                rows.append(net.classifier.weight @ mean + net.classifier.bias)
        return torch.stack(rows), maps.shape[1:]


@pytest.mark.parametrize("shape", [(224, 224), (256, 341), (225, 257), (384, 512), (250, 470)])
def test_the_score_map_is_the_dense_evaluation(net, shape):
    x = torch.randn(1, 3, *shape)
    rows, (height, width) = dense_by_loops(net, x, 7)
    assert (height, width) == tuple(math.ceil(side / 32) for side in shape)
    with torch.no_grad():
        found = score_map(net, x)[0]
    assert found.shape[1:] == (height - 6, width - 6)
    assert torch.allclose(found.flatten(1).T, rows, atol=1e-5)


def test_on_a_224_crop_it_is_the_net_itself(net):
    x = torch.randn(3, 3, 224, 224)
    with torch.no_grad():
        assert torch.allclose(score_map(net, x)[:, :, 0, 0], net(x), atol=1e-5)


def test_a_window_of_the_map_is_not_the_net_on_the_crop_below_it(net):
    """A crop is padded with zeros where the whole image goes on: the two differ, by little."""
    x = torch.randn(1, 3, 288, 224)
    with torch.no_grad():
        found, crops = score_map(net, x)[0, :, :, 0].T, [x[:, :, t : t + 224] for t in (0, 32, 64)]
        alone = torch.cat([net(crop) for crop in crops])
    assert not torch.allclose(found, alone, atol=1e-5)
    assert (found - alone).abs().mean() < alone.std()


def test_an_image_smaller_than_the_window_is_one_window(net):
    x = torch.randn(1, 3, 100, 150)
    with torch.no_grad():
        assert score_map(net, x).shape[2:] == (1, 1)
        assert torch.allclose(score_map(net, x)[:, :, 0, 0], net(x), atol=1e-5)


@pytest.mark.parametrize("positions", ["scores", "softmax"])
def test_multi_scale_is_the_mean_over_mirror_images_and_scales(net, positions):
    """By loops: scores over positions, softmax, then the mean over flips and the five scales."""
    image = picture(60, 85)
    protocol = Protocol(name="multi-scale", sides=(64, 80, 97), crop=64, positions=positions)
    own = augmentation.published(divide=False)
    expected = []
    for side in protocol.sides:
        resized = augmentation.resize(image, side)
        for one in (resized, resized.flip(-1)):
            rows, _ = dense_by_loops(net, own.normalise(one[None]), 2)
            mean = rows.mean(0).softmax(0) if positions == "scores" else rows.softmax(1).mean(0)
            expected.append(mean)
    found = ensemble([net], [own], [protocol(image)], protocol)
    assert torch.allclose(found[0], torch.stack(expected).mean(0), atol=1e-5)


def test_the_papers_five_sides(paper):
    assert list(Protocol().sides) == paper["recipes"]["imagenet"]["test_scales"]["value"]


def test_images_of_many_shapes_keep_their_order(net):
    protocol = Protocol(name="multi-scale", sides=(64,), crop=64)
    images = [picture(*shape, seed=i) for i, shape in enumerate([(70, 90), (90, 70), (70, 90)])]
    own = [augmentation.published(divide=True)]
    together = ensemble([net], own, [protocol(image) for image in images], protocol)
    alone = [ensemble([net], own, [protocol(image)], protocol)[0] for image in images]
    assert torch.allclose(together, torch.stack(alone), atol=1e-5)


def test_an_ensemble_is_the_mean_of_its_nets_each_normalised_its_own_way(net):
    torch.manual_seed(2)
    other = ResNet(net.config).eval()
    nets = [net, other, net]
    own = [augmentation.published(divide=d) for d in (True, False, False)]
    protocol, image = Protocol(side=72, crop=64), picture(80, 90)
    found = ensemble(nets, own, [protocol(image)], protocol)
    alone = [
        ensemble([n], [s], [protocol(image)], protocol) for n, s in zip(nets, own, strict=True)
    ]
    assert torch.allclose(found, sum(alone) / 3, atol=1e-6)
    assert found.sum().item() == pytest.approx(1, abs=1e-5)


def test_mistakes_at_one_and_at_five():
    scores = torch.eye(8) * 10 + torch.arange(8)  # every row: its own class, then 7, 6, 5, 4
    labels = torch.tensor([0, 7, 6, 1])
    assert imagenet_evaluation.mistakes(scores[:4], labels) == (3, 1)
    assert imagenet_evaluation.mistakes(torch.eye(3), torch.tensor([0, 2, 1])) == (2, 0)


def test_bfloat16_changes_little(net):
    protocol, x = Protocol(crop=64, side=64), [torch.randn(2, 10, 3, 64, 64)]
    exact = probabilities(net, x, protocol)
    rounded = probabilities(net, x, protocol, "bfloat16")
    assert (exact - rounded).abs().max() < 0.05


@pytest.mark.parametrize(
    "wrong",
    [{"name": "12-crop"}, {"side": 100}, {"crop": 0}, {"sides": ()}, {"positions": "max"}],
    ids=str,
)
def test_a_protocol_that_there_is_not_is_refused(wrong):
    with pytest.raises(InputError):
        Protocol(**wrong)
