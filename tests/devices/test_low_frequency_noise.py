"""Low-frequency noise: its variance at every time is aihwkit's, from time to time it has a 1/f spectrum."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.special import sici

from memsim import devices
from memsim.arrays.weight_devices import seen
from memsim.devices.numerics.stream import stream
from memsim.devices.weights.effects import CELL as CELL_LENGTH
from memsim.devices.weights.effects import DecadeFlicker
from tests.statistics import assert_mean, assert_std

CELL = devices.get("pcm-joshi2020")
LAW = CELL.flicker
N = 100_000


def path(t, shape=(N,), x=0.5, cell=CELL):
    """B(t) as the cell's read shows it."""
    cell = cell.without("programming", "drift")
    target = torch.full(shape, x * CELL.g_max, dtype=torch.float64)
    state = cell.relax(cell.write(target, rng=stream(0, "path")), t)
    return (cell.read(state) / target - 1) / cell.flicker.fit(torch.tensor([x], dtype=torch.float64))


def of_the_spectrum(t, other):
    """Correlation of noise of the spectrum 1/f between 1 / (t + t_0 + t_read) and 1 / (2 t_read):
    the integral of cos(2 pi f (t - other)) / f over what both times have of that band.
    """
    slowest = min(t, other) + LAW.t_0 + LAW.t_read
    turn = 2 * math.pi * abs(t - other)
    common = sici(turn / (2 * LAW.t_read))[1] - sici(turn / slowest)[1]
    return common / math.sqrt(LAW.time(t) * LAW.time(other))


def correlation(t, other):
    return LAW.covariance(t, other) / math.sqrt(LAW.time(t) * LAW.time(other))


@pytest.mark.parametrize("t", [0.0, 1e-3, 1.0, 31.0, 179.999, 180.0, 180.001, 1e3, 86400.0, 2e7])
def test_it_has_its_variance_at_every_time(t):
    sd = math.sqrt(LAW.time(t))
    b = path(t)
    assert_mean(b, 0.0, sigma=sd)
    assert_std(b, sd)
    with pytest.raises(AssertionError):
        assert_std(1.03 * b, sd)


def test_its_parts_add_up_to_the_variance():
    for t in (0.0, 1e-6, 0.3, 5.0, 3600.0, 86400.0, 3e7, 1e11):
        parts = LAW.slow_parts(t).values()
        assert LAW.fast_variance(t) + sum(w * w for w in parts) == pytest.approx(LAW.time(t), rel=1e-12)


@pytest.mark.parametrize(
    ("t", "other"),
    [(3600.0, 3601.0), (3600.0, 3660.0), (3600.0, 86400.0), (1.0, 30.0), (86400.0, 9e4), (2e7, 2.1e7)],
)
def test_two_times_have_the_covariance_that_it_states(t, other):
    expected = LAW.covariance(t, other)
    product = path(t, (20 * N,)) * path(other, (20 * N,))
    assert_mean(product, expected)
    if expected > 3.0:
        with pytest.raises(AssertionError):
            assert_mean(1.03 * product, expected)


def test_the_correlation_is_that_of_the_spectrum():
    assert of_the_spectrum(3600.0, 3601.0) == pytest.approx(0.2546, abs=5e-5)
    assert correlation(3600.0, 3601.0) == pytest.approx(0.255, abs=0.002)
    assert correlation(3600.0, 86400.0) == pytest.approx(0.003, abs=0.004)
    rng = np.random.default_rng(0)
    times = 10 ** rng.uniform(0, 7.6, (3000, 2))
    wrong = np.array([correlation(t, t + d) - of_the_spectrum(t, t + d) for t, d in times])
    assert np.sqrt(np.mean(wrong**2)) < 0.016
    assert np.abs(wrong).max() < 0.07


@pytest.mark.parametrize("first", [1.0, 1e-3, 1e-6])
def test_followed_from_shorter_periods_on_the_spectrum_holds_for_nearer_times(first):
    """For pairs a tenth of the first period apart, and more, up to a year; at that distance exactly, too."""
    law = replace(LAW, first=first)
    assert law.apart == pytest.approx(first / 10)
    rng = np.random.default_rng(0)
    start = 10 ** rng.uniform(min(0, math.log10(law.apart)), 7.5, 600)
    gap = 10 ** rng.uniform(math.log10(law.apart), 7.5, 600)
    gap[start > 1e6] = gap[start > 1e6].clip(1e-6)  # float64 holds no shorter time there

    def off(t, d):
        between = law.covariance(t, t + d) / math.sqrt(law.time(t) * law.time(t + d))
        return between - of_the_spectrum(t, t + d)

    wrong = np.array([off(t, d) for t, d in zip(start, gap, strict=True)])
    assert np.sqrt(np.mean(wrong**2)) < 0.025
    assert np.abs(wrong).max() < 0.1
    t = 3600.0
    assert LAW.covariance(t, t + law.apart) < 0.9 * law.covariance(t, t + law.apart)
    parts = law.slow_parts(t).values()
    assert law.fast_variance(t) + sum(w * w for w in parts) == pytest.approx(law.time(t), rel=1e-12)


