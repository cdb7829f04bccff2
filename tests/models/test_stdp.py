"""The STDP window by hand, its limits, its gradient, its ties and its silence."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from memsim import models
from memsim.models.parts.attention import STDPAttention
from memsim.models.parts.stdp import WINDOWS, Window, spike_counts, stdp_attention

BOUNDED = {"A": 0.45, "tau": 0.5, "offset": 0.5, "t_max": 1.0}


def test_counts():
    spikes = torch.tensor([[1.0, 1, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1]])
    assert spike_counts(spikes).tolist() == [3, 0, 4]


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
    assert Window.preset("bounded").model_dump() == BOUNDED | {
        "shape": "exponential",
        "levels": None,
        "tabulated": None,
    }
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


BY_HAND = {  # changes over A at |dt| = 0, 1/4, 1/2, 3/4, 1, 5/4, 3/2, 2 for tau = 1/2, t_max = 2, D_H = 8
    ("exponential", None): [math.exp(-2 * x) for x in (0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 2)],
    ("linear", None): [1, 0.75, 0.5, 0.25, 0, 0, 0, 0],
    ("rectangular", None): [1, 1, 1, 0, 0, 0, 0, 0],
    ("exponential", 2): [1] * 8,
    ("exponential", 3): [1, 1, 0, 0, 0, 0, 0, 0],  # .607, .368, ...
    ("exponential", 5): [1, 0.5, 0.5, 0, 0, 0, 0, 0],  # .607, .368, .223, ...
    ("exponential", 4): [1, 1 / 3, 1 / 3, 1 / 3, 1 / 3, 1 / 3, 1 / 3, 1 / 3],
    ("linear", 5): [1, 1, 0.5, 0.5, 0, 0, 0, 0],  # 3/4 and 1/4 lie in the middle
    ("linear", 3): [1, 1, 1, 0, 0, 0, 0, 0],  # so does 1/2
    ("linear", 4): [1, 1, 1 / 3, 1 / 3, 1 / 3, 1 / 3, 1 / 3, 1 / 3],  # 3/4 - 1/3 > 1 - 3/4; 0 is no level
    ("rectangular", 3): [1, 1, 1, 0, 0, 0, 0, 0],
    ("rectangular", 4): [1, 1, 1, 1 / 3, 1 / 3, 1 / 3, 1 / 3, 1 / 3],
}


@pytest.mark.parametrize("shape, levels", BY_HAND)
def test_shapes_and_levels_by_hand(shape, levels):
    window = Window(A=0.3, tau=0.5, offset=0.5, t_max=2.0, shape=shape, levels=levels)
    depressed = torch.tensor(BY_HAND[shape, levels], dtype=torch.float64)
    table = window.table(8)
    torch.testing.assert_close(table[[8, 9, 10, 11, 12, 13, 14, 16]], 0.5 - 0.3 * depressed)
    torch.testing.assert_close(table[[7, 6, 5, 4, 3, 2, 0]], 0.5 + 0.3 * depressed[1:])


@pytest.mark.parametrize("levels", [None, 2, 3, 4, 5, 16, 17, 256])
@pytest.mark.parametrize("shape", ["exponential", "linear", "rectangular"])
@pytest.mark.parametrize("head_dim, tau", [(4, 0.5), (10, 0.3), (12, 0.25), (32, 0.1)])
def test_every_form_of_a_window_gives_the_same_weights(head_dim, tau, shape, levels):
    """Table, matrix and both forms of the leaf; in float32 as in float64, however a tie is rounded there."""
    window = Window(tau=tau, shape=shape, levels=levels)
    count = torch.arange(head_dim + 1)
    matrix, table = window.matrix(head_dim), window.table(head_dim)
    assert torch.equal(matrix, table[head_dim + count[None, :] - count[:, None]])
    single = window.attention(count.float(), count.float(), head_dim=head_dim)
    torch.testing.assert_close(single.double(), matrix, rtol=0, atol=1e-6)
    q, k, v = torch.rand(3, 2, 1, 2, 6, head_dim, generator=torch.Generator().manual_seed(0)).round().double()
    own = {"heads": 2, "head_dim": head_dim, "window": window}
    dense, histogram = (STDPAttention(**own, form=form)(q, k, v) for form in ("dense", "histogram"))
    torch.testing.assert_close(dense, histogram)
    learning = STDPAttention(**own)(q.requires_grad_(), k, v)
    torch.testing.assert_close(learning.detach(), dense)
    if levels is not None:
        steps = (table - window.offset) / window.A * (levels - 1) / 2 + (levels - 1) / 2
        torch.testing.assert_close(steps, steps.round())


@pytest.mark.parametrize("levels", [None, 5])
def test_gradients_of_the_shapes_pass_levels_by(levels):
    """Linear: A / (2 tau) in the window, nothing outside; rectangular: none at all."""
    count = {"head_dim": 4, "A": 0.3, "tau": 0.25, "offset": 0.5, "t_max": 1.0, "levels": levels}
    q = torch.tensor([4.0, 2.0, 1.0, 0.0], dtype=torch.float64, requires_grad=True)
    k = torch.tensor([1.0], dtype=torch.float64)
    stdp_attention(q, k, shape="linear", **count).sum().backward()
    torch.testing.assert_close(q.grad, torch.tensor([0, -0.15, -0.15, -0.15], dtype=torch.float64))
    q.grad = None
    stdp_attention(q, k, shape="exponential", **count).sum().backward()
    slope = [-0.3 * math.exp(-abs(d)) for d in (3, 1, 0, 1)]
    torch.testing.assert_close(q.grad, torch.tensor(slope, dtype=torch.float64))
    assert not stdp_attention(q, k, shape="rectangular", **count).requires_grad


@pytest.mark.parametrize("shape", ["exponential", "linear", "rectangular"])
def test_shapes_have_the_same_area(shape):
    head_dim = 40_000
    window = Window(A=0.45, tau=0.1, offset=0.5, t_max=1.0, shape=shape)
    area = float((0.5 - window.table(head_dim)[head_dim:]).sum()) / head_dim
    assert area == pytest.approx(0.45 * 0.1, rel=5e-4)


def test_a_checkpoint_without_the_new_fields_is_the_network_it_was():
    window = models.load("s2tdpt-digits").config.window
    assert (window.shape, window.levels) == ("exponential", None)


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


def test_an_unknown_shape_is_refused():
    with pytest.raises(ValueError, match=r"sawtooth.*exponential, linear, rectangular, table"):
        stdp_attention(torch.ones(1), torch.ones(1), head_dim=4, **BOUNDED, shape="sawtooth")


@pytest.mark.parametrize("wrong", [{"A": 0.0}, {"tau": -1.0}, {"t_max": 0.0}, {"w_offset": 0.5},
    {"shape": "sawtooth"}, {"levels": 1}, {"levels": 1025}, {"levels": 2.5},
])  # fmt: skip
def test_impossible_windows_are_refused(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Window(**wrong)
