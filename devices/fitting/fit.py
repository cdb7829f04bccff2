"""Fit a pulsed cell to measured pulse curves: what a device card needs, each number with its 95 % interval.

    fitted = fit_pulses(measurements.read("curves.csv"))
    fitted.numbers["step_up [S]"]       # Interval(value, low, high)

The devices' own steps and bounds (:mod:`memsim.devices.fitting.pulse_devices`) are members of a population
with a mean and a spread (:mod:`memsim.devices.fitting.estimates`).  What the data cannot show is refused by
its name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import floor, log10
from typing import Any, Literal

import numpy as np

from memsim.devices.fitting.estimates import Interval, population
from memsim.devices.fitting.measurements import PulseCurves, check_conductance, check_support
from memsim.devices.fitting.pulse_devices import Noise, noise_of
from memsim.devices.fitting.pulse_filter import DOWN_RATE, DOWN_STEP, UP_RATE, UP_STEP, Curves, innovations

Law = Literal["soft-bounds", "linear", "constant"]
DEVICES = 8  #: fewest that give a spread: its interval then runs from 0.66 to 2.0 times it
PULSES = 8  #: fewest in a direction
SURE = 0.2  #: largest error of a device's distance to its bound, relative to it, at the median device
LOOSE = 1.0  #: and on any
MISFIT = 4.5  #: standard errors by which a stretch of the curves may miss the law


@dataclass(frozen=True)
class PulseFit:
    """A fitted pulse response."""

    law: Law
    log_normal_steps: bool
    fixed: dict[str, float]  #: not fitted: where steps are stated; the window of a law without bounds
    numbers: dict[str, Interval]  #: by their keys of a device card
    measured: PulseCurves
    residuals: np.ndarray  #: what each reading misses, in its own standard deviations (K - 1, N)
    misfit: float  #: mean residual of the worst stretch, in standard errors [1]

    @property
    def longest_rise(self) -> int:
        """Most up pulses in a row on a device, up to 64: a full write, where nothing else is said."""
        run = most = 0
        for d in self.measured.direction[:, 0]:
            run = run + 1 if d > 0 else 0
            most = max(most, run)
        return min(max(most, 1), 64)

    @property
    def section(self) -> dict[str, Any]:
        """The ``[pulsed]`` table of a device card, but for n_max; a reset level is put between the bounds."""
        values = {key: float(f"{interval.value:.6g}") for key, interval in self.numbers.items()}
        low, high = (values.get(f"{g} [S]", self.fixed.get(f"{g} [S]", 0.0)) for g in ("g_min", "g_max"))
        values["reset [S]"] = min(max(values["reset [S]"], low), high)
        return {"law": self.law, "log_normal_steps": self.log_normal_steps} | self.fixed | values

    @property
    def warning(self) -> str:
        """What to think of the fit where the law misses the data, else nothing."""
        if self.misfit <= MISFIT:
            return ""
        return (
            f"the {self.law} law misses a stretch of the curves by {self.misfit:.1f} standard errors: try"
            " another law, and do not trust the intervals"
        )


def fit_pulses(
    curves: PulseCurves,
    law: Law = "soft-bounds",
    *,
    log_normal_steps: bool = False,
    g_mid: float | None = None,
) -> PulseFit:
    """Fit a law to pulse curves.

    law: "soft-bounds" (steps vanish at a bound, which is found), "linear" (steps change with the
    conductance; no bound is seen, the card keeps the window measured) or "constant"; the noise of a step is
    relative to it.  log_normal_steps: spread of the steps' logarithm.  g_mid [S]: where steps are stated; the
    middle of the window without.  Raises ValueError naming each parameter that the data cannot support, and
    what it would take.
    """
    _check(curves)
    window = (float(np.nanmin(curves.conductance)), float(np.nanmax(curves.conductance)))
    middle = round_to(sum(window) / 2) if g_mid is None else g_mid
    unit = window[1] - window[0]
    scaled = Curves(curves.conductance / unit, curves.direction, middle / unit)
    free = (UP_STEP, DOWN_STEP) if law == "constant" else (UP_STEP, UP_RATE, DOWN_STEP, DOWN_RATE)
    noise = noise_of(scaled, free)
    numbers, fixed = _steps(noise, unit, log_normal_steps), {"g_mid [S]": middle}
    if law == "soft-bounds":
        numbers |= _bounds(noise, curves, middle, unit)
    else:
        fixed |= {"g_min [S]": round_to(window[0], down=True), "g_max [S]": round_to(window[1], up=True)}
    if law == "linear":
        numbers |= _nonlinearities(noise, fixed, unit)
    numbers |= {"cycle_noise": noise.cycle, "write_noise [S]": noise.level.times(unit)}
    numbers |= _start(curves, noise.level.value * unit)
    errors, variances = innovations(noise.theta, noise.cycle.value, noise.level.value, scaled)
    residuals = np.where(np.isfinite(curves.conductance[1:]), errors / np.sqrt(variances), np.nan)
    return PulseFit(
        law, log_normal_steps, fixed, numbers, curves, residuals, _misfit(residuals, curves.direction)
    )


def _check(curves: PulseCurves) -> None:
    """Refuse tables that are too small for any law."""
    check_conductance(curves.conductance[np.isfinite(curves.conductance)], "the curves")
    count, missing = len(curves.devices), []
    if count < DEVICES:
        missing.append(
            f"step_spread (and every other spread over devices): {count} device{'s' * (count != 1)} measured,"
            f" {DEVICES} or more are needed"
        )
    for side, word in ((1, "up"), (-1, "down")):
        fewest = int((curves.direction[1:] == side).sum(0).min())
        if fewest < PULSES:
            missing.append(
                f"step_{word} [S]: {fewest or 'no'} {word} pulses on some device, {PULSES} or more are needed"
                f" on each{' (is the direction always 1?)' if fewest == 0 and side < 0 else ''}"
            )
    if not missing:
        missing += _still(curves)
    check_support(missing)


def _still(curves: PulseCurves) -> list[str]:
    """Devices that pulses do not move: their steps are no member of a population."""
    change, out = np.diff(curves.conductance, axis=0), []
    for side, word in ((1, "up"), (-1, "down")):
        there = (curves.direction[1:] == side) & np.isfinite(change)
        moved = side * np.where(there, change, 0.0).sum(0)
        still = moved <= 3 * np.nanstd(np.where(there, change, np.nan), axis=0)
        if still.any():
            out.append(
                f"step_{word} [S]: {_few(curves, still)} did not move {word} by more than noise; give more"
                " pulses, or leave out devices that are stuck"
            )
    return out


def _few(curves: PulseCurves, which: np.ndarray) -> str:
    """Names of some of the devices."""
    names = [name for name, there in zip(curves.devices, which, strict=True) if there]
    return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")


def _of(noise: Noise, quantity: Callable[[np.ndarray], np.ndarray]) -> tuple[Interval, Interval]:
    """Mean and spread over devices of a quantity of their parameters (..., 4)."""
    return population(quantity(noise.theta), quantity(noise.copies))


def _steps(noise: Noise, unit: float, log_normal: bool) -> dict[str, Interval]:
    """Steps and their spread, s = (gain + r - less) dw: gain is common to both directions, r opposes them."""
    difference, apart = _of(noise, lambda p: (p[..., UP_STEP] - p[..., DOWN_STEP]) / 2)
    less = abs(difference.value)

    def larger(p: np.ndarray) -> np.ndarray:
        return (p[..., UP_STEP] + p[..., DOWN_STEP]) / 2 + less

    if log_normal:
        middle, spread = _of(noise, lambda p: np.log(larger(p)))
        dw = Interval(*np.exp(middle))
        smaller = dw.times(1 - 2 * less / dw.value)
        sides = (dw, smaller) if difference.value >= 0 else (smaller, dw)
    else:
        sides = [_of(noise, lambda p, i=i: p[..., i])[0] for i in (UP_STEP, DOWN_STEP)]
        dw, spread = _of(noise, larger)
        spread = spread.times(1 / dw.value)
    return {
        "step_up [S]": sides[0].times(unit), "step_down [S]": sides[1].times(unit),
        "step_spread": spread, "asymmetry_spread": apart.times(1 / dw.value),
    }  # fmt: skip


def _bounds(noise: Noise, curves: PulseCurves, middle: float, unit: float) -> dict[str, Interval]:
    """Bounds, middle +- step / rate, mean and spread; refused where the curves do not bend enough."""
    out, missing = {}, []
    for name, side, word, i in (("g_max", 1, "up", UP_STEP), ("g_min", -1, "down", DOWN_STEP)):

        def bound(p: np.ndarray, side: int = side, i: int = i) -> np.ndarray:
            return side * p[..., i] / np.maximum(p[..., i + 1], 1e-9)

        error = np.median(np.abs(bound(noise.copies) / bound(noise.theta) - 1), 0) / 0.6745
        straight = (error > LOOSE) | (noise.theta[..., i + 1] <= 0)
        if np.median(error) > SURE or straight.any():
            missing.append(
                f"{name} [S]: the {word} steps hardly shrink, on {straight.sum()} of {len(straight)} devices"
                f" ({_few(curves, straight)}) so little that no bound is seen, and at the median device the"
                f" bound is known to {100 * min(float(np.median(error)), 9.99):.0f} % of its distance"
                f" ({100 * SURE:.0f} % is needed): go on until a step is a quarter of the first, or fit the"
                " law linear"
            )
            continue
        mean, spread = _of(noise, bound)
        out[f"{name} [S]"] = Interval(*(middle + unit * x for x in mean))
        out[f"{name}_spread [S]"] = spread.times(unit)
    check_support(missing)
    return out


def _nonlinearities(noise: Noise, fixed: dict[str, float], unit: float) -> dict[str, Interval]:
    """Relative loss of a step from g_mid to the end of the window, mean and spread."""
    out = {}
    for word, i, end in (("up", UP_STEP, "g_max [S]"), ("down", DOWN_STEP, "g_min [S]")):
        reach = abs(fixed[end] - fixed["g_mid [S]"]) / unit
        mean, spread = _of(noise, lambda p, reach=reach, i=i: reach * p[..., i + 1] / p[..., i])
        if mean.high < 0.0 or mean.low > 1.0:
            raise ValueError(
                f"nonlinearity_{word} = {mean.value:.3g}: 0 (constant steps) to 1 (steps that vanish at the"
                " end of the window) is what the law linear has; "
                + ("these steps grow" if mean.high < 0 else "fit the law soft-bounds")
            )
        out[f"nonlinearity_{word}"] = mean._replace(value=min(max(mean.value, 0.0), 1.0))
        out[f"nonlinearity_{word}_spread"] = spread
    return out


def _start(curves: PulseCurves, level: float) -> dict[str, Interval]:
    """Where the curves begin: the level of a reset, and its noise; one reset of each gives no more."""
    first = curves.conductance[0]
    mean, spread = population(first, first + level * np.array([[1.0], [-1.0]]))
    return {"reset [S]": mean, "reset_noise [S]": spread}


def _misfit(residuals: np.ndarray, direction: np.ndarray) -> float:
    """The largest mean residual, in standard errors, of the quarters of either direction's pulses."""
    worst = 0.0
    for side in (1, -1):
        rows = np.flatnonzero((direction[1:] == side).any(1))
        for part in np.array_split(rows, 4):
            found = residuals[part][direction[1:][part] == side]
            found = found[np.isfinite(found)]
            if len(found) > 1:
                worst = max(worst, abs(float(found.mean())) * np.sqrt(len(found)))
    return float(worst)


def round_to(value: float, *, up: bool = False, down: bool = False) -> float:
    """To three significant digits, or to the next above or below."""
    if value <= 0:
        return 0.0
    step = 10.0 ** (floor(log10(value)) - 2)
    whole = np.ceil(value / step) if up else np.floor(value / step) if down else np.round(value / step)
    return float(f"{whole * step:.3g}")
