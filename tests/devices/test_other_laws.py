"""Programming, relaxation, I-V curves and endurance, each fitted to devices made by its equation."""

import numpy as np
import pytest

from memsim import ChipCard, devices
from memsim.devices.device_card import DeviceCard
from memsim.devices.fitting.fit_endurance import fit_endurance
from memsim.devices.fitting.fit_iv import fit_iv
from memsim.devices.fitting.fit_programming import fit_programming, spread_of
from memsim.devices.fitting.fit_relaxation import fit_relaxation
from memsim.devices.fitting.fit_retention import fit_retention
from memsim.devices.fitting.measurements import CurrentTable, FailureTable, ProgrammingTable, RetentionCurves
from memsim.devices.fitting.reading import understand_bytes
from tests.devices.measured import PCM

ABOUT = {"name": "mine", "technology": "ReRAM", "source": "measured here"}
TRIALS = 40


def writes(seed, shift=0.0):
    rng = np.random.default_rng(seed)
    target = np.repeat(np.linspace(2e-6, 20e-6, 10), 40)
    sigma = 0.2e-6 + 0.5e-6 * target / 20e-6
    return ProgrammingTable(("a",), target, target + shift + sigma * rng.standard_normal(400))


def test_programming_finds_the_spread_over_the_range():
    inside = 0
    for seed in range(10):
        fit = fit_programming(writes(seed))
        c, top = np.array([i.value for i in fit.numbers.values()]), fit.fixed["g_max [S]"]
        for target in (3e-6, 10e-6, 19e-6):
            true = 0.2e-6 + 0.5e-6 * target / 20e-6
            inside += abs(float(spread_of(c, np.array([target / top]))[0]) / true - 1) < 0.12
        assert not fit.warnings
    assert inside >= 27
    card = DeviceCard.parse(ABOUT | {"weight": fit.section})
    assert "error of programming" not in card.ideal_parts


def test_a_write_that_misses_on_average_is_said():
    assert any("on average" in words for words in fit_programming(writes(0, shift=0.5e-6)).warnings)


def relaxing(seed, count=16, level=0.0):
    rng = np.random.default_rng(seed)
    times = np.array([0.0, 1, 10, 100, 1e3, 1e4, 1e5])
    xi, g = rng.standard_normal(count), 20e-6 + 2e-6 * rng.standard_normal(count)
    rows = []
    for t in times:
        x = np.log(max(t, 1.0))
        moved = (-0.09e-6 + level * (g - 20e-6)) * x + ((0.04e-6 * x + 0.4e-6) * xi if t >= 1 else 0.0)
        rows.append(g + moved + 0.02e-6 * rng.standard_normal(count))
    names = tuple(f"d{i}" for i in range(count))
    return RetentionCurves(names, np.repeat(times[:, None], count, 1), np.array(rows))


def test_relaxation_is_found_as_often_as_it_says():
    truth = {"relaxation [S]": -0.09e-6, "relaxation_spread [S]": 0.04e-6, "relaxation_spread_1s [S]": 0.4e-6}
    hits = dict.fromkeys(truth, 0)
    for seed in range(TRIALS):
        fit = fit_relaxation(relaxing(seed))
        for key, true in truth.items():
            hits[key] += fit.numbers[key].low <= true <= fit.numbers[key].high
    assert min(hits.values()) >= 0.85 * TRIALS, hits
    assert "relaxation" in devices.get(ABOUT | {"weight": fit.section}).effects


def test_relaxation_that_goes_with_the_level_is_said():
    assert not any("level" in words for words in fit_relaxation(relaxing(0)).warnings)
    assert any("level" in words for words in fit_relaxation(relaxing(0, level=0.1)).warnings)


def sweeps(seed, v_0=0.43):
    rng = np.random.default_rng(seed)
    v = np.tile(np.linspace(-0.5, 0.5, 21), 4)
    which, g = np.repeat(np.arange(4), 21), np.repeat([5e-6, 10e-6, 20e-6, 40e-6], 21)
    i = g * 0.2 * np.sinh(v / v_0) / np.sinh(0.2 / v_0) * (1 + 0.01 * rng.standard_normal(len(v)))
    return CurrentTable(("a", "b", "c", "d"), which, v, i)


