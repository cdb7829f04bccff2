"""The numbers of one cell for people: siemens, volts and seconds, three digits, what each means."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import torch

from memsim import devices
from memsim.devices.card_cell import card_of
from memsim.devices.cell import Unsupported
from memsim.devices.pulses.population import PopulationCell
from memsim.devices.weights.weight_cell import WeightCell
from memsim.studies.reports.card_numbers import Number, of_section, shown
from memsim.studies.reports.quantities import digits, quantity

ASSUMED = (20e-6, 10e-6)  #: g_mid and g_unit of a chip card [S], for presets without conductances
DAY = 86400.0


def numbers(cell: devices.Cell) -> tuple[list[Number], str]:
    """Return every number of a cell, and a remark on them."""
    if isinstance(cell, WeightCell):
        return list(_of_weight(cell)), ""
    remark = ""
    if isinstance(cell, PopulationCell):
        known, assumed = cell.conductances, (0.0 if cell.one_sided else ASSUMED[0], ASSUMED[1])
        if not known:
            middle, unit = (quantity(g, "S") for g in assumed)
            remark = f"in siemens by g_mid = {middle} and g_unit = {unit}, the chip card's assumptions"
        try:
            return list(of_section(card_of(cell, known or assumed).section)), remark
        except (Unsupported, devices.CardError):
            return [*_of_population(cell, *(known or assumed)), *_of_law(cell)], remark
    return list(_of_law(cell)), remark


def _of_weight(cell: WeightCell) -> Iterator[Number]:
    """Yield what happens to a weight device, at three conductances of its range."""
    yield Number("g_min", quantity(cell.g_min, "S"), "lowest conductance, of an unused device of a pair")
    yield Number("g_max", quantity(cell.g_max, "S"), "conductance of the largest weight")
    g = torch.tensor([0.1, 0.5, 1.0], dtype=torch.float64) * (cell.g_max - cell.g_min) + cell.g_min
    at = "at " + ", ".join(quantity(float(one), "S") for one in g)
    x = g / cell.g_scale

    def each(values: torch.Tensor, unit: str = "") -> str:
        return ", ".join(quantity(float(v), unit) if unit else digits(float(v)) for v in values)

    if cell.programming:
        yield Number("programming", each(cell.programming(g, cell.g_scale), "S"), f"spread of a write {at}")
    if cell.drift:
        yield Number("drift exponent", each(cell.drift.mean(x)), f"mean {at}")
        yield Number("its spread", each(cell.drift.spread(x)), f"over devices {at}")
        yield Number("t_0", quantity(cell.drift.t_0, "s"), "time since the write from which drift counts")
    if cell.relaxation:
        yield Number("relaxation", quantity(cell.relaxation.shift(DAY), "S"), "shift of the mean after a day")
        spread = cell.relaxation.spread(g, DAY, cell.g_scale)
        yield Number("its spread", each(spread, "S"), f"over devices after a day {at}")
    if cell.flicker:
        amplitude = cell.flicker.amplitude(g, g, cell.g_scale)
        yield Number("low-frequency noise", each(amplitude), f"Q {at}")
        yield Number("t_read", quantity(cell.flicker.t_read, "s"), "length of a read, where it begins")
    if cell.read_noise_std:
        yield Number("read noise", digits(cell.read_noise_std), "of one read, of a device at g_max")
    if cell.curve:
        volts = [v for v in (0.1, 0.2, 0.5) if v <= cell.curve.v_max]
        bends = ", ".join(digits(float(cell.chord(g[-1:], v) / g[-1])) for v in volts)
        where = ", ".join(quantity(v, "V") for v in volts)
        yield Number("I-V curve", bends, f"I / (G V) of a device at g_max, at {where}")


def _of_population(cell: PopulationCell, middle: float, unit: float) -> Iterator[Number]:
    """Window, steps and noises of a pulsed cell of another law than a card's."""
    p = cell.population
    yield Number("g_min", quantity(middle + unit * p.w_min, "S"), "lowest conductance")
    yield Number("g_max", quantity(middle + unit * p.w_max, "S"), "highest conductance")
    yield Number("step", quantity(unit * p.dw_min, "S"), "size of a step, before its law")
    yield Number("step_spread", digits(p.dw_min_dtod), "over devices, relative to it")
    yield Number("cycle_noise", digits(cell.dw_min_std), "of a step, relative to it")
    noise = unit * p.dw_min * cell.write_noise_std
    yield Number("write_noise", quantity(noise, "S"), "of the level a write leaves")
    yield Number("reset", quantity(middle + unit * p.reset, "S"), "mean level after a reset")
    yield Number("reset_noise", quantity(unit * cell.reset_std, "S"), "of a reset, new each time")


_SAID = {"population", "dw_min_std", "write_noise_std", "reset_std", "own_endurance", "name", "technology",
         "source", "unit", "off", "strengths", "conductances"}  # fmt: skip


def _of_law(cell: devices.Cell) -> Iterator[Number]:
    """Yield what is left: the fields of the law by their own names."""
    units = {"pulse_voltage": "V", "pulse_time": "s"}
    micro = cell.describe().unit == "S"  # a law that is written in microsiemens
    for field in dataclasses.fields(cell):
        value: Any = getattr(cell, field.name)
        if field.name in _SAID or not _plain(value):
            continue
        text = shown(value, units.get(field.name, ""))
        if micro and field.name in ("low", "high", "floor"):
            text = quantity(1e-6 * value, "S")
        elif micro and field.name in ("mean", "spread", "read_std"):
            text = f"{digits(value[0])} G + {digits(value[1])} µS"
        yield Number(field.name, text, "of its law")


def _plain(value: Any) -> bool:
    """Return whether it is a number, or several."""
    return all(isinstance(one, (int, float)) for one in (value if isinstance(value, tuple) else (value,)))
