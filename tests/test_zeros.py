"""Section 3.1: F at zero; Section 4.1: what option A's new channels hold."""

import pytest
import torch

from resnet_lab import figures, zeros
from resnet_lab.blocks import Block
from resnet_lab.errors import InputError


@pytest.mark.parametrize("option", ["A", "B"])
def test_section_3_1_zero_weights_make_a_block_the_identity(option):
    block = zeros.silence(Block(8, 8, 1, shortcut=option)).eval()
    x = torch.rand(2, 8, 4, 4)
    assert torch.equal(block(x), x)


@pytest.mark.parametrize(
    "option, same, changed",
    [
        ("none", "zero", "zero"),
        ("A", "x, to the last bit", "every 2nd pixel of x, and zeros"),
        ("B", "x, to the last bit", "relu(W_s x)"),
        ("C", "relu(W_s x)", "relu(W_s x)"),
    ],
)
def test_what_is_left_of_a_block_without_f(option, same, changed):
    assert zeros.without_f(option, "same shape").startswith(same)
    assert zeros.without_f(option, "changes shape").startswith(changed)
    assert same in zeros.without_f_table()


def test_silence_leaves_the_shortcut_alone():
    block = Block(4, 4, 1, shortcut="C")
    before = block.shortcut[0].weight.clone()
    zeros.silence(block)
    assert torch.equal(block.shortcut[0].weight, before)
    assert not any(p.any() for p in block.residual.parameters())


def test_the_new_channels_are_zero_then_f_alone_as_in_a_plain_block():
    pair = zeros.twins()
    new = zeros.new_channels(pair.block)
    assert int(new.sum()) == 64 and not new[32:96].any()
    with torch.no_grad():
        padded, f = pair.block.shortcut(pair.x), pair.block.residual(pair.x)
        y, plain = pair.block(pair.x), pair.plain(pair.x)
    assert not padded[:, new].any() and padded[:, ~new].any()
    assert torch.equal(y[:, new], torch.relu(f)[:, new])
    assert torch.equal(y[:, new], plain[:, new])
    assert not any(torch.equal(y[:, c], plain[:, c]) for c in range(32, 96))


def test_the_channels_drawn_are_the_shortcuts():
    pair = zeros.twins()
    _, (ax,) = figures.sheet(1)
    zeros.channels(ax, pair)
    heights = [bar.get_height() for bar in ax.patches]
    assert not any(heights[:32] + heights[96:]) and all(heights[32:96])
    assert [t.get_text() for t in ax.texts].count("new: F alone") == 2


def test_asking_for_new_channels_where_there_are_none_is_an_error():
    for block in (Block(4, 4, 1), Block(4, 8, 2, shortcut="B")):
        with pytest.raises(InputError, match="option A"):
            zeros.new_channels(block)


def test_the_twins_do_not_move_the_readers_random_numbers():
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    zeros.twins()
    zeros.without_f("C", "same shape")
    assert torch.equal(torch.rand(1), expected)
