"""The ADCs of a weight array as they come out of fabrication: one for each line and row tile, or shared."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from memsim.coding.lines import Lines
from memsim.converters.adc import Adc
from memsim.devices import Stream


def fabricated(
    adc: Adc, rng: Stream, lines: Lines | None, columns: int, tiles: tuple[int, int], signed: bool
) -> Tensor | None:
    """Return the curves of every line, (S G, K, P, L); None for ideal ADCs.

    rng: of arrays, with S or (S, G) keys; lines: None for one line of pairs a column; tiles: those of rows
    and those of columns; signed: whether currents have both signs.  Columns that share an ADC are neighbours
    in a plane; each reference column has its own.
    """
    if adc.exact:
        return None
    width = math.ceil(columns / tiles[1])
    found = []
    for n, group in enumerate([slice(0, columns)] if lines is None else lines.groups):
        many = group.stop - group.start
        own = rng.child("line", n) if n else rng
        here = width if many == columns else 1
        curve = adc.fabricate(own, tiles[0], many, here, signed=signed)
        assert curve is not None
        found.append(curve.flatten(0, -4))
    return torch.cat(found, -1)
