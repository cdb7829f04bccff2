"""Arrhenius' law: cells against its closed form, and fits of devices made by it."""

import math

import numpy as np
import pytest
import torch

from memsim import ChipCard, devices
from memsim.devices.device_card import DeviceCard
from memsim.devices.fitting.fit_relaxation import fit_relaxation
from memsim.devices.fitting.fit_retention import fit_retention
from memsim.devices.fitting.fit_temperature import fit_temperature
from memsim.devices.fitting.measurements import RetentionCurves, TemperatureTable
from memsim.devices.fitting.reading import understand_bytes
from memsim.devices.weights.recorded import record
from tests.statistics import assert_std

K = 8.617333262e-5
ABOUT = {"name": "mine", "technology": "PCM", "source": "made up here"}
DRIFT = {"g_max [S]": 25e-6, "drift_exponent": 0.06, "t_0 [s]": 20.0}
G = torch.full((20_000,), 20e-6, dtype=torch.float64)


def made(**more):
    return devices.get(ABOUT | {"weight": DRIFT | more})


def after(cell, t, g=G):
    return cell.read(cell.relax(cell.write(g, rng=devices.stream(0, "w")), t))


def test_drift_runs_by_an_activated_clock():
    """t_0 (t + t_0) -> exp(E / k (1 / T_0 - 1 / T)) seconds in one."""
    cell, t = made(**{"time_energy [eV]": 0.6}), 1e4
    pace = math.exp(0.6 / K * (1 / 300 - 1 / 360))
    assert cell.at(360.0).pace == pytest.approx(pace, rel=1e-12) and cell.pace == 1.0
    assert float(after(cell.at(360.0), t)[0]) == pytest.approx(
        20e-6 * (1 + pace * t / 20) ** -0.06, rel=1e-12
    )
    assert torch.equal(after(cell.at(360.0), t), after(made(), pace * t))
    assert not torch.allclose(after(cell.at(360.0), t), after(made(), 1.03 * pace * t), rtol=1e-4)


def test_relaxation_runs_by_the_same_clock():
    law = {"relaxation [S]": -0.1e-6, "relaxation_spread [S]": 0.05e-6}
    plain = {"g_max [S]": 25e-6} | law
    cold, hot = (devices.get(ABOUT | {"weight": plain | more}) for more in ({}, {"time_energy [eV]": 0.6}))
    assert torch.equal(after(hot.at(360.0), 1e3), after(cold, hot.at(360.0).pace * 1e3))


def test_a_conductance_is_activated_once_it_is_written():
    energies = {"conductance_energy [eV]": 0.2, "conductance_energy_spread [eV]": 0.02}
    cell = devices.get(ABOUT | {"weight": {"g_max [S]": 25e-6, "temperature [K]": 300.0} | energies})
    warmth = (1 / 300 - 1 / 350) / K
    assert torch.equal(after(cell.at(350.0), 0.0), G) and torch.equal(after(cell, 1e6), G)
    log = (after(cell.at(350.0), 1.0) / G).log()
    assert float(log.mean()) == pytest.approx(0.2 * warmth, abs=5 * 0.02 * warmth / math.sqrt(len(G)))
    assert_std(log, 0.02 * warmth)
    assert torch.equal(after(cell.at(350.0), 1.0), after(cell.at(350.0), 1e6))  # the same devices
    twice = (after(cell.scaled({"temperature": 2}).at(350.0), 1.0) / G).log()
    torch.testing.assert_close(twice, 2 * log)


def test_at_its_own_temperature_and_without_the_effect_the_bits_are_those_of_none():
    law = {"time_energy [eV]": 0.6, "conductance_energy [eV]": 0.2, "conductance_energy_spread [eV]": 0.1}
    plain, hot = made(), made(**law).at(400.0)
    assert "temperature" in hot.effects and "temperature" not in plain.effects
    for cell in (
        made(**law),
        made(**law).at(300.0),
        hot.without("temperature"),
        hot.scaled({"temperature": 0}),
    ):
        assert torch.equal(after(cell, 1e5), after(plain, 1e5)) and cell.ages
    assert not torch.equal(after(hot, 1e5), after(plain, 1e5))
    falls = [float(after(made(**{"time_energy [eV]": 0.6}).at(t), 1e4).mean()) for t in (260, 300, 350, 400)]
    assert falls == sorted(falls, reverse=True)


def test_blocks_know_the_law():
    cell = made(**{"time_energy [eV]": 0.6, "conductance_energy_spread [eV]": 0.1}).at(400.0)
    program = record(lambda x: cell.aged(x, 1e5, rng=devices.stream(0, [0], "w")))
    assert len(program.keys) == 2  # normals of the drift and of the energy


def test_the_card_of_a_chip_says_the_temperature():
    cell = ABOUT | {"weight": DRIFT | {"time_energy [eV]": 0.6}}
    card = ChipCard.load("default").replace(weights={"cell": cell}, **{"temperature [K]": 358.0})
    assert card.weight_cell.thermal.now == 358.0 and "temperature" in card.effects
    assert card.without("temperature").weight_cell.pace == 1.0 < card.weight_cell.pace
    with pytest.raises(ValueError, match=r"temperature \[K\] = 85: 200 to 600 K .*Celsius"):
        card.replace(**{"temperature [K]": 85.0})
    assert ChipCard.load("default").replace(**{"temperature [K]": 0.0}).temperature == 0.0


