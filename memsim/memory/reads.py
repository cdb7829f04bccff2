"""Reads of arrays that are written at run time: DACs, currents with their noise, ADCs, and their events.

Shapes: chips S, heads H, sequences B, readers R.  All readers of a call are read at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from memsim.arrays.reading.converters import convert_by, levels_of, to_grid
from memsim.converters.adc import Adc
from memsim.devices import stream
from memsim.memory.cells import CALL, LineCells, Shown
from memsim.memory.line_events import LineEvents


class Reads:
    """The reads of the arrays of one memory: sides names its kinds of reads, with the lines that each senses.

    Noise is keyed by chip, head, sequence, side and number of the read on it; ``clipped`` counts numbers
    beyond the range of a converter.
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
        self.numbers, self.call, self.clipped = dict.fromkeys(sides, 0), 0, 0
        self.images = np.zeros(0, np.int64)
        self.waiting: list[tuple[Tensor, Shown]] | None = None  #: reads whose events are not entered yet

    def begin(self, images: np.ndarray, call: int = 0) -> None:
        """Begin a context of sequences of these names; call: which of several in one pass."""
        self.images, self.call = images, call
        self.numbers = dict.fromkeys(self.numbers, 0)

    def step(self, number: int) -> int:
        """Number of a token or read in the random numbers, apart from those of other calls.

        Raises ValueError beyond 65,535.
        """
        if number >= CALL:
            raise ValueError(f"{self.name}: {number} reads of one context; {CALL - 1} are allowed")
        return self.call * CALL + number

    def dac(self, x: Tensor, signed: bool) -> Tensor:
        """Numbers (S, H, B, R, n) as they drive lines, in shares of the read voltage."""
        if not self.dac_bits:
            return x
        self.clipped += int((x.abs() > 1 + 1e-6).sum())
        return to_grid(x, 1.0, levels_of(self.dac_bits, signed), signed=signed)

    def read(
        self, drive: Tensor, shown: Shown, full: Tensor, side: str, *, held: Tensor | None = None,
        driven: Tensor | None = None, sensed: Tensor | None = None,
    ) -> Tensor:  # fmt: skip
        """Convert the currents of sensed lines (S, H, B, R, sensed), in shares, for R readers.

        drive (S, H, B, R, driven), shown (S, H, B, driven, sensed); full: range of the ADCs, (S, H, sensed)
        or (S, H, 1); held (R,): sensed lines that are there for each reader (None: all); driven (R, driven),
        sensed (R, sensed): factors on currents, by their reader and line.
        """
        (draw, curve), readers = self.sides[side], drive.shape[-2]
        current = (drive if driven is None else drive * driven) @ shown.share
        if sensed is not None:
            current = current * sensed
        first = self.numbers[side]
        self.numbers[side] += readers
        variance = self.cells.variance(drive, shown)
        if variance is not None:
            xi = self.rng.normal(
                current.shape[-1:], image=self.images, draw=draw, dtype=self.dtype,
                step=[self.step(first + n) for n in range(readers)],
            )  # fmt: skip
            current = current + variance.clamp(min=0.0).sqrt() * xi
        self.events.read(drive, shown, held) if self.waiting is None else self.waiting.append((drive, shown))
        if not self.adc.rounds and self.adc.exact:
            return current
        curve = None if curve is None else curve[..., 0, :, : current.shape[-1]][:, :, None, None]
        if held is not None:
            there = torch.arange(current.shape[-1]) < held[:, None]
            current = current * there
        full = full[:, :, None, None]
        out, clips = convert_by(current, full, self.adc.bits if self.adc.rounds else 0, curve)
        self.clipped += clips
        return out


def by_array(x: Tensor, chips: int, dtype: torch.dtype) -> Tensor:
    """(S B, H, ...) -> (S, H, B, ...), without gradient."""
    return x.detach().to(dtype).unflatten(0, (chips, -1)).transpose(1, 2)


def by_row(x: Tensor) -> Tensor:
    """(S, H, B, ...) -> (S B, H, ...)."""
    return x.transpose(1, 2).flatten(0, 1)
