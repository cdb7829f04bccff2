"""Pictures of a fit: what was measured beside the cell that was fitted, and what the law leaves."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memsim import devices
from memsim.devices.check import BOLTZMANN
from memsim.devices.fitting.fit import PulseFit
from memsim.devices.fitting.fit_endurance import EnduranceFit
from memsim.devices.fitting.fit_iv import CurveFit
from memsim.devices.fitting.fit_programming import ProgrammingFit, spread_of
from memsim.devices.fitting.fit_relaxation import RelaxationFit
from memsim.devices.fitting.fit_retention import RetentionFit
from memsim.devices.fitting.fit_temperature import TemperatureFit
from memsim.studies.reports.device_figures import band, pulsed
from memsim.studies.reports.figure_style import CROSSBAR, DIGITAL, PAGE, QUIET, drawn
from memsim.studies.reports.quantities import prefixed


@drawn
def pulse_fit(fit: PulseFit, cell: devices.PulsedCell) -> Figure:
    """Curves measured over the cell's own band; standardised innovations against the pulse, and their law."""
    figure = Figure(figsize=(PAGE, 2.6))
    data, rest, law = figure.subplots(1, 3, width_ratios=(2, 2, 1))
    g = fit.measured.conductance
    factor, unit = prefixed(float(np.nanmax(g)), "S")
    pulse = np.arange(len(g))
    data.plot(pulse, factor * g, color=QUIET, linewidth=0.3, alpha=0.6)
    longest = int(np.isfinite(g).sum(0).argmax())
    number, seen = pulsed(cell, fit.measured.direction[1:, longest])
    assert cell.conductances
    middle, width = cell.conductances
    seen = factor * (middle + width * seen)
    band(data, number, seen, CROSSBAR)
    data.plot(number, seen.mean(1), color=CROSSBAR, linewidth=1.2)
    data.set_title(f"measured (grey) and fitted: {fit.law}")
    data.set_xlabel("pulse")
    data.set_ylabel(f"conductance [{unit}]")
    where, _ = np.broadcast_arrays(pulse[1:, None], fit.residuals)
    rest.plot(where, fit.residuals, ".", color=QUIET, markersize=1, alpha=0.5)
    mean = _means(fit.residuals)
    rest.plot(pulse[1:], mean, color=CROSSBAR, linewidth=1, label="mean over devices")
    for edge in (-1.96, 1.96):
        rest.axhline(edge, color=DIGITAL, linewidth=0.7, linestyle="--")
    found = fit.tests
    rest.set_title("what readings miss")
    rest.set_xlabel("pulse")
    rest.set_ylabel("residual [standard deviations]")
    rest.set_ylim(-5, 5)
    rest.legend(loc="upper right")
    tests = (("mean", found.mean), ("growth with G", found.growth), ("tails", found.tails))
    words = ", ".join(f"{name} {value:.1f}" for name, value in tests)
    rest.text(0.02, 0.03, f"tests [standard errors]: {words}", transform=rest.transAxes, fontsize="x-small")
    _normal(law, fit.residuals)
    figure.set_label("Grey: every device; band: the middle 90 % of devices of the fitted cell; dashed: 95 %.")
    return figure


@drawn
def retention_fit(fit: RetentionFit) -> Figure:
    """Conductances measured, relative to each device's first, over the fitted power laws; residuals."""
    figure = Figure(figsize=(PAGE, 2.6))
    data, rest = figure.subplots(1, 2)
    curves, t_0 = fit.measured, fit.begins
    time = np.where(curves.time > 0, curves.time, np.nan)
    first = np.log1p(curves.time[0] / t_0)
    level = curves.conductance[0]
    data.plot(time, curves.conductance / level, color=QUIET, linewidth=0.4, alpha=0.7)
    grid = np.geomspace(np.nanmin(time), np.nanmax(time), 50)
    law = np.exp(-fit.exponent * (np.log1p(grid[:, None] / t_0) - first))
    band(data, grid, law, CROSSBAR)
    data.plot(grid, np.median(law, 1), color=CROSSBAR, linewidth=1.2)
    data.set_title("measured (grey) and fitted drift")
    data.set_ylabel("conductance / first reading [1]")
    rest.plot(time, 100 * fit.residuals, ".", color=QUIET, markersize=2, alpha=0.6)
    rest.plot(time[:, 0], 100 * _means(fit.residuals), color=CROSSBAR, linewidth=1, label="mean over devices")
    rest.axhline(0, color=DIGITAL, linewidth=0.7, linestyle="--")
    rest.set_title("what each device's own power law leaves")
    rest.set_ylabel("residual [%]")
    rest.legend(loc="upper left")
    for ax in (data, rest):
        ax.set_xscale("log")
        ax.set_xlabel("time since the write [s]")
    figure.set_label("Grey: every device; band: the middle 90 % of the devices' power laws.")
    return figure


@drawn
def law_fit(fit: RelaxationFit | ProgrammingFit | CurveFit | TemperatureFit | EnduranceFit) -> Figure:
    """What was measured and the law that was fitted to it."""
    figure = Figure(figsize=(PAGE / 2, 2.6))
    ax = figure.subplots()
    _DRAWN[type(fit)](ax, fit)
    figure.set_label("Grey: every reading; line: the fitted law.")
    return figure


