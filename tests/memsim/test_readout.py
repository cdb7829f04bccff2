"""The fused read equals the plain one, and its noise has the stated law."""

from dataclasses import replace

import pytest
import torch

from memsim.arrays.ranges import Drives
from memsim.arrays.reading.noise import ReadNoise
from memsim.arrays.reading.unrolling import unrolling
from memsim.arrays.reading.weight_read import ReadOut
from memsim.converters.dac import Dac
from memsim.devices import stream
from memsim.run import Address
from tests.statistics import assert_mean, assert_std

S, T, B, P = 2, 3, 4, 37
AT = Address(torch.tensor([7, 3, 100, 0]).numpy(), range(T))


def read_out(rows: int = 11, columns: int = 7, tiles: int = 1, **changes) -> ReadOut:
    draw = torch.Generator().manual_seed(1)
    sums = torch.rand(S, rows, columns, generator=draw)
    fields = {
        "volt_SRC": torch.randn(S, rows, columns, generator=draw),
        "power_SRC": sums,
        "row_siemens_SR": sums.sum(-1).double(),
        "full_scale_SK": torch.full((S, tiles), 2.0),
        "gain_SC": torch.linspace(0.5, 2, S * columns).view(S, columns),
        "bits": 6,
        "noise": ReadNoise(factor=0.1),
        "rng": stream(0, range(S), "read"),
    }
    return ReadOut(**(fields | changes))


def drive(rows: int, spikes: bool = True) -> torch.Tensor:
    draw = torch.Generator().manual_seed(0)
    on = (torch.rand(T, S, B, P * rows, generator=draw) < 0.3).float()
    return on if spikes else on * torch.randn(on.shape, generator=draw)


@pytest.mark.parametrize(("rows", "columns", "tiles"), [(11, 7, 1), (50, 64, 3), (40, 300, 2), (9, 1, 1)])
@pytest.mark.parametrize("bits", [0, 6])
@pytest.mark.parametrize("noisy", [False, True, "all parts"])
@pytest.mark.parametrize("drives", ["spikes", "sparse numbers", "numbers"])
def test_the_fused_read_equals_the_plain_one(rows, columns, tiles, bits, noisy, drives):
    changes = {} if noisy else {"power_SRC": None}
    if noisy == "all parts":
        floor = torch.rand(S, tiles, columns, generator=torch.Generator().manual_seed(2))
        changes["noise"] = ReadNoise(factor=0.1, square=0.2, linear=0.5, driven=0.7, floor_SKC=floor)
    read = read_out(rows, columns, tiles, bits=bits, dense=drives == "numbers", **changes)
    x = drive(rows, drives == "spikes")
    fast, slow = read(x, None, AT), read.plain(x, None, AT)
    step = 2 * 2.0 / 31 if bits else 0.0
    difference = (fast.numbers - slow.numbers).abs()
    assert (
        difference > 1e-4
    ).float().mean() < 1e-3  # a value on the edge of two codes may fall on either side
    assert difference.max() < 2 * step * tiles + 1e-4
    assert abs(fast.clips - slow.clips) <= 1e-4 * slow.numbers.numel() + 1
    assert (fast.clips > 0) == bool(bits)
    assert fast.others == slow.others == (0 if drives == "spikes" else T * S * B)
    assert fast.driven.shape == fast.siemens.shape == (S, T)
    assert torch.equal(fast.driven, slow.driven)
    torch.testing.assert_close(fast.siemens, slow.siemens, rtol=1e-6, atol=0)


def test_read_noise_has_the_stated_spread():
    """sd = noise sqrt(sum x^2 G), mean 0; a 3 % louder read is told apart."""
    columns, images = 250, 200
    quiet = {"volt_SRC": torch.zeros(S, 4, columns), "power_SRC": torch.ones(S, 4, columns)}
    more = {"gain_SC": torch.ones(S, columns), "row_siemens_SR": torch.ones(S, 4).double()}
    read, at = read_out(4, columns, bits=0, **quiet, **more), Address(torch.arange(images).numpy(), range(1))
    out = read(torch.ones(1, S, images, 4), None, at).numbers
    assert_mean(out, 0.0, sigma=0.2)
    assert_std(out, 0.2)
    with pytest.raises(AssertionError):
        assert_std(1.03 * out, 0.2)


