"""The STDP window by hand, its limits, its gradient, its ties and its silence."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import models
from models.stdp import WINDOWS, Window, first_spike_times, spike_counts, stdp_attention

BOUNDED = {"A": 0.45, "tau": 0.5, "offset": 0.5, "t_max": 1.0}


def test_counts_and_first_spike_times():
    spikes = torch.tensor([[1.0, 1, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1]])
    assert spike_counts(spikes).tolist() == [3, 0, 4]
    assert first_spike_times(spike_counts(spikes), head_dim=4, t_max=2.0).tolist() == [0.5, 2.0, 0.0]


def test_attention_by_hand():
    """D_H = 4, r_Q = (3, 1), r_K = (1, 3): dt = ((-.5, 0), (0, .5)); e**-1 = 0.36788."""
    weight = stdp_attention(torch.tensor([3.0, 1.0]), torch.tensor([1.0, 3.0]), head_dim=4, **BOUNDED)
    e = 0.45 * math.exp(-1)
    torch.testing.assert_close(weight, torch.tensor([[0.5 + e, 0.05], [0.05, 0.5 - e]]))


def test_orientation_rows_are_queries():
    """A busy query beside a quiet key is strengthened; the other way round weakened."""
    busy, quiet = torch.tensor([4.0]), torch.tensor([1.0])
    assert stdp_attention(busy, quiet, head_dim=4, **BOUNDED) > 0.5
    assert stdp_attention(quiet, busy, head_dim=4, **BOUNDED) < 0.5


def test_ties_belong_to_depression():
    count = torch.arange(5.0)
    weight = stdp_attention(count, count, head_dim=4, **BOUNDED)
    torch.testing.assert_close(weight.diagonal(), torch.full((5,), 0.05))


@given(st.integers(1, 40), st.sampled_from(list(WINDOWS)))
def test_window_is_bounded_and_depends_on_the_difference_only(head_dim, preset):
    window = WINDOWS[preset]
    count = torch.arange(head_dim + 1)
    weight = window.attention(count.double(), count.double(), head_dim=head_dim)
    table = window.table(head_dim)
    assert torch.equal(weight, table[head_dim + count[None, :] - count[:, None]])
    assert len(table) == 2 * head_dim + 1
    assert float(table.min()) == window.offset - window.A and float(table.max()) < window.offset + window.A
    potentiated, depressed = table[:head_dim], table[head_dim:]
    assert bool((potentiated.diff() > 0).all()) and bool((depressed.diff() > 0).all())


def test_presets():
    assert Window.preset("bounded").model_dump() == BOUNDED
    assert (
        0 < float(Window.preset("bounded").table(32).min())
        and float(Window.preset("bounded").table(32).max()) < 1
    )
    table = Window.preset("thirdparty").table(1000)
    assert float(table.min()) == 0.0 and 1.79 < float(table.max()) < 1.8
    with pytest.raises(ValueError, match="bounded, thirdparty"):
        Window.preset("paper")


def test_gradient_is_the_slope_of_both_branches_ties_included():
    q = torch.tensor([4.0, 2.0, 1.0], dtype=torch.float64, requires_grad=True)
    k = torch.tensor([2.0], dtype=torch.float64)
    stdp_attention(q, k, head_dim=4, **BOUNDED).sum().backward()
    slope = torch.tensor(
        [-0.45 / 0.5 * math.exp(-abs(d) / 4 / 0.5) / 4 for d in (-2, 0, 1)], dtype=torch.float64
    )
    torch.testing.assert_close(q.grad, slope)


def test_no_pulse_leaves_silent_tokens_at_the_offset():
    count = torch.tensor([0.0, 2.0])
    pulsed = stdp_attention(count, count, head_dim=4, **BOUNDED)
    silent = stdp_attention(count, count, head_dim=4, **BOUNDED, silent="no-pulse")
    assert float(pulsed[0, 0]) == pytest.approx(0.05)
    assert silent[0].tolist() == [0.5, 0.5] and float(silent[1, 0]) == 0.5 and silent[1, 1] == pulsed[1, 1]


def test_integer_counts_are_welcome():
    count = torch.arange(5)
    weight = models.stdp_attention(count, count, head_dim=4, **BOUNDED)
    assert weight.dtype == torch.get_default_dtype()
    torch.testing.assert_close(weight, stdp_attention(count.float(), count.float(), head_dim=4, **BOUNDED))


@pytest.mark.parametrize("wrong", [{"A": 0.0}, {"tau": -1.0}, {"t_max": 0.0}, {"w_offset": 0.5}])
def test_impossible_windows_are_refused(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Window(**wrong)
