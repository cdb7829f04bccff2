"""Learning by table is learning by the dense definition: the same weights, the same gradient of counts."""

from contextlib import nullcontext

import pytest
import torch

from memsim.devices.numerics.operation import plain
from memsim.models.parts.attention import STDPAttention, _TableAttention, weight_and_slope
from memsim.models.parts.attention_kernel import count_gradients, gather_weights
from memsim.models.parts.stdp import Window, spike_counts

HEAD_DIM = 8
WINDOWS = {
    "exponential": Window(),
    "exponential, wide": Window(A=0.9, offset=0.9, tau=2.0, t_max=2.0),
    "exponential, 5 levels": Window(levels=5),
    "linear": Window(shape="linear"),
    "linear, ends inside": Window(shape="linear", tau=0.25),
    "linear, 4 levels": Window(shape="linear", levels=4),
}
"""Every shape that has a gradient; in "linear, ends inside" a pair meets the window's end exactly."""

CASES = [pytest.param(w, s, id=f"{n}, {s}") for n, w in WINDOWS.items() for s in ("pulse", "no-pulse")]


def leaves(dtype: torch.dtype, *, tokens: int = 7) -> tuple[torch.Tensor, ...]:
    """Query spikes, key spikes and values as leaves; first tokens are silent, last ones always spike."""
    generator = torch.Generator().manual_seed(3)
    busy = torch.linspace(-0.2, 1.2, tokens).clamp(0, 1)[:, None]
    shape = (2, 3, 2, tokens, HEAD_DIM)
    q, k = ((torch.rand(shape, generator=generator) < busy).to(dtype) for _ in range(2))
    v = torch.rand(shape, generator=generator).to(dtype)
    assert {0.0, float(HEAD_DIM)} <= set(spike_counts(q).flatten().tolist())
    return tuple(leaf.requires_grad_() for leaf in (q, k, v))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize(("window", "silent"), CASES)
def test_output_and_gradients_are_those_of_the_definition(window, silent, dtype):
    core = STDPAttention(heads=2, head_dim=HEAD_DIM, window=window, silent=silent)
    q, k, v = leaves(dtype)
    seen = torch.rand(v.shape, generator=torch.Generator().manual_seed(4)).to(dtype)
    table, definition = core(q, k, v), core.weights(q, k) @ v
    assert table.dtype == dtype and table.grad_fn.name().startswith("_TableAttention")
    near = {"rtol": 1e-12, "atol": 1e-12} if dtype == torch.float64 else {"rtol": 1e-5, "atol": 1e-5}
    torch.testing.assert_close(table, definition, **near)
    ours, theirs = (torch.autograd.grad((out * seen).sum(), (q, k, v)) for out in (table, definition))
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, **near)
        assert bool(other.abs().sum() > 0)


@pytest.mark.parametrize(("window", "silent"), CASES)
def test_the_table_holds_the_weights_and_slopes_of_every_pair_of_counts(window, silent):
    weight, slope = weight_and_slope(window, HEAD_DIM, silent)
    assert torch.equal(weight, window.matrix(HEAD_DIM, silent))
    count, each = torch.arange(HEAD_DIM + 1, dtype=torch.float64), torch.arange(HEAD_DIM + 1)
    for sign, side in ((-1, "query"), (1, "key")):
        q, k = (c.flatten().clone()[:, None] for c in torch.meshgrid(count, count, indexing="ij"))
        moved = (q if side == "query" else k).requires_grad_()
        found = torch.autograd.grad(window.attention(q, k, head_dim=HEAD_DIM, silent=silent).sum(), moved)[0]
        assert torch.equal(sign * slope[each[:, None], each], found.view_as(slope)), side


