"""RoI pooling against torchvision and by hand."""

import pytest
import torch
from torchvision import ops

from resnet_lab.detection.pooling import roi_features, roi_pool_by_hand, whole_image
from resnet_lab.errors import InputError


def a_map(channels=3, height=9, width=13, seed=0):
    random = torch.Generator().manual_seed(seed)
    return torch.randn(1, channels, height, width, generator=random)


def test_by_hand_on_a_map_of_16_numbers():
    counted = torch.arange(16.0).view(1, 4, 4)
    # 0..48 pixels at stride 16 are cells 0..3, whole: bins of 2 x 2 cells
    found = roi_pool_by_hand(counted, torch.tensor([0.0, 0, 48, 48]), stride=16, size=2)
    assert found.tolist() == [[[5, 7], [13, 15]]]


@pytest.mark.parametrize("size", [1, 2, 7])
def test_plain_steps_are_torchvisions_roi_pool(size):
    maps, random = a_map(), torch.Generator().manual_seed(1)
    start = torch.rand(60, 2, generator=random) * 240 - 30
    boxes = torch.cat([start, start + torch.rand(60, 2, generator=random) * 150], 1)
    boxes[:10] = (boxes[:10] / 8).round() * 8  # halves of a cell, where rounding decides
    theirs = ops.roi_pool(maps, [boxes], size, 1 / 16)
    ours = [roi_pool_by_hand(maps[0], box, stride=16, size=size) for box in boxes]
    assert torch.equal(torch.stack(ours), theirs)


def test_both_kinds_are_torchvisions_ops_over_several_images():
    maps = torch.cat([a_map(seed=0), a_map(seed=1)])
    rois = [torch.tensor([[0.0, 0, 50, 90]]), torch.tensor([[20.0, 8, 99, 77], [3, 3, 40, 31]])]
    pooled = roi_features(maps, rois, stride=16, size=7)
    assert torch.equal(pooled, ops.roi_pool(maps, rois, 7, 1 / 16))
    aligned = roi_features(maps, rois, stride=16, size=7, pooling="align", samples=2)
    theirs = ops.roi_align(maps, rois, 7, 1 / 16, sampling_ratio=2, aligned=True)
    assert torch.equal(aligned, theirs)


def test_a_quarter_of_a_flat_slope_is_aligned_to_half_a_cell():
    """Aligned: the pixel's middle at 16 * (i + 1/2) lies on place i, not half a cell beside it."""
    slope = torch.arange(8.0).view(1, 1, 1, 8).expand(1, 1, 8, 8)
    box = torch.tensor([[16.0, 16, 80, 80]])  # places 1, 2, 3, 4 of the map
    found = roi_features(slope, [box], stride=16, size=4, pooling="align", samples=1)
    assert found[0, 0, 0].tolist() == [1, 2, 3, 4]


def test_no_region_gives_no_feature():
    none = roi_features(a_map(), [torch.zeros(0, 4)], stride=16, size=7)
    assert none.shape == (0, 3, 7, 7)


def test_whole_image_and_a_wrong_kind():
    assert whole_image((480, 640)).tolist() == [[0, 0, 640, 480]]
    with pytest.raises(InputError, match="pool or align"):
        roi_features(a_map(), [torch.zeros(0, 4)], stride=16, size=7, pooling="crop")
