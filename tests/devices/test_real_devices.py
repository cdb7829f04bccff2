"""Devices as they are: stuck, failing, odd, few, one-sided; resets stated; noise that goes with G."""

from dataclasses import replace

import numpy as np
import pytest

from memsim import devices
from memsim.devices.device_card import DeviceCard, toml
from memsim.devices.fitting.fit import fit_pulses
from memsim.devices.fitting.fit_retention import fit_retention
from memsim.devices.fitting.measurements import PulseCurves
from memsim.devices.fitting.screening import Yield, screen
from memsim.studies.reports.fit_figures import pulse_fit
from tests.devices.measured import ECRAM, MICRO, PCM, RERAM

ABOUT = {"name": "mine", "technology": "ReRAM", "source": "measured here"}


def broken(curves: PulseCurves, seed: int = 0) -> PulseCurves:
    """The same with two devices stuck, high and low, and one that fails after an eighth of its pulses."""
    rng = np.random.default_rng(1000 + seed)
    g = curves.conductance.copy()
    top, bottom = np.nanmax(g), np.nanmin(g)
    noise = 0.01 * (top - bottom)
    g[:, 1] = np.abs(top + noise * rng.standard_normal(len(g)))
    g[:, 4] = np.abs(bottom + noise * rng.standard_normal(len(g)))
    last = len(g) // 8
    g[last:, 7] = np.abs(g[last, 7] + noise * rng.standard_normal(len(g) - last))
    return replace(curves, conductance=g)


def test_stuck_and_failing_devices_are_left_out_and_counted():
    working, found = screen(broken(RERAM.measure(0, 12, 60)))
    assert [(f.device, f.kind) for f in found.faults] == [
        ("d01", "stuck"),
        ("d04", "stuck"),
        ("d07", "failed"),
    ]
    assert found.faults[2].since == pytest.approx(15, abs=3)
    assert len(working.devices) == 9 and "d07" not in working.devices
    assert found.share.value == 0.75 and found.share.low == pytest.approx(0.428, abs=1e-3)
    assert found.share.high == pytest.approx(0.945, abs=1e-3)


def test_the_card_has_their_shares():
    fit = fit_pulses(broken(RERAM.measure(0, 12, 60)))
    assert fit.faults == {"stuck_on": 1 / 12, "stuck_off": 1 / 12, "stuck_random": 1 / 12}
    assert "Yield 75 %" in fit.warnings[0]
    card = DeviceCard.parse(ABOUT | {"pulsed": fit.section | {"n_max": 30}, "faults": fit.faults})
    assert card.faults and sum(card.faults.stuck) == pytest.approx(0.25)


@pytest.mark.parametrize("kind", ["reram", "ecram", "cbram"])
def test_devices_that_work_are_left_in(kind):
    for seed in range(20):
        _, found = screen(TECHNOLOGIES[kind][0].measure(seed, 12, 60, turns=1))
        assert not found.faults, (seed, str(found))


CBRAM = replace(
    RERAM, up=2.5, down=2.0, gain=0.18, high=95, low=15, bounds=(8, 3), middle=50, level=0.8, start=20
)
"""Larger steps, wider spreads."""
TECHNOLOGIES = {
    "reram": (RERAM, "soft-bounds", 1), "ecram": (ECRAM, "linear", 2), "cbram": (CBRAM, "soft-bounds", 1),
}  # fmt: skip


def trial(kind: str, seed: int) -> tuple[dict[str, bool], Yield]:
    """Twelve devices, three of them broken: which intervals hold the truth, and the yield."""
    made, law, turns = TECHNOLOGIES[kind]
    curves = broken(made.measure(seed, 12, 60, turns=turns), seed)
    fit = fit_pulses(curves, law, g_mid=MICRO * made.middle)
    truth = made.truth(fit.section)
    return {key: i.low <= truth[key] <= i.high for key, i in fit.numbers.items()}, fit.works


def test_a_refit_with_broken_devices_finds_the_truth():
    held, works = trial("reram", 3)
    assert sum(held.values()) >= len(held) - 1 and works.share.value == 0.75


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", TECHNOLOGIES)
def test_refits_with_broken_devices_hold_the_truth_as_often_as_they_say(kind):
    """Every number in its 95 % interval in 90 of 100 trials and more; the yield right in all."""
    hits: dict[str, int] = {}
    for seed in range(100):
        held, works = trial(kind, seed)
        assert works.share.value == 0.75, (seed, str(works))
        for key, one in held.items():
            hits[key] = hits.get(key, 0) + one
    assert min(hits.values()) >= 90, hits


