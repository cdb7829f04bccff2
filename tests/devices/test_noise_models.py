"""Each defect of aihwkit's noise models, pinned: these tests fail when aihwkit repairs or changes it.

Those of its tiles are in test_tile_defects.py.
"""

import warnings
from dataclasses import replace
from importlib.metadata import version

import pytest
import torch
from aihwkit.inference import PCMLikeNoiseModel, ReRamCMONoiseModel, ReRamWan2022NoiseModel
from aihwkit.inference.noise.hermes import HermesNoiseModel

from memsim import devices
from memsim.devices.weights.cell_of_model import weight_cell
from memsim.devices.weights.model_of_cell import noise_model
from memsim.devices.weights.noise_models import apply_noise, cmo, pcm_like, wan2022
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


def test_cmo_devices_at_the_ends_scatter_to_both_sides_and_aihwkit_clips_one():
    top = torch.full((400_000,), 88.2)
    torch.manual_seed(0)
    model = ReRamCMONoiseModel(g_max=88.2, g_min=9.0, drift_scale=0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy, about the logarithm of a tensor
        clipped = model.apply_drift_noise_to_conductance(programmed(model, top), top, 1.0)
    assert float(clipped.max()) == pytest.approx(88.2)  # not followed
    assert float(clipped.double().mean()) < 88.19
    repaired = noise_model(devices.get("reram-cmo-falcone2025-0.2pct").without("relaxation"))
    assert_mean(repaired.apply_drift_noise_to_conductance(programmed(repaired, top), top, 1.0), 88.2)


def test_pcm_takes_a_polynomial_with_its_reference_and_aihwkit_loses_it():
    coeff = [0.5, 1.0, -0.5]
    with pytest.raises(AttributeError):
        programmed(PCMLikeNoiseModel(prog_coeff=coeff, prog_coeff_g_max_reference=50.0, g_max=25.0), HALF)
    model = pcm_like(prog_coeff=coeff, prog_coeff_g_max_reference=50.0, g_max=25.0)
    assert_std(programmed(model, HALF) - HALF, (0.5 + 0.5 - 0.125) * 25 / 50)
    cell = weight_cell(model, name="x")
    assert float(cell.programming(torch.tensor([12.5e-6]), 25e-6)) == pytest.approx(0.4375e-6)


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


def test_hermes_loses_the_reference_of_a_polynomial_as_well():
    options = {
        "prog_coeff": [0.5, 1.0],
        "prog_coeff_g_max_reference": 10.35,
        "g_max": 10.35,
        "num_devices": 1,
    }
    with pytest.raises(AttributeError):
        programmed(HermesNoiseModel(**options), torch.full((10,), 5.0))  # the defect


def test_ours_is_quiet_where_hermes_of_aihwkit_1_1_indexes_as_torch_warns_against():
    g = torch.full((10,), 5.0)
    if version("aihwkit").startswith("1.1."):
        with pytest.warns(UserWarning, match="non-tuple sequence"):
            HermesNoiseModel().generate_drift_coefficients(g)  # the defect, mended in 1.2
    model = noise_model(devices.get("pcm-hermes2023-2"))
    assert (
        model.apply_drift_noise_to_conductance(g, model.generate_drift_coefficients(g), 10.0).isfinite().all()
    )


def test_apply_noise_draws_other_devices_at_every_time_and_a_trajectory_needs_two_calls():
    quiet = PCMLikeNoiseModel(g_max=25.0, prog_noise_scale=0.0, read_noise_scale=0.0)
    weights = torch.full((100, 100), 0.5)
    weights[0, 0] = 1.0
    once, again = (quiet.apply_noise(weights, 1e5) for _ in range(2))
    assert float(torch.corrcoef(torch.stack([once.flatten(), again.flatten()]))[0, 1]) < 0.5  # the defect
    written, exponents = quiet.apply_programming_noise(weights)
    once, again = (quiet.apply_drift_noise(written, exponents, 1e5) for _ in range(2))
    assert torch.equal(once, again)


def test_every_cell_aihwkit_models_has_its_model_and_others_are_refused():
    cell = devices.get("pcm-joshi2020").scaled({"programming": 0.5, "flicker-noise": 2.0}).without("drift")
    model = noise_model(cell)
    scales = (model.prog_noise_scale, model.drift_scale, model.read_noise_scale)
    assert scales == (0.5, 0.0, 2.0) and model.g_max == 25.0
    lowered = replace(devices.get("pcm-hermes2023-1"), g_max=5e-6)
    assert noise_model(lowered.in_proportion()).g_max == 5.0
    assert noise_model(lowered).g_max == 10.35 and noise_model(lowered).g_converter.g_max == 5.0
    assert noise_model(devices.get("reram-cmo-falcone2025-2pct")).g_converter.g_min == 9.0
    with pytest.raises(ValueError, match="no noise model of reram-milo2021"):
        noise_model(devices.get("reram-milo2021"))
    with pytest.raises(ValueError, match="with these numbers"):
        noise_model(replace(devices.get("pcm-joshi2020"), flicker=None))
    with pytest.raises(ValueError, match="one scale"):
        noise_model(devices.get("reram-wan2022").without("relaxation"))
    assert noise_model(devices.get("reram-wan2022")).coeff_g_max_reference == 40.0
