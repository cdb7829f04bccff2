"""Converter ranges of a weight array, and what drives its rows, decided over all calls of all training
images.

A call of a layer carries spikes where every value it had in calibration is 0 or 1, else numbers.  All calls
of one sort share one DAC range and one ADC range: the largest seen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from memsim.arrays.kernels.dac import convert_rows
from memsim.arrays.reading.converters import levels_of, quantise
from memsim.devices.numerics.compile import match_threads
from memsim.devices.numerics.operation import plain_asked

TINY = 1e-15  #: least current of a range [A]


@dataclass(frozen=True, eq=False)
class Drives:
    """What drives the rows in one sort of calls, and the ranges of its converters."""

    spikes: bool
    signed_S: Tensor  #: whether a chip saw negative numbers: its DAC then has codes of both signs
    peak_S: Tensor  #: largest number of each chip
    full_scale_SK: Tensor  #: largest current of each array and tile, rows driven up to the read voltage [A]

    def convert(self, x: Tensor, bits: int) -> tuple[Tensor, int]:
        """Numbers (T, S, B, F) through the DAC, in units of the read voltage; how many it clipped."""
        sorts = self.signed_S.tolist()
        if x.device.type == "cpu" and not plain_asked() and x.dtype == torch.float32 and not x.requires_grad:
            levels_by_sort = {sort: levels_of(bits, sort) for sort in set(sorts)}
            levels = np.array([levels_by_sort[sort] for sort in sorts], np.float32)
            out = torch.empty_like(x, memory_format=torch.contiguous_format)
            match_threads()
            peaks, signed = self.peak_S.float().contiguous().numpy(), self.signed_S.numpy()
            return out, convert_rows(x.contiguous().numpy(), peaks, levels, signed, out.numpy())
        peak, signed = self.peak_S.view(1, -1, 1, 1), self.signed_S.view(1, -1, 1, 1)
        with torch.no_grad():
            low = torch.where(signed, -peak, 0.0)
            clipped = int(((x > peak * (1 + 1e-6)) | (x < low - peak * 1e-6)).sum())
        found = [quantise(x, peak, bits, signed=sort) for sort in sorted(set(sorts))]
        return (found[0] if len(found) == 1 else torch.where(signed, found[1], found[0])) / peak, clipped


@dataclass(eq=False)
class Ranges:
    """What calibration saw of an array, call by call."""

    name: str
    calls: list[Call] = field(default_factory=list)
    _found: list[Drives] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether the array was never calibrated."""
        return not self.calls

    def apply(self, fn: Callable[[Tensor], Tensor]) -> Ranges:
        """The same ranges, their tensors as a function gives them: moved to another device."""
        calls = [Call(one.spikes, fn(one.signed_S), fn(one.peak_S), fn(one.current_SK)) for one in self.calls]
        return Ranges(self.name, calls)

    def note(self, call: int, drive: Tensor, current_SK: Tensor, chips: int) -> None:
        """Enter a call's inputs (T, S, B, F) and its largest current for each array and tile [A]."""
        self._found = []
        seen = Call(
            spikes=bool(((drive == 0) | (drive == 1)).all()),
            signed_S=(drive < 0).any(-1).any(2).any(0),
            peak_S=drive.detach().abs().amax((0, 2, 3)),
            current_SK=current_SK,
        )
        if call < len(self.calls):
            self.calls[call] = self.calls[call] | seen
        else:
            self.calls.append(seen)

    def of(self, call: int) -> Drives | None:
        """The ranges of a call; of a later one than were seen, those of the last.  None: not calibrated."""
        if not self.calls:
            return None
        if not self._found:
            sorts = {spikes: self._pool(spikes) for spikes in {one.spikes for one in self.calls}}
            self._found = [sorts[one.spikes] for one in self.calls]
        return self._found[min(call, len(self.calls) - 1)]

    def _pool(self, spikes: bool) -> Drives:
        """The ranges of all calls of one sort."""
        pooled, *others = (one for one in self.calls if one.spikes == spikes)
        for one in others:
            pooled = pooled | one
        peak = torch.ones_like(pooled.peak_S) if spikes else pooled.peak_S.clamp(min=1e-12)
        arrays = peak.repeat_interleave(len(pooled.current_SK) // len(peak))[:, None]
        return Drives(spikes, pooled.signed_S, peak, (pooled.current_SK / arrays).clamp(min=TINY))


@dataclass(frozen=True, eq=False)
class Call:
    """What one call saw: spikes alone, negative numbers, the largest number and current."""

    spikes: bool
    signed_S: Tensor
    peak_S: Tensor
    current_SK: Tensor

    def __or__(self, other: Call) -> Call:
        return Call(
            spikes=self.spikes and other.spikes,
            signed_S=self.signed_S | other.signed_S,
            peak_S=torch.maximum(self.peak_S, other.peak_S),
            current_SK=torch.maximum(self.current_SK, other.current_SK),
        )
