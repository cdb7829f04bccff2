"""The curves of fabricated ADCs as one tensor, what they make of a current, and what calibration takes away.

    number = (code(y) - zero) scale        in steps; y: `memsim.converters.adc_kind.Curves`

code: y rounded, cut off, or found by successive approximation; clipped to -levels .. levels.  ``zero`` and
``scale`` are digital and come from the calibration.  Shapes: (..., P, C), P parameters of C columns: those
that `Row` names, then the capacitors of a SAR.
"""

from __future__ import annotations

from enum import IntEnum

import torch
from torch import Tensor

from memsim.converters.adc_kind import Calibration, Curves


class Row(IntEnum):
    """Where a parameter of the curves lies."""

    OFFSET = 0
    SLOPE = 1
    BOW = 2
    SKEW = 3
    BEND = 4
    COUNTS = 5  #: 1: periods that are not complete are not counted
    STEP = 6  #: 1 / levels
    ZERO = 7
    SCALE = 8
    MIDDLE = 9  #: code of no current in a SAR's register
    CAPACITORS = 10  #: the first of them


def packed(curves: Curves, levels: int, middle: int) -> Tensor:
    """Lay curves out, not calibrated: (..., P, C)."""
    rows = torch.broadcast_tensors(curves.offset, curves.slope, curves.bow, curves.skew)
    one = torch.ones_like(rows[0])
    constant = (curves.bend, float(curves.counts), 1 / levels, 0.0, 1.0, float(middle))
    parts = [*rows, *(one * value for value in constant)]
    return torch.cat([*parts, *([] if curves.capacitors is None else [curves.capacitors])], -2)


def converted(x: Tensor, curve: Tensor, levels: int, *, rounds: bool) -> tuple[Tensor, Tensor]:
    """Return numbers in steps from currents in steps, and which were clipped; x and each row of curve[..., P,
    :] broadcast against one another.

    rounds: whether codes are whole and clipped; where not, the error of the curve alone is left.
    """
    row = curve.unbind(-2)
    step, middle = row[Row.STEP], row[Row.MIDDLE]
    u = (x * step).clamp(-1, 1)
    y = row[Row.OFFSET] + row[Row.SLOPE] * x * ((1 + row[Row.BEND]) / (1 + row[Row.BEND] * u.abs()))
    y = y + (1 - u * u) * (row[Row.BOW] + row[Row.SKEW] * u)
    counts = row[Row.COUNTS] > 0
    if len(row) > Row.CAPACITORS:
        code, residue = _approximated(y + middle + 0.5, row[Row.CAPACITORS :])
        code = code - middle if rounds else code - middle + residue - 0.5
    elif rounds:
        code = torch.where(counts, y.trunc(), y.round())
    else:
        code = y
    clipped = torch.zeros_like(y, dtype=torch.bool)
    if rounds:
        clipped = y.abs() > levels + torch.where(counts, 1.0, 0.5)
        code = code.clamp(-levels, levels)
    return (code - row[Row.ZERO]) * row[Row.SCALE], clipped


def _approximated(target: Tensor, capacitors: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
    """Return the code of successive approximation, and what is left of the target."""
    code = torch.zeros_like(target)
    left, bits = target.clone(), len(capacitors)
    for n, capacitor in enumerate(capacitors):
        taken = left >= capacitor
        left = torch.where(taken, left - capacitor, left)
        code = code + taken * 2.0 ** (bits - 1 - n)
    return code, left


def calibrated(curve: Tensor, levels: int, how: Calibration, signed: bool) -> Tensor:
    """Set the digital zero and scale by what conversions of known currents give.

    ``offset``: the code of no current is taken for 0; ``two-point``: those of m and -m steps (of a third of m
    where currents have one sign) are taken for what they should be, m the whole number nearest to three
    quarters of full scale.  A code is whole, so that half a step of offset is left, 1 / (2 m) of gain, and
    all curvature between the points.
    """
    if how == "none":
        return curve
    curve = curve.clone()

    def code(steps: float) -> Tensor:
        return converted(torch.full_like(curve[..., 0, :], steps), curve, levels, rounds=True)[0]

    if how == "offset":
        curve[..., Row.ZERO, :] = code(0.0)
        return curve
    m = max(round(0.75 * levels), 1)
    below = -m if signed else round(m / 3)
    low, high = code(float(below)), code(float(m))
    span = high - low
    scale = torch.where(span > 0, (m - below) / span.clamp(min=1e-6), torch.ones_like(span))
    curve[..., Row.ZERO, :], curve[..., Row.SCALE, :] = low - below / scale, scale
    return curve
