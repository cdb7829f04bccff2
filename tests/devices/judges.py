"""Pulse laws as a plain loop over pulses in float64: slow, obvious, the judge of the kernels. Never
imported by them.

`of(cell)` gives judge(values, w, n, rng, quiet=False): states after abs(n) pulses in the sign's direction
from w, with the cell's numbers and the devices' values, without reset or write noise; quiet leaves the
cycle noise out.
"""

import numpy as np

from memsim.devices.pulses.affine import AffineCell
from memsim.devices.pulses.exponential_pulses import ExponentialPulsesCell
from memsim.devices.pulses.exponential_step import ExponentialStepCell
from memsim.devices.pulses.neurosim import NeuroSimCell, curvature
from memsim.devices.pulses.pcm_nandakumar2018 import Nandakumar2018Cell
from memsim.devices.pulses.piecewise_step import PiecewiseStepCell
from memsim.devices.pulses.power_step import PowerStepCell


def of(cell):
    """The judge of a cell, by the class its law comes from."""

    def judge(values, w, n, rng, *, quiet=False):
        v = {name: np.asarray(value, np.float64) for name, value in values.items()}
        on = 0.0 if quiet else cell.strength("cycle-noise")
        return LAWS[type(cell)](cell, v, np.asarray(w, np.float64), np.asarray(n), rng, on)

    return judge


def reset(cell, values, rng):
    """States right after a reset."""
    v = {name: np.asarray(value, np.float64) for name, value in values.items()}
    xi = rng.standard_normal(next(iter(v.values())).shape) * cell.strength("reset-noise")
    if isinstance(cell, Nandakumar2018Cell):
        return 1e-6 * np.maximum(cell.low * (1 + cell.reset_std * xi), cell.floor)
    if isinstance(cell, NeuroSimCell):
        low, high = v["min_bound"], v["max_bound"]
        return np.clip((low + high) / 2 + cell.c2c * (high - low) * xi, low, high)
    return np.clip(v["reset_bias"] + cell.reset_std * xi, v["min_bound"], v["max_bound"])


def loop(step, w, n, low, high):
    """Apply `step(w, up)` abs(n) times, clipping to the device's bounds after every pulse."""
    w = w.copy()
    for pulse in range(int(np.abs(n).max(initial=0))):
        active = np.abs(n) > pulse
        w[active] = np.clip(step(w, n > 0), low, high)[active]
    return w


def affine(cell, v, w, n, rng, on):
    reference = v.get("reference", 0.0)

    def step(u, up):
        xi = on * cell.dw_min_std * rng.standard_normal(u.shape)
        change = np.where(up, v["dwmin_up"] + v["slope_up"] * u, -v["dwmin_down"] - v["slope_down"] * u)
        scale = change if cell.mult_noise else np.where(up, v["dwmin_up"], v["dwmin_down"])
        return u + change + scale * xi

    return loop(step, w + reference, n, v["min_bound"], v["max_bound"]) - reference


def exponential(cell, v, w, n, rng, on):
    plain = isinstance(cell, ExponentialStepCell)

    def step(w, up):
        z = 2 * cell.a * w / (v["max_bound"] - v["min_bound"]) + cell.b
        rise = v["dwmin_up"] * np.maximum(1 - cell.A_up * np.exp(cell.gamma_up * z), 0)
        fall = -v["dwmin_down"] * np.maximum(1 - cell.A_down * np.exp(-cell.gamma_down * z), 0)
        change = np.where(up, rise, fall)
        sd = np.abs(change)
        if not plain:
            sd = sd + cell.dw_min_std_add + cell.dw_min_std_slope * np.abs(w)
        return w + change + on * cell.dw_min_std * sd * rng.standard_normal(w.shape)

    return loop(step, w, n, v["min_bound"], v["max_bound"])


def power(cell, v, w, n, rng, on):
    high, low = v["max_bound"], v["min_bound"]

    def step(w, up):
        rise = v["dwmin_up"] * ((high - w) / (high - low)) ** v["gamma_up"]
        fall = -v["dwmin_down"] * ((w - low) / (high - low)) ** v["gamma_down"]
        return w + np.where(up, rise, fall) * (1 + on * cell.dw_min_std * rng.standard_normal(w.shape))

    return loop(step, w, n, low, high)


def piecewise(cell, v, w, n, rng, on):
    high, low = v["max_bound"], v["min_bound"]
    at = np.linspace(0, 1, len(cell.piecewise_up))

    def step(w, up):
        x = (w - low) / (high - low)
        rise = v["dwmin_up"] * np.interp(x, at, cell.piecewise_up)
        fall = -v["dwmin_down"] * np.interp(x, at, cell.piecewise_down)
        return w + np.where(up, rise, fall) * (1 + on * cell.dw_min_std * rng.standard_normal(w.shape))

    return loop(step, w, n, low, high)


def neurosim(cell, v, w, n, rng, on):
    """Position on the curve, one further, back to a conductance: as the source writes it down."""
    high, low = v["max_bound"], v["min_bound"]

    def moved(g, label, by):
        A = cell.levels * curvature(label)
        B = (high - low) / (1 - np.exp(-cell.levels / A))
        position = -A * np.log1p(-(g - low) / B)
        return B * (1 - np.exp(-(position + by) / A)) + low

    def step(g, up):
        noise = on * cell.c2c * (high - low) * rng.standard_normal(g.shape)
        return np.where(up, moved(g, cell.up, 1), moved(g, cell.down, -1)) + noise

    return loop(step, w, n, low, high)


def partial_set_affine(cell, v, w, n, rng, on):
    def step(g, up):
        spread = on * (cell.spread[0] * g + cell.spread[1]) * rng.standard_normal(g.shape)
        return g + v["gain"] * (cell.mean[0] * g + cell.mean[1] + spread)

    return 1e-6 * loop(step, 1e6 * w, n, cell.low, v["max_bound"])


LAWS = {
    AffineCell: affine,
    ExponentialStepCell: exponential,
    ExponentialPulsesCell: exponential,
    PowerStepCell: power,
    PiecewiseStepCell: piecewise,
    NeuroSimCell: neurosim,
    Nandakumar2018Cell: partial_set_affine,
}
