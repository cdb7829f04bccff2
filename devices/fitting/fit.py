"""Fit of a pulsed cell to measured pulse curves: the numbers of a device card, each with its 95 % interval.

    fitted = fit_pulses(read("curves.csv"))
    fitted.numbers["step_up [S]"]       # Interval(value, low, high)

Devices that do not work are left out and counted (:mod:`memsim.devices.fitting.screening`).  Steps and bounds
are estimated for each of the others (:mod:`memsim.devices.fitting.pulse_devices`); over devices they have a
mean and a spread (:mod:`memsim.devices.fitting.estimates`).  Parameters that the data do not determine are
refused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from memsim.devices.fitting import pulse_numbers as numbers_of
from memsim.devices.fitting.estimates import Interval
from memsim.devices.fitting.measurements import PulseCurves, check_conductance, check_support
from memsim.devices.fitting.pulse_devices import Noise, noise_of
from memsim.devices.fitting.pulse_filter import (
    DOWN_RATE,
    DOWN_STEP,
    UP_RATE,
    UP_STEP,
    Curves,
    innovations,
    read_after,
)
from memsim.devices.fitting.pulse_numbers import round_to
from memsim.devices.fitting.resets import no_room, reset_of
from memsim.devices.fitting.residuals import MISFIT, Tests, tested
from memsim.devices.fitting.screening import Yield, screen

Law = Literal["soft-bounds", "linear", "constant"]
DEVICES = 8  #: smallest number of devices for a spread; its interval is then 0.66 to 2.0 times the spread
FAR = 3.0  #: a reading more than this times above all others is no reading of a device
PULSES = 8  #: smallest number of pulses in a direction


@dataclass(frozen=True)
class PulseFit:
    """Result of a fit of pulse curves."""

    law: Law
    log_normal_steps: bool
    one_sided: bool  #: whether all pulses go up
    proportional: bool  #: whether the noise of a reading is proportional to the conductance
    fixed: dict[str, float]  #: numbers not fitted: g_mid, and the window of a law without bounds
    numbers: dict[str, Interval]  #: fitted numbers, by their keys in a device card
    not_measured: tuple[str, ...]  #: keys of spreads for which there are too few devices
    reset: str  #: origin of the level of a reset
    measured: PulseCurves  #: curves of the devices that work
    works: Yield
    residuals: np.ndarray  #: residual of each reading divided by its standard deviation (K - 1, N)
    tests: Tests

    @property
    def longest_rise(self) -> int:
        """Largest number of successive up pulses on a device, at most 64; the default for a full write."""
        run = most = 0
        for d in self.measured.direction[:, 0]:
            run = run + 1 if d == 1 else 0
            most = max(most, run)
        return min(max(most, 1), 64)

    @property
    def section(self) -> dict[str, Any]:
        """The ``[pulsed]`` table of a device card without n_max; the reset is limited to the bounds."""
        values = self.fixed | {key: float(f"{i.value:.6g}") for key, i in self.numbers.items()}
        values["reset [S]"] = min(max(values["reset [S]"], values["g_min [S]"]), values["g_max [S]"])
        about: dict[str, Any] = {"law": self.law}
        about |= {"one_sided": True} if self.one_sided else {}
        about |= {"log_normal_steps": True} if self.log_normal_steps else {}
        about |= {"write_noise_law": "proportional"} if self.proportional else {}
        return about | values

    @property
    def faults(self) -> dict[str, float]:
        """The ``[faults]`` table of a device card: shares of stuck devices."""
        section = self.section
        return self.works.shares(section["g_min [S]"], section["g_max [S]"])

    @property
    def warnings(self) -> list[str]:
        """Warnings on devices left out, missing spreads, misfits, and resets close to a bound."""
        section = self.section
        room = no_room(section["reset [S]"], section["g_min [S]"], section["g_max [S]"], self.one_sided)
        out = self.works.words
        out += few_words(len(self.measured.devices), self.not_measured)
        return [*out, *self.tests.words, *([room] if room else [])]


def fit_pulses(
    curves: PulseCurves,
    law: Law = "soft-bounds",
    *,
    log_normal_steps: bool = False,
    g_mid: float | None = None,
    reset: float | None = None,
) -> PulseFit:
    """Fit a law to pulse curves and return the result.

    law: "soft-bounds" (steps vanish at a bound, which is fitted), "linear" (steps change with the
    conductance; the card uses the measured window as range) or "constant".  The noise of a step is relative
    to the step.  log_normal_steps: the logarithm of the steps has a normal distribution over devices.  g_mid
    [S]: conductance for which steps are stated; default: the middle of the window.  reset [S]: conductance
    after a reset, if the curves have no full resets; default: the middle of the range.  Raises ValueError for
    parameters that the data do not determine; the message names each one and the data needed.
    """
    curves, works = _working(curves, log_normal_steps)
    one_sided = not (curves.direction == -1).any()
    sides, free = _free(law, one_sided)
    window = (float(np.nanmin(curves.conductance)), float(np.nanmax(curves.conductance)))
    middle = round_to(sum(window) / 2) if g_mid is None else g_mid
    unit = window[1] - window[0]
    noise, scaled, residuals, tests = _noise(curves, free, middle, unit)
    numbers = (numbers_of.up_steps if one_sided else numbers_of.steps)(noise, unit, log_normal_steps)
    fixed = {"g_mid [S]": middle}
    low = {"g_min [S]": round_to(max(window[0], 0.0), down=True)}
    if law == "soft-bounds":
        numbers |= numbers_of.bounds(noise, curves, middle, unit, sides)
        fixed |= low if one_sided else {}
    else:
        fixed |= low | {"g_max [S]": round_to(window[1], up=True)}
    if law == "linear":
        numbers |= numbers_of.nonlinearities(noise, fixed, unit, sides)
    numbers |= {"cycle_noise": noise.cycle, "write_noise [S]": noise.level.times(unit)}
    start = reset_of(curves, noise.level.value * unit, reset, middle)
    numbers, missing = without_spreads(numbers | start.numbers, len(curves.devices))
    return PulseFit(
        law=law, log_normal_steps=log_normal_steps, one_sided=one_sided, proportional=scaled.proportional,
        fixed=fixed | start.fixed, numbers=numbers, not_measured=missing, reset=start.remark,
        measured=curves, works=works, residuals=residuals, tests=tests,
    )  # fmt: skip


def _working(curves: PulseCurves, log_normal_steps: bool) -> tuple[PulseCurves, Yield]:
    """Return the devices that work. Raises ValueError for curves that are too few or short for any law."""
    check_conductance(curves.conductance[np.isfinite(curves.conductance)], "the curves")
    _check_pulses(curves)
    _check_ways(curves)
    _check_single(curves)
    curves, works = screen(curves)
    _check_exchanged(curves)
    if log_normal_steps and len(curves.devices) < DEVICES:
        raise ValueError(
            f"these data cannot support log_normal_steps: {len(curves.devices)} devices give no spread,"
            f" {DEVICES} or more are needed"
        )
    return curves, works


def _free(law: Law, one_sided: bool) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the directions in use and the parameters of a device that are fitted."""
    sides = (1,) if one_sided else (1, -1)
    free = (UP_STEP,) if one_sided else (UP_STEP, DOWN_STEP)
    if law != "constant":
        free = (UP_STEP, UP_RATE) if one_sided else (UP_STEP, UP_RATE, DOWN_STEP, DOWN_RATE)
    return sides, free


