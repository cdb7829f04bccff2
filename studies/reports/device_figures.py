"""What a cell does: each panel calls the cell's verbs, so that a law of any kind can be drawn.

A pulsed cell: pulse response with its spread, change by spike timing. A weight cell: error of a write, drift,
noise, current against voltage, where it has them.  Bands hold the middle 90 % of devices.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from memsim import devices
from memsim.devices.numerics.stream import stream
from memsim.studies.reports.figure_style import COLUMN, CROSSBAR, DIGITAL, PAGE, PARTS, QUIET, drawn
from memsim.studies.reports.quantities import TIMES, prefixed

DEVICES = 500  #: devices drawn
LEVELS = (0.25, 0.5, 1.0)  #: conductances drawn, as parts of the range
TIMES_SHOWN = {
    1.0: "1 s",
    60.0: "1 min",
    3600.0: "1 h",
    86400.0: "1 d",
    30 * 86400.0: "30 d",
    TIMES[0][0]: "1 y",
}
COLOURS = (PARTS[4], PARTS[3], PARTS[0])

Panel = Callable[[Axes, devices.Cell], None]


@drawn
def portrait(cell: devices.Cell) -> Figure:
    """Return every panel the cell has, two in a row; ValueError for a cell without any."""
    chosen = panels(cell)
    if not chosen:
        raise ValueError(f"{cell.name} has nothing to draw: it holds exactly what it is given")
    rows = math.ceil(len(chosen) / 2)
    figure = Figure(figsize=(PAGE if len(chosen) > 1 else COLUMN, 2.5 * rows))
    axes = figure.subplots(rows, min(len(chosen), 2), squeeze=False).flatten()
    for ax, panel in zip(axes, chosen, strict=False):
        panel(ax, cell)
        ax.grid(color="0.92", linewidth=0.5)
        ax.set_axisbelow(True)
    for ax in axes[len(chosen) :]:
        ax.set_visible(False)
    figure.suptitle(cell.name, fontsize=9)
    figure.set_label(f"{cell.name}: {cell.source}. Bands: the middle 90 % of {DEVICES} devices.")
    return figure


def panels(cell: devices.Cell) -> list[Panel]:
    """Return the panels this cell has something for."""
    if isinstance(cell, devices.PulsedCell):
        return [pulse_response, timing]
    if not isinstance(cell, devices.WeightCell):
        return []
    noisy = cell.read_noise > 0 or cell.on("flicker-noise")
    known: dict[Panel, bool] = {
        write_error: cell.on("programming"), drift: cell.on("drift") or cell.on("relaxation"),
        noise: noisy, current: cell.on("iv-curve"),
    }  # fmt: skip
    return [panel for panel, there in known.items() if there]


def pulse_response(ax: Axes, cell: devices.Cell) -> None:
    """The state after each of n_max pulses up, then as many down where the cell has them."""
    assert isinstance(cell, devices.PulsedCell)
    directions = np.array([1] * cell.n_max + [-1] * (0 if cell.one_sided else cell.n_max))
    number, seen = pulsed(cell, directions)
    seen, unit = _in_units(cell, seen)
    band(ax, number, seen, CROSSBAR)
    for trace in seen.T[:4]:
        ax.plot(number, trace, color=QUIET, linewidth=0.4)
    ax.plot(number, seen.mean(1), color=CROSSBAR, linewidth=1.2)
    if not cell.one_sided:
        ax.axvline(cell.n_max, color=QUIET, linewidth=0.6, linestyle=":")
    ax.set_title("pulse response" + ("" if cell.one_sided else ": up, then down"))
    ax.set_xlabel("pulses")
    ax.set_ylabel(unit)


def pulsed(
    cell: devices.PulsedCell, directions: np.ndarray, points: int = 64
) -> tuple[np.ndarray, np.ndarray]:
    """Return numbers of pulses (P,) and what reads then see (P, DEVICES), P about `points`, from a reset on.

    directions: +1, -1 or 0 for each pulse.
    """
    fabric = cell.fabricate((DEVICES,), rng=stream(0, "portrait", "spread"))
    state = cell.reset(fabric, rng=stream(0, "portrait", "reset"))
    number, seen, every = [0], [cell.read(state)], max(1, len(directions) // points)
    turns = np.flatnonzero(np.diff(directions)) + 1
    stops = sorted({*range(every, len(directions), every), *turns.tolist(), len(directions)} - {0})
    for begin, end in zip([0, *stops], stops, strict=False):
        up, down = int((directions[begin:end] > 0).sum()), int((directions[begin:end] < 0).sum())
        if up or down:
            state = cell.pulse(state, up, down, rng=stream(0, "portrait", "pulse", begin))
        number.append(end)
        seen.append(cell.read(state))
    return np.array(number), torch.stack(seen).double().numpy()


def timing(ax: Axes, cell: devices.Cell) -> None:
    """Change of the state by n = round(n_max exp(-abs(dt) / tau)) pulses, up for dt < 0."""
    assert isinstance(cell, devices.PulsedCell)
    part = np.linspace(0.0, 3.0, 25)
    count = np.round(cell.n_max * np.exp(-part)).astype(int)
    rest = torch.zeros(1, 1, DEVICES)
    fabric = cell.fabricate((DEVICES,), rng=stream(0, "portrait", "spread"))

    def change(n: int) -> np.ndarray:
        rng = stream(0, "portrait", "timing")
        moved = cell.rewrite(fabric, rest + n, rng=rng, image=None, step=None)
        still = cell.rewrite(fabric, rest, rng=rng.child("rest"), image=None, step=None)
        return (moved.double() - still.double().mean()).numpy()[0, 0]

    for side, colour, word in ((1, CROSSBAR, "up"), (-1, DIGITAL, "down")):
        if cell.one_sided:
            found = side * np.array([change(abs(n)) for n in count])
        else:
            found = np.array([change(side * n) for n in count])
        found, unit = _in_units(cell, found, change=True)
        band(ax, -side * part, found, colour)
        ax.plot(-side * part, found.mean(1), color=colour, linewidth=1.2, label=f"pulses {word}")
    ax.axhline(0, color=QUIET, linewidth=0.5)
    ax.set_title("change by spike timing" + (", on a pair" if cell.one_sided else ""))
    ax.set_xlabel("spike timing Δt / τ")
    ax.set_ylabel(f"change of {unit}")
    pulses = ax.twinx()
    for side in (1, -1):
        pulses.plot(-side * part, count, ".", color=QUIET, markersize=2)
    pulses.set_ylabel("pulses (dots)", color=QUIET)
    pulses.set_ylim(0, 4 * cell.n_max)  # in the lower quarter
    pulses.set_yticks([0, cell.n_max])
    pulses.spines["right"].set_visible(True)
    ax.legend(loc="upper right")


def write_error(ax: Axes, cell: devices.Cell) -> None:
    """Mean and spread of what a write alone leaves, less its target."""
    assert isinstance(cell, devices.WeightCell)
    alone = cell.only("programming")
    goal = torch.linspace(cell.g_min, cell.g_max, 33, dtype=torch.float64)
    target = goal[:, None].expand(-1, 4 * DEVICES)
    left = alone.read(alone.write(target.contiguous(), rng=stream(0, "portrait", "write"))) - target
    factor, unit = prefixed(cell.g_max, "S")
    x, spread, mean = (factor * v.numpy() for v in (goal, left.std(1), left.mean(1)))
    ax.plot(x, spread, color=CROSSBAR, linewidth=1.2, label="spread")
    ax.plot(x, mean, color=DIGITAL, linewidth=1.0, linestyle="--", label="mean")
    ax.set_title("error of a write")
    ax.set_xlabel(f"target [{unit}]")
    ax.set_ylabel(f"written less target [{unit}]")
    ax.legend()


def drift(ax: Axes, cell: devices.Cell) -> None:
    """Conductance against time since the write, from three targets."""
    assert isinstance(cell, devices.WeightCell)
    times = np.geomspace(1.0, TIMES[0][0], 25)
    last = cell.relaxation.fitted_until if cell.relaxation else math.inf
    times = times[times <= last]
    factor, unit = prefixed(cell.g_max, "S")
    for level, colour in zip(LEVELS, COLOURS, strict=True):
        goal = cell.g_min + level * (cell.g_max - cell.g_min)
        state = cell.write(torch.full((DEVICES,), goal), rng=stream(0, "portrait", "drift", level))
        seen = factor * torch.stack([cell.read(cell.relax(state, float(t))) for t in times]).double().numpy()
        band(ax, times, seen, colour)
        ax.plot(times, np.median(seen, 1), color=colour, linewidth=1.2, label=f"{factor * goal:.3g} {unit}")
    ax.set_xscale("log")
    shown = {t: word for t, word in TIMES_SHOWN.items() if t <= times[-1] * 1.001}
    ax.set_xticks(list(shown), list(shown.values()))
    ax.minorticks_off()
    ax.set_ylim(bottom=0)
    ax.set_title("after the write: median and band")
    ax.set_xlabel("time since the write")
    ax.set_ylabel(f"conductance [{unit}]")
    ax.legend(title="target", loc="upper right")


def noise(ax: Axes, cell: devices.Cell) -> None:
    """Fresh noise of one read, and low-frequency noise a day after the write, of one device."""
    assert isinstance(cell, devices.WeightCell)
    goal = torch.linspace(cell.g_min + 0.04 * (cell.g_max - cell.g_min), cell.g_max, 25, dtype=torch.float64)
    factor, unit = prefixed(cell.g_max, "S")
    x, day = factor * goal.numpy(), 86400.0
    if cell.read_noise > 0:
        fresh = cell.read_noise * torch.sqrt(cell.g_scale * goal)
        ax.plot(x, factor * fresh.numpy(), color=CROSSBAR, linewidth=1.2, label="one read")
    if cell.on("flicker-noise"):
        alone = cell.only("flicker-noise")
        state = alone.write(goal[:, None].repeat(1, 4 * DEVICES), rng=stream(0, "portrait", "noise"))
        slow = alone.read(alone.relax(state, day)).std(1)
        ax.plot(
            x, factor * slow.numpy(), color=DIGITAL, linewidth=1.2, label="low-frequency, 1 d after the write"
        )
    ax.set_title("noise of a read")
    ax.set_xlabel(f"conductance [{unit}]")
    ax.set_ylabel(f"standard deviation [{unit}]")
    ax.set_ylim(bottom=0)
    ax.legend()


def current(ax: Axes, cell: devices.Cell) -> None:
    """Current against voltage of three conductances, and what a resistor would carry."""
    assert isinstance(cell, devices.WeightCell) and cell.curve is not None
    voltage = np.linspace(0.01, min(cell.curve.v_max, 0.5), 40)
    goals = [cell.g_min + level * (cell.g_max - cell.g_min) for level in LEVELS]
    factor, unit = prefixed(cell.g_max * voltage[-1], "A")
    scale, siemens = prefixed(cell.g_max, "S")
    for goal, colour in zip(goals, COLOURS, strict=True):
        g: Tensor = torch.tensor([goal], dtype=torch.float64)
        carried = [float(cell.chord(g, float(v))) * v for v in voltage]
        ax.plot(
            voltage,
            factor * np.array(carried),
            color=colour,
            linewidth=1.2,
            label=f"{scale * goal:.3g} {siemens}",
        )
        ax.plot(voltage, factor * goal * voltage, color=colour, linewidth=0.7, linestyle=":")
    ax.set_title("current (dotted: a resistor)")
    ax.set_xlabel("voltage [V]")
    ax.set_ylabel(f"current [{unit}]")
    ax.legend()


def _in_units(cell: devices.PulsedCell, w: np.ndarray, *, change: bool = False) -> tuple[np.ndarray, str]:
    """Return the state as an axis shows it: siemens where the cell has them, else its unitless w."""
    if cell.conductances:
        middle, unit = cell.conductances
        w = (0.0 if change else middle) + unit * w
    elif cell.unit != "S":
        return w, "state w [1]"
    factor, name = prefixed(float(np.abs(w).max()), "S")
    return factor * w, f"conductance [{name}]"


def band(ax: Axes, x: np.ndarray, seen: np.ndarray, colour: str) -> None:
    """The middle 90 % of devices, seen (len(x), devices)."""
    low, high = np.quantile(seen, (0.05, 0.95), axis=1)
    ax.fill_between(x, low, high, color=colour, alpha=0.2, linewidth=0)
