"""Resets: a verified one is as near as the cut normal says, pulses draw to the symmetry point by the law."""

import math

import numpy as np
import pytest
import torch

from memsim import devices
from memsim.devices.numerics.stream import stream
from memsim.devices.pulses.resets import PulsedReset, slowest, verified_reset
from tests.devices import judges
from tests.statistics import assert_mean, assert_same_mean, assert_same_std, assert_std

N = 100_000
OM = devices.get("reram-om")


@pytest.mark.parametrize("tolerance", [0.3, 1.0, 2.5])
def test_a_verified_reset_has_the_spread_and_the_tries_of_repeating_it(tolerance):
    xi = np.random.default_rng(0).standard_normal(4 * N)
    accepted = xi[np.abs(xi) <= tolerance]
    cell, tries = verified_reset(OM, tolerance)
    assert_std(accepted, cell.strength("reset-noise"))
    assert_mean((np.abs(xi) <= tolerance).astype(float), 1 / tries)
    with pytest.raises(AssertionError):
        assert_std(1.03 * accepted, cell.strength("reset-noise"))
    quiet = OM.without("reset-noise")
    assert verified_reset(quiet, tolerance)[0] == quiet
    with pytest.raises(ValueError, match="tolerance"):
        verified_reset(OM, 0.0)


def states(cell: PulsedReset) -> torch.Tensor:
    fabric = cell.fabricate((N,), rng=stream(0, "s"))
    rest = torch.zeros(1, 1, N)
    return cell.rewrite(fabric, rest, rng=stream(0, "n"), image=None, step=None, visible=False).flatten()


def test_pulses_reset_as_one_by_one():
    """Ten pulses up and down in turn, against the plain loop from the same kind of start."""
    device = OM.without("device-spread")
    cell = PulsedReset.of(device, reset_pulses=10)
    judge, rng = judges.of(device), np.random.default_rng(1)
    values = device.fabricate((N,), rng=stream(1, "s")).values
    w = judge(values, judges.reset(device, values, rng), rng.integers(-16, 17, N), rng)
    for n in range(10):
        w = judge(values, w, np.full(N, (1, -1)[n % 2]), rng)
    ours = states(cell).double()
    assert_same_mean(ours, w, floor=0.004)
    assert_same_std(ours, w, rel=0.01)
    with pytest.raises(AssertionError):
        assert_same_std(1.03 * ours, w, rel=0.01)


def test_few_pulses_remember_and_the_noise_of_many_is_the_cycles():
    """Nominal devices: memory keeps (1 - a)^n of a start, the noise settles at s c / sqrt(1 - (1 - a)^2)."""
    cell = OM.without("device-spread", "reset-noise")
    few, many = (float(states(PulsedReset.of(cell, reset_pulses=n)).std()) for n in (4, 60))
    s, a = 0.0949, 0.0949
    assert few > 3 * many
    assert many == pytest.approx(s * OM.dw_min_std / (1 - (1 - a) ** 2) ** 0.5, rel=0.03)
    assert many > 8 * OM.reset_std


def test_a_cell_that_moves_up_only_cannot_be_reset_by_pulses():
    with pytest.raises(ValueError, match="up only"):
        PulsedReset.of(devices.get("pcm-nandakumar2018"), reset_pulses=40)


@pytest.mark.parametrize(("tolerance", "mean", "last"), [(0.2, 6.3, 52.0), (0.5, 2.6, 18.9), (1.0, 1.5, 8.2)])
def test_an_array_waits_for_its_slowest_device(tolerance, mean, last):
    """64 x 64 devices, each accepted with 1 / tries in a round; the last by sampling rounds of devices."""
    tries = 1 / math.erf(tolerance / math.sqrt(2))
    assert tries == pytest.approx(mean, abs=0.05)
    expected = slowest(tries, 64 * 64)
    assert expected == pytest.approx(last, abs=0.06)
    rounds = np.random.default_rng(0).geometric(1 / tries, (2000, 64 * 64)).max(1)
    assert_mean(rounds, expected)
    with pytest.raises(AssertionError):
        assert_mean(1.03 * rounds, expected)


def test_the_slowest_of_few_devices():
    assert slowest(2.5, 1) == pytest.approx(2.5, rel=1e-9)
    assert slowest(2.0, 2) == pytest.approx(2 + 2 - 4 / 3)  # E max = E a + E b - E min
    assert slowest(1.0, 10**9) == 1.0 and slowest(3.0, 0) == 0.0
    assert [slowest(t, 100) < slowest(t + 0.5, 100) < slowest(t + 0.5, 101) for t in (1.0, 5.0)] == [True] * 2
    with pytest.raises(ValueError, match=r"tries = 0\.5"):
        slowest(0.5, 3)


@pytest.mark.parametrize("nu", [0.3, 1.0, 4.0])
def test_a_noisy_verifying_read_takes_more_tries_and_accepts_worse_resets(nu):
    """Against resets that are repeated until xi + nu eta is within the tolerance."""
    cell, tries = verified_reset(OM, 0.5, nu * OM.reset_spread)
    draw = np.random.default_rng(1)
    xi, eta = draw.standard_normal((2, 2_000_000))
    kept = np.abs(xi + nu * eta) <= 0.5
    assert_mean(kept, 1 / tries)
    assert_std(xi[kept], cell.strength("reset-noise"))
    with pytest.raises(AssertionError):
        assert_std(1.03 * xi[kept], cell.strength("reset-noise"))
    exact, fewer = verified_reset(OM, 0.5)
    assert tries > fewer and cell.strength("reset-noise") > exact.strength("reset-noise")
    assert verified_reset(OM, 0.5, 0.0) == (exact, fewer)