WRONG = {
    "no law": ({"temperature [K]": 350.0}, "temperature.*no effect without time_energy"),
    "nothing ages": ({"time_energy [eV]": 0.5}, "time_energy.*no effect without drift"),
    "joules": ({"time_energy [eV]": 1e3}, "time_energy.*less than or equal to 5"),
    "Celsius": ({"conductance_energy [eV]": 0.1, "temperature [K]": 25.0}, "temperature.*200"),
}


@pytest.mark.parametrize("slip", WRONG)
def test_energies_that_cannot_be_are_refused(slip):
    more, words = WRONG[slip]
    with pytest.raises(ValueError, match=words):
        DeviceCard.parse(ABOUT | {"weight": {"g_max [S]": 25e-6} | more})


def baked(seed, count=24, energy=0.5):
    """Devices drifting at three temperatures, read at times from before t_0 on."""
    rng = np.random.default_rng(seed)
    kelvin = np.repeat([300.0, 350.0, 400.0], count // 3)
    t_0 = 20.0 * np.exp(-energy / K * (1 / 300 - 1 / kelvin))
    nu, level = 0.06 + 0.012 * rng.standard_normal(count), 20e-6 * (1 + 0.05 * rng.standard_normal(count))
    time = np.array([0.0, 1, 3, 10, 30, 100, 300, 1e3, 3e3, 1e4, 1e5])[:, None]
    g = level * (1 + time / t_0) ** -nu * (1 + 0.005 * rng.standard_normal((len(time), count)))
    names = tuple(f"d{n}" for n in range(count))
    return RetentionCurves(names, np.repeat(time, count, 1), g, kelvin)


TRUE = {"drift_exponent": 0.06, "drift_exponent_spread": 0.012, "t_0 [s]": 20.0, "time_energy [eV]": 0.5}


def held(trials):
    hits = dict.fromkeys(TRUE, 0)
    for seed in range(trials):
        found = fit_retention(baked(seed)).numbers
        for key, true in TRUE.items():
            hits[key] += found[key].low <= true <= found[key].high
    return hits


@pytest.mark.slow
def test_a_fit_finds_the_energy_of_drift():
    fit = fit_retention(baked(0))
    i = fit.numbers["time_energy [eV]"]
    assert i.low < 0.5 < i.high and i.high - i.low < 0.2 and fit.fixed["temperature [K]"] == 300.0
    cell = devices.get(ABOUT | {"weight": fit.section})
    assert 0.8 < math.log(cell.at(400.0).pace) / (0.5 * (1 / 300 - 1 / 400) / K) < 1.2
    assert not fit.warnings
    with pytest.raises(ValueError, match="fit each alone"):
        fit_relaxation(baked(0))


@pytest.mark.exhaustive
def test_the_energy_of_drift_is_held_as_often_as_it_says():
    hits = held(100)
    print(hits)
    assert min(hits.values()) >= 90, hits


def warmed(seed, count=16, bend=0.0):
    rng = np.random.default_rng(seed)
    kelvin, which = np.tile([298.0, 320.0, 340.0, 360.0], count), np.repeat(np.arange(count), 4)
    energy, level = 0.15 + 0.02 * rng.standard_normal(count), 10e-6 * (1 + 0.1 * rng.standard_normal(count))
    x = (1 / 298 - 1 / kelvin) / K
    g = level[which] * np.exp(energy[which] * x + bend * x**2) * (1 + 0.01 * rng.standard_normal(len(x)))
    return TemperatureTable(tuple(f"d{n}" for n in range(count)), which, kelvin, g)


def test_a_fit_finds_the_energy_of_conductances_as_often_as_it_says():
    hits, trials = np.zeros(2), 200
    for seed in range(trials):
        fit = fit_temperature(warmed(seed))
        hits += [i.low <= true <= i.high for i, true in zip(fit.numbers.values(), (0.15, 0.02), strict=True)]
    assert hits.min() >= 0.9 * trials, hits
    assert "temperature" in devices.get(ABOUT | {"weight": fit.section}).effects and not fit.warnings
    assert fit.fixed["temperature [K]"] == 298.0
    assert fit_temperature(warmed(0, 3)).not_measured == ("conductance_energy_spread [eV]",)
    assert any("misses" in words for words in fit_temperature(warmed(0, bend=0.03)).warnings)


TABLES = {
    "Celsius": ("Dev;T [°C];G [uS]\na;25;10,2\na;50;12,1\na;75;14\n", TemperatureTable),
    "baked": ("device,time [h],temperature [K],G [uS]\na,0,350,10\na,1,350,9\na,9,350,8\n", RetentionCurves),
}


@pytest.mark.parametrize("kind", TABLES)
def test_tables_with_a_temperature_are_known_by_their_columns(kind):
    text, known = TABLES[kind]
    found = understand_bytes(text.encode()).curves
    assert isinstance(found, known)
    kelvin = found.temperature.tolist()
    assert kelvin == ([298.15, 323.15, 348.15] if kind == "Celsius" else [350.0])


def test_temperatures_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match=r"temperature \[K\] = 25: .*°C"):
        understand_bytes(b"device,T [K],G [uS]\na,25,10\na,50,12\n")
    few = TemperatureTable(("a",), np.zeros(2, int), np.array([300.0, 350.0]), np.array([1e-6, 2e-6]))
    with pytest.raises(ValueError, match=r"a was read at 2 temperature\(s\) over 50 K; 3 or more"):
        fit_temperature(few)
