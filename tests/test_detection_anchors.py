"""Anchors against torchvision's generator and by hand."""

import pytest
import torch
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList

from resnet_lab.detection.anchors import cell_anchors, grid_anchors
from resnet_lab.errors import InputError


def test_nine_anchors_by_hand():
    cell = cell_anchors((128, 256, 512), (0.5, 1.0, 2.0))
    assert cell.shape == (9, 4)
    # ratio 1/2: half as high as wide; 128 * sqrt(2) = 181, 128 / sqrt(2) = 90.5
    assert cell[0].tolist() == [-91, -45, 91, 45]
    assert cell[4].tolist() == [-128, -128, 128, 128]
    wide, high = (cell[:, 2:] - cell[:, :2]).T
    assert torch.allclose(wide * high, torch.tensor([128.0, 256, 512]).pow(2).repeat(3), rtol=0.02)


@pytest.mark.parametrize("stride, size", [(16, (608, 1008)), (8, (96, 160))])
def test_the_same_as_torchvisions(stride, size):
    sizes, ratios = (12, 24, 48, 128), (0.5, 1.0, 2.0, 3.0)
    height, width = size[0] // stride, size[1] // stride
    generator = AnchorGenerator((sizes,), (ratios,))
    images = ImageList(torch.zeros(1, 3, *size), [size])
    (theirs,) = generator(images, [torch.zeros(1, 4, height, width)])
    ours = grid_anchors(cell_anchors(sizes, ratios), (height, width), stride)
    assert torch.equal(ours, theirs)


def test_places_are_row_by_row():
    anchors = grid_anchors(cell_anchors((16,), (1.0,)), (2, 3), 16)
    centres = ((anchors[:, :2] + anchors[:, 2:]) / 2).tolist()
    assert centres == [[0, 0], [16, 0], [32, 0], [0, 16], [16, 16], [32, 16]]


@pytest.mark.parametrize("sizes, ratios", [((), (1.0,)), ((16,), ()), ((0,), (1.0,))])
def test_no_anchors_is_a_sentence(sizes, ratios):
    with pytest.raises(InputError, match="anchors need sizes and ratios"):
        cell_anchors(sizes, ratios)
