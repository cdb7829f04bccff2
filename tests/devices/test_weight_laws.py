"""Every weight cell against aihwkit's own model of it, by mean and spread, and against closed
forms where aihwkit has none. Each comparison is seen to reject a device that is 3 % wrong.
"""

import math

import pytest
import torch

from memsim import devices
from memsim.devices.numerics.stream import stream
from memsim.devices.weights.model_of_cell import noise_model
from tests.statistics import assert_mean, assert_same_mean, assert_same_std, assert_std

N = 100_000
DAY = 86400.0
TIMES = {
    "pcm-hermes2023-1": (0.0, 60.0, DAY, 3.15e7),
    "pcm-hermes2023-2": (0.0, 60.0, DAY, 3.15e7),
    "reram-wan2022": (1.0, DAY, 2 * DAY),
    "reram-cmo-falcone2025-2pct": (1.0, 3600.0, DAY, 3.15e7),
    "reram-cmo-falcone2025-0.2pct": (1.0, 3600.0, DAY, 3.15e7),
}
POINTS = [(name, x) for name in TIMES for x in (0.0, 0.07, 0.5, 0.9)]


@pytest.mark.parametrize("name, x", POINTS)
def test_it_has_aihwkits_mean_and_spread(name, x):
    """Programming, and every time after it."""
    cell = devices.get(name)
    model = noise_model(cell)
    target = torch.full((N,), 1e6 * (cell.g_min + x * (cell.g_max - cell.g_min)))
    torch.manual_seed(1)
    programmed = model.apply_programming_noise_to_conductance(target)
    parameter = model.generate_drift_coefficients(target)
    state = cell.write(target * 1e-6, rng=stream(3, "write", name, str(x)))
    pairs = [(state.programmed.clamp(min=0) * 1e6, programmed)]
    if state.exponent is not None:
        pairs.append((state.exponent, parameter))
    for t in TIMES[name]:
        theirs = model.apply_drift_noise_to_conductance(programmed, parameter, t)
        pairs.append((cell.read(cell.relax(state, t)) * 1e6, theirs))
    for ours, theirs in pairs:
        assert_same_mean(ours, theirs)
        assert_same_std(ours, theirs)
        if x > 0.0:  # a resting device is half clipped: 3 % of it needs more devices
            with pytest.raises(AssertionError):
                assert_same_std(1.03 * ours, theirs)
            with pytest.raises(AssertionError):
                assert_same_mean(1.03 * ours, theirs)


def spread_at(cell, t, g=20e-6):
    """Error [uS] of devices written to `g`, `t` seconds after."""
    state = cell.write(torch.full((N,), g, dtype=torch.float64), rng=stream(0, "w"))
    return 1e6 * (cell.read(cell.relax(state, t)) - g)


@pytest.mark.parametrize("t, sigma", [(0.0, 2.01663), (1.0, 2.01663), (DAY, 3.909125), (2 * DAY, 3.928875)])
def test_wan_has_its_spread_at_its_times(t, sigma):
    """At half range, from the polynomials by hand."""
    error = spread_at(devices.get("reram-wan2022"), t)
    assert_mean(error, 0.0)
    assert_std(error, sigma)
    with pytest.raises(AssertionError):
        assert_std(1.03 * error, sigma)


def test_relaxation_is_one_path_for_each_device():
    """Two times of a device differ by what relaxed between them, not by a new draw."""
    for name in ("reram-wan2022", "reram-cmo-falcone2025-2pct"):
        cell = devices.get(name).without("flicker-noise") if "cmo" in name else devices.get(name)
        early, late = (spread_at(cell.without("programming"), t, 40e-6 * 0.9) for t in (3600.0, DAY))
        assert float(torch.corrcoef(torch.stack([early, late]))[0, 1]) > 0.9999
        whole, written = spread_at(cell, DAY, 36e-6), spread_at(cell, 0.0, 36e-6)
        relaxed = spread_at(cell.without("programming"), DAY, 36e-6)
        assert torch.allclose(whole, written + relaxed, atol=1e-9)  # two independent parts, in uS


def test_cmo_relaxes_by_its_log_law():
    cell = devices.get("reram-cmo-falcone2025-2pct").only("relaxation")
    for t in (1.0, DAY, 2 * DAY):
        error = spread_at(cell, t, 50e-6)
        sigma = 0.04201137 * math.log(t) + 0.41183342
        assert_mean(error, -0.08900206 * math.log(t))
        assert_std(error, sigma)
        with pytest.raises(AssertionError):
            assert_std(1.03 * error, sigma)


def test_milo_is_written_with_its_spread_and_stays():
    cell = devices.get("reram-milo2021")
    for g, sigma in ((50e-6, 4.326971), (200e-6, 2.960921)):
        error = spread_at(cell, 0.0, g)
        assert_mean(error, 0.0)
        assert_std(error, sigma)
        with pytest.raises(AssertionError):
            assert_std(1.03 * error, sigma)
        assert torch.equal(error, spread_at(cell, 3e7, g))


def test_a_time_beyond_the_last_fit_is_held_and_said():
    cell = devices.get("reram-wan2022")
    state = cell.write(torch.full((100,), 20e-6), rng=stream(0, "w"))
    with pytest.warns(devices.BeyondFit, match="measured up to 172800 s"):
        late = cell.relax(state, 1e7)
    assert torch.equal(cell.read(late), cell.read(cell.relax(state, 2 * DAY)))
    cell.without("relaxation").relax(state, 1e7)  # nothing to hold, nothing said