@pytest.mark.parametrize("count", [1, 3])
def test_few_devices_give_means_and_spreads_not_measured(count):
    curves = RERAM.measure(1, 12, 60).part(np.arange(count))
    fit = fit_pulses(curves)
    assert not any("_spread" in key for key in fit.numbers)
    assert {"step_spread", "g_max_spread [S]"} <= set(fit.not_measured)
    assert any("not measured" in words for words in fit.warnings)
    assert all(i.low < i.value < i.high for key, i in fit.numbers.items() if key.startswith("step"))
    card = DeviceCard.parse(ABOUT | {"pulsed": fit.section | {"n_max": 30}})
    assert card.pulsed and card.pulsed.step_spread == 0.0


def up_only(seed: int = 0, cycles: int = 3) -> PulseCurves:
    """SET pulses alone, a full reset between cycles."""
    one = RERAM.measure(seed, 12, 40)
    g = np.concatenate([one.conductance[:41]] * cycles)
    d = np.concatenate([one.direction[:41]] * cycles)
    d[[41 * k for k in range(1, cycles)]] = 2
    return PulseCurves(one.devices, g, d)


def test_one_sided_devices_have_one_sided_cards():
    fit = fit_pulses(up_only())
    assert fit.one_sided and "step_down [S]" not in fit.section and "reset [S]" in fit.numbers
    truth = RERAM.truth({})
    for key in ("step_up [S]", "g_max [S]", "cycle_noise"):
        i = fit.numbers[key]
        assert i.value - 2 * (i.value - i.low) <= truth[key] <= i.value + 2 * (i.high - i.value), key
    card = DeviceCard.parse(ABOUT | {"pulsed": fit.section | {"n_max": 30}})
    cell = devices.get(card)
    assert (
        isinstance(cell, devices.PulsedCell) and pulse_fit(fit, cell).axes
    )  # no device is judged at a reset
    assert cell.describe().one_sided and float(cell.response(30)[-1]) > 0
    assert DeviceCard.parse(__import__("tomllib").loads(toml(card))) == card


def test_the_reset_is_stated_and_never_the_first_reading():
    fit = fit_pulses(RERAM.measure(0, 12, 60))
    assert fit.section["reset [S]"] == fit.section["g_mid [S]"] and "assumed" in fit.reset
    stated = fit_pulses(RERAM.measure(0, 12, 60), reset=2e-5)
    assert stated.section["reset [S]"] == 2e-5 and "stated" in stated.reset
    low = fit_pulses(RERAM.measure(0, 12, 60), reset=5.2e-6)
    assert any("leaves" in words and "pulses down" in words for words in low.warnings)


def test_noise_in_proportion_to_g_is_found():
    rng = np.random.default_rng(0)
    curves = replace(RERAM, level=0.0).measure(0, 16, 60)
    g = curves.conductance * (1 + 0.03 * rng.standard_normal(curves.conductance.shape))
    fit = fit_pulses(replace(curves, conductance=g), g_mid=25e-6)
    noise = fit.numbers["write_noise [S]"]
    assert fit.proportional and fit.section["write_noise_law"] == "proportional"
    assert noise.low < 0.03 * 25e-6 < noise.high
    assert abs(fit.tests.growth) < 4.5


def test_constant_noise_stays_constant():
    assert not fit_pulses(RERAM.measure(0, 16, 60)).proportional


def test_a_sign_the_wrong_way_round_is_said():
    curves = RERAM.measure(0, 12, 60)
    with pytest.raises(ValueError, match="--swap-directions"):
        fit_pulses(replace(curves, direction=-curves.direction))


def test_devices_that_never_move_are_refused():
    curves = RERAM.measure(0, 12, 60)
    g = 2e-5 + 1e-7 * np.random.default_rng(0).standard_normal(curves.conductance.shape)
    with pytest.raises(ValueError, match="pulses do not move them"):
        fit_pulses(replace(curves, conductance=g))


