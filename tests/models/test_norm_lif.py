"""Norm and neurons fused are their layers: in float32 to rounding, in bf16 within stated bounds."""

import pytest
import torch
from torch import nn

from memsim.models.parts.lif import Law, spikes
from memsim.models.parts.neurons import LIF, SpikePool
from memsim.models.parts.norm_lif import lif, norm_add, norm_lif
from memsim.models.parts.spike_pool import pooled

BF16, FP32 = torch.bfloat16, torch.float32
LAWS = {
    "default": LIF().law,
    "decay": LIF(tau=3.0, v_threshold=0.4, v_reset=-0.2, decay_input=True).law,
    "through the reset": LIF(v_reset=-0.3, detach_reset=False).law,
}


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def norm_of(channels: int, momentum: float | None = 0.1) -> nn.BatchNorm1d:
    norm = nn.BatchNorm1d(channels, momentum=momentum)
    norm.weight.data, norm.bias.data = 1 + 0.3 * numbers(channels, seed=8), 0.4 * numbers(channels, seed=9)
    return norm


def by_layers(x: torch.Tensor, norm: nn.BatchNorm1d, law: Law, steps: int) -> torch.Tensor:
    """Norm, then neurons, as modules do it."""
    current = norm(x.flatten(0, 1)).view_as(x)
    return spikes(current.expand(steps, *current.shape[1:]) if len(x) == 1 else current, law)


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
@pytest.mark.parametrize("shape", [(4, 700, 24), (1, 300, 5), (3, 9, 1100)], ids=str)
def test_in_float32_it_is_norm_and_neurons(law: Law, shape: tuple[int, int, int]) -> None:
    """Rows that fill pieces and rows that do not, held currents, more channels than a piece has values."""
    steps = 4 if shape[0] == 1 else shape[0]
    a, b = (5 + 2 * numbers(*shape)).requires_grad_(), (5 + 2 * numbers(*shape)).requires_grad_()
    mine, theirs = norm_of(shape[2]), norm_of(shape[2])
    found = norm_lif(a, mine, law, steps=steps, kind=FP32)
    wanted = by_layers(b, theirs, law, steps)
    assert found.shape == wanted.shape and 0.02 < float(found.detach().mean()) < 0.98
    assert int((found != wanted).sum()) <= found.numel() // 20000  # a rounding at the threshold
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        torch.testing.assert_close(getattr(mine, name), getattr(theirs, name), rtol=1e-5, atol=1e-6)
    grad = numbers(*found.shape, seed=1)
    for out in (found, wanted):
        (out * grad).sum().backward()
    assert a.grad is not None and b.grad is not None
    if torch.equal(found, wanted):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-3, atol=2e-5)
        torch.testing.assert_close(mine.weight.grad, theirs.weight.grad, rtol=1e-4, atol=1e-3)
        torch.testing.assert_close(mine.bias.grad, theirs.bias.grad, rtol=1e-4, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_in_bf16_spikes_are_the_same_away_from_the_threshold(law: Law) -> None:
    """Every neuron whose potentials stay 1e-2 from the threshold; gradients to 2 % of their size."""
    x = 2 * numbers(4, 400, 24)
    exact, rounded = x.clone().requires_grad_(), x.to(BF16).requires_grad_()
    found = norm_lif(rounded, norm_of(24), law, steps=4, kind=BF16)
    wanted = by_layers(exact, norm_of(24), law, 4)
    current = norm_of(24)(x.flatten(0, 1)).view_as(x).detach()
    h, far = torch.full_like(x[0], law.v_reset), torch.ones(x.shape[1:], dtype=torch.bool)
    for t in range(4):
        u = h + law.gain * current[t]
        far &= (u - law.v_threshold).abs() > 1e-2
        assert bool((found[t].float() == wanted[t])[far].all())
        h = torch.where(u >= law.v_threshold, law.v_reset, law.beta * u + law.leak)
    assert found.dtype == BF16 and 0.9 < float(far.double().mean()) < 1
    grad = numbers(*x.shape, seed=1).to(BF16)
    (found * grad).sum().backward()
    (wanted * grad.float()).sum().backward()
    assert rounded.grad is not None and rounded.grad.dtype == BF16 and exact.grad is not None
    error = (rounded.grad.float() - exact.grad)[:, far]
    assert float(error.norm() / exact.grad[:, far].norm()) < 0.02


def test_neurons_alone_are_those_of_the_loop() -> None:
    for law in LAWS.values():
        a, b = (2 * numbers(3, 50, 17)).requires_grad_(), (2 * numbers(3, 50, 17)).requires_grad_()
        found, wanted = lif(a, law, BF16), spikes(b, law)
        assert found.dtype == BF16 and torch.equal(found.float(), wanted)
        grad = numbers(3, 50, 17, seed=1).to(BF16)
        (found * grad).sum().backward()
        (wanted * grad.float()).sum().backward()
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("with_base", [False, True])
def test_a_norm_is_added_to_membranes(with_base: bool) -> None:
    x, y = (3 + numbers(2, 60, 7)).requires_grad_(), (3 + numbers(2, 60, 7)).requires_grad_()
    base, other = (numbers(2, 60, 7, seed=2).requires_grad_() for _ in range(2))
    mine, theirs, bias = norm_of(7, None), norm_of(7, None), numbers(7, seed=3)
    found = norm_add(x, mine, base if with_base else None, bias=bias)
    wanted = theirs((y + bias).flatten(0, 1)).view_as(y) + (other if with_base else 0)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(mine.running_mean, theirs.running_mean)
    grad = numbers(2, 60, 7, seed=4)
    for out in (found, wanted):
        (out * grad).sum().backward()
    for a, b in ((x, y), (base, other), (mine.weight, theirs.weight), (mine.bias, theirs.bias)):
        if a.grad is not None or b.grad is not None:
            torch.testing.assert_close(a.grad, b.grad, rtol=1e-4, atol=1e-5)
    assert (base.grad is not None) is with_base


def test_a_mean_far_from_zero_cancels_nothing() -> None:
    x = (1000 + numbers(2, 500, 3)).requires_grad_()
    norm = nn.BatchNorm1d(3)
    out = norm_add(x, norm)
    wanted = nn.functional.batch_norm(x.detach().double().flatten(0, 1), None, None, training=True)
    torch.testing.assert_close(out.detach().double(), wanted.view_as(x), rtol=0, atol=2e-3)


def test_a_norm_that_is_not_training_is_refused() -> None:
    with pytest.raises(ValueError, match=r"call train\(\) on the network first"):
        norm_lif(numbers(1, 4, 3), norm_of(3).eval(), LIF().law, steps=1, kind=FP32)
    with pytest.raises(ValueError, match="more than one value per channel, got 1"):
        norm_lif(numbers(1, 1, 3), norm_of(3), LIF().law, steps=1, kind=FP32)


def test_threads_give_the_same_spikes() -> None:
    x, found = 2 * numbers(2, 333, 24), []
    before = torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            found.append(norm_lif(x, norm_of(24), LIF().law, steps=2, kind=BF16))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(*found)


@pytest.mark.parametrize("side", [2, 3])
@pytest.mark.parametrize("size", [(8, 6), (7, 5), (3, 3)], ids=str)
@pytest.mark.parametrize("kind", [FP32, BF16], ids=str)
def test_the_pool_is_that_of_maps_channels_first(side: int, size: tuple[int, int], kind: torch.dtype) -> None:
    """Ties everywhere: the gradient goes to the first of a window, as torch's does."""
    maps = (numbers(3, *size, 5) > 0.4).to(kind)
    a, b = maps.clone().requires_grad_(), maps.permute(0, 3, 1, 2).float().requires_grad_()
    found, wanted = pooled(a, side), SpikePool(side, 2, (side - 1) // 2)(b)
    assert torch.equal(found.permute(0, 3, 1, 2).float(), wanted)
    grad = numbers(*found.shape, seed=1).to(kind)
    (found * grad).sum().backward()
    (wanted * grad.permute(0, 3, 1, 2).float()).sum().backward()
    assert a.grad is not None and b.grad is not None
    torch.testing.assert_close(
        a.grad.permute(0, 3, 1, 2).float(), b.grad, rtol=0 if kind is FP32 else 2**-8, atol=1e-6
    )


def test_neurons_of_bf16_currents_have_membranes_of_float32() -> None:
    x = (2 * numbers(6, 500)).to(BF16)
    found = spikes(x, LIF().law)
    assert found.dtype == BF16 and torch.equal(found.float(), spikes(x.float(), LIF().law))