def test_noise_hangs_on_the_image_not_on_its_place():
    whole = read_out()(drive(11), None, AT).numbers
    alone = read_out()(drive(11)[:, :, 2:3], None, Address(torch.tensor([100]).numpy(), range(T))).numbers
    assert torch.equal(whole[:, :, 2:3], alone)


def test_a_row_without_a_spike_costs_nothing():
    reading = read_out()(torch.zeros(T, S, B, P * 11), None, AT)
    assert not reading.driven.any()
    assert not reading.siemens.any()
    assert not reading.numbers.any()


def test_numbers_have_the_same_bits_in_any_batch_on_any_chips_and_threads():
    """300 positions are read in parts, 37 positions of one image beside those of others."""
    torch.set_num_threads(1)
    for positions in (37, 300):
        x = torch.rand(T, S, B, positions * 50, generator=torch.Generator().manual_seed(5))
        whole = read_out(50, 70, 3, dense=True)
        expected = whole(x, None, AT)
        torch.set_num_threads(2)
        again = whole(x, None, AT)
        torch.set_num_threads(1)
        assert torch.equal(again.numbers, expected.numbers)
        assert torch.equal(again.siemens, expected.siemens)
        image = whole(x[:, :, 2:3], None, Address(AT.images[2:3], range(T)))
        assert torch.equal(image.numbers, expected.numbers[:, :, 2:3])
        fields = ("volt_SRC", "power_SRC", "row_siemens_SR", "full_scale_SK", "gain_SC")
        second = {name: getattr(whole, name)[1:] for name in fields}
        chip = replace(whole, rng=stream(0, range(1, 2), "read"), **second)(x[:, 1:], None, AT)
        assert torch.equal(chip.numbers, expected.numbers[:, 1:])
        assert torch.equal(chip.siemens, expected.siemens[1:])


@pytest.mark.parametrize("signed", [[False, False], [True, True], [True, False]])
def test_the_dac_in_one_pass_is_the_plain_one(signed):
    peaks = torch.tensor([1.0, 2.5])
    drives = Drives(False, None, torch.tensor(signed), peaks, torch.tensor([False, False]), torch.ones(2, 1))
    x = 1.5 * torch.randn(3, 2, 4, 50, generator=torch.Generator().manual_seed(2))
    dac = Dac(bits=6)
    (fast, clipped), (slow, expected) = (
        drives.convert(y, drives.levels(dac)) for y in (x, x.clone().requires_grad_())
    )
    torch.testing.assert_close(fast, slow.detach(), rtol=1e-6, atol=1e-6)
    assert clipped == expected > 0


@pytest.mark.parametrize(("kernel", "padding", "stride"), [(3, 1, 1), (2, 0, 2), (3, 0, 2)])
@pytest.mark.parametrize("dense", [False, True])
def test_reading_by_index_is_reading_the_unrolled_patches(kernel, padding, stride, dense):
    draw = torch.Generator().manual_seed(3)
    maps = (torch.rand(T * S * B, 2, 7, 5, generator=draw) < 0.4).float()
    maps = maps * torch.randn(maps.shape, generator=draw) if dense else maps
    patches = torch.nn.functional.unfold(maps, kernel, 1, padding, stride)  # (T S B, R, P)
    rows = patches.shape[1]
    unrolled = patches.transpose(1, 2).reshape(T, S, B, -1)
    index = unrolling((2, 7, 5), (kernel, kernel), 1, padding, stride)
    read = read_out(rows, 6, 2, dense=dense)
    for way in (read, read.plain):
        by_index, laid_out = way(maps.view(T, S, B, -1), index, AT), way(unrolled, None, AT)
        assert torch.equal(by_index.numbers.transpose(-1, -2), laid_out.numbers)
        assert by_index.clips == laid_out.clips
        assert torch.equal(by_index.driven, laid_out.driven)
