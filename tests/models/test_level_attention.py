"""Attention of rows by level is STDPAttention with its gradient, for every window, count and spike type."""

from typing import Any

import pytest
import torch
from torch import Tensor

from memsim.models.parts.attention import STDPAttention
from memsim.models.parts.level_attention import attend_in_rows
from memsim.models.parts.stdp import Window

BATCH, STEPS, TOKENS = 3, 2, 7
CORES: dict[str, dict[str, Any]] = {
    "bounded": {"heads": 2, "head_dim": 8},
    "no pulse": {"heads": 3, "head_dim": 5, "silent": "no-pulse"},
    "linear, levels": {"heads": 1, "head_dim": 6, "window": Window(shape="linear", levels=4)},
    "rectangular": {"heads": 2, "head_dim": 1, "window": Window(shape="rectangular")},
}


def fired(core: STDPAttention, rate: float, seed: int, tokens: int = TOKENS) -> Tensor:
    shape = (STEPS, BATCH * tokens, core.heads * core.head_dim)
    return (torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) < rate).float()


def by_module(core: STDPAttention, spikes: list[Tensor], tokens: int, scale: float) -> Tensor:
    heads = (x.view(STEPS, BATCH, tokens, core.heads, core.head_dim).transpose(-2, -3) for x in spikes)
    return (core(*heads) * scale).transpose(-2, -3).reshape(spikes[0].shape)


@pytest.mark.parametrize("tokens", [1, TOKENS])
@pytest.mark.parametrize("rate", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("name", CORES)
def test_it_is_the_module(name: str, rate: float, tokens: int) -> None:
    """Silent tokens, usual ones, and tokens whose every neuron fires; sums to rounding."""
    core = STDPAttention(**CORES[name])
    given = [fired(core, rate, seed, tokens) for seed in range(3)]
    for kind in (torch.float32, torch.bfloat16):
        ours = [x.clone().to(kind).requires_grad_() for x in given]
        theirs = [x.clone().requires_grad_() for x in given]
        found = attend_in_rows(core, *ours, batch=BATCH, scale=0.125)
        wanted = by_module(core, theirs, tokens, 0.125)
        assert found.dtype == torch.float32
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-6)
        grad = torch.randn(*found.shape, generator=torch.Generator().manual_seed(9))
        for out in (found, wanted):
            (out * grad).sum().backward()
        rtol = 1e-4 if kind is torch.float32 else 2**-8
        for a, b in zip(ours, theirs, strict=True):
            assert a.grad is not None and b.grad is not None and a.grad.dtype == kind
            torch.testing.assert_close(a.grad.float(), b.grad, rtol=rtol, atol=1e-5)


def test_threads_and_an_image_alone_give_the_same_bits() -> None:
    core = STDPAttention(heads=2, head_dim=8)
    given = [fired(core, 0.3, seed) for seed in range(3)]
    whole = attend_in_rows(core, *given, batch=BATCH, scale=0.5)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        assert torch.equal(attend_in_rows(core, *given, batch=BATCH, scale=0.5), whole)
    finally:
        torch.set_num_threads(before)
    alone = [x[:, TOKENS : 2 * TOKENS] for x in given]
    found = attend_in_rows(core, *alone, batch=1, scale=0.5)
    assert torch.equal(found, whole[:, TOKENS : 2 * TOKENS])
