"""A fit finds what was put in, says how sure it is, and refuses what the data cannot tell.

The devices are measured by :mod:`tests.devices.measured`, a plain loop of its own.
"""

from dataclasses import replace

import numpy as np
import pytest

from memsim import devices
from memsim.devices.fitting.estimates import population
from memsim.devices.fitting.fit import fit_pulses
from memsim.devices.fitting.fit_retention import fit_retention
from memsim.devices.fitting.measurements import PulseCurves, RetentionCurves
from tests.devices.measured import ECRAM, MICRO, PCM, RERAM

TRIALS = 200


def reram(seed):
    fit = fit_pulses(RERAM.measure(seed, 24, 60), g_mid=MICRO * RERAM.middle)
    return fit, RERAM.truth(fit.fixed)


def ecram(seed):
    fit = fit_pulses(ECRAM.measure(seed, 24, 50, turns=2), "linear", g_mid=MICRO * ECRAM.middle)
    return fit, ECRAM.truth(fit.fixed)


def pcm(seed):
    curves = PCM.measure(seed, 30)
    fit = fit_retention(curves)
    return fit, PCM.truth(float(curves.conductance.mean()), fit.fixed["g_max [S]"])


KINDS = {"reram": reram, "ecram": ecram, "pcm": pcm}


def inside(found, truth, factor=1.0):
    """Whether each true number lies in its interval, widened so many times."""

    def holds(i, true):
        return i.value - factor * (i.value - i.low) <= true <= i.value + factor * (i.high - i.value)

    assert set(found) == set(truth)
    return {key: holds(found[key], true) for key, true in truth.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_a_fit_finds_what_was_put_in(kind):
    """Within twice the 95 % intervals, four standard errors; none of them wider than its number."""
    fit, truth = KINDS[kind](0)
    assert all(inside(fit.numbers, truth, 2.0).values()), (fit.numbers, truth)
    sure = [key for key in truth if "spread" not in key and (kind, key) != ("pcm", "read_noise")]
    assert all(fit.numbers[key].high - fit.numbers[key].low < abs(truth[key]) for key in sure)
    assert not fit.warnings


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", KINDS)
def test_intervals_hold_the_truth_as_often_as_they_say(kind):
    """95 % intervals hold each number in 90 % of the trials and more; devices 10 % off are found to be."""
    hits, others = {}, {}
    for seed in range(TRIALS):
        fit, truth = KINDS[kind](seed)
        for key, held in inside(fit.numbers, truth).items():
            hits[key] = hits.get(key, 0) + held
        for key, held in inside(fit.numbers, {key: 1.1 * true for key, true in truth.items()}).items():
            others[key] = others.get(key, 0) + held
    print(kind, hits)
    assert min(hits.values()) >= 0.9 * TRIALS, hits
    assert min(others.values()) < 0.5 * TRIALS, others


@pytest.mark.exhaustive
def test_log_normal_steps_hold_too():
    made = replace(RERAM, log_normal=True, gain=0.4, up=1.0, down=1.0)
    held = {}
    for seed in range(40):
        fit = fit_pulses(made.measure(seed, 24, 80), log_normal_steps=True, g_mid=MICRO * made.middle)
        truth = made.truth(fit.fixed)
        for key in ("step_up [S]", "step_down [S]", "step_spread", "cycle_noise"):
            i = fit.numbers[key]
            held[key] = held.get(key, 0) + (i.low <= truth[key] <= i.high)
    assert min(held.values()) >= 34, held


def test_a_population_seen_through_errors():
    """The spread found is the members' own; errors that explain it all leave an interval down to 0."""
    rng = np.random.default_rng(0)
    true = rng.normal(3.0, 0.5, 2000)
    seen = true + rng.normal(0, 0.5, 2000)
    copies = seen + rng.normal(0, 0.5, (8, 2000))
    mean, spread = population(seen, copies)
    assert mean.low < 3.0 < mean.high and spread.low < 0.5 < spread.high and spread.high < 0.55
    _, none = population(3.0 + rng.normal(0, 0.5, 20), 3.0 + rng.normal(0, 0.5, (8, 20)))
    assert none.low == 0.0


def test_a_fitted_card_makes_a_cell_that_moves_like_the_devices():
    """From file to cell: the cell's mean conductance after 30 pulses up is the devices', within 3 %."""
    curves = RERAM.measure(3, 24, 60)
    fit = fit_pulses(curves, reset=MICRO * RERAM.start)
    about = {"name": "mine", "technology": "ReRAM", "source": "measured here"}
    cell = devices.get(about | {"pulsed": fit.section | {"n_max": 30}})
    middle, unit = cell.conductances
    found = middle + unit * float(cell.response(30)[-1])
    assert found == pytest.approx(float(curves.conductance[30].mean()), rel=0.03)


def part(curves, rows=None, count=None):
    return PulseCurves(
        curves.devices[:count], curves.conductance[rows, :count], curves.direction[rows, :count]
    )


FEW = slice(55, 66)
REFUSED = {
    "few devices": (
        lambda c: fit_pulses(part(c, slice(None), 3), log_normal_steps=True),
        ["log_normal_steps", "3 devices", "8 or more"],
    ),
    "few down pulses": (lambda c: fit_pulses(part(c, slice(0, 66))), ["step_down [S]", "5 down pulses"]),
    "few pulses": (lambda c: fit_pulses(part(c, FEW)), ["step_up [S]", "5 up pulses", "8 or more"]),
    "no saturation": (
        lambda _: fit_pulses(RERAM.measure(0, 12, 9)),
        ["g_max [S]", "g_min [S]", "hardly shrink", "law linear"],
    ),
}


@pytest.mark.parametrize("slip", REFUSED)
def test_pulse_curves_that_are_too_few_are_refused_by_the_parameter(slip):
    call, words = REFUSED[slip]
    with pytest.raises(ValueError, match="cannot support") as refusal:
        call(RERAM.measure(0, 12, 60))
    for word in words:
        assert word in str(refusal.value)


def test_a_law_that_misses_the_curves_says_so():
    fit = fit_pulses(RERAM.measure(0, 24, 60), "constant")
    assert fit.tests.mean > 10 and any("law misses" in words for words in fit.warnings)


BOTH = replace(PCM, walk=0.02)


@pytest.mark.slow
def test_low_frequency_noise_and_a_walk_are_told_apart():
    """A walk of 2 % a factor e is found beside noise of 1.7 to 2.1 %, and none where there is none; the walk,
    which no field of a card says, is told.
    """
    both = fit_retention(BOTH.measure(0, 30))
    none = fit_retention(PCM.measure(0, 30))
    assert both.walk.low < 0.02 < both.walk.high and both.walk.low > 0.01
    assert any("random walk" in words for words in both.warnings)
    assert none.walk.low == 0.0 and none.walk.high < 0.012 and not none.warnings
    for fit in (both, none):
        assert fit.numbers["flicker_noise"].low < PCM.flicker < fit.numbers["flicker_noise"].high


@pytest.mark.exhaustive
def test_intervals_hold_low_frequency_noise_and_a_walk():
    held = {}
    for seed in range(100):
        curves = BOTH.measure(seed, 30)
        fit = fit_retention(curves)
        truth = BOTH.truth(float(curves.conductance.mean()), fit.fixed["g_max [S]"]) | {"walk": BOTH.walk}
        for key, i in (fit.numbers | {"walk": fit.walk}).items():
            held[key] = held.get(key, 0) + (i.low <= truth[key] <= i.high)
    print(held)
    assert min(held.values()) >= 88, held


def of(curves, rows, count=None):
    return RetentionCurves(
        curves.devices[:count], curves.time[rows, :count], curves.conductance[rows, :count]
    )


LATE = {
    "one time": (lambda c: fit_retention(of(c, slice(0, 1))), ["drift_exponent", "1 time only", "4 or more"]),
    "short": (lambda c: fit_retention(RetentionCurves(c.devices, 1e6 + c.time[:5], c.conductance[:5])),
              ["drift_exponent", "10 times or more"]),
    "no early reading": (lambda c: fit_retention(of(c, slice(8, None))), ["t_0 [s]", "--t-0"]),
}  # fmt: skip


@pytest.mark.parametrize("slip", LATE)
def test_retention_that_is_too_little_is_refused_by_the_parameter(slip):
    call, words = LATE[slip]
    with pytest.raises(ValueError, match="cannot support") as refusal:
        call(PCM.measure(0, 12))
    for word in words:
        assert word in str(refusal.value)


def test_two_devices_give_a_mean_and_no_spread():
    fit = fit_retention(of(PCM.measure(0, 12), slice(None), 2))
    assert fit.numbers["drift_exponent"].value == pytest.approx(PCM.exponent, rel=0.5)
    assert "drift_exponent_spread" not in fit.numbers
    assert any("2 devices give no spread" in words for words in fit.warnings)


def test_t_0_may_be_given():
    fit = fit_retention(of(PCM.measure(0, 30), slice(8, None)), t_0=20.0)
    assert fit.fixed["t_0 [s]"] == 20.0
    found = fit.numbers["drift_exponent"]
    assert found.low < PCM.exponent < found.high