def _noise(
    curves: PulseCurves, free: tuple[int, ...], middle: float, unit: float
) -> tuple[Noise, Curves, np.ndarray, Tests]:
    """Return the noises with the scaled curves, the residuals and their tests.

    The noise of a reading is taken as proportional to the conductance if the residuals grow with it and the
    likelihood is larger.
    """

    def fitted(scaled: Curves) -> tuple[Noise, Curves, np.ndarray, Tests]:
        noise = noise_of(scaled, free)
        errors, variances = innovations(noise.theta, noise.cycle.value, noise.level.value, scaled)
        residuals = np.where(read_after(scaled), errors / np.sqrt(variances), np.nan)
        return noise, scaled, residuals, tested(residuals, curves.direction, curves.conductance)

    scaled = Curves(curves.conductance / unit, curves.direction, middle / unit)
    constant = fitted(scaled)
    if constant[3].growth < MISFIT:
        return constant
    grows = fitted(replace(scaled, proportional=True))
    return max(constant, grows, key=lambda one: one[0].likelihood)


def _check_pulses(curves: PulseCurves) -> None:
    missing = []
    for side, word in ((1, "up"), (-1, "down")):
        fewest = int((curves.direction[1:] == side).sum(0).min())
        if side < 0 and not (curves.direction == -1).any():
            continue  # devices with pulses up only
        if fewest < PULSES:
            missing.append(
                f"step_{word} [S]: {fewest or 'no'} {word} pulse{'s' * (fewest != 1)} on some device,"
                f" {PULSES} or more are needed on each"
            )
    check_support(missing)