@pytest.mark.parametrize("shape", ["exponential", "linear"])
def test_slopes_are_differences_where_the_window_is_smooth(shape):
    """At whole counts that differ, the weight is smooth in both."""
    window = Window(shape=shape, tau=0.9)
    _, slope = weight_and_slope(window, HEAD_DIM, "pulse")
    count, step = torch.arange(HEAD_DIM + 1, dtype=torch.float64), 1e-5
    up, down = (window.attention(count, count + s, head_dim=HEAD_DIM) for s in (step, -step))
    apart = ~torch.eye(HEAD_DIM + 1, dtype=torch.bool)
    torch.testing.assert_close(slope[apart], ((up - down) / (2 * step))[apart], rtol=1e-7, atol=1e-9)
    assert bool((slope[apart] < 0).all() or (slope[apart] > 0).all())


def test_gradcheck_in_the_values_and_of_the_definition_in_the_counts():
    q, k, v = (leaf.detach()[:1, :1] for leaf in leaves(torch.float64, tokens=5))
    tables = weight_and_slope(Window(), HEAD_DIM, "pulse")
    counts = spike_counts(q), spike_counts(k)
    assert torch.autograd.gradcheck(
        lambda v: _TableAttention.apply(*counts, v, *tables), (v.clone().requires_grad_(),)
    )
    apart = torch.tensor([[0.0, 2, 6, 8]]).double(), torch.tensor([[1.0, 3, 5, 7]]).double()
    assert torch.autograd.gradcheck(
        lambda q, k: Window().attention(q, k, head_dim=HEAD_DIM), [c.requires_grad_() for c in apart]
    )


@pytest.mark.parametrize("shape", ["exponential", "linear"])
@pytest.mark.parametrize("levels", [2, 3, 16])
def test_levels_pass_straight_through(shape, levels):
    plain, rounded = (Window(shape=shape, levels=n) for n in (None, levels))
    weight, slope = weight_and_slope(rounded, HEAD_DIM, "pulse")
    torch.testing.assert_close(slope, weight_and_slope(plain, HEAD_DIM, "pulse")[1], rtol=1e-12, atol=1e-15)
    assert len(weight.unique()) <= levels + 1


@pytest.mark.parametrize("silent", ["pulse", "no-pulse"])
def test_a_rectangular_window_is_flat_and_values_alone_learn(silent):
    core = STDPAttention(heads=2, head_dim=HEAD_DIM, window=Window(shape="rectangular"), silent=silent)
    q, k, v = leaves(torch.float64)
    out = core(q, k, v)
    torch.testing.assert_close(out, core.weights(q, k).detach() @ v)
    grads = torch.autograd.grad((out**2).sum(), (q, k, v))
    assert [bool(grad.abs().sum() > 0) for grad in grads] == [False, False, True]


def test_strided_spikes_and_an_expanded_gradient():
    """Spikes whose axes were exchanged, and the gradient of a plain sum, which has no memory of its own."""
    core = STDPAttention(heads=2, head_dim=HEAD_DIM)
    q, k, v = leaves(torch.float64)
    swapped = [
        leaf.detach().transpose(0, 1).contiguous().transpose(0, 1).requires_grad_() for leaf in (q, k, v)
    ]
    assert not swapped[0].is_contiguous()
    ours, theirs = (torch.autograd.grad(core(*three).sum(), three) for three in (swapped, (q, k, v)))
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other)


def test_inference_needs_no_table():
    q, k, v = leaves(torch.float32)
    core = STDPAttention(heads=2, head_dim=HEAD_DIM)
    with torch.no_grad():
        torch.testing.assert_close(core(q, k, v), core.weights(q, k) @ v)
    assert not core(q.detach(), k.detach(), v.detach()).requires_grad


@pytest.mark.parametrize("form", [nullcontext, plain])
@pytest.mark.parametrize("wrong", [9, -1])
def test_counts_that_no_table_has_are_refused(form, wrong):
    table, count = torch.zeros(9, 9), torch.zeros(2, 5)
    count[1, 3] = wrong
    for pair in ((count, 0 * count), (0 * count, count)):
        with form(), pytest.raises(ValueError, match=r"spike counts must lie in 0 \.\. 8"):
            gather_weights(table, *pair)
    with pytest.raises(ValueError, match=r"gradient has shape \(2, 5, 4\)"):
        count_gradients(table, 0 * count, 0 * count, torch.zeros(2, 5, 4))