def _relaxation(ax: Axes, fit: RelaxationFit) -> None:
    time = np.where(fit.measured.time >= 1, fit.measured.time, np.nan)
    factor, unit = prefixed(float(np.nanmax(np.abs(fit.measured.conductance - fit.start))), "S")
    ax.plot(time, factor * (fit.measured.conductance - fit.start), color=QUIET, linewidth=0.5, alpha=0.7)
    grid = np.geomspace(np.nanmin(time), np.nanmax(time), 50)
    seen = factor * fit.slope * np.log(grid[:, None])
    band(ax, grid, seen, CROSSBAR)
    ax.plot(grid, seen.mean(1), color=CROSSBAR, linewidth=1.2)
    ax.set_xscale("log")
    ax.set_xlabel("time since the write [s]")
    ax.set_ylabel(f"change since 1 s [{unit}]")
    ax.set_title("measured (grey) and fitted relaxation")


def _programming(ax: Axes, fit: ProgrammingFit) -> None:
    error, top = fit.measured.read - fit.measured.target, fit.fixed["g_max [S]"]
    factor, unit = prefixed(top, "S")
    small, less = prefixed(float(np.abs(error).max()), "S")
    ax.plot(factor * fit.measured.target, small * error, ".", color=QUIET, markersize=2, alpha=0.6)
    x = np.linspace(0.0, 1.0, 101)
    sigma = spread_of(np.array([i.value for i in fit.numbers.values()]) / top, x) * top
    for side in (-1.96, 1.96):
        ax.plot(factor * top * x, small * (fit.bias.value + side * sigma), color=CROSSBAR, linewidth=1.2)
    ax.set_xlabel(f"target [{unit}]")
    ax.set_ylabel(f"read back less target [{less}]")
    ax.set_title("writes (grey) and 95 % of the law")


def _current(ax: Axes, fit: CurveFit) -> None:
    factor, unit = prefixed(float(np.abs(fit.measured.current).max()), "A")
    v = np.linspace(0.0, float(np.abs(fit.measured.voltage).max()), 101)
    for law in fit.currents(v):
        ax.plot(v, factor * law, color=CROSSBAR, linewidth=0.8)
    ax.plot(
        np.abs(fit.measured.voltage), factor * np.abs(fit.measured.current), ".", color=QUIET, markersize=3
    )
    ax.set_xlabel("voltage, without its sign [V]")
    ax.set_ylabel(f"current, without its sign [{unit}]")
    ax.set_title(f"measured (grey) and fitted {fit.law}")


def _temperature(ax: Axes, fit: TemperatureFit) -> None:
    table, reference = fit.measured, fit.fixed["temperature [K]"]
    seen = np.exp(np.log(table.conductance) - fit.level[table.which])
    ax.plot(table.temperature, seen, ".", color=QUIET, markersize=3, alpha=0.6)
    grid = np.linspace(table.temperature.min(), table.temperature.max(), 50)
    law = np.exp(fit.energy * ((1 / reference - 1 / grid) / BOLTZMANN)[:, None])
    band(ax, grid, law, CROSSBAR)
    ax.plot(grid, np.median(law, 1), color=CROSSBAR, linewidth=1.2)
    ax.set_yscale("log")
    ax.set_xlabel("temperature [K]")
    ax.set_ylabel(f"conductance over that at {reference:g} K [1]")
    ax.set_title("measured (grey) and Arrhenius' law")


def _endurance(ax: Axes, fit: EnduranceFit) -> None:
    order = np.argsort(fit.measured.cycles)
    n, failed = fit.measured.cycles[order], fit.measured.failed[order]
    alive = np.cumprod(1.0 - failed / np.arange(len(n), 0, -1))
    ax.step(n, 100 * (1 - alive), where="post", color=QUIET, linewidth=1)
    scale, shape = (i.value for i in fit.numbers.values())
    grid = np.geomspace(n[0] / 3, n[-1] * 3, 100)
    ax.plot(grid, -100 * np.expm1(-((grid / scale) ** shape)), color=CROSSBAR, linewidth=1.2)
    ax.set_xscale("log")
    ax.set_xlabel("write cycles [1]")
    ax.set_ylabel("devices failed [%]")
    ax.set_title("measured (grey) and Weibull's law")


_DRAWN = {
    RelaxationFit: _relaxation, ProgrammingFit: _programming, CurveFit: _current,
    TemperatureFit: _temperature, EnduranceFit: _endurance,
}  # fmt: skip


def _normal(ax: Axes, residuals: np.ndarray) -> None:
    """A histogram of standardised residuals beside the normal law they should follow."""
    found = residuals[np.isfinite(residuals)]
    bins = np.linspace(-5, 5, 41)
    ax.hist(found, bins.tolist(), density=True, orientation="horizontal", color="0.8")
    ax.plot(np.exp(-(bins**2) / 2) / np.sqrt(2 * np.pi), bins, color=DIGITAL, linewidth=0.9)
    ax.set_ylim(-5, 5)
    ax.set_xlabel("density [1]")
    ax.set_title("and a normal law")


def _means(values: np.ndarray) -> np.ndarray:
    """Means over the devices that were read, (N,); NaN where none was, as after a reset."""
    count = np.isfinite(values).sum(1)
    return np.where(count > 0, np.nansum(values, 1) / np.maximum(count, 1), np.nan)
