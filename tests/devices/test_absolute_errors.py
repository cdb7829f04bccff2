"""Device errors where less of the range is used than its source measured: in siemens or in proportion."""

import math
from dataclasses import replace

import pytest
import torch

import memsim
from memsim import devices
from memsim.devices.numerics.stream import stream
from memsim.devices.weights.cell_of_model import weight_cell
from memsim.devices.weights.model_of_cell import noise_model
from tests.statistics import assert_same_mean, assert_same_std, assert_std

JOSHI = devices.get("pcm-joshi2020")
N = 100_000


def joshi(microsiemens):
    """sigma(G) [uS] of Joshi et al., Fig. 3b, as aihwkit fits it."""
    x = microsiemens / 25.0
    return 0.26348 + 1.9650 * x - 1.1731 * x * x


@pytest.mark.parametrize("g_max", [25.0, 10.0, 2.5])
def test_a_programming_error_is_that_of_its_conductance(g_max):
    cell = replace(JOSHI, g_max=g_max * 1e-6).only("programming")
    target = torch.full((N,), g_max * 1e-6, dtype=torch.float64)
    error = cell.write(target, rng=stream(0, "w")).programmed - target
    assert_std(error, joshi(g_max) * 1e-6)
    with pytest.raises(AssertionError):
        assert_std(1.03 * error, joshi(g_max) * 1e-6)


def test_a_lower_range_has_larger_relative_errors_as_the_fit_says():
    """sigma / g_max of the largest weight: .0422, .0862 and .1793; in proportion it stays .0422."""
    for g_max, share in ((25.0, 0.0422152), (10.0, 0.0861792), (2.5, 0.1792996)):
        assert joshi(g_max) / g_max == pytest.approx(share, abs=1e-6)
        cell = replace(JOSHI, g_max=g_max * 1e-6)
        top = torch.tensor([cell.g_max], dtype=torch.float64)
        assert float(cell.programming(top, cell.g_scale) / cell.g_max) == pytest.approx(share, abs=1e-6)
        relative = cell.in_proportion()
        found = float(relative.programming(top, relative.g_scale) / relative.g_max)
        assert found == pytest.approx(0.0422152, abs=1e-6)


def test_drift_and_noise_go_by_the_absolute_conductance_too():
    low, target = replace(JOSHI, g_max=5e-6).without("programming"), torch.full((N,), 5e-6)
    same, rng = JOSHI.without("programming"), stream(0, "w")
    for t in (1.0, 86400.0):
        one, other = (c.read(c.relax(c.write(target, rng=rng), t)) for c in (low, same))
        assert torch.equal(one, other)
    relative = low.in_proportion()
    assert not torch.equal(relative.read(relative.relax(relative.write(target, rng=rng), 86400.0)), one)


def test_at_its_own_range_nothing_changes():
    for name in devices.names():
        cell = devices.get(name)
        if isinstance(cell, type(JOSHI)):
            assert cell.g_scale == cell.g_max
            assert replace(cell, g_scale=cell.g_max) == cell
            if cell.in_shares:
                assert cell.in_proportion() == cell


def test_a_cell_that_states_no_top_has_its_laws_for_the_range_it_was_made_with():
    own = replace(JOSHI, g_top=math.inf, g_scale=0.0)
    assert own.g_scale == JOSHI.g_max
    assert replace(own, g_max=1e-6).g_scale == JOSHI.g_max
    with pytest.raises(ValueError, match="g_scale"):
        replace(JOSHI, g_scale=-1.0)


def test_a_card_takes_absolute_errors_and_relative_ones_where_asked():
    usual = memsim.ChipCard.load("default")
    low = usual.replace(weights={"g_max [S]": 10e-6})
    assert (low.weight_cell.g_max, low.weight_cell.g_scale) == (10e-6, 25e-6)
    relative = low.replace(weights={"device_errors": "relative"})
    assert relative.weight_cell.g_scale == 10e-6
    assert usual.weight_cell == JOSHI
    with pytest.raises(memsim.CardError, match=r"weights.device_errors has no effect.*g_max"):
        usual.replace(weights={"device_errors": "relative"})
    with pytest.raises(memsim.CardError, match=r"device_errors.*reram-milo2021.*in siemens"):
        usual.replace(weights={"cell": "reram-milo2021", "g_max [S]": 2e-4, "device_errors": "relative"})
    with pytest.raises(memsim.CardError, match=r"device_errors.*absolute.*relative"):
        usual.replace(weights={"g_max [S]": 1e-5, "device_errors": "both"})


@pytest.mark.parametrize("name", ["pcm-joshi2020", "pcm-hermes2023-1", "reram-wan2022"])
@pytest.mark.parametrize("relative", [False, True])
def test_aihwkits_model_of_a_lowered_range_has_the_same_law(name, relative):
    whole = devices.get(name)
    cell = replace(whole, g_max=round(0.4 * whole.g_max, 9))
    cell = cell.in_proportion() if relative else cell
    model = noise_model(cell)
    assert model.g_converter.g_max == pytest.approx(cell.g_max * 1e6)
    back = weight_cell(model, name="x")
    assert (back.g_max, back.g_scale) == pytest.approx((cell.g_max, cell.g_scale))
    target = torch.full((N,), 0.5 * cell.g_max, dtype=torch.float64)
    torch.manual_seed(3)
    theirs = model.apply_programming_noise_to_conductance(target * 1e6)
    ours = cell.write(target, rng=stream(5, "w")).programmed * 1e6
    assert_same_mean(ours, theirs)
    assert_same_std(ours.clamp(min=0.0), theirs)
