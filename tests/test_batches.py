"""Section 4.2: per-pixel mean, pad 4, random crop of the image or its flip; order of images."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from resnet_lab.batches import EpochPlan, Stream, crop_and_flip, epoch_plan, normalise


def slow_crop_and_flip(x, dy, dx, flip, pad):
    """One image at a time: put it on a black canvas, cut the window out, turn it over."""
    views = []
    for image, top, left, mirrored in zip(x.numpy(), dy, dx, flip, strict=True):
        c, height, width = image.shape
        canvas = np.zeros((c, height + 2 * pad, width + 2 * pad), image.dtype)
        canvas[:, pad : pad + height, pad : pad + width] = image
        window = canvas[:, top : top + height, left : left + width]
        views.append(window[:, :, ::-1] if mirrored else window)
    return np.stack(views)


def numbered(n, size=2):
    """Images that can be told apart: image i is all i, its label is i."""
    images = torch.arange(n, dtype=torch.uint8)[:, None, None, None].repeat(1, 3, size, size)
    return images, torch.arange(n)


def stream(n, batch, *, pad=0, flip=False, seed=0, size=2):
    images, labels = numbered(n, size)
    return Stream(
        images, labels, torch.zeros(3, size, size), batch=batch, pad=pad, flip=flip, seed=seed
    )


# --- normalise ---


def test_section_4_2_the_mean_is_subtracted_and_nothing_is_divided_by():
    images = torch.tensor([0, 51, 255], dtype=torch.uint8).reshape(3, 1, 1, 1).expand(3, 3, 2, 2)
    mean = torch.arange(12).reshape(3, 2, 2) / 100
    x = normalise(images, mean)
    assert x.dtype == torch.float32
    # 51 / 255 = 0.2
    for image, grey in zip(x, (0.0, 0.2, 1.0), strict=True):
        torch.testing.assert_close(image, grey - mean)


def test_a_mean_per_channel_and_a_std_serve_other_peoples_nets():
    images = torch.full((1, 3, 2, 2), 255, dtype=torch.uint8)
    mean = torch.tensor([0.5, 0.25, 0.0])[:, None, None]
    std = torch.tensor([0.5, 0.25, 2.0])[:, None, None]
    # (1 - 0.5) / 0.5, (1 - 0.25) / 0.25, (1 - 0) / 2
    expected = torch.tensor([1.0, 3.0, 0.5])[:, None, None].expand(1, 3, 2, 2)
    torch.testing.assert_close(normalise(images, mean, std), expected)
    assert (images == 255).all()  # the stored bytes stay


# --- crop and flip ---


@settings(max_examples=60)
@given(
    n=st.integers(1, 4),
    c=st.integers(1, 3),
    height=st.integers(1, 7),
    width=st.integers(1, 7),
    pad=st.integers(0, 4),
    seed=st.integers(0, 99),
)
def test_crop_and_flip_is_that_of_a_slow_loop(n, c, height, width, pad, seed):
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(n, c, height, width, generator=random)
    dy, dx = torch.randint(0, 2 * pad + 1, (2, n), generator=random)
    flip = torch.randint(0, 2, (n,), generator=random).bool()
    for layout in (torch.contiguous_format, torch.channels_last):
        y = crop_and_flip(x.contiguous(memory_format=layout), dy, dx, flip, pad)
        assert y.shape == x.shape
        assert y.is_contiguous(memory_format=torch.channels_last)
        np.testing.assert_array_equal(y.numpy(), slow_crop_and_flip(x, dy, dx, flip, pad))


def test_every_corner_of_a_padded_image_can_be_cut_out():
    """At (0, 0) a window shows the padding above and to the left, at (2 pad, 2 pad) the other."""
    x = torch.arange(1.0, 10).reshape(1, 1, 3, 3)
    no, first, last = torch.tensor([False]), torch.tensor([0]), torch.tensor([2])
    top_left = [[0, 0, 0], [0, 1, 2], [0, 4, 5]]
    assert crop_and_flip(x, first, first, no, 1)[0, 0].tolist() == top_left
    bottom_right = [[5, 6, 0], [8, 9, 0], [0, 0, 0]]
    assert crop_and_flip(x, last, last, no, 1)[0, 0].tolist() == bottom_right
    # "from the padded image or its horizontal flip": the window is mirrored, rows are not
    mirrored = [[0, 0, 0], [2, 1, 0], [5, 4, 0]]
    assert crop_and_flip(x, first, first, ~no, 1)[0, 0].tolist() == mirrored


def test_the_padding_is_zero_after_the_mean_is_subtracted():
    images = torch.full((40, 3, 4, 4), 200, dtype=torch.uint8)
    mean = torch.full((3, 4, 4), 0.25)
    batches = Stream(images, torch.zeros(40).long(), mean, batch=40, pad=2, flip=True, seed=0)
    x, _ = batches(0)
    inside = torch.tensor(200 / 255 - 0.25)
    padding = x == 0
    assert padding.any() and not padding.all()
    torch.testing.assert_close(x[~padding], inside.expand(int((~padding).sum())))


def test_a_gradient_can_pass_through_the_augmentation():
    x = torch.randn(3, 2, 4, 4, requires_grad=True)
    zero = torch.zeros(3, dtype=torch.long)
    crop_and_flip(x, zero + 1, zero + 1, zero.bool(), 1).sum().backward()
    assert torch.equal(x.grad, torch.ones_like(x))


# --- the plan of a pass ---


@given(n=st.integers(1, 50), pad=st.integers(0, 5), flip=st.booleans(), seed=st.integers(0, 2**40))
def test_a_plan_is_a_permutation_with_crops_inside_the_padded_image(n, pad, flip, seed):
    plan = epoch_plan(n, pad=pad, flip=flip, seed=seed, epoch=3)
    assert sorted(plan.order.tolist()) == list(range(n))
    for offset in (plan.dy, plan.dx):
        assert offset.shape == (n,) and 0 <= offset.min() and offset.max() <= 2 * pad
    assert plan.flip.dtype == torch.bool and plan.flip.shape == (n,)
    assert flip or not plan.flip.any()


def test_crops_are_uniform_and_half_of_them_are_mirrored():
    n = 50_000
    plan = epoch_plan(n, pad=4, flip=True, seed=0, epoch=0)
    # a count of n draws with chance p is n p +- sqrt(n p (1 - p)); allow five of these
    for values, p in ((plan.dy, 1 / 9), (plan.dx, 1 / 9), (plan.flip.long(), 1 / 2)):
        counts = torch.bincount(values)
        assert len(counts) == round(1 / p)
        assert (counts - n * p).abs().max() < 5 * (n * p * (1 - p)) ** 0.5
    # and do not depend on each other: 81 places, each 617 +- 25 times
    places = torch.bincount(9 * plan.dy + plan.dx, minlength=81)
    assert (places - n / 81).abs().max() < 5 * (n / 81) ** 0.5


def test_flipping_or_not_leaves_order_and_crops_alone():
    one, other = (epoch_plan(30, pad=2, flip=f, seed=1, epoch=2) for f in (True, False))
    for field in ("order", "dy", "dx"):
        assert torch.equal(getattr(one, field), getattr(other, field))


def test_plans_of_other_seeds_and_other_passes_are_other_plans():
    orders = {
        tuple(epoch_plan(20, pad=0, flip=False, seed=seed, epoch=epoch).order.tolist())
        for seed in range(8)
        for epoch in range(8)
    }
    assert len(orders) == 64  # (seed 0, pass 1) is not (seed 1, pass 0) either


# --- the stream ---


@settings(max_examples=60)
@given(n=st.integers(1, 23), batch=st.integers(1, 60), passes=st.integers(1, 4))
def test_every_image_is_seen_once_per_pass_also_across_batch_borders(n, batch, passes):
    batches = stream(n, batch)
    steps = -(-n * passes // batch)
    seen = torch.cat([batches(step)[1] for step in range(steps)])
    assert len(seen) == steps * batch  # every batch is full
    for i in range(passes):
        assert sorted(seen[i * n : (i + 1) * n].tolist()) == list(range(n))


@settings(max_examples=30)
@given(
    n=st.integers(1, 23),
    batch=st.integers(1, 60),
    steps=st.lists(st.integers(0, 40), min_size=1, max_size=12),
)
def test_a_batch_is_a_pure_function_of_seed_and_update_in_any_order(n, batch, steps):
    wandering = stream(n, batch, pad=1, flip=True, seed=5)
    for step in steps:
        fresh = stream(n, batch, pad=1, flip=True, seed=5)
        for a, b in zip(wandering(step), fresh(step), strict=True):
            assert torch.equal(a, b)


def test_batches_are_the_concatenated_passes_cut_in_pieces():
    n, batch = 7, 5
    whole = [epoch_plan(n, pad=3, flip=True, seed=2, epoch=e) for e in range(4)]
    batches = stream(n, batch, pad=3, flip=True, seed=2)
    for field in vars(whole[0]):
        line = torch.cat([getattr(plan, field) for plan in whole])
        for step in range(5):
            piece = getattr(batches.plan(step), field)
            assert torch.equal(piece, line[step * batch : (step + 1) * batch])


def test_images_go_with_their_labels_and_the_plan_is_applied_to_them():
    random = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (9, 3, 5, 5), generator=random, dtype=torch.uint8)
    labels, mean = torch.arange(9) * 10, torch.rand(3, 5, 5, generator=random)
    batches = Stream(images, labels, mean, batch=6, pad=2, flip=True, seed=3)
    for step in range(4):
        plan = batches.plan(step)
        x, y = batches(step)
        assert torch.equal(y, plan.order * 10) and y.dtype == torch.int64
        assert x.dtype == torch.float32 and x.is_contiguous(memory_format=torch.channels_last)
        centred = images[plan.order].float() / 255 - mean
        expected = slow_crop_and_flip(centred, plan.dy, plan.dx, plan.flip, 2)
        np.testing.assert_allclose(x.numpy(), expected, atol=1e-6)


def test_without_padding_and_flips_the_images_come_as_they_are():
    images, _ = numbered(12, 4)
    batches = stream(12, 5, size=4)
    for step in range(3):
        x, y = batches(step)
        torch.testing.assert_close(x, images[y].float() / 255)


def test_seeds_differ_from_the_first_batch_on():
    firsts = {tuple(stream(30, 10, seed=seed)(0)[1].tolist()) for seed in range(20)}
    assert len(firsts) == 20


def test_the_order_changes_from_pass_to_pass():
    batches = stream(30, 30)
    assert not torch.equal(batches(0)[1], batches(1)[1])


def test_a_stream_does_not_change_the_stored_images():
    batches = stream(10, 4, pad=1, flip=True)
    before = batches.images.clone()
    for step in range(5):
        batches(step)[0].zero_()
    assert torch.equal(batches.images, before)


def test_drawing_batches_leaves_the_global_random_state_alone():
    torch.manual_seed(0)
    expected = torch.rand(2)
    torch.manual_seed(0)
    stream(10, 4, pad=1, flip=True)(3)
    assert torch.equal(torch.rand(2), expected)


@pytest.mark.parametrize("steps", [range(500), range(499, -1, -1)])
def test_a_long_run_keeps_few_plans_in_memory(steps):
    batches = stream(10, 10)
    for step in steps:
        batches.plan(step)
        assert len(batches._plans) <= (3 if steps.step > 0 else 500)


def test_a_plan_holds_four_choices():
    assert list(EpochPlan.__dataclass_fields__) == ["order", "dy", "dx", "flip"]
