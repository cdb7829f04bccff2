"""Conversion of fitted device parameters to the numbers of a card: steps, bounds and nonlinearities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import floor, log10

import numpy as np

from memsim.devices.fitting.estimates import Interval, population
from memsim.devices.fitting.measurements import PulseCurves, check_support
from memsim.devices.fitting.pulse_devices import Noise
from memsim.devices.fitting.pulse_filter import DOWN_STEP, UP_STEP

SURE = 0.2  #: largest relative error of the distance to a bound, for the median device
LOOSE = 1.0  #: the same for any device


def _of(noise: Noise, quantity: Callable[[np.ndarray], np.ndarray]) -> tuple[Interval, Interval]:
    """Return mean and spread over devices of a function of their parameters (..., 4)."""
    return population(quantity(noise.theta), quantity(noise.copies))


def steps(noise: Noise, unit: float, log_normal: bool) -> dict[str, Interval]:
    """Return the steps and their spreads, for devices with pulses in both directions.

    s = (gain +- r - less) dw: gain is common to both directions, and r has opposite signs.
    """
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


def up_steps(noise: Noise, unit: float, log_normal: bool) -> dict[str, Interval]:
    """Return the steps and their spread, for devices with pulses up only."""
    if log_normal:
        middle, spread = _of(noise, lambda p: np.log(p[..., UP_STEP]))
        mean = Interval(*np.exp(middle))
    else:
        mean, spread = _of(noise, lambda p: p[..., UP_STEP])
        spread = spread.times(1 / mean.value)
    return {"step_up [S]": mean.times(unit), "step_spread": spread}


def bounds(
    noise: Noise, curves: PulseCurves, middle: float, unit: float, sides: Sequence[int]
) -> dict[str, Interval]:
    """Return mean and spread of the bounds, middle +- step / rate.

    Raises ValueError if the curves do not bend enough to determine them.
    """
    out, missing = {}, []
    for name, side, word, i in (("g_max", 1, "up", UP_STEP), ("g_min", -1, "down", DOWN_STEP)):
        if side not in sides:
            continue

        def bound(p: np.ndarray, side: int = side, i: int = i) -> np.ndarray:
            return side * p[..., i] / np.maximum(p[..., i + 1], 1e-9)

        error = np.median(np.abs(bound(noise.copies) / bound(noise.theta) - 1), 0) / 0.6745
        straight = (error > LOOSE) | (noise.theta[..., i + 1] <= 0)
        if np.median(error) > SURE or straight.any():
            missing.append(
                f"{name} [S]: the {word} steps hardly shrink, on {straight.sum()} of {len(straight)} devices"
                f" ({few(curves, straight)}) so little that no bound is seen, and at the median device the"
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


def nonlinearities(
    noise: Noise, fixed: dict[str, float], unit: float, sides: Sequence[int]
) -> dict[str, Interval]:
    """Return mean and spread of the relative decrease of a step from g_mid to the end of the window.

    Raises ValueError for values outside 0 to 1.
    """
    out = {}
    for side, word, i, end in ((1, "up", UP_STEP, "g_max [S]"), (-1, "down", DOWN_STEP, "g_min [S]")):
        if side not in sides:
            continue
        reach = abs(fixed[end] - fixed["g_mid [S]"]) / unit
        mean, spread = _of(noise, lambda p, reach=reach, i=i: reach * p[..., i + 1] / p[..., i])
        if mean.high < -0.02 or mean.low > 1.02:
            raise ValueError(
                f"nonlinearity_{word} = {mean.value:.3g}: 0 (constant steps) to 1 (steps that vanish at the"
                " end of the window) is what the law linear has; "
                + ("these steps grow" if mean.high < 0 else "fit the law soft-bounds")
            )
        out[f"nonlinearity_{word}"] = mean._replace(value=min(max(mean.value, 0.0), 1.0))
        out[f"nonlinearity_{word}_spread"] = spread
    return out


def few(curves: PulseCurves, which: np.ndarray) -> str:
    """Return the names of up to four of the devices, as text."""
    names = [name for name, there in zip(curves.devices, which, strict=True) if there]
    return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")


def round_to(value: float, *, up: bool = False, down: bool = False) -> float:
    """Round to three significant digits, to nearest or up or down; 0 for values that are not positive."""
    if value <= 0:
        return 0.0
    step = 10.0 ** (floor(log10(value)) - 2)
    whole = np.ceil(value / step) if up else np.floor(value / step) if down else np.round(value / step)
    return float(f"{whole * step:.3g}")
