"""Pulse laws as a plain loop over pulses in float64: slow, obvious, the judge of the kernels. Never
imported by them.

`of(cell)` gives judge(values, w, n, rng, quiet=False): states after abs(n) pulses in the sign's direction
from w, with the cell's numbers and the devices' values, without reset or write noise; quiet leaves the
cycle noise out.
"""

import numpy as np


def of(cell):
    """The judge of a cell, by the paper or aihwkit class its law comes from."""
    law = {
        "reram-om": soft_bounds_reference,
        "reram-es": exponential_step,
        "ecram-li": linear_step,
        "pcm-nandakumar2020": partial_set_exponential,
        "pcm-nandakumar2018": partial_set_affine,
    }[cell.name]

    def judge(values, w, n, rng, *, quiet=False):
        v = {name: np.asarray(value, np.float64) for name, value in values.items()}
        on = 0.0 if quiet else cell.strength("cycle-noise")
        return law(cell, v, np.asarray(w, np.float64), np.asarray(n), rng, on)

    return judge


def reset(cell, values, rng):
    """States right after a reset."""
    v = {name: np.asarray(value, np.float64) for name, value in values.items()}
    xi = rng.standard_normal(next(iter(v.values())).shape) * cell.strength("reset-noise")
    if cell.name == "pcm-nandakumar2018":
        return 1e-6 * np.maximum(cell.low * (1 + cell.reset_std * xi), cell.floor)
    return np.clip(v["reset_bias"] + cell.reset_std * xi, v["min_bound"], v["max_bound"])


def loop(step, w, n, low, high):
    """Apply `step(w, up)` abs(n) times, clipping to the device's bounds after every pulse."""
    w = w.copy()
    for pulse in range(int(np.abs(n).max(initial=0))):
        active = np.abs(n) > pulse
        w[active] = np.clip(step(w, n > 0), low, high)[active]
    return w


def soft_bounds_reference(cell, v, w, n, rng, on):
    def step(u, up):
        xi = on * cell.dw_min_std * rng.standard_normal(u.shape)
        rise = v["dwmin_up"] * (1 - u / v["max_bound"] + xi)
        fall = -v["dwmin_down"] * (1 - u / v["min_bound"] + xi)
        return u + np.where(up, rise, fall)

    return loop(step, w + v["reference"], n, v["min_bound"], v["max_bound"]) - v["reference"]


def linear_step(cell, v, w, n, rng, on):
    def step(w, up):
        rise = v["slope_up"] * w + v["dwmin_up"]
        fall = -(v["slope_down"] * w + v["dwmin_down"])
        return w + np.where(up, rise, fall) * (1 + on * cell.dw_min_std * rng.standard_normal(w.shape))

    return loop(step, w, n, v["min_bound"], v["max_bound"])


def exponential_step(cell, v, w, n, rng, on):
    def step(w, up):
        z = 2 * cell.a * w / (v["max_bound"] - v["min_bound"]) + cell.b
        rise = v["dwmin_up"] * np.maximum(1 - cell.A_up * np.exp(cell.gamma_up * z), 0)
        fall = -v["dwmin_down"] * np.maximum(1 - cell.A_down * np.exp(-cell.gamma_down * z), 0)
        return w + np.where(up, rise, fall) * (1 + on * cell.dw_min_std * rng.standard_normal(w.shape))

    return loop(step, w, n, v["min_bound"], v["max_bound"])


def partial_set_exponential(cell, v, w, n, rng, on):
    def step(w, up):
        z = 2 * cell.a * w / (v["max_bound"] - v["min_bound"]) + cell.b
        size = v["dwmin_up"] * np.maximum(1 - cell.A * np.exp(cell.gamma * z), 0)
        spread = size + cell.dw_min_std_add + cell.dw_min_std_slope * np.abs(w)
        return w + size + on * cell.dw_min_std * spread * rng.standard_normal(w.shape)

    return loop(step, w, n, v["min_bound"], v["max_bound"])


def partial_set_affine(cell, v, w, n, rng, on):
    def step(g, up):
        spread = on * (cell.spread[0] * g + cell.spread[1]) * rng.standard_normal(g.shape)
        return g + v["gain"] * (cell.mean[0] * g + cell.mean[1] + spread)

    return 1e-6 * loop(step, 1e6 * w, n, cell.low, v["max_bound"])
