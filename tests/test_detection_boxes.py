"""Box arithmetic against hand numbers and torchvision's own coder."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision import ops
from torchvision.models.detection._utils import BoxCoder

from resnet_lab.detection import boxes
from resnet_lab.errors import InputError

side = st.floats(1, 500)
corner = st.floats(-100, 900)
box = st.tuples(corner, corner, side, side).map(lambda b: [b[0], b[1], b[0] + b[2], b[1] + b[3]])


def some_boxes(n, seed=0):
    random = torch.Generator().manual_seed(seed)
    start = torch.rand(n, 2, generator=random) * 300
    return torch.cat([start, start + 1 + torch.rand(n, 2, generator=random) * 200], 1)


def test_offsets_by_hand():
    anchor, found = torch.tensor([[0.0, 0, 10, 20]]), torch.tensor([[5.0, 10, 25, 20]])
    # centre (5, 10) -> (15, 15): 10/10 and 5/20; sides (10, 20) -> (20, 10)
    expected = torch.tensor([[1.0, 0.25, math.log(2), -math.log(2)]])
    assert torch.allclose(boxes.encode(found, anchor), expected)


@given(st.lists(st.tuples(box, box), min_size=1, max_size=5))
def test_decode_undoes_encode(pairs):
    found, anchors = (
        torch.tensor([pair[k] for pair in pairs], dtype=torch.float64) for k in (0, 1)
    )
    for weights in ((1.0, 1.0, 1.0, 1.0), (10.0, 10.0, 5.0, 5.0)):
        growth = (boxes.sides(found) / boxes.sides(anchors)).log()
        back = boxes.decode(boxes.encode(found, anchors, weights), anchors, weights)
        if growth.max() < boxes.LARGEST_GROWTH:
            assert torch.allclose(back, found, atol=0.02)


def test_the_same_as_torchvisions_coder():
    weights = (10.0, 10.0, 5.0, 5.0)
    found, anchors = some_boxes(50), some_boxes(50, seed=1)
    coder = BoxCoder(weights)
    offsets = boxes.encode(found, anchors, weights)
    assert torch.allclose(offsets, coder.encode_single(found, anchors), atol=1e-5)
    wild = torch.randn(50, 4, generator=torch.Generator().manual_seed(2)) * 40
    theirs = coder.decode_single(wild, anchors)
    assert torch.allclose(boxes.decode(wild, anchors, weights), theirs, rtol=1e-4, atol=1e-2)


def test_no_offset_gives_an_infinite_box():
    anchors = some_boxes(1)
    found = boxes.decode(torch.tensor([[0.0, 0, 1e9, 1e9]]), anchors)
    assert found.isfinite().all()


@pytest.mark.parametrize("bad", [[5.0, 5, 5, 9], [5.0, 5, 9, 5], [9.0, 5, 5, 9]])
def test_a_box_without_area_cannot_be_encoded(bad):
    good = torch.tensor([[0.0, 0, 10, 10]])
    with pytest.raises(InputError, match="x1 > x0"):
        boxes.encode(torch.tensor([bad]), good)
    with pytest.raises(InputError, match="x1 > x0"):
        boxes.encode(good, torch.tensor([bad]))


def test_clip_is_torchvisions_and_areas_are_never_negative():
    found = some_boxes(50) - 100
    assert torch.equal(boxes.clip(found, (120, 200)), ops.clip_boxes_to_image(found, (120, 200)))
    assert torch.equal(boxes.areas(found), ops.box_area(found))
    assert boxes.areas(torch.tensor([9.0, 9, 1, 1])) == 0
    outside = torch.tensor([[300.0, 10, 400, 20]])
    assert boxes.areas(boxes.clip(outside, (120, 200))).item() == 0


def test_inside_takes_the_border_itself():
    found = torch.tensor([[0.0, 0, 20, 10], [-1, 0, 20, 10], [0, 0, 21, 10], [0, 0, 20, 11]])
    assert boxes.inside(found, (10, 20)).tolist() == [True, False, False, False]


def test_flip_moves_a_pixel_to_its_mirror_and_back():
    one = torch.tensor([[0.0, 3, 1, 4]])  # the first pixel of a row of 8
    assert boxes.flip(one, 8).tolist() == [[7, 3, 8, 4]]
    found = some_boxes(9)
    assert torch.allclose(boxes.flip(boxes.flip(found, 640), 640), found)


def test_rescale_takes_each_axis_by_itself():
    found = boxes.rescale(torch.tensor([[1.0, 2, 3, 4]]), (100, 200), (300, 100))
    assert found.tolist() == [[0.5, 6, 1.5, 12]]
