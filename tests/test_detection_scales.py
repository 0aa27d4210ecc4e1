"""Two adjacent scales for each region, and the larger value of each feature."""

import pytest
import torch

from resnet_lab.detection import boxes, scenes
from resnet_lab.detection.config import toy, toy_inference
from resnet_lab.detection.faster_rcnn import FasterRCNN
from resnet_lab.detection.scales import adjacent, pyramid


def test_the_scales_around_the_ideal_one_by_hand():
    sizes = tuple((s, s) for s in (200, 400, 600, 800, 1000))
    regions = torch.tensor([[0.0, 0, s, s] for s in (600, 300, 250, 200, 120, 20)])
    # 224 a side in an image of 600: ideal sides are 224, 448, 538, 672, 1120 and 6720
    assert adjacent(regions, (600, 600), sizes, 224).tolist() == [0, 1, 1, 2, 3, 3]


def test_a_whole_image_larger_than_every_ideal_gets_the_two_smallest():
    regions = torch.tensor([[0.0, 0, 600, 600]])
    assert adjacent(regions, (600, 600), ((400, 400), (600, 600)), 224).tolist() == [0]


@pytest.mark.parametrize("context", [False, True])
def test_features_are_the_larger_of_two_scales(context):
    torch.manual_seed(0)
    net = FasterRCNN(toy((1, 1, 1, 1), context=context)).eval()
    image = scenes.load("test", 1)[0][0]
    testing = toy_inference(scales=(48, 96, 192))
    regions = torch.tensor([[10.0, 10, 20, 20], [5, 5, 90, 90], [0, 30, 40, 60]])
    with torch.no_grad():
        maps = pyramid(net, image, testing)
        found = maps.describe(regions, (96, 96))
        assert maps.sizes == ((48, 48), (96, 96), (192, 192))
        by_scale = [
            net.describe(m, [boxes.rescale(regions, (96, 96), size)], [size])
            for m, size in zip(maps.maps, maps.sizes, strict=True)
        ]
    lower = adjacent(regions, (96, 96), maps.sizes, testing.scale_reference)
    assert lower.tolist() == [1, 0, 0]
    own = found[:, :128]
    for i, k in enumerate(lower):
        expected = torch.maximum(by_scale[k][i, :128], by_scale[k + 1][i, :128])
        assert torch.allclose(own[i], expected, atol=1e-5)
    if context:  # the whole image, 96 a side, looks its best at 32: the two smallest
        around = torch.maximum(by_scale[0][0, 128:], by_scale[1][0, 128:])
        assert torch.allclose(found[:, 128:], around.expand(3, -1), atol=1e-5)


def test_proposals_come_from_the_one_scale():
    """Appendix B: "only for the Fast R-CNN step"."""
    torch.manual_seed(0)
    net = FasterRCNN(toy((1, 1, 1, 1)))
    image = scenes.load("test", 1)[0][0]
    one = net.detect(image, toy_inference(), trace=True)
    many = net.detect(image, toy_inference(scales=(48, 96, 192)), trace=True)
    assert torch.equal(one.proposals.boxes, many.proposals.boxes)
    assert not torch.allclose(one.first.scores, many.first.scores)


def test_no_region_gives_no_feature():
    net = FasterRCNN(toy((1, 1, 1, 1))).eval()
    maps = pyramid(net, scenes.load("test", 1)[0][0], toy_inference(scales=(48, 96)))
    with torch.no_grad():
        assert maps.describe(torch.zeros(0, 4), (96, 96)).shape == (0, 128)
