"""One pass and two passes agree, also where the textbook's one pass cancels to nothing."""

from math import sqrt

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from resnet_lab.errors import InputError
from resnet_lab.layer_responses import Moments


def two_passes(values: torch.Tensor) -> tuple[float, float]:
    """Std of all values, and root of the channels' mean variance, the slow way in float64."""
    x = values.double().transpose(0, 1).flatten(1)
    everything = (x - x.mean()).square().mean().sqrt()
    within = (x - x.mean(1, keepdim=True)).square().mean().sqrt()
    return float(everything), float(within)


def counted(values: torch.Tensor, sizes: list[int]) -> Moments:
    moments = Moments()
    for chunk in values.split(sizes):
        moments.add(chunk)
    return moments


@given(st.lists(st.integers(1, 6), min_size=1, max_size=5), st.integers(1, 4), st.integers(0, 99))
def test_however_the_stream_is_cut_the_result_is_that_of_two_passes(sizes, channels, seed):
    random = torch.Generator().manual_seed(seed)
    values = torch.randn(sum(sizes), channels, 3, 2, generator=random) * 3 + torch.arange(2.0)
    moments = counted(values, sizes)
    std, within = two_passes(values)
    assert moments.std == pytest.approx(std, rel=1e-12)
    assert moments.channel_std == pytest.approx(within, rel=1e-12)
    assert moments.level == pytest.approx(float(values.double().mean()), abs=1e-12)
    assert moments.count == sum(sizes) * 6


def test_a_mean_of_a_billion_does_not_swallow_a_spread_of_one():
    """E[x^2] - E[x]^2, even in float64, has no correct digit here."""
    offset = 1e9
    values = offset + torch.tensor([[-1.0], [1.0]] * 500, dtype=torch.float64)
    naive = values.square().mean() - values.mean().square()
    assert abs(float(naive) - 1) > 0.5
    assert counted(values, [7] * 142 + [6]).std == pytest.approx(1.0, rel=1e-7)


def test_float32_values_are_counted_in_float64():
    values = torch.full((64, 1, 64, 64), 0.1)  # a float32 sum of them is off in the sixth digit
    values[::2] += 1e-3
    std, _ = two_passes(values)
    assert counted(values, [16] * 4).std == pytest.approx(std, rel=1e-9)


def test_the_two_spreads_by_hand():
    # channels (1, 3) and (11, 13): each has variance 1; means 2 and 12 lie 5 from their mean 7
    moments = Moments()
    moments.add(torch.tensor([[1.0, 11.0], [3.0, 13.0]]))
    assert moments.channel_std == 1.0
    assert moments.std == pytest.approx(sqrt(1 + 25))
    assert moments.level == 7.0


def test_merging_with_nothing_changes_nothing():
    moments = counted(torch.arange(6.0)[:, None], [6])
    before = moments.std
    moments.merge(Moments())
    other = Moments()
    other.merge(moments)
    assert moments.std == before == other.std


def test_nan_and_infinity_are_seen():
    for bad in (float("nan"), float("inf")):
        moments = Moments()
        moments.add(torch.tensor([[1.0], [bad]]))
        assert not moments.finite


def test_another_number_of_channels_is_refused():
    moments = Moments()
    moments.add(torch.zeros(2, 3, 4, 4))
    with pytest.raises(InputError, match="3 channels were counted before and now 5"):
        moments.add(torch.zeros(2, 5, 4, 4))
