"""Each defect of aihwkit's noise models, pinned: these tests fail when aihwkit repairs or changes it."""

import warnings

import pytest
import torch
from aihwkit.inference import PCMLikeNoiseModel, ReRamCMONoiseModel, ReRamWan2022NoiseModel

from devices.bridge import weight_cell
from devices.noise_models import apply_noise, cmo, pcm_like, wan2022
from tests.statistics import assert_mean, assert_std

HALF = torch.full((400_000,), 12.5)  # uS, half of g_max = 25
WAN_HALF = 0.348 + 16.030 / 2 - 43.853 / 4 + 45.393 / 8 - 16.815 / 16  # uS at x = 1/2, 1 s, fitted at 40 uS


def programmed(model, target):
    torch.manual_seed(0)
    return model.apply_programming_noise_to_conductance(target)


def test_wan_noise_is_scaled_to_g_max_and_aihwkit_forgets_to():
    repaired = programmed(wan2022(g_max=25.0), HALF) - HALF
    assert_std(repaired, WAN_HALF * 25 / 40)
    with pytest.raises(AssertionError):
        assert_std(1.03 * repaired, WAN_HALF * 25 / 40)
    assert_std(programmed(ReRamWan2022NoiseModel(g_max=25.0), HALF) - HALF, WAN_HALF)  # the defect
    assert_std(programmed(wan2022(g_max=40.0), 1.6 * HALF) - 1.6 * HALF, WAN_HALF)


def test_wan_takes_a_reference_and_aihwkit_loses_it():
    with pytest.raises(AttributeError):
        programmed(ReRamWan2022NoiseModel(g_max=25.0, coeff_g_max_reference=40.0), HALF)  # the defect
    assert_std(programmed(wan2022(g_max=25.0, coeff_g_max_reference=50.0), HALF) - HALF, WAN_HALF / 2)


def test_cmo_default_acceptance_is_two_per_cent_and_aihwkit_takes_a_tenth_of_it():
    target = torch.full((400_000,), 50.0)
    assert_std(programmed(cmo(g_max=88.2, g_min=0.1), target) - target, 0.0112185391 + 0.01129027418 * 50)
    defect = ReRamCMONoiseModel(g_max=88.2, g_min=0.1)
    assert_std(programmed(defect, target) - target, 0.00081107 + 0.00106879 * 50)  # the defect
    with pytest.raises(ValueError, match=r"0\.2 and 2 per cent"):
        cmo(acceptance=0.02, g_max=88.2, g_min=0.1)


def test_cmo_devices_that_relax_to_zero_are_read_and_aihwkit_gives_nan():
    low = torch.full((10_000,), 0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy, about the logarithm of a negative number
        broken = ReRamCMONoiseModel(g_max=88.2, g_min=0.1).apply_drift_noise_to_conductance(low, low, 3600.0)
    assert broken.isnan().any()  # the defect
    repaired = cmo(g_max=88.2, g_min=0.1).apply_drift_noise_to_conductance(low, low, 3600.0)
    assert repaired.isfinite().all() and repaired.min() >= 0.1
    high = torch.full((400_000,), 50.0)
    torch.manual_seed(0)
    day = cmo(g_max=88.2, g_min=0.1).apply_drift_noise_to_conductance(high, high, 86400.0)
    assert_mean(day - high, -1.0117, floor=1e-4)  # simulators.md: mean shift after a day


def test_pcm_takes_a_polynomial_with_its_reference_and_aihwkit_loses_it():
    coeff = [0.5, 1.0, -0.5]
    with pytest.raises(AttributeError):
        programmed(PCMLikeNoiseModel(prog_coeff=coeff, prog_coeff_g_max_reference=50.0, g_max=25.0), HALF)
    model = pcm_like(prog_coeff=coeff, prog_coeff_g_max_reference=50.0, g_max=25.0)
    assert_std(programmed(model, HALF) - HALF, (0.5 + 0.5 - 0.125) * 25 / 50)
    assert weight_cell(model, name="x", source="x", read_noise=0.0).prog_coeff == (0.25, 0.5, -0.25)


def test_noise_at_time_zero_is_programming_alone_and_aihwkit_raises():
    weights = torch.full((400, 500), 0.5)
    weights[0, 0] = 1.0
    model = pcm_like(g_max=25.0)
    with pytest.raises(Exception, match="exactly two"):
        model.apply_noise(weights, 0.0)  # the defect
    torch.manual_seed(0)
    plus_and_unused = (
        0.952705 / 25,
        0.26348 / 25,
    )  # sigma at x = 1/2; the unused device keeps |N(0, sigma_0)| / 2
    unused = plus_and_unused[1] ** 2 * (0.5 - 0.5 / torch.pi)
    noisy = apply_noise(model, weights, 0.0).flatten()[1:]
    assert_std(noisy, float((plus_and_unused[0] ** 2 + unused) ** 0.5))
    assert apply_noise(model, weights, 1.0).isfinite().all()
    with pytest.raises(ValueError, match="negative"):
        apply_noise(model, weights, -1.0)
