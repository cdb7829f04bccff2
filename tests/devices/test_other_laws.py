"""Programming, relaxation, I-V curves and endurance, each fitted to devices made by its equation."""

import numpy as np
import pytest
import torch

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


def sinh(v, v_0=0.43):
    return np.sinh(v / v_0) / np.sinh(0.2 / v_0) * 0.2


def cubic(v, c=5.0):
    return (v + c * v**3) / (1 + c * 0.2**2)


def down(v):
    return cubic(v, -0.8)


def sweeps(seed, law=sinh, count=4):
    rng = np.random.default_rng(seed)
    v = np.tile(np.linspace(-0.5, 0.5, 21), count)
    which, g = np.repeat(np.arange(count), 21), np.repeat([5e-6, 10e-6, 20e-6, 40e-6][:count], 21)
    i = g * law(v) * (1 + 0.01 * rng.standard_normal(len(v)))
    return CurrentTable(("a", "b", "c", "d")[:count], which, v, i)


CURVES = {
    "sinh": (sinh, "v_0 [V]", 0.43), "cubic": (cubic, "iv_cube [1/V^2]", 5.0),
    "down": (down, "iv_cube [1/V^2]", -0.8),
}  # fmt: skip


@pytest.mark.parametrize("count", [2, 4])
@pytest.mark.parametrize("name", CURVES)
def test_the_bend_of_an_iv_curve_is_found_and_read(name, count):
    """As often as it says, by its law; the card's cell carries the currents that were measured."""
    made, key, true = CURVES[name]
    law = "sinh" if name == "sinh" else "cubic"
    found = [fit_iv(sweeps(s, made, count), law=law).numbers[key] for s in range(TRIALS)]
    assert sum(i.low <= true <= i.high for i in found) >= 0.85 * TRIALS
    assert all(i.low < i.high for i in found)
    fit = fit_iv(sweeps(0, made, count))
    np.testing.assert_allclose(fit.conductance, [5e-6, 10e-6, 20e-6, 40e-6][:count], rtol=0.02)
    cell = devices.get(ABOUT | {"weight": fit.section})
    assert "iv-curve" in cell.effects and cell.curve.v_max == 0.5
    g, v = torch.tensor([20e-6], dtype=torch.float64), torch.tensor([-0.45], dtype=torch.float64)
    assert float(0.45 * cell.chord(g, 0.45)) == pytest.approx(20e-6 * made(0.45), rel=0.02)
    torch.testing.assert_close(cell.curve(g, v), -0.45 * cell.chord(g, 0.45))
    np.testing.assert_allclose(fit.currents(np.array([0.45]))[1, 0], 10e-6 * made(0.45), rtol=0.02)
    with pytest.raises(ValueError, match=r"measured up to 0\.5 V"):
        cell.chord(g, 0.6)


def test_the_likelier_curve_is_taken():
    assert all(fit_iv(sweeps(s, cubic)).law == "cubic" for s in range(20))
    assert sum(fit_iv(sweeps(s, sinh)).law == "sinh" for s in range(20)) >= 12
    near = fit_iv(sweeps(0, lambda v: sinh(v, 1.2)))
    assert any("as good as" in words for words in near.warnings)
    wrong = fit_iv(sweeps(0, lambda v: np.sign(v) * np.expm1(6 * np.abs(v))))
    assert any("misses the currents" in words for words in wrong.warnings)


def test_curves_that_cannot_be_fitted_are_refused():
    v = np.linspace(0.1, 1, 20)
    noise = 1 + 0.01 * np.random.default_rng(0).standard_normal(20)
    for current in (1e-5 * v, 1e-5 * v * noise):
        with pytest.raises(ValueError, match="no curvature is seen"):
            fit_iv(CurrentTable(("a",), np.zeros(20, int), v, current))
    with pytest.raises(ValueError, match=r"bend down.*--law cubic"):
        fit_iv(sweeps(0, down), law="sinh")


WRONG_CURVES = {
    "two": ({"v_0 [V]": 0.4, "iv_cube [1/V^2]": 1.0}, "two I-V curves"),
    "straight": ({"iv_cube [1/V^2]": 0.0}, "straight line"),
    "falls": ({"iv_cube [1/V^2]": -10.0}, "falls from 0.183 V on"),
    "not measured": ({"v_0 [V]": 0.4, "v_max [V]": 0.1}, "above v_max"),
    "no curve": ({"v_max [V]": 0.5}, "v_max .* no effect"),
}


@pytest.mark.parametrize("slip", WRONG_CURVES)
def test_curves_of_a_card_that_cannot_be_are_refused(slip):
    more, words = WRONG_CURVES[slip]
    with pytest.raises(ValueError, match=words):
        DeviceCard.parse(ABOUT | {"weight": {"g_max [S]": 40e-6} | more})


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


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2, 3))])
def test_no_retention_interval_has_no_width(seed):
    """Readings late and few: low-frequency and read noise can hardly be told apart."""
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
