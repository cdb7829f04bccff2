"""pcm-joshi2020 against its published constants and against aihwkit's PCMLikeNoiseModel."""

import math

import pytest
import torch
from aihwkit.inference import PCMLikeNoiseModel

from memsim import devices
from memsim.devices.numerics.stream import stream
from memsim.devices.weights.cell_of_model import weight_cell
from tests.statistics import assert_mean, assert_same_law, assert_same_mean, assert_same_std

CELL = devices.get("pcm-joshi2020")
N = 100_000
TIMES = [0.0, 1.0, 60.0, 3600.0, 86400.0, 3.15e7]


def x64(*values):
    return torch.tensor(values, dtype=torch.float64)


def test_programming_constants():
    sigma = CELL.programming(x64(0, 0.1, 0.25, 0.5, 0.75, 1) * CELL.g_max, CELL.g_max) * 1e6
    expected = x64(0.26348, 0.448249, 0.681411, 0.952705, 1.077361, 1.05538)
    assert torch.allclose(sigma, expected, rtol=0, atol=1e-5)
    assert not torch.allclose(1.03 * sigma, expected, rtol=0, atol=1e-5)


def test_drift_constants():
    mean, spread = (law(x64(1, 0.1, 0.05, 0.01, 0)) for law in (CELL.drift.mean, CELL.drift.spread))
    assert torch.allclose(mean, x64(0.049, 0.06009, 0.070834, 0.09578, 0.1), rtol=0, atol=1e-5)
    assert torch.allclose(spread, x64(0.008, 0.022882, 0.031547, 0.045, 0.045), rtol=0, atol=1e-5)
    factors = [float(CELL.drift.factor(x64(0.049), t)) for t in (1, 60, 3600, 86400, 30 * 86400, 360 * 86400)]
    assert factors == pytest.approx([0.997612, 0.934327, 0.775129, 0.663524, 0.561671, 0.497282], abs=1e-6)


def test_noise_constants():
    q = CELL.flicker.fit(x64(1, 0.1, 0.01))
    assert torch.allclose(q, x64(0.0088, 0.039308, 0.175583), rtol=0, atol=1e-5)
    read = [0.0088 * math.sqrt(CELL.flicker.time(t)) for t in (0.0, 3600.0, 86400.0, 365 * 86400.0)]
    assert read == pytest.approx([0.036818, 0.04193, 0.044764, 0.049605], abs=1e-5)


def test_the_bridge_reads_the_same_numbers_from_aihwkit():
    built = weight_cell(PCMLikeNoiseModel(g_max=25.0), name="x")
    assert built == CELL
    scaled = PCMLikeNoiseModel(g_max=25.0, prog_noise_scale=0.5, drift_scale=2.0, read_noise_scale=3.0)
    varied = weight_cell(scaled, name="x")
    assert varied.strengths == (("drift", 2.0), ("flicker-noise", 3.0), ("programming", 0.5))
    wide = weight_cell(PCMLikeNoiseModel(g_max=50.0), name="x")
    assert wide.programming(x64(25e-6), wide.g_max) == pytest.approx(2 * 0.952705e-6, rel=1e-6)


