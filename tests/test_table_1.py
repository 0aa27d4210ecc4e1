"""Table 1, cell by cell: our nets, the paper's print, hand arithmetic and torch's counter."""

import pytest

from resnet_lab import table_1
from resnet_lab.claims.nets import total, weightless
from resnet_lab.errors import InputError
from resnet_lab.resnet import cifar, imagenet

CUT_OFF = [(50, "FLOPs")]  # printed 3.8 for 3.858


@pytest.mark.parametrize("depth", table_1.DEPTHS)
def test_every_cell_agrees_with_the_print_but_one(depth):
    found = table_1.cells(depth)
    assert len(found) == 12
    assert [(c.depth, c.row) for c in found if not c.agrees] == [
        c for c in CUT_OFF if c[0] == depth
    ]


def test_the_stages_of_50_layers_by_hand():
    conv2, *_, conv5 = table_1.stages(imagenet(50))
    assert (conv2.size, conv2.block, conv2.repeat) == (56, ((1, 64), (3, 64), (1, 256)), 3)
    assert conv5.words == "1x1, 512; 3x3, 512; 1x1, 2048 (x3)"
    assert conv2.strides == (1, 1, 1) and conv5.strides == (2, 1, 1)
    assert table_1.stages(imagenet(50, stride_in="3x3"))[-1].strides == (1, 2, 1)


def by_hand(blocks, bottleneck, projections, stride_in="1x1"):
    """Outputs times products: stem, then stage by stage, then the classifier."""
    work, c, size = 112 * 112 * 64 * 3 * 49, 64, 56
    for stage, count in enumerate(blocks):
        width, previous = 64 * 2**stage, size
        size = 56 >> stage
        out = 4 * width if bottleneck else width
        for i in range(count):
            before = (previous if i == 0 else size) ** 2
            here = size**2
            if bottleneck:
                first = here if stride_in == "1x1" else before
                work += first * width * c + here * width * 9 * width + here * out * width
            else:
                work += here * width * 9 * c + here * width * 9 * width
            if projections and c != out:
                work += here * out * c
            c = out
    return work + c * 1000


@pytest.mark.parametrize(
    "depth, blocks, bottleneck",
    [
        (18, (2, 2, 2, 2), False),
        (34, (3, 4, 6, 3), False),
        (50, (3, 4, 6, 3), True),
        (101, (3, 4, 23, 3), True),
        (152, (3, 8, 36, 3), True),
    ],
)
def test_multiply_adds_by_hand_and_by_torch(depth, blocks, bottleneck):
    for place in ("1x1", "3x3") if bottleneck else ("1x1",):
        net = weightless(imagenet(depth, stride_in=place))
        expected = by_hand(blocks, bottleneck, bottleneck, place)
        assert total(net, 224) == expected == table_1.counted_by_torch(net)


@pytest.mark.parametrize("place, e9", [("1x1", 3.858), ("3x3", 4.089)])
def test_where_the_stride_is_decides_between_3_8_and_4_1(place, e9):
    assert total(weightless(imagenet(50, stride_in=place)), 224) / 1e9 == pytest.approx(
        e9, abs=5e-4
    )


def test_only_the_three_first_1x1_layers_change_their_cost():
    rows = [line.split(" | ") for line in table_1.moved_stride(50).splitlines()[2:-1]]
    gaps = [float(row[-1].rstrip(" |").removesuffix("e6")) for row in rows]
    # 56x56 instead of 28x28 outputs of 256 products each, 128 filters: 3/4 of 102.76e6
    assert [gap for gap in gaps if gap] == [77.1] * 3
    assert [row[1] for row, gap in zip(rows, gaps, strict=True) if gap] == [
        "1x1, 128",
        "1x1, 256",
        "1x1, 512",
    ]


def test_a_number_that_rounds_otherwise_is_said_not_hidden():
    assert table_1.as_printed(3_644_493_824, 3.6e9) == (True, "")
    assert table_1.as_printed(3_857_973_248, 3.8e9) == (False, "rounded 3.9, cut off 3.8")
    assert "59 of 60 cells" in table_1.summary()
    assert "printed: 3.8e9 **differs** (rounded 3.9" in table_1.markdown([50])


def test_a_wrong_cell_would_be_seen(monkeypatch):
    monkeypatch.setattr(table_1, "imagenet", lambda depth: imagenet(18))
    wrong = [cell.row for cell in table_1.cells(34) if not cell.agrees]
    assert wrong == ["conv2_x", "conv3_x", "conv4_x", "conv5_x", "FLOPs"]
    assert "**differs**" in table_1.markdown([34])


def test_the_second_counter_is_printed_beside_ours():
    text = table_1.counters([18, 50])
    assert text.count(" = |") == 3 and "differs" not in text


def test_the_users_errors():
    with pytest.raises(InputError, match="18, 34, 50, 101, 152"):
        table_1.cells(56)
    with pytest.raises(ValueError):
        table_1.stages(cifar(20))
