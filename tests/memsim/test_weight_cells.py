"""Every weight cell in an array: its range, its rest, its I-V curve, compensation, prices, both engines."""

from dataclasses import replace

import pytest
import torch

from memsim import CardError, ChipCard, devices
from memsim.arrays.weight_array import WeightArray
from memsim.engines.aihwkit import TileWeights
from tests.memsim.made import array, card
from tests.memsim.test_aihwkit_engine import error_of
from tests.statistics import assert_mean, assert_std

CELLS = [name for name in devices.names() if isinstance(devices.get(name), devices.WeightCell)]
MATRIX = torch.randn(60, 9, generator=torch.Generator().manual_seed(0))
SPIKES = (torch.rand(1, 1, 1, 30, 60, generator=torch.Generator().manual_seed(1)) < 0.3).float()
DAY = 86400.0


@pytest.mark.parametrize("name", CELLS)
def test_without_its_effects_an_array_multiplies_exactly_in_the_cells_own_range(name):
    cell = devices.get(name)
    made = array(MATRIX, card(cell=name).only())
    assert torch.allclose(made.read(SPIKES), SPIKES @ MATRIX, atol=1e-4)
    held = made.conductance()
    assert float(held.max()) == pytest.approx(cell.g_max) and float(held.min()) == pytest.approx(cell.g_min)


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("compensation", ["global", "column"])
def test_it_is_programmed_aged_compensated_and_billed(name, compensation):
    chosen = card(cell=name, compensation=compensation)
    made = array(MATRIX, chosen)
    exact = SPIKES @ MATRIX
    fresh = float((made.read(SPIKES) - exact).norm() / exact.norm())
    made.advance_to(DAY)
    aged = float((made.read(SPIKES) - exact).norm() / exact.norm())
    assert 0.0 < fresh < 0.5 and aged < 0.5 and bool((made.compensation_SC > 0.5).all())
    price = chosen.price(f"program-{made.cell.technology.lower()}")
    assert price.energy > 0 and price.assumption and price.source
    top = made.cell.g_max * chosen.segment().resistance * 60**2
    assert made.kappa == pytest.approx(top)


def test_a_card_takes_the_cells_range_a_smaller_one_and_none_above():
    default = ChipCard.load("default")
    assert default.replace(weights={"cell": "reram-wan2022"}).weight_cell.g_max == 40e-6
    small = default.replace(weights={"cell": "reram-wan2022", "g_max [S]": 20e-6})
    assert small.weight_cell.g_max == 20e-6
    with pytest.raises(CardError, match=r"reram-wan2022: g_max = 4.1e-05 S is above 4e-05 S.*measured"):
        default.replace(weights={"cell": "reram-wan2022", "g_max [S]": 41e-6})
    with pytest.raises(CardError, match=r"g_min = 5e-05 S and g_max = 2.5e-05 S"):
        default.replace(weights={"cell": "reram-milo2021", "g_max [S]": 25e-6})
    with pytest.raises(CardError, match=r"I-V curve was measured up to 0.5 V, not at 0.6 V"):
        default.replace(weights={"cell": "reram-milo2021", "read_voltage [V]": 0.6})


@pytest.mark.parametrize("name", [name for name in CELLS if devices.get(name).read_noise_std > 0])
def test_a_read_is_as_noisy_as_its_source_says(name):
    """sd = std sqrt(g_max sum G V^2) in current, one row driven 1e5 times; G of the pair and its rest."""
    cell = devices.get(name)
    made = array(torch.ones(1, 1), card(cell=name).only("read-noise"))
    out = made.read(torch.ones(1, 1, 1, 100_000, 1)).flatten()
    siemens = cell.g_max + cell.g_min
    expected = cell.read_noise_std * (cell.g_max * siemens) ** 0.5 / (cell.g_max - cell.g_min)
    assert_mean(out, 1.0)
    assert_std(out, expected)
    with pytest.raises(AssertionError):
        assert_std(1.03 * out, expected)


def test_an_iv_curve_leaves_the_largest_weight_and_bends_those_between():
    """Milo's chord by hand, at the read voltage of .2 V."""
    chosen = card(cell="reram-milo2021").only("iv-curve")
    column = torch.tensor([[1.0], [0.5], [0.2], [-1.0], [0.0]])
    out = array(column, chosen).read(torch.eye(5).view(1, 1, 1, 5, 5)).flatten().double()

    def chord(g, v=0.2):
        x = g.log10()
        square = ((1.388e-4 * x + 1.541e-3) * x + 5.711e-3) * x + 7.063e-3
        cube = (8.871e-5 * x + 6.7919e-4) * x + 1.2968e-3
        return g + square * v + cube * v**2

    low, high = torch.tensor([50e-6, 225e-6], dtype=torch.float64)
    weight = column.flatten().double()
    current = weight.sign() * (chord(low + weight.abs() * (high - low)) - chord(low))
    assert torch.allclose(out, current / (chord(high) - chord(low)), atol=1e-5)
    assert float(out[0]) == pytest.approx(1.0, abs=1e-5) and abs(float(out[1]) - 0.5) > 1e-3


def test_one_voltage_sees_a_sinh_curve_as_a_scale_alone():
    """The same numbers out of more current, and more energy."""
    from memsim.devices.weights.iv_curve import SinhCurve

    plain = array(MATRIX, card(cell="reram-wan2022", **{"read_voltage [V]": 0.4}))
    curved = array(MATRIX, card(cell="reram-wan2022", **{"read_voltage [V]": 0.4}))
    curved.cell = replace(curved.cell, curve=SinhCurve(v_ref=0.2))
    ends = curved.cell.chord(torch.tensor([0.0, 40e-6], dtype=torch.float64), 0.4)
    factor = float(ends[1] / 40e-6)
    curved.program()
    assert factor > 1.1
    assert torch.allclose(plain.volt_SRC * factor, curved.volt_SRC, rtol=1e-5, atol=1e-12)


ENGINES = [
    ("pcm-hermes2023-1", DAY),
    ("pcm-hermes2023-2", DAY),
    ("reram-wan2022", DAY),
    ("reram-cmo-falcone2025-2pct", DAY),
    ("reram-cmo-falcone2025-0.2pct", 3600.0),
]


@pytest.mark.parametrize("name, t", ENGINES)
def test_one_layer_errs_as_much_on_either_engine(name, t):
    """Converters off, and read noise, which aihwkit takes from the difference of a pair and not from its sum;
    the engines differ by design in the pair's collapse.
    """
    off = ("adc", "dac", "read-noise", "wires", "thermal-noise", "shot-noise")
    chosen = ChipCard.load("default").replace(weights={"cell": name}).without(*off)
    ours, other = error_of(WeightArray, chosen, t), error_of(TileWeights, chosen, t)
    assert ours == pytest.approx(other, rel=0.1)


def test_what_aihwkit_has_no_model_of_is_refused():
    default = ChipCard.load("default").without("wires", "thermal-noise", "shot-noise")
    with pytest.raises(ValueError, match="no noise model of reram-milo2021"):
        error_of(TileWeights, default.replace(weights={"cell": "reram-milo2021"}), None)
    with pytest.raises(ValueError, match="at 1, 86400, 172800 s after the write alone, not at 3600 s"):
        error_of(TileWeights, default.replace(weights={"cell": "reram-wan2022"}), 3600.0)
