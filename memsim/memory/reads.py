"""Reads of arrays that are written at run time: DACs, currents with their noise, ADCs, and their events."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from memsim.arrays.reading.converters import convert_by, levels_of, to_grid
from memsim.converters.adc import Adc
from memsim.devices import stream
from memsim.memory.cells import LineCells, Shown
from memsim.memory.line_events import LineEvents

CALL = 1 << 16  #: reads of one context


class Reads:
    """The reads of the arrays of one memory: sides names its kinds of reads, with the lines that each senses.

    Noise is keyed by chip, head, sequence, number of the read and its side; ``clipped`` counts numbers beyond
    the range of a converter.
    """

    def __init__(
        self, name: str, cells: LineCells, events: LineEvents, *, adc: Adc, dac_bits: int,
        sides: dict[str, int], seed: int, chips: Sequence[int], heads: int, dtype: torch.dtype,
    ) -> None:  # fmt: skip
        self.name, self.cells, self.events, self.adc, self.dac_bits = name, cells, events, adc, dac_bits
        self.dtype = dtype
        root = stream(seed, list(chips), name, range(heads))
        self.rng = root.child("read")
        self.sides = {
            side: (draw, adc.fabricate(root.child(side), 1, count))
            for draw, (side, count) in enumerate(sides.items())
        }
        self.number, self.call, self.clipped = 0, 0, 0
        self.images = np.zeros(0, np.int64)
        self.waiting: list[tuple[Tensor, Shown]] | None = None  #: reads whose events are not entered yet

    def begin(self, images: np.ndarray, call: int = 0) -> None:
        """Begin a context of sequences of these names; call: which of several in one pass."""
        self.images, self.number, self.call = images, 0, call

    def step(self, number: int) -> int:
        """Number of a token or read in the random numbers, apart from those of other calls.

        Raises ValueError beyond 65,535.
        """
        if number >= CALL:
            raise ValueError(f"{self.name}: {number} reads of one context; {CALL - 1} are allowed")
        return self.call * CALL + number

    def dac(self, x: Tensor, signed: bool) -> Tensor:
        """Numbers (S, H, B, n) as they drive lines, in shares of the read voltage."""
        if not self.dac_bits:
            return x
        self.clipped += int((x.abs() > 1 + 1e-6).sum())
        return to_grid(x, 1.0, levels_of(self.dac_bits, signed), signed=signed)

    def read(self, drive: Tensor, shown: Shown, full: Tensor, side: str) -> Tensor:
        """Convert the currents of sensed lines (S, H, B, sensed), in shares; shown (S, H, B, driven, sensed).

        full: range of the ADCs, (S, H, sensed) or (S, H, 1).
        """
        column, (draw, curve) = drive[..., None], self.sides[side]
        current = (column.mT @ shown.share)[..., 0, :]
        variance = self.cells.variance(column, shown)
        if variance is not None:
            xi = self.rng.normal(
                current.shape[-1:], image=self.images, step=[self.step(self.number)], draw=draw,
                dtype=self.dtype,
            )[..., 0, :]  # fmt: skip
            current = current + variance.clamp(min=0.0).sqrt() * xi
        self.number += 1
        if self.waiting is None:
            self.events.read(column, shown)
        else:
            self.waiting.append((column, shown))
        if not self.adc.rounds and self.adc.exact:
            return current
        curve = None if curve is None else curve[..., 0, :, : current.shape[-1]][:, :, None]
        out, clips = convert_by(current, full[:, :, None], self.adc.bits if self.adc.rounds else 0, curve)
        self.clipped += clips
        return out


def by_array(x: Tensor, chips: int, dtype: torch.dtype) -> Tensor:
    """(S B, H, n) -> (S, H, B, n), without gradient."""
    return x.detach().to(dtype).unflatten(0, (chips, -1)).transpose(1, 2)


def by_row(x: Tensor) -> Tensor:
    """(S, H, B, n) -> (S B, H, n)."""
    return x.transpose(1, 2).flatten(0, 1)
