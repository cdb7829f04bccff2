"""Reads of arrays that are written at run time: DACs, noisy currents, ADCs and their events.

Shapes: chips S, heads H, sequences B, readers R.  One call serves all readers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from memsim.arrays.kernels.dac import convert_rows
from memsim.arrays.reading.converters import convert_by, levels_of, to_grid
from memsim.converters.adc import Adc
from memsim.devices import stream
from memsim.devices.numerics.compile import match_threads
from memsim.devices.numerics.operation import by_kernel
from memsim.memory.cells import CALL, LineCells, Shown, in_groups
from memsim.memory.conversion import noisy_numbers
from memsim.memory.line_events import LineEvents

Currents = Callable[[Tensor, Shown], Tensor]
"""Function of drives (S, H, B, R, driven) and devices (S, H, B, driven, sensed) to currents (S, H, B, R,
sensed), in shares.
"""


class Factors(NamedTuple):
    """How the currents of one read come about, see `Reads.read`."""

    driven: Tensor | None
    sensed: Tensor | None
    currents: Currents


class Reads:
    """Read path of the arrays of one memory.

    sides: kinds of reads, such as "match" and "blend", with the number of lines that each one senses.  Noise
    is keyed by chip, head, sequence, side and number of the read; ``clipped`` counts the numbers that
    exceeded the range of a converter.
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
        self.waiting: list[tuple[Tensor, Shown]] | None = None  #: reads with events yet to be entered

    def begin(self, images: np.ndarray, call: int = 0) -> None:
        """Begin a context for sequences with these identifiers.

        call: number of the context, if the network uses the memory several times in one pass.
        """
        self.images, self.call = images, call
        self.numbers = dict.fromkeys(self.numbers, 0)

    def step(self, number: int) -> int:
        """Return the key of a token or read for random numbers, distinct from those of other calls.

        Raises ValueError for a number above 65,535.
        """
        if number >= CALL:
            raise ValueError(f"{self.name}: read {number} of one context; up to {CALL - 1} are allowed")
        return self.call * CALL + number

    def dac(self, x: Tensor, signed: bool) -> Tensor:
        """Return the voltages (S, H, B, R, n) of driven lines, divided by the read voltage, for numbers x."""
        if not self.dac_bits:
            return x
        levels = levels_of(self.dac_bits, signed)
        if by_kernel(x) and x.dtype == torch.float32 and x.numel():
            return self._dac_at_once(x, levels, signed)
        self.clipped += int((x.abs() > 1 + 1e-6).sum())
        return to_grid(x, 1.0, levels, signed=signed)

    def _dac_at_once(self, x: Tensor, levels: int, signed: bool) -> Tensor:
        """Compute `dac` by the kernel of weight arrays, in one pass."""
        numbers = x.contiguous().reshape(1, 1, -1, x.shape[-1])
        out = torch.empty_like(numbers)
        one = np.ones(1, np.float32)
        match_threads()
        self.clipped += convert_rows(
            numbers.numpy(), one, one * levels, np.array([signed]), out.numpy()
        )  # fmt: skip
        return out.view(x.shape)

    def read(
        self, drive: Tensor, shown: Shown, full: Tensor, side: str, *, held: Tensor | None = None,
        driven: Tensor | None = None, sensed: Tensor | None = None, currents: Currents | None = None,
    ) -> Tensor:  # fmt: skip
        """Return the converted currents of the sensed lines (S, H, B, R, sensed), in shares, for R readers.

        drive: (S, H, B, R, driven); shown: devices (S, H, B, driven, sensed); full: range of the ADCs,
        (S, H, sensed) or (S, H, 1).  held (R,): reader r converts the first held[r] lines (None: all).
        driven (R, driven) and sensed (R, sensed): optional factors on the current of each line, for each
        reader.  currents: function that computes the currents; None: the product of drive and shares.
        Raises ValueError after 65,535 reads of one context.
        """
        readers, lines = drive.shape[-2], shown.share.shape[-1]
        steps = [self.step(self.numbers[side] + n) for n in range(readers)]
        self.numbers[side] += readers
        self.events.read(drive, shown, held) if self.waiting is None else self.waiting.append((drive, shown))
        there = torch.full((readers,), lines) if held is None else held
        factors = Factors(driven, sensed, currents or _product)
        parts = []
        for some in in_groups(len(drive), drive[0, ..., 0].numel() * max(lines, drive.shape[-1])):
            part = shown.each(lambda x, some=some: x[some])
            of = full if len(full) == 1 else full[some]
            parts.append(self._converted(drive[some], part, factors, of, side, there, steps, some))
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _converted(
        self, drive: Tensor, shown: Shown, factors: Factors, full: Tensor, side: str, held: Tensor,
        steps: Sequence[int], chips: slice,
    ) -> Tensor:  # fmt: skip
        """Do what `read` does for some of the chips, without its events."""
        draw, curve = self.sides[side]
        current = factors.currents(drive if factors.driven is None else drive * factors.driven, shown)
        if factors.sensed is not None:
            current *= factors.sensed
        variance, rounds = self.cells.variance(drive, shown), self.adc.rounds
        if variance is None and not rounds and self.adc.exact:
            return current
        levels = levels_of(self.adc.bits, signed=True) if rounds and curve is None else 0
        images, reads = torch.from_numpy(self.images), torch.tensor(steps)
        step = (full / max(levels, 1)).expand(*current.shape[:2], -1).flatten(0, 1)
        keys = torch.from_numpy(self.rng.keys[chips].reshape(-1).view(np.int64))
        spread = None if variance is None else variance.flatten(0, 1)
        numbers, clips = noisy_numbers(
            current.flatten(0, 1), spread, step, held, keys, images, reads, draw, levels
        )
        out = numbers.unflatten(0, current.shape[:2])
        if curve is not None:
            curve = curve[chips, ..., 0, :, : current.shape[-1]][:, :, None, None]
            out, clips = convert_by(out, full[:, :, None, None], self.adc.bits if rounds else 0, curve)
        self.clipped += int(clips)
        return out


def _product(drive: Tensor, shown: Shown) -> Tensor:
    return drive @ shown.share


def by_array(x: Tensor, chips: int, dtype: torch.dtype) -> Tensor:
    """Rearrange (S B, H, ...) to (S, H, B, ...), without gradient."""
    return x.detach().to(dtype).unflatten(0, (chips, -1)).transpose(1, 2)


def by_row(x: Tensor) -> Tensor:
    """Rearrange (S, H, B, ...) to (S B, H, ...)."""
    return x.transpose(1, 2).flatten(0, 1)