def test_gaps_between_readings_cost_precision_only():
    curves = RERAM.measure(0, 16, 60, turns=2)
    g = curves.conductance.copy()
    g[np.arange(len(g)) % 3 != 0] = np.nan
    fit, truth = fit_pulses(replace(curves, conductance=g), g_mid=25e-6), RERAM.truth({})
    for key in ("step_up [S]", "step_down [S]", "g_max [S]", "cycle_noise", "write_noise [S]"):
        i = fit.numbers[key]
        assert i.value - 2 * (i.value - i.low) <= truth[key] <= i.value + 2 * (i.high - i.value), key


def test_no_interval_has_no_width():
    curves = replace(RERAM, gain=0.0, apart=0.0, bounds=(0, 0), level=0.0).measure(0, 12, 60)
    assert all(i.low < i.high for i in fit_pulses(curves).numbers.values())


def changed(change, kind=RERAM) -> PulseCurves:
    """Curves of twelve devices, changed in place by a function of their conductances (K, N)."""
    curves = kind.measure(0, 12, 40)
    change(curves.conductance)
    return curves


def test_devices_with_few_readings_are_neither_working_nor_stuck():
    """A device that nobody read says nothing of the yield."""

    def unread(g):
        g[:, 3] = np.nan
        g[1:, 5] = np.nan
        g[:, 8] = 10e-6  # this one is stuck

    fit = fit_pulses(changed(unread))
    assert fit.works.measured == 10 and [f.device for f in fit.works.faults] == ["d08"]
    assert fit.works.share.value == 0.9 and len(fit.measured.devices) == 9
    assert any("not counted, for fewer than 4 readings: d03, d05" in words for words in fit.warnings)
    with pytest.raises(ValueError, match="no device has 4 readings"):
        fit_pulses(changed(lambda g: g.__setitem__((slice(3, None), slice(None)), np.nan)))


def test_a_single_reading_over_range_is_named():
    """One reading of another range would set the window, and blame all other devices."""
    for device, pulse in ((2, 20), (7, 0)):
        curves = changed(lambda g, at=(pulse, device): g.__setitem__(at, 9e-3))
        for unread in (0, 38, 40):  # readings of another device, which does not hide it
            curves.conductance[41 - unread :, 4] = np.nan
            with pytest.raises(
                ValueError, match=f"'d0{device}' has a reading of 0.009 S at pulse {pulse}, m"
            ):
                fit_pulses(curves)


def test_a_device_whose_leads_were_exchanged_is_named():
    curves = changed(lambda g: g.__setitem__((slice(None), 2), g[:, 2].max() + g[:, 2].min() - g[:, 2]))
    with pytest.raises(ValueError, match=r"^d02: moved down by pulses up, unlike the other devices"):
        fit_pulses(curves)


def test_devices_that_are_exactly_constant_are_refused():
    with pytest.raises(ValueError, match="do not move them by more than noise"):
        fit_pulses(changed(lambda g: g.__setitem__(slice(None), g[:1].copy())))


def test_a_device_that_fails_open_in_a_retention_is_left_out():
    """A conductance of 0 that stays is a failure; one that comes back is a reading to be left blank."""
    curves = PCM.measure(0, 12)
    open_from = curves.conductance.copy()
    open_from[5:, 2] = 0.0
    fit = fit_retention(replace(curves, conductance=open_from), t_0=20.0)
    (fault,) = fit.works.faults
    assert fault.device == "p02" and fault.kind == "failed" and fault.level == 0.0
    assert len(fit.measured.devices) == 11 and any("Yield 91.7 %" in words for words in fit.warnings)
    for readings in (5, slice(None)):  # once, or from the first reading on
        zero = curves.conductance.copy()
        zero[readings, 2] = 0.0
        with pytest.raises(ValueError, match="leave such readings blank"):
            fit_retention(replace(curves, conductance=zero), t_0=20.0)


def test_conductances_that_rise_are_no_power_law():
    curves = PCM.measure(0, 12)
    risen = 20e-6 * (1 + curves.time / 20) ** 0.05
    with pytest.raises(ValueError, match=r"drift_exponent = -0\.05 .*rise with time.*--law relaxation"):
        fit_retention(replace(curves, conductance=risen), t_0=20.0)