def _check_ways(curves: PulseCurves) -> None:
    """Raise ValueError for curves in which most devices change against the direction of their pulses."""
    change = np.diff(curves.conductance, axis=0) * np.where(np.abs(curves.direction[1:]) == 1,
                                                            curves.direction[1:], 0)  # fmt: skip
    total = np.nansum(change, axis=0)
    noise = 3 * np.sqrt(np.nansum(change**2, axis=0) / np.maximum(np.isfinite(change).sum(0), 1))
    if (total < -noise).sum() * 2 > len(total):
        raise ValueError(
            f"{int((total < -noise).sum())} of {len(total)} devices move down with pulses up: is the sign of"
            " the direction or voltage the other way round (--swap-directions), or are these resistances?"
        )


def _check_single(curves: PulseCurves) -> None:
    """Raise ValueError for a single reading far above all others, which would set the window of the fit."""
    g, names = curves.conductance, curves.devices
    top = np.sort(np.nan_to_num(g, nan=-np.inf), axis=0)[-3:].min(0)  # of each device, without two readings
    far = np.argwhere(g > FAR * (top.max() if np.isfinite(top.max()) else np.inf))
    if len(far):
        k, i = far[0]
        raise ValueError(
            f"device {names[i]!r} has a reading of {g[k, i]:.3g} S at pulse {k}, more than {FAR:g} times any"
            " other: was the range of the instrument another, or a contact lost? Leave the cell blank"
        )


def _check_exchanged(curves: PulseCurves) -> None:
    """Raise ValueError for devices that work whose pulses move them the other way than the others."""
    way = np.where(np.abs(curves.direction[1:]) == 1, curves.direction[1:], 0)
    moved = np.nansum(np.diff(curves.conductance, axis=0) * way, axis=0)
    against = moved < -0.5 * np.median(moved)
    if against.any():
        raise ValueError(
            f"{numbers_of.few(curves, against)}: moved down by pulses up, unlike the other devices: were the"
            " leads exchanged? Exchange up and down in these rows, or leave them out"
        )


def without_spreads(
    numbers: dict[str, Interval], devices: int
) -> tuple[dict[str, Interval], tuple[str, ...]]:
    """Return the numbers that this many devices determine, and the keys of the others."""
    if devices >= DEVICES:
        return numbers, ()
    missing = tuple(key for key in numbers if "_spread" in key)
    return {key: i for key, i in numbers.items() if key not in missing}, missing


def few_words(devices: int, missing: tuple[str, ...]) -> list[str]:
    """Return a warning on spreads for which there are too few devices, or an empty list."""
    if not missing:
        return []
    return [
        f"{devices} device{'s give' if devices != 1 else ' gives'} no spread ({DEVICES} or more do): not"
        f" measured, 0 in the card: {', '.join(missing)}"
    ]