def test_nearer_times_have_the_covariance_that_is_stated():
    cell = replace(CELL, flicker=replace(LAW, first=1e-2))
    here, there = path(60.0, (20 * N,), cell=cell), path(60.005, (20 * N,), cell=cell)
    expected = cell.flicker.covariance(60.0, 60.005)
    assert_std(here, math.sqrt(LAW.time(60.0)))
    assert_mean(here * there, expected)
    with pytest.raises(AssertionError):
        assert_mean(here * there, 1.03 * expected)


@pytest.mark.parametrize("wrong", [0.0, -1.0, 100.0, 0.5, 1e-7, math.nan])
def test_a_period_that_cannot_be_followed_is_refused(wrong):
    with pytest.raises(ValueError, match=r"a power of ten from 1e-06 to 10 s"):
        replace(LAW, first=wrong)


def test_normals_do_not_come_again_after_their_numbers_are_used_up():
    """The first decade has 2^28 normals of its first stream: 47 years; then the next stream's."""
    later = 48 * 365.25 * 86400.0
    once = 2**28 * CELL_LENGTH * LAW.first
    assert 46 < once / (365.25 * 86400.0) < 48
    assert LAW.covariance(3600.0, 3600.0 + once) == 0.0
    assert_mean(path(3600.0) * path(3600.0 + once), 0.0)
    assert_std(path(later), math.sqrt(LAW.time(later)))


def test_times_are_asked_for_in_any_order_and_give_the_same_bits():
    there = [path(t, (64,)) for t in (1.0, 3600.0, 86400.0)]
    back = [path(t, (64,)) for t in (86400.0, 3600.0, 1.0)]
    assert all(torch.equal(a, b) for a, b in zip(there, reversed(back), strict=True))
    whole, part = path(3600.0, (256,)), path(3600.0, (100,))
    assert torch.equal(whole[:100], part)  # a device's own path, whatever stands beside it


def test_neighbouring_devices_and_times_far_apart_have_nothing_in_common():
    b = path(3600.0)
    assert_mean(b[:-1] * b[1:], 0.0)
    assert_mean(b * path(3e7), LAW.covariance(3600.0, 3e7))
    assert LAW.covariance(3600.0, 3e7) == 0.0


def test_blocks_give_the_bits_of_whole_tensors():
    rng, goal = stream(1, range(2), "x"), (torch.rand(1, 40, 30) * 2 - 1) * CELL.g_max
    for t in (1.0, 3600.0, 1e7):
        fast = seen(goal, CELL, rng, t, 1, 0.2)
        assert all(map(torch.equal, fast, seen.meaning(goal, CELL, rng, t, 1, 0.2)))


def test_it_grows_from_nothing_where_the_noise_begins_at_the_write():
    law = DecadeFlicker(t_0=1e-6, t_read=1e-6, k=0.03)
    assert law.time(0.0) == law.fast_variance(0.0) == 0.0 and law.slow_parts(0.0) == {}
    spreads = [law.fast_variance(t) + sum(w * w for w in law.slow_parts(t).values()) for t in (1, 1e2, 1e4)]
    assert all(a < b for a, b in pairwise(spreads))


def test_no_noise_is_no_noise_and_more_noise_is_more_error():
    target = torch.full((2000,), 10e-6)
    errors = []
    for strength in (0.0, 0.1, 1.0, 10.0):
        cell = CELL.only("flicker-noise").scaled({"flicker-noise": strength})
        state = cell.relax(cell.write(target, rng=stream(0, "w")), 3600.0)
        errors.append(float((cell.read(state) - target).square().mean()))
        if strength == 0.0:
            off = CELL.without(*CELL.effects)
            assert torch.equal(cell.read(state), off.read(off.write(target, rng=stream(0))))
    assert errors[0] == 0.0 and all(a < b for a, b in pairwise(errors))