@pytest.mark.parametrize("x", [0.0, 0.04, 0.5, 1.0])
@pytest.mark.parametrize("scales", [(1.0, 1.0, 1.0), (0.5, 2.0, 3.0)], ids=["plain", "scaled"])
def test_write_drift_and_noise_have_aihwkits_law(x, scales):
    """Both sides device by device (one conductance matrix, no converter), microsiemens against siemens."""
    model = PCMLikeNoiseModel(
        g_max=25.0, prog_noise_scale=scales[0], drift_scale=scales[1], read_noise_scale=scales[2]
    )
    cell = weight_cell(model, name="x")
    target = torch.full((N,), 25.0 * x)
    torch.manual_seed(1)
    programmed = model.apply_programming_noise_to_conductance(target)
    exponent = model.generate_drift_coefficients(target)
    state = cell.write(target * 1e-6, rng=stream(3, "write", str(x)))
    pairs = [(state.programmed * 1e6, programmed), (state.exponent, exponent)]
    for t in TIMES:
        theirs = model.apply_drift_noise_to_conductance(programmed, exponent, t)
        pairs.append((cell.read(cell.relax(state, t)) * 1e6, theirs))
    for ours, theirs in pairs:
        assert_same_mean(ours, theirs)
        assert_same_std(ours, theirs)
        assert_same_law(ours, theirs)
    with pytest.raises(AssertionError):
        assert_same_std(1.03 * pairs[0][0], pairs[0][1])
    with pytest.raises(AssertionError):
        assert_same_mean(1.03 * pairs[1][0], pairs[1][1])


def test_mean_drift_over_the_spread_of_exponents():
    """E of ((t + t0) / t0)^-abs(N(mu, s)): simulators.md, 2e6 draws there."""
    for x, expected in ((1.0, (0.66497, 0.50014)), (0.1, (0.6155, 0.4467))):
        state = CELL.without("programming").write(torch.full((N,), x * 25e-6), rng=stream(0, "nu", str(x)))
        for t, mean in zip((86400.0, 365 * 86400.0), expected, strict=True):
            assert_mean(((t + 20) / 20) ** -state.exponent, mean, floor=1e-4)


def test_time_zero_is_the_write_itself():
    target = torch.linspace(0, 25e-6, 1000).expand(2, 1000)
    state = CELL.write(target, rng=stream(0, range(2), "w"))
    same = CELL.relax(state, 0.0)
    assert torch.equal(same.programmed, state.programmed) and torch.equal(CELL.read(same), CELL.read(state))
    back = CELL.relax(CELL.relax(state, 1e5), 10.0)
    assert torch.equal(CELL.read(back), CELL.read(CELL.relax(state, 10.0)))  # times are absolute


def test_each_effect_off_leaves_the_others_bits():
    target, rng = torch.full((1000,), 10e-6, dtype=torch.float64), stream(0, "w")
    whole = CELL.write(target, rng=rng)
    assert torch.equal(CELL.without("drift").write(target, rng=rng).programmed, whole.programmed)
    assert torch.equal(CELL.without("programming").write(target, rng=rng).exponent, whole.exponent)
    ideal = CELL.without(*CELL.effects)
    state = ideal.write(target, rng=rng)
    assert torch.equal(ideal.read(ideal.relax(state, 1e7)), target) and ideal.read_noise == 0.0
    assert CELL.only("drift").off == frozenset(CELL.effects) - {"drift"}


def test_dtype_is_kept_and_bits_agree():
    target = torch.full((1000,), 10e-6, dtype=torch.float64)
    double, single = (
        CELL.read(CELL.relax(CELL.write(t, rng=stream(0, "w")), 1e4)) for t in (target, target.float())
    )
    assert double.dtype == torch.float64 and single.dtype == torch.float32
    assert torch.allclose(double, single.double(), rtol=1e-5)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: CELL.write(torch.full((1,), 10.0), rng=stream(0)), "microsiemens"),
        (lambda: CELL.write(torch.full((1,), -1e-6), rng=stream(0)), "outside"),
        (lambda: CELL.write(torch.full((1,), math.nan), rng=stream(0)), "outside"),
        (lambda: CELL.write(torch.ones(1, dtype=torch.int32), rng=stream(0)), "float tensor"),
        (lambda: CELL.relax(CELL.write(torch.zeros(1), rng=stream(0)), -1.0), "time since the write"),
        (lambda: CELL.without("rust"), "programming, drift"),
        (lambda: devices.get("pcm-joshi2021"), "pcm-joshi2020"),
    ],
)
def test_bad_input_is_refused_with_a_reason(call, message):
    with pytest.raises(ValueError, match=message):
        call()
