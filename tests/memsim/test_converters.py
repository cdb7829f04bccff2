"""Converters round to a grid, clip to their range, and let the gradient straight through."""

import torch

from memsim.arrays.reading.converters import digitise, quantise


def test_a_signed_converter_has_its_levels_and_no_more():
    x = torch.linspace(-2, 2, 100_001)
    y = quantise(x, 1.0, 4)
    assert len(y.unique()) == 2 * 7 + 1
    assert y.max() == 1.0
    assert y.min() == -1.0
    inside = x.abs() <= 1
    assert (y - x)[inside].abs().max() <= 0.5 / 7 + 1e-6


def test_an_unsigned_converter_uses_all_codes_for_the_positive_side():
    y = quantise(torch.linspace(-1, 2, 10_001), 1.0, 3, signed=False)
    assert len(y.unique()) == 8
    assert y.min() == 0.0


def test_many_bits_are_the_identity():
    x = torch.randn(1000, dtype=torch.float64).clamp(-1, 1)
    assert torch.allclose(quantise(x, 1.0, 16), x, atol=1 / 2**15)


def test_the_gradient_passes_inside_the_range_and_stops_outside():
    x = torch.tensor([-3.0, -0.4, 0.2, 3.0], requires_grad=True)
    quantise(x, 1.0, 6).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0.0, 1.0, 1.0, 0.0]


def test_clips_are_counted_beyond_half_a_step():
    x = torch.tensor([0.0, 1.0, 1.04, 1.2, -1.2])
    _, clips = digitise(x, torch.tensor(1.0), 4)
    assert clips == 2
