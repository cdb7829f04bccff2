r"""Newton's iteration for devices of any rising I-V curve between resistive lines.

Unknowns are what the nodes deviate from the state without drops, u of word and b of bit lines.  What is
missing at the nodes, with L the conductances of wires alone and v = V + u - b across a device,

    r_word = -I(v) - L u,    r_bit = I(v) - L b,

is put to 0 by steps of the linear network whose conductances are the slopes dI / dv.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from memsim.wires.curves import Curve, current_and_slope
from memsim.wires.lines import Network
from memsim.wires.nodes import solve_nodes

STEPS, HALVINGS = 60, 20
SMALL = 1e-13
"""A step that moves no node by more than this share of the largest voltage ends the iteration [1]."""


class Nodes(NamedTuple):
    """What Newton's iteration found, for N networks."""

    word: Tensor  #: deviations of word lines (N, R, C) [V]
    bit: Tensor  #: deviations of bit lines (N, R, C) [V]
    devices: Tensor  #: currents of devices (N, R, C) [A]
    method: str  #: how the linear networks were solved
    steps: int  #: Newton's steps
    residual: float  #: largest missing current over the largest of a device [1]


def newton(of: Network, across: Tensor, curve: Curve) -> Nodes:
    """Solve N networks; `across` (N, R, C) [V]: between the lines, without any drop.

    A step that does not make the residual smaller is halved.  Raises RuntimeError with the residual where
    :data:`STEPS` are not enough, ValueError for a curve that falls.
    """
    word, bit, method, small = torch.zeros_like(across), torch.zeros_like(across), "sweeps", False
    devices, slope = current_and_slope(curve, of.g, across)
    missing = _missing(of, devices, word, bit)
    size = max(float(across.abs().max()), 1e-300)
    for step in range(STEPS):
        if small or _largest(missing) == 0.0:
            return Nodes(word, bit, devices, method, step, _share(missing, devices))
        du, db, method = solve_nodes(of.with_devices(slope), *missing)
        for halving in range(HALVINGS + 1):
            part = 0.5**halving
            u, b = word + part * du, bit + part * db
            devices, slope = current_and_slope(curve, of.g, across + u - b)
            left = _missing(of, devices, u, b)
            if _largest(left) <= _largest(missing):
                break
        moved = max(float(du.abs().max()), float(db.abs().max()))
        small = moved <= SMALL * size
        word, bit, missing = u, b, left
    raise RuntimeError(
        f"Newton's iteration did not converge in {STEPS} steps: {_share(missing, devices):.1e} of the largest"
        " device current is missing at a node; the curve is very steep at these voltages"
    )


def _missing(of: Network, devices: Tensor, word: Tensor, bit: Tensor) -> tuple[Tensor, Tensor]:
    """Return currents (N, R, C) [A] that are missing at the nodes; none at a line that its driver holds."""
    turned = _line_misses(devices.transpose(1, 2), bit.transpose(1, 2), of.bit, of.top, of.bottom)
    return _line_misses(-devices, word, of.word, of.left, of.right), turned.transpose(1, 2)


def _line_misses(into: Tensor, v: Tensor, segment: float, first: Tensor, last: Tensor) -> Tensor:
    """Return what currents into the nodes of lines along the last axis exceed those that leave through wires
    by.

    The cells of a line that is one node share what they miss together; one that is held misses nothing.
    """
    if math.isinf(segment):
        mean = into.mean(-1, keepdim=True).expand_as(into)
        return torch.where((first + last)[..., None] > 0, 0.0, mean)
    missing, flow = into.clone(), segment * (v[..., :-1] - v[..., 1:])
    missing[..., :-1] -= flow
    missing[..., 1:] += flow
    missing[..., 0] -= first * v[..., 0]
    missing[..., -1] -= last * v[..., -1]
    return missing


def _largest(missing: tuple[Tensor, Tensor]) -> float:
    return max(float(x.abs().max()) for x in missing)


def _share(missing: tuple[Tensor, Tensor], devices: Tensor) -> float:
    return _largest(missing) / max(float(devices.abs().max()), 1e-300)
