"""Currents and node voltages of arrays with resistive lines: any idle rows, any I-V curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from memsim.wires.curves import Curve
from memsim.wires.lines import Idle, Lines, network
from memsim.wires.newton import Nodes, newton
from memsim.wires.nodes import solve_nodes
from memsim.wires.wired_array import WiredArray, checked

CELLS = 2**21
"""Cells, over inputs and arrays, whose nodes are solved at a time: about 300 MB."""


@dataclass(frozen=True)
class Solution:
    """Every voltage and current of arrays that are read, for each input."""

    currents: Tensor  #: out of the columns (..., B, C) [A]
    word: Tensor  #: nodes of word lines (..., B, R, C) [V]
    bit: Tensor  #: nodes of bit lines (..., B, R, C) [V]
    devices: Tensor  #: through the devices (..., B, R, C) [A]
    method: str  #: "sweeps" or "blocks": how linear networks were solved
    steps: int  #: Newton's steps; 0 for a linear I-V curve
    residual: float  #: largest current that is missing at a node, over the largest of a device [1]


def nodal_read(
    voltage_BR: Tensor,
    conductance_RC: Tensor,
    *,
    r_word: float,
    r_bit: float,
    idle: Idle = "grounded",
    word_ends: Literal["first", "both"] = "first",
    bit_ends: Literal["last", "both"] = "last",
    bit_voltage_BC: Tensor | None = None,
    curve: Curve | None = None,
) -> Tensor:
    """Return the exact currents (..., B, C) [A] of an array whose lines have resistance.

    Args:
        voltage_BR: voltages of the rows' drivers (..., B, R) [V]; a row at 0 V is idle.
        conductance_RC: of the devices (..., R, C) [S]; 0 is an infinite resistance.
        r_word, r_bit: of a segment [ohm]; 0 makes the lines ideal.
        idle, word_ends, bit_ends: see :class:`Lines`.
        bit_voltage_BC: what the columns are held at (..., B, C) [V], 0 where not given.
        curve: current (g, v) -> I [A] of a device; I = g v where not given.

    Leading axes (chips, arrays) are broadcast; computed in float64.  A current counts into the column's ends.
    Raises ValueError for a voltage or conductance that is not finite, a conductance below 0, shapes that do
    not fit, a resistance below 0, a curve that falls with the voltage; RuntimeError where Newton's iteration
    does not converge.  Currents have gradients where no curve is given.
    """
    lines = Lines(r_word, r_bit, idle, word_ends, bit_ends)
    if curve is None and bit_voltage_BC is None and idle == "grounded":
        _fits(voltage_BR, conductance_RC)
        return WiredArray(conductance_RC, lines).read(voltage_BR).currents
    given = _Inputs.of(voltage_BR, conductance_RC, bit_voltage_BC)
    found = torch.cat([part.currents for part in given.solve(lines, curve)])
    return found.reshape(*given.shape, found.shape[-1])


def nodal_solution(
    voltage_BR: Tensor,
    conductance_RC: Tensor,
    lines: Lines,
    *,
    bit_voltage_BC: Tensor | None = None,
    curve: Curve | None = None,
) -> Solution:
    """Return every node voltage as well; arguments and errors as of :func:`nodal_read`."""
    given = _Inputs.of(voltage_BR, conductance_RC, bit_voltage_BC)
    parts = given.solve(lines, curve)

    def whole(name: str) -> Tensor:
        every = torch.cat([getattr(part, name) for part in parts])
        return every.reshape(*given.shape, *every.shape[1:])

    return Solution(
        *(whole(name) for name in ("currents", "word", "bit", "devices")),
        method="blocks" if any(part.method == "blocks" for part in parts) else "sweeps",
        steps=max(part.steps for part in parts),
        residual=max(part.residual for part in parts),
    )


@dataclass(frozen=True)
class _Inputs:
    """Inputs and arrays as N networks: voltages (N, R), column voltages (N, C), which array each is of."""

    shape: tuple[int, ...]  #: leading axes and inputs of the result
    voltage: Tensor
    bit_voltage: Tensor
    conductance: Tensor  #: (A, R, C)
    array: Tensor

    @classmethod
    def of(cls, voltage: Tensor, conductance: Tensor, bit_voltage: Tensor | None) -> _Inputs:
        _fits(voltage, conductance)
        voltage, g = checked(voltage, "voltage_BR"), checked(conductance, "conductance_RC", low=0.0)
        rows, columns = g.shape[-2:]
        held = voltage.new_zeros(1, columns) if bit_voltage is None else bit_voltage
        held = checked(held, "bit_voltage_BC")
        lead = torch.broadcast_shapes(voltage.shape[:-2], g.shape[:-2], held.shape[:-2])
        shape = (*lead, voltage.shape[-2])
        g = g.reshape(-1, rows, columns)
        array = torch.arange(len(g), device=g.device).reshape(*conductance.shape[:-2], 1).expand(shape)
        return cls(
            shape,
            voltage.expand(*shape, rows).reshape(-1, rows),
            held.expand(*shape, columns).reshape(-1, columns),
            g,
            array.reshape(-1),
        )

    def solve(self, lines: Lines, curve: Curve | None) -> list[Solution]:
        """Solve as many networks at a time as :data:`CELLS` allows."""
        step = max(1, CELLS // max(1, self.conductance.shape[1:].numel()))
        parts = (slice(first, first + step) for first in range(0, len(self.voltage), step))
        return [
            _solve(self.voltage[p], self.bit_voltage[p], self.conductance[self.array[p]], lines, curve)
            for p in parts
        ]


def _fits(voltage: Tensor, conductance: Tensor) -> None:
    if voltage.ndim < 2 or conductance.ndim < 2 or voltage.shape[-1] != conductance.shape[-2]:
        raise ValueError(
            f"voltage_BR {tuple(voltage.shape)}, conductance_RC {tuple(conductance.shape)}: (..., B, R) and"
            " (..., R, C) are needed, with the same R"
        )


def _solve(
    voltage: Tensor, bit_voltage: Tensor, conductance: Tensor, lines: Lines, curve: Curve | None
) -> Solution:
    """Solve N networks from the state without any drop: what the devices then draw moves the nodes."""
    of = network(lines, conductance, voltage != 0)
    word, bit = voltage[..., None].expand_as(of.g), bit_voltage[:, None, :].expand_as(of.g)
    if curve is None:
        drawn = of.g * (word - bit)
        u, b, method = solve_nodes(of, -drawn, drawn)
        found = Nodes(u, b, of.g * (word + u - (bit + b)), method, 0, 0.0)
    else:
        found = newton(of, word - bit, curve)
    devices = found.devices
    return Solution(
        devices.sum(1), word + found.word, bit + found.bit, devices, found.method, found.steps, found.residual
    )
