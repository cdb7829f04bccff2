"""I-V curves: the chord I / V against the formulas written out, and what a cell makes of it."""

import math
from dataclasses import replace

import pytest
import torch

from memsim import devices
from memsim.devices.weights.iv_curve import SinhCurve

G = torch.linspace(50e-6, 225e-6, 30, dtype=torch.float64)


def milo_current(g, v):
    """I = G V + NL2 V^2 + NL3 V^3, polynomials of log10 G in falling order, as CrossSim prints them."""
    x = g.log10()
    nl2 = ((1.388e-4 * x + 1.541e-3) * x + 5.711e-3) * x + 7.063e-3
    nl3 = (8.871e-5 * x + 6.7919e-4) * x + 1.2968e-3
    return g * v + nl2 * v**2 + nl3 * v**3


@pytest.mark.parametrize("v", [0.05, 0.2, 0.5])
def test_milo_follows_its_cubic(v):
    cell = devices.get("reram-milo2021")
    expected = milo_current(G, v) / v
    assert torch.allclose(cell.chord(G, v), expected, rtol=1e-9)
    assert not torch.allclose(cell.chord(G, v) - G, 1.03 * (expected - G), rtol=1e-3)
    assert torch.equal(cell.without("iv-curve").chord(G, v), G)
    half = cell.scaled({"iv-curve": 0.5}).chord(G, v)
    assert torch.allclose(half - G, 0.5 * (expected - G), rtol=1e-9)


def test_milo_is_linear_at_small_voltages_and_refuses_large_ones():
    cell = devices.get("reram-milo2021")
    assert torch.allclose(cell.chord(G, 1e-4), G, rtol=1e-4)
    for v in (0.51, 0.0, -0.2, math.nan):
        with pytest.raises(ValueError, match=r"measured up to 0.5 V"):
            cell.chord(G, v)


def test_milo_outside_its_conductances_keeps_the_curve_of_the_nearer_end():
    cell = devices.get("reram-milo2021")
    low, end = torch.tensor([10e-6, 0.0], dtype=torch.float64), G[:1]
    assert torch.allclose(cell.chord(low, 0.5), low * cell.chord(end, 0.5) / end, rtol=1e-12)


def test_a_sinh_curve_sees_the_conductance_at_its_reference_voltage():
    cell = replace(devices.get("reram-wan2022"), curve=SinhCurve(v_ref=0.2))
    g = torch.tensor([1e-6, 30e-6], dtype=torch.float64)
    assert "iv-curve" in cell.effects and torch.allclose(cell.chord(g, 0.2), g, rtol=1e-12)
    expected = g * (0.2 / 0.5) * math.sinh(0.5 / 0.43) / math.sinh(0.2 / 0.43)
    assert torch.allclose(cell.chord(g, 0.5), expected, rtol=1e-12)


def test_the_gap_models_own_ratio():
    """physics.md B3: G(.5 V) / G(.1 V) = 1.23 for V_0 = .43 V."""
    one = torch.ones(1, dtype=torch.float64)
    assert float(SinhCurve(v_ref=0.1).factor(one, 0.5)) == pytest.approx(1.23, abs=5e-3)


@pytest.mark.parametrize("field", ["v_ref", "v_0"])
def test_voltages_that_cannot_be_are_refused(field):
    with pytest.raises(ValueError, match=f"{field}=0 V"):
        SinhCurve(**{field: 0.0})


@pytest.mark.parametrize("wrong", [{"g_low": 0.0}, {"g_high": 10e-6}, {"v_max": math.nan}])
def test_a_cubic_without_a_range_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        replace(devices.get("reram-milo2021").curve, **wrong)


def test_the_others_are_linear():
    for name in devices.names():
        cell = devices.get(name)
        if isinstance(cell, devices.WeightCell) and name != "reram-milo2021":
            assert torch.equal(cell.chord(G, 0.3), G)