def test_the_bend_of_an_iv_curve_is_found_and_read():
    held = [i.low <= 0.43 <= i.high for i in (fit_iv(sweeps(s)).numbers["v_0 [V]"] for s in range(TRIALS))]
    assert sum(held) >= 0.85 * TRIALS
    fit = fit_iv(sweeps(0))
    np.testing.assert_allclose(fit.conductance, [5e-6, 10e-6, 20e-6, 40e-6], rtol=0.02)
    assert "iv-curve" in devices.get(ABOUT | {"weight": fit.section}).effects
    v = np.linspace(0.1, 1, 20)
    with pytest.raises(ValueError, match="no curve is seen"):
        fit_iv(CurrentTable(("a",), np.zeros(20, int), v, 1e-5 * v))


def lives(seed, count=40):
    n = 1e6 * np.random.default_rng(seed).weibull(1.8, count)
    return FailureTable(tuple(map(str, range(count))), np.minimum(n, 1.5e6), n < 1.5e6)


def test_endurance_is_found_with_devices_alive():
    hits = np.zeros(2)
    for seed in range(TRIALS):
        scale, shape = fit_endurance(lives(seed)).numbers.values()
        hits += [scale.low <= 1e6 <= scale.high, shape.low <= 1.8 <= shape.high]
    assert hits.min() >= 0.85 * TRIALS, hits


def test_endurance_of_a_card_feeds_wear():
    pulsed = {
        "law": "soft-bounds", "n_max": 16, "g_min [S]": 5e-6, "g_max [S]": 45e-6, "step_up [S]": 1.2e-6,
        "step_down [S]": 1e-6, "reset [S]": 25e-6,
    }  # fmt: skip
    cell = ABOUT | {"pulsed": pulsed, "endurance [cycles]": 1e6, "endurance_shape": 1.8}
    card = ChipCard.load("default").replace(attention={"cell": cell}, wear={"cycles_before": 1e5})
    assert (card.wear.endurance, card.wear.shape) == (1e6, 1.8)
    assert card.replace(wear={"endurance": 1e7}).wear.endurance == 1e7
    with pytest.raises(ValueError, match="needs an endurance"):
        card.replace(attention={"cell": "reram-om"})


def test_devices_that_jump_are_left_out_of_retention():
    curves = PCM.measure(0, 16)
    g = curves.conductance.copy()
    g[8:, 3] *= 0.1
    fit = fit_retention(RetentionCurves(curves.devices, curves.time, g))
    assert [(f.device, f.kind) for f in fit.works.faults] == [("p03", "failed")]
    assert "left out" in fit.warnings[0] and "from 3e+03 s on" in fit.warnings[0]
    found = fit.numbers["drift_exponent"]
    assert found.low < PCM.exponent < found.high


def test_few_devices_give_a_mean_drift():
    fit = fit_retention(PCM.measure(0, 3), t_0=20.0)
    assert fit.not_measured == ("drift_exponent_spread",) and "drift_exponent" in fit.numbers


def test_no_retention_interval_has_no_width():
    """Readings late and few: low-frequency and read noise can hardly be told apart."""
    for seed in range(4):
        curves = PCM.measure(seed, 16)
        late = RetentionCurves(curves.devices, curves.time[6:10], curves.conductance[6:10])
        assert all(i.low < i.high for i in fit_retention(late, t_0=1.0).numbers.values())


TABLES = {
    "writes": ("Dev;target [uS];read back [uS]\na;10;10,2\nb;12;11,9\n", ProgrammingTable),
    "currents": ("device,V [mV],I [nA]\na,100,12\na,200,25\n", CurrentTable),
    "lives": ("device,cycles to failure,failed\na,1e5,yes\nb,1e6,no\n", FailureTable),
}


@pytest.mark.parametrize("kind", TABLES)
def test_other_tables_are_known_by_their_columns(kind):
    text, made = TABLES[kind]
    assert isinstance(understand_bytes(text.encode()).curves, made)


WRONG = {
    "a word": ("device,cycles to failure,failed\na,1e5,perhaps\n", ["line 2", "perhaps", "yes or no"]),
    "no cycles": ("device,cycles to failure\na,0\n", ["cycles = 0", "1 to 1e18"]),
    "kilovolts": ("V [kV],I [A]\n1,1e-6\n", ["1e+03 V", "unit in the header"]),
    "blank": ("target [uS],G [uS]\n1,\n", ["all cells are blank"]),
}


@pytest.mark.parametrize("slip", WRONG)
def test_other_tables_are_refused_with_the_remedy(slip):
    text, words = WRONG[slip]
    with pytest.raises(ValueError, match="table") as refusal:
        understand_bytes(text.encode())
    for word in words:
        assert word in str(refusal.value)
