"""Fit of drift to retention curves: exponent and its spread, t_0, low-frequency noise and read noise.

    ln G_i(t) = a_i - nu_i ln((t + t_0) / t_0) + Q B_i(t) + W_i(ln(t + t_0)) + r xi,    nu_i ~ N(nu, spread^2)

B has the spectrum 1/f between 1 / (t + t_0 + t_read) and 1 / (2 t_read), as memsim simulates it, so its
covariance between two times is known.  W is a random walk with variance w^2 for each factor e of time; it
describes structural changes, for which a card has no field.  The noise r xi is independent for each reading.
Errors of one device at different times are correlated, so least squares on the readings would give intervals
that are too narrow.  The likelihood is therefore that of differences between successive readings, which do
not depend on a_i (:mod:`memsim.devices.fitting.retention_steps`).  From devices at several temperatures T,
the activation energy E of t_0 is fitted by Arrhenius' law: t_0 exp(-E (1 / T_0 - 1 / T) / k).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from memsim.devices.fitting.estimates import Interval, population
from memsim.devices.fitting.fit import few_words, without_spreads
from memsim.devices.fitting.measurements import RetentionCurves, check_conductance, check_support
from memsim.devices.fitting.pulse_numbers import round_to
from memsim.devices.fitting.residuals import MISFIT
from memsim.devices.fitting.retention_likelihood import Likely, most_likely
from memsim.devices.fitting.retention_steps import Clock, Steps
from memsim.devices.fitting.screening import Yield, screen_retention

TIMES = 4  #: smallest number of readings of each device
DECADES = 1.0  #: smallest range of times of a device for an exponent [log10]
SPAN = 10.0  #: difference from ROOM above which a temperature gives a warning [K]
ROOM = 300.0  #: default temperature of chips [K]
FACTOR = 3.0  #: largest factor by which t_0 may be uncertain


@dataclass(frozen=True)
class RetentionFit:
    """Result of a fit of drift."""

    fixed: dict[str, float]  #: numbers that were not fitted
    numbers: dict[str, Interval]  #: by their keys of a device card
    measured: RetentionCurves
    exponent: np.ndarray  #: drift exponent of each device (N,)
    begins: np.ndarray  #: t_0 of each device at its temperature (N,) [s]
    residuals: np.ndarray  #: relative residuals from the power law of each device (T, N)
    works: Yield
    walk: Interval  #: w, the relative standard deviation of the random walk per factor e of time [1]
    not_measured: tuple[str, ...] = ()  #: keys of spreads for which there are too few devices

    @property
    def warnings(self) -> list[str]:
        """Warnings on devices left out, missing spreads, temperature, random walks and misfits of the law."""
        off = np.abs(np.nanmean(self.residuals, 1)) * np.sqrt(np.isfinite(self.residuals).sum(1))
        spread = np.nanstd(self.residuals, 1, ddof=min(1, self.residuals.shape[1] - 1))
        worst = float(np.max(off / np.where(spread > 0, spread, np.inf)))
        out = self.works.words
        out += few_words(len(self.measured.devices), self.not_measured)
        kept = self.measured.temperature
        if kept is not None and not self.measured.several and abs(kept[0] - ROOM) > SPAN:
            out.append(
                f"all devices were kept at {kept[0]:g} K: the card uses the drift of that temperature at"
                " every temperature; a table with several temperatures gives an activation energy"
            )
        if self.walk.low > 0:
            out.append(
                f"conductances make a random walk of {100 * self.walk.value:.2g} % (95 %:"
                f" {100 * self.walk.low:.2g} to {100 * self.walk.high:.2g} %) per factor e (2.72) of time: a"
                " card has no field for it, so the fitted cell does not have it"
            )
        if worst > MISFIT:
            out.append(
                f"a power law misses the devices' mean by {worst:.1f} standard errors: do not trust the"
                " intervals; try --law relaxation, a straight line in ln t"
            )
        return out

    @property
    def section(self) -> dict[str, Any]:
        """The ``[weight]`` table of a device card."""
        return self.fixed | {key: float(f"{i.value:.6g}") for key, i in self.numbers.items()}


def fit_retention(
    curves: RetentionCurves, *, t_0: float | None = None, t_read: float = 250e-9
) -> RetentionFit:
    """Fit a power-law drift to retention curves and return the result.

    t_0 [s]: time constant of the drift law; None: it is fitted.  t_read [s]: duration of a read, which limits
    the band of the low-frequency noise.  The fitted read_noise is that of a device at g_max, assuming noise
    proportional to the square root of the conductance.  Raises ValueError for parameters that the data do not
    determine; the message names each one and the data needed.
    """
    _check(curves)
    curves, works = screen_retention(curves)
    if (curves.conductance <= 0).any():
        check_support([
            "drift_exponent: a conductance of 0 or below has no logarithm; leave such readings blank"
        ])  # fmt: skip
    reference = nearest_to_room(curves.temperature)
    steps = Steps.of(curves, t_read, reference)
    found = most_likely(steps, t_0, curves.several)
    if found.t_0 is not None and found.t_0.high > found.t_0.low * FACTOR**2:
        check_support([
            f"t_0 [s]: it may be {np.sqrt(found.t_0.high / found.t_0.low):.2g} times more or less; read"
            " earlier than t_0 and ten times later, or give it (--t-0)"
        ])  # fmt: skip
    numbers = _exponents(steps, found)
    numbers |= {} if found.t_0 is None else {"t_0 [s]": found.t_0}
    numbers |= {} if found.energy is None else {"time_energy [eV]": found.energy}
    numbers |= {"flicker_noise": found.flicker, "read_noise": found.read}
    nu, _ = steps.exponents(found.clock, found.at)
    fixed = {} if t_0 is None else {"t_0 [s]": t_0}
    fixed |= {} if found.energy is None else {"temperature [K]": reference}
    top = float(np.nanmax(curves.conductance))
    fixed["g_max [S]"] = round_to(top, up=True)
    mean = float(np.nanmean(curves.conductance))
    numbers["read_noise"] = numbers["read_noise"].times(float(np.sqrt(mean / fixed["g_max [S]"])))
    numbers, missing = without_spreads(numbers, len(curves.devices))
    begins = found.clock.t_0 * np.exp(-found.clock.energy * steps.warmth[steps.pattern, 0])
    left = _residuals(curves, nu, begins)
    return RetentionFit(fixed, numbers, curves, nu, begins, left, works, found.walk, missing)


def nearest_to_room(kelvin: np.ndarray | None) -> float:
    """Return T_0 [K], the measured temperature nearest to 300 K, or 300 K if none is given."""
    return ROOM if kelvin is None else float(kelvin[np.abs(kelvin - ROOM).argmin()])


def _check(curves: RetentionCurves) -> None:
    check_conductance(curves.conductance[np.isfinite(curves.conductance)], "the curves")
    missing = []
    fewest = int(np.isfinite(curves.time).sum(0).min())
    if fewest < TIMES:
        missing.append(
            f"drift_exponent: some device was read at {fewest} time{'s' * (fewest != 1)} only, {TIMES} or"
            " more are needed, over a decade and more"
        )
    else:
        later = np.nanmax(curves.time, 0) / np.maximum(np.nanmin(curves.time, 0), 1e-9)
        if later.min() < 10**DECADES:
            missing.append(
                f"drift_exponent: some device was followed from its first reading to {later.min():.2g} times"
                f" that time; {10**DECADES:g} times or more are needed"
            )
    check_support(missing)


def _exponents(steps: Steps, likely: Likely) -> dict[str, Interval]:
    """Return mean and spread of nu, with intervals that include the uncertainty of t_0 and E."""

    def found(clock: Clock) -> tuple[Interval, Interval]:
        nu, error = steps.exponents(clock, likely.at)
        return population(nu, nu + np.sqrt(error) * np.array([[1.0], [-1.0]]))

    clock, moved = likely.clock, []
    if (rise := found(clock)[0]).high < 0:
        raise ValueError(
            f"drift_exponent = {rise.value:.3g} (95 %: {rise.low:.3g} to {rise.high:.3g}): these conductances"
            " rise with time, and the power law describes falling ones; --law relaxation describes both"
        )
    if likely.t_0 is not None:
        moved = [found(clock._replace(t_0=end)) for end in likely.t_0[1:]]
    if likely.energy is not None:
        moved += [found(clock._replace(energy=end)) for end in likely.energy[1:]]
    out = {}
    for n, (key, one) in enumerate(
        zip(("drift_exponent", "drift_exponent_spread"), found(clock), strict=True)
    ):
        below, above = (
            np.sqrt(sum(max(side * (other[n].value - one.value), 0.0) ** 2 for other in moved))
            for side in (-1, 1)
        )
        low, high = (
            one.value - np.hypot(one.value - one.low, below),
            one.value + np.hypot(one.high - one.value, above),
        )
        out[key] = Interval(*(max(float(x), 0.0) for x in (one.value, low, high)))
    return out


def _residuals(curves: RetentionCurves, nu: np.ndarray, t_0: np.ndarray) -> np.ndarray:
    rest = np.log(curves.conductance) + nu * np.log1p(curves.time / t_0)
    return rest - np.nanmean(rest, 0)
