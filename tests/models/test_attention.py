"""Dense and histogram attention are one: exactly on integers, to rounding in float64; events are counted."""

import pytest
import torch

from memsim.models.parts.attention import STDPAttention, attend, attend_by_level
from memsim.models.parts.stdp import WINDOWS


def spikes(*shape: int, rate: float, seed: int) -> torch.Tensor:
    return (torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) < rate).double()


def qkv(heads: int = 3, tokens: int = 20, head_dim: int = 12) -> tuple[torch.Tensor, ...]:
    """Query, key, value spikes of uneven activity, some tokens silent."""
    shape = (2, 4, heads, tokens, head_dim)
    busy = torch.linspace(0, 1, tokens)[:, None]
    return tuple(
        spikes(*shape, rate=rate, seed=n) * (busy > 0.2 * n) for n, rate in enumerate((0.2, 0.5, 0.3))
    )


@pytest.mark.parametrize("silent", ["pulse", "no-pulse"])
def test_histogram_equals_dense_bit_for_bit_on_an_integer_table(silent):
    q, k, v = qkv()
    matrix = (WINDOWS["bounded"].matrix(12, silent) * 255).round().long()
    counts = q.sum(-1).long(), k.sum(-1).long()
    dense = attend(matrix, *counts, v.long())
    assert torch.equal(attend_by_level(matrix, *counts, v.long()), dense)
    assert int(dense.max()) > 255


@pytest.mark.parametrize("preset", list(WINDOWS))
@pytest.mark.parametrize("silent", ["pulse", "no-pulse"])
def test_histogram_equals_dense_in_float64(preset, silent):
    q, k, v = qkv()
    own = {"heads": 3, "head_dim": 12, "window": WINDOWS[preset], "silent": silent}
    dense, levels = STDPAttention(**own)(q, k, v), STDPAttention(**own, form="histogram")(q, k, v)
    assert float((dense - levels).abs().max()) < 1e-12


def test_attention_by_hand():
    """Two tokens, D_H = 2, counts r_Q = (2, 0), r_K = (0, 2); dt = ((-1, 0), (0, 1)); e**-2 = .135335."""
    q = torch.tensor([[1.0, 1], [0, 0]]).reshape(1, 1, 1, 2, 2)
    k = torch.tensor([[0.0, 0], [1, 1]]).reshape(1, 1, 1, 2, 2)
    v = torch.tensor([[1.0, 0], [1, 1]]).reshape(1, 1, 1, 2, 2)
    out = STDPAttention(heads=1, head_dim=2)(q, k, v)[0, 0, 0]
    up, down = 0.5 + 0.45 * 0.1353353, 0.5 - 0.45 * 0.1353353
    torch.testing.assert_close(out, torch.tensor([[up + 0.05, 0.05], [0.05 + down, down]]))


def test_heads_and_steps_stay_apart():
    q, k, v = qkv()
    core = STDPAttention(heads=3, head_dim=12)
    whole = core(q, k, v)
    torch.testing.assert_close(core(q[1:, :1, 2:], k[1:, :1, 2:], v[1:, :1, 2:]), whole[1:, :1, 2:])


def test_gradients_reach_query_key_and_value():
    leaves = [tensor.requires_grad_() for tensor in qkv()]
    (STDPAttention(heads=3, head_dim=12)(*leaves) ** 2).sum().backward()
    assert all(float(leaf.grad.abs().sum()) > 0 for leaf in leaves)
    with pytest.raises(ValueError, match="form='dense'"):
        STDPAttention(heads=3, head_dim=12, form="histogram")(*leaves)


def test_events_count_what_is_done():
    q, k, v = qkv(heads=1, tokens=5, head_dim=4)
    out = STDPAttention(heads=1, head_dim=4)(q, k, v)
    dense = STDPAttention(heads=1, head_dim=4).events((q, k, v), out)
    levels = STDPAttention(heads=1, head_dim=4, form="histogram").events((q, k, v), out)
    counting, values = float(q.sum() + k.sum()), float(v.sum())
    assert dense == {"digital-add": counting + 5 * values, "digital-compare": 2 * 4 * 25}
    assert levels == {"digital-add": counting + values + 8 * 5 * 5 * 4, "digital-compare": 2 * 4 * 5}
