"""Pictures of a fit: what was measured beside the cell that was fitted, and what the law leaves."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memsim import devices
from memsim.devices.fitting.fit import PulseFit
from memsim.devices.fitting.fit_retention import RetentionFit
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
    data.set_xlabel("reading")
    data.set_ylabel(f"conductance [{unit}]")
    where, _ = np.broadcast_arrays(pulse[1:, None], fit.residuals)
    rest.plot(where, fit.residuals, ".", color=QUIET, markersize=1, alpha=0.5)
    mean = np.nanmean(fit.residuals, 1)
    rest.plot(pulse[1:], mean, color=CROSSBAR, linewidth=1, label="mean over devices")
    for edge in (-1.96, 1.96):
        rest.axhline(edge, color=DIGITAL, linewidth=0.7, linestyle="--")
    rest.set_title("what readings miss")
    rest.set_xlabel("reading")
    rest.set_ylabel("residual [standard deviations]")
    rest.set_ylim(-5, 5)
    rest.legend(loc="upper right")
    _normal(law, fit.residuals)
    figure.set_label("Grey: every device; band: the middle 90 % of devices of the fitted cell; dashed: 95 %.")
    return figure


@drawn
def retention_fit(fit: RetentionFit) -> Figure:
    """Conductances measured, relative to each device's first, over the fitted power laws; residuals."""
    figure = Figure(figsize=(PAGE, 2.6))
    data, rest = figure.subplots(1, 2)
    curves, t_0 = fit.measured, fit.section["t_0 [s]"]
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
    rest.plot(
        time[:, 0], 100 * np.nanmean(fit.residuals, 1), color=CROSSBAR, linewidth=1, label="mean over devices"
    )
    rest.axhline(0, color=DIGITAL, linewidth=0.7, linestyle="--")
    rest.set_title("what each device's own power law leaves")
    rest.set_ylabel("residual [%]")
    rest.legend(loc="upper left")
    for ax in (data, rest):
        ax.set_xscale("log")
        ax.set_xlabel("time since the write [s]")
    figure.set_label("Grey: every device; band: the middle 90 % of the devices' power laws.")
    return figure


def _normal(ax: Axes, residuals: np.ndarray) -> None:
    """A histogram of standardised residuals beside the normal law they should follow."""
    found = residuals[np.isfinite(residuals)]
    bins = np.linspace(-5, 5, 41)
    ax.hist(found, bins.tolist(), density=True, orientation="horizontal", color="0.8")
    ax.plot(np.exp(-(bins**2) / 2) / np.sqrt(2 * np.pi), bins, color=DIGITAL, linewidth=0.9)
    ax.set_ylim(-5, 5)
    ax.set_xlabel("density [1]")
    ax.set_title("and a normal law")
