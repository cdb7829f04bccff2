"""The fused read-out equals the plain one, and its noise has the stated law."""

import pytest
import torch

from devices import stream
from memsim.readout import ReadOut
from tests.statistics import assert_mean, assert_std

S, T, B, P = 2, 3, 4, 5


def read_out(tiles: int, columns: int, **changes) -> ReadOut:
    fields = {
        "bits": 6,
        "full_scale_SK": torch.full((S, tiles), 1.5),
        "gain_SC": torch.linspace(0.5, 2, S * columns).view(S, columns),
        "noise": 0.1,
        "rng": stream(0, range(S), "read"),
        "images": torch.tensor([7, 3, 100, 0]).numpy(),
    }
    return ReadOut(**(fields | changes))


@pytest.mark.parametrize(("tiles", "columns"), [(1, 7), (3, 64), (2, 300)])
@pytest.mark.parametrize("bits", [0, 6])
@pytest.mark.parametrize("noisy", [False, True])
def test_the_fused_pass_equals_the_plain_one(tiles, columns, bits, noisy):
    draw = torch.Generator().manual_seed(0)
    current = torch.randn(S, tiles, T * B * P, columns, generator=draw)
    power = torch.rand(current.shape, generator=draw) if noisy else None
    read = read_out(tiles, columns, bits=bits)
    fast, fast_clips = read(current, power, T, P)
    slow, slow_clips = read.plain(current, power, T, P)
    step = 1.5 / 31 if bits else 0.0
    # a value on the edge of two codes may fall on either side
    assert ((fast - slow).abs() > 1e-4).float().mean() < 1e-3
    assert (fast - slow).abs().max() < 2 * step * tiles + 1e-4
    assert abs(fast_clips - slow_clips) <= 3
    assert (fast_clips > 0) == bool(bits)


def test_read_noise_has_the_stated_spread():
    """sd = noise sqrt(v), mean 0; a 3 % louder read is told apart."""
    columns, images = 250, range(200)
    read = read_out(1, columns, bits=0, gain_SC=torch.ones(S, columns), images=torch.arange(200).numpy())
    current = torch.zeros(S, 1, len(images), columns)
    out, _ = read(current, torch.full_like(current, 4.0), 1, 1)
    assert_mean(out, 0.0, sigma=0.2)
    assert_std(out, 0.2)
    with pytest.raises(AssertionError):
        assert_std(1.03 * out, 0.2)


def test_noise_hangs_on_the_image_not_on_its_place():
    read = read_out(2, 9)
    current = torch.zeros(S, 2, T * B * P, 9)
    whole, _ = read(current, torch.ones_like(current), T, P)
    one = read_out(2, 9, images=torch.tensor([100]).numpy())
    part, _ = one(current[:, :, : T * P], torch.ones(S, 2, T * P, 9), T, P)
    assert torch.equal(whole.view(S, T, B, P, 9)[:, :, 2], part.view(S, T, P, 9))
