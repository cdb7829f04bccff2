"""The picture of STDP from physics: spikes on row and column, the voltage of their overlap, the window."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memsim.devices import SpikePair, STDPWindow, stdp_window
from memsim.devices.stdp.rate_law import RateLaw
from memsim.devices.stdp.stdp_window import Lobe
from memsim.studies.reports.figure_style import CROSSBAR, DIGITAL, PAGE, QUIET, drawn
from memsim.studies.reports.quantities import prefixed

__all__ = ["stdp"]


@drawn
def stdp(pair: SpikePair, law: RateLaw, *, unit: str = "") -> Figure:
    """Return a pair that potentiates and one that depresses, with the voltage on the device; the window with
    its exponential fits. unit: that of the law's weight; without one, changes are over the largest.
    """
    figure = Figure(figsize=(PAGE, 2.5))
    first, second, right = figure.subplots(1, 3, width_ratios=(1, 1, 1.3))
    apart = 1.5 * pair.post.rise
    for ax, dt in ((first, -apart), (second, apart)):
        _voltages(ax, pair, law, dt)
    second.sharey(first)
    first.set_ylabel("voltage [V]")
    figure.legend(*first.get_legend_handles_labels(), loc="outside upper left", ncols=3)
    _window(right, stdp_window(pair, law), unit)
    return figure


def _voltages(ax: Axes, pair: SpikePair, law: RateLaw, dt: float) -> None:
    """Both spikes and their difference, what is beyond the threshold filled."""
    t = np.linspace(min(dt, 0) - 2 * pair.post.rise, max(dt, 0) + 3 * pair.post.rise, 4001)
    v = pair.voltage(t, np.array(dt))
    ax.plot(1e3 * t, pair.a_pre * pair.pre.voltage(t - dt), color=DIGITAL, linewidth=0.9, label="row (pre)")
    ax.plot(1e3 * t, pair.a_post * pair.post.voltage(t), color=QUIET, linewidth=0.9, label="column (post)")
    ax.plot(1e3 * t, v, color=CROSSBAR, linewidth=1.2, label="device: column − row")
    if law.v_th:
        for level in (-law.v_th, law.v_th):
            ax.axhline(level, color=QUIET, linewidth=0.6, linestyle=":")
        ax.fill_between(1e3 * t, v, np.clip(v, -law.v_th, law.v_th), color=CROSSBAR, alpha=0.4, linewidth=0)
    sign, what = ("−", "potentiates") if dt < 0 else ("+", "depresses")
    ax.set_title(f"dt = {sign}{1e3 * abs(dt):.1f} ms {what}")
    ax.set_xlabel("time after column's spike [ms]")


def _window(ax: Axes, window: STDPWindow, unit: str) -> None:
    """Change against dt, the fits of both lobes dashed; as far as five of the longer time constant."""
    largest = max(window.height("potentiation"), window.height("depression"))
    factor, name = prefixed(largest, unit) if unit else (1 / largest, "of the largest")
    for zero in (ax.axhline, ax.axvline):
        zero(0, color="0.8", linewidth=0.6)
    dt = np.concatenate([-window.delay[::-1], window.delay])
    change = np.concatenate([window.potentiation[::-1], window.depression])
    ax.plot(1e3 * dt, factor * change, color=CROSSBAR, linewidth=1.5)
    lobes: tuple[tuple[Lobe, int, str], ...] = (("potentiation", -1, DIGITAL), ("depression", 1, QUIET))
    reach = 0.0
    for lobe, side, colour in lobes:
        sizes = getattr(window, lobe)
        if np.count_nonzero(sizes) < 3:
            continue
        fit, sign = window.fit(lobe), np.sign(sizes[np.abs(sizes).argmax()])
        x = window.delay[window.delay <= 5 * fit.tau]
        line = factor * sign * fit.height * np.exp(-x / fit.tau)
        label = f"τ = {1e3 * fit.tau:.1f} ms"
        ax.plot(1e3 * side * x, line, color=colour, linestyle="--", linewidth=0.9, label=label)
        reach = max(reach, 5e3 * fit.tau)
    if reach:
        ax.set_xlim(-reach, reach)
        ax.legend(loc="upper right")
    ax.set_xlabel("dt = t(pre) − t(post) [ms]")
    ax.set_ylabel(f"change of weight [{name}]")
