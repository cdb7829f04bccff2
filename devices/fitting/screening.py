"""Detection of devices that do not work, before a fit: stuck, failed or odd ones.

    flat    the running medians of five readings change by less than a seventh of the change of other devices
    stuck   flat from the start;  failed   flat from some pulse on;  odd   far from all other devices

These devices are left out of the fit; stuck and failed ones determine the shares of stuck devices in the
card.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import median_filter
from scipy.stats import beta

from memsim.devices.fitting.estimates import Interval
from memsim.devices.fitting.measurements import PulseCurves, RetentionCurves

FLAT = 1 / 7  #: share of the change of other devices below which a device is flat
TELLING = 1 / 4  #: part of a curve is used only if others change by this share of their total change in it
FAR = 8.0  #: number of robust standard deviations at which a device is odd
END = 0.15  #: share of the window at each end in which a stuck device counts as on or off


@dataclass(frozen=True)
class Fault:
    """Device that does not work."""

    device: str
    kind: str  #: "stuck", "failed" or "odd"
    since: float  #: pulse, or time [s], of the failure; 0: from the start
    level: float  #: its conductance since then [S]
    timed: bool = False  #: whether `since` is a time

    def __str__(self) -> str:
        since = f"{self.since:.3g} s" if self.timed else f"pulse {self.since:g}"
        when = f" from {since} on" if self.since else ""
        return f"{self.device} {self.kind}{when} at {1e6 * self.level:.3g} uS"


@dataclass(frozen=True)
class Yield:
    """Number of measured devices, and the faults of those that do not work."""

    measured: int
    faults: tuple[Fault, ...]
    unread: tuple[str, ...] = ()  #: devices with too few readings to be judged, which are not counted

    @property
    def words(self) -> list[str]:
        """Sentences on the devices that are left out."""
        out = [str(self)] if self.faults else []
        named = ", ".join(self.unread[:6]) + (", ..." if len(self.unread) > 6 else "")
        few = f"left out and not counted, for fewer than {READINGS} readings: {named}"
        return [*out, few] if self.unread else out

    @property
    def share(self) -> Interval:
        """Share of devices that work, with the exact binomial interval (Clopper and Pearson)."""
        n, k = self.measured, self.measured - len(self.faults)
        low = float(beta.ppf(0.025, k, n - k + 1)) if k else 0.0
        high = float(beta.ppf(0.975, k + 1, n - k)) if k < n else 1.0
        return Interval(k / n, low, high)

    def shares(self, low: float, high: float) -> dict[str, float]:
        """Return the ``[faults]`` table of a device card: shares of devices stuck on, off and in between.

        low, high: the window [S].  Odd devices are not stuck; they only reduce the yield.
        """
        out = {"stuck_on": 0, "stuck_off": 0, "stuck_random": 0}
        edge = END * (high - low)
        for fault in self.faults:
            if fault.kind != "odd":
                where = (
                    "on" if fault.level >= high - edge else "off" if fault.level <= low + edge else "random"
                )
                out[f"stuck_{where}"] += 1
        return {key: count / self.measured for key, count in out.items() if count}

    def __str__(self) -> str:
        share = self.share
        named = "; ".join(map(str, self.faults[:6])) + ("; ..." if len(self.faults) > 6 else "")
        return (
            f"{len(self.faults)} of {self.measured} devices left out: {named}. Yield"
            f" {100 * share.value:.3g} % (95 %: {100 * share.low:.3g} to {100 * share.high:.3g} %)"
        )


def screen(curves: PulseCurves) -> tuple[PulseCurves, Yield]:
    """Return the devices that work, and the yield.

    Devices with fewer than `READINGS` readings are left out and not counted.  Raises ValueError if fewer than
    half work, or if no device has enough readings.
    """
    curves, unread = _enough(curves)
    smooth = _smooth(curves.conductance)
    _check_moves(curves, smooth)
    since = _flat_since(curves, smooth)
    odd = _odd(smooth, since < 0)
    faults = []
    for i, name in enumerate(curves.devices):
        column = smooth[:, i]
        if since[i] >= 0:
            kind = "failed" if since[i] > 0 else "stuck"
            faults.append(Fault(name, kind, int(since[i]), float(np.nanmedian(column[since[i] :]))))
        elif odd[i]:
            faults.append(Fault(name, "odd", 0, float(np.nanmedian(column))))
    found = Yield(len(curves.devices), tuple(faults), unread)
    works = (since < 0) & ~odd
    if works.sum() * 2 < len(works):
        raise ValueError(f"{found}: fewer than half work, so the typical device is unknown")
    return (curves.part(works) if faults else curves), found


READINGS = 4  #: smallest number of readings by which a device can be judged


def _enough(curves: PulseCurves) -> tuple[PulseCurves, tuple[str, ...]]:
    """Return the devices with enough readings, and the names of the others."""
    enough = np.isfinite(curves.conductance).sum(0) >= READINGS
    if not enough.any():
        raise ValueError(f"no device has {READINGS} readings or more: steps cannot be seen")
    unread = tuple(name for name, there in zip(curves.devices, enough, strict=True) if not there)
    return (curves.part(enough) if unread else curves), unread


JUMP = 0.3  #: smallest change of ln G between two readings that counts as a jump
STEPS = 8.0  #: and the smallest one in robust standard deviations of all devices at that time


def screen_retention(curves: RetentionCurves) -> tuple[RetentionCurves, Yield]:
    """Return curves without devices that jump, and the yield. Raises ValueError if fewer than half work."""
    change = np.diff(np.log(_positive(curves.conductance)), axis=0)
    faults, works = [], np.ones(len(curves.devices), bool)
    jumps = np.zeros(change.shape, bool)
    kept = np.zeros(len(curves.devices)) if curves.temperature is None else curves.temperature
    for kelvin in np.unique(kept) if len(change) else ():  # compare devices at the same temperature only
        jumps[:, kept == kelvin] = _jumps(change[:, kept == kelvin])
    for i in np.flatnonzero(jumps.any(0)):
        at = int(jumps[:, i].argmax()) + 1
        works[i] = False
        level = float(np.nanmedian(curves.conductance[at:, i]))
        faults.append(Fault(curves.devices[i], "failed", float(curves.time[at, i]), level, timed=True))
    found = Yield(len(curves.devices), tuple(faults))
    if works.sum() * 2 < len(works):
        raise ValueError(f"{found}: fewer than half work, so the typical device is unknown")
    return (curves.part(works) if faults else curves), found


def _positive(g: np.ndarray) -> np.ndarray:
    """Return conductances (T, N) that have a logarithm; NaN for readings at or below 0.

    Of a device that has failed open, whose readings stay below a tenth of the first one from a reading at or
    below 0 on, these are at least a thousandth of the first one.
    """
    out = np.where(g > 0, g, np.nan)
    for i in np.flatnonzero((g <= 0).any(0)):
        since, first = int((g[:, i] <= 0).argmax()), g[np.isfinite(g[:, i]), i][0]
        if first > 0 and np.nanmax(g[since:, i]) <= 0.1 * first:
            out[since:, i] = np.where(
                np.isfinite(g[since:, i]), np.maximum(g[since:, i], 1e-3 * first), np.nan
            )
    return out


def _jumps(change: np.ndarray) -> np.ndarray:
    """Return which changes of ln G (T - 1, N) are far from those of other devices; none for N below 3."""
    if change.shape[1] < 3:
        return np.zeros(change.shape, bool)
    usual = np.nanmedian(np.where(np.isnan(change).all(1, keepdims=True), 0.0, change), axis=1, keepdims=True)
    off = np.abs(change - usual)
    scatter = np.nanmedian(np.where(np.isnan(off).all(1, keepdims=True), 0.0, off), axis=1, keepdims=True)
    return off > np.maximum(STEPS * scatter / 0.6745, JUMP)


def _check_moves(curves: PulseCurves, smooth: np.ndarray) -> None:
    """Raise ValueError if not even the upper quartile of the devices changes by more than noise."""
    steps = np.concatenate([np.diff(column[np.isfinite(column)]) for column in curves.conductance.T])
    noise = 1.4826 * float(np.median(np.abs(steps))) / np.sqrt(2) if len(steps) else 0.0
    moved = float(np.quantile(np.ptp(smooth, axis=0), 0.75))
    if moved <= 3.5 * noise:
        raise ValueError(
            f"the devices move by {moved:.2g} S in all and their readings scatter by {noise:.2g} S: pulses do"
            " not move them by more than noise; stuck devices, or a column that is not what it seems?"
        )


def _smooth(g: np.ndarray) -> np.ndarray:
    """Return running medians of five readings of each device, with missing readings interpolated."""
    out, at = np.empty_like(g), np.arange(len(g))
    for i, column in enumerate(g.T):
        there = np.isfinite(column)
        filled = np.interp(at, at[there], column[there]) if there.any() else np.zeros(len(g))
        out[:, i] = median_filter(filled, size=min(5, len(g)), mode="nearest")
    return out


def _flat_since(curves: PulseCurves, smooth: np.ndarray) -> np.ndarray:
    """Return the reading from which each device is flat: 0 from the start, -1 if it works to the end."""
    upto = [np.maximum.accumulate(way * smooth[::-1], 0)[::-1] for way in (1, -1)]
    span = upto[0] + upto[1]  # (K, N): range of the readings from k on
    usual = np.quantile(span, 0.75, axis=1)
    telling = usual >= TELLING * usual[0]
    out = np.full(span.shape[1], -1)
    for i in np.flatnonzero(((span < FLAT * usual[:, None]) & telling[:, None]).any(0)):
        first = int(((span[:, i] < FLAT * usual) & telling).argmax())
        still = span[first, i] < FLAT / 2 * usual[first]
        if still or not _directed(curves.conductance[first:, i], curves.direction[first:, i]):
            out[i] = _onset(smooth[:, i], first)
    return out


def _directed(g: np.ndarray, d: np.ndarray) -> bool:
    """Return whether readings follow the directions of their pulses significantly."""
    there = np.isfinite(g)
    g, d = g[there], np.where(np.abs(d) == 1, d, 0)[there].astype(float)
    way = np.cumsum(d)
    way -= way.mean()
    size = float((way**2).sum())
    if len(g) < 8 or not size:
        return False
    slope = float((way * (g - g.mean())).sum()) / size
    rest = g - g.mean() - slope * way
    return slope > 6.0 * float(rest.std()) / np.sqrt(size)


def _onset(smooth: np.ndarray, flat: int) -> int:
    """Return the reading after the last one that differs from the final level of a device; 0 if none does."""
    end = smooth[flat + (len(smooth) - flat) // 2 :]
    level = float(np.median(end))
    scatter = max(1.4826 * float(np.median(np.abs(end - level))), 0.01 * float(np.ptp(smooth)))
    off = np.flatnonzero(np.abs(smooth[: flat + len(end)] - level) > 5.0 * scatter)
    return int(off[-1]) + 1 if len(off) and flat else 0


def _odd(smooth: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """Return which devices have a range or level far from all others, bool (N,); none for 7 or fewer."""
    out = np.zeros(smooth.shape[1], bool)
    if moves.sum() < 8:
        return out
    span = np.log(np.ptp(smooth[:, moves], axis=0))
    level = np.log(np.maximum(np.median(smooth[:, moves], axis=0), 1e-15))
    for feature in (span, level):
        off = feature - np.median(feature)
        out[moves] |= np.abs(off) > FAR * max(float(np.median(np.abs(off))) / 0.6745, 0.08)
    return out
