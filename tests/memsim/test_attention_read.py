"""The fused read of attention arrays equals its two equations, written out in torch."""

import pytest
import torch

from memsim.arrays.reading.attention_read import AttentionRead

S, H, B, T = 2, 3, 2, 2


def reader(tokens: int, bits: int = 0, **changes) -> AttentionRead:
    draw = torch.Generator().manual_seed(2)
    fields = {
        "floor": -1.5, "rest": 0.1, "scale": 0.3, "bits": bits, "full_scale_S": torch.tensor([0.8, 1.4]),
        "gain_SHN": 1 + 0.2 * torch.randn(S, H, tokens, generator=draw),
        "shift_SHN": torch.randn(S, H, tokens, generator=draw),
    }  # fmt: skip
    return AttentionRead(**(fields | changes))


def states(tokens: int, sides: int) -> list[torch.Tensor]:
    draw = torch.Generator().manual_seed(1)
    return [torch.randn(S, H, B, T, tokens, tokens, generator=draw) for _ in range(sides)]


def spikes(tokens: int, features: int) -> torch.Tensor:
    draw = torch.Generator().manual_seed(0)
    return (torch.rand(T, S * B, H, tokens, features, generator=draw) < 0.3).float()


def by_array(x: torch.Tensor) -> torch.Tensor:
    return x.unflatten(1, (S, B)).movedim((1, 3, 2, 0), (0, 1, 2, 3))


@pytest.mark.parametrize("sides", [1, 2])
@pytest.mark.parametrize("bits", [0, 5])
@pytest.mark.parametrize(("tokens", "features"), [(64, 32), (17, 43), (8, 8), (9, 5), (1, 1)])
def test_the_fused_read_equals_its_equations(tokens, features, bits, sides):
    """A value on the edge of two codes may fall on either side, one step apart."""
    held, v = states(tokens, sides), spikes(tokens, features)
    read = reader(tokens, bits, rest=0.1 if sides == 1 else 0.0)
    kept = [w.clamp(min=read.floor) for w in held]
    weight = read.scale * (kept[0] - (read.rest if sides == 1 else kept[1]))
    wanted, clips = read.plain(weight @ by_array(v), by_array(v))
    told = torch.empty_like(weight)
    found = read(held, v, told)
    assert torch.allclose(told, weight, atol=1e-6)
    difference = (by_array(found.numbers) - wanted).abs()
    assert (difference > 1e-4).float().mean() < 2e-3
    assert difference.max() < (2 * 1.4 / 15 if bits else 0.0) + 1e-4
    assert abs(found.clips - clips) <= 2e-3 * wanted.numel() and (clips > 0) == (bits > 0 and tokens > 1)
    assert torch.allclose(found.column, sum(w.sum(-2) for w in kept), atol=1e-4)
    assert found.floors == sum(int((w < read.floor).sum()) for w in held)
    again = torch.empty_like(weight)
    laid_out = read.in_torch(held, v, again)
    assert torch.allclose(again, weight, atol=1e-6)
    assert ((laid_out.numbers - found.numbers).abs() > 1e-4).float().mean() < 2e-3
    assert torch.allclose(laid_out.column, found.column, atol=1e-4) and laid_out.floors == found.floors
    assert torch.equal(read(held, v).numbers, found.numbers), "asking for weights changes no number"
    turned = v.transpose(-1, -2).contiguous().transpose(-1, -2)
    assert torch.equal(read(held, turned).numbers, found.numbers), "nor does how the spikes lie in memory"


@pytest.mark.parametrize("sides", [1, 2])
def test_weights_take_the_place_of_the_states(sides):
    held = states(12, sides)
    told, read = torch.empty_like(held[0]), reader(12)
    read([w.clone() for w in held], spikes(12, 4), told)
    assert read.weights(held).numbers.numel() == 0
    assert torch.equal(held[0], told)


def test_numbers_are_the_same_on_any_number_of_threads_and_in_any_batch():
    held, v, read = states(33, 1), spikes(33, 32), reader(33, 6)
    threads, found = torch.get_num_threads(), []
    try:
        for many in (1, 2):
            torch.set_num_threads(many)
            found.append(read(held, v).numbers)
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(*found)
    second = read([w[:, :, 1:].contiguous() for w in held], v.unflatten(1, (S, B))[:, :, 1].contiguous())
    assert torch.equal(second.numbers, found[0].unflatten(1, (S, B))[:, :, 1])
