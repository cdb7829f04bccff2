"""Converter ranges of a weight array, and what drives its rows, decided over all calls of all training
images.

A call of a layer carries spikes on a chip where every value it had there in calibration is 0 or 1, else
numbers; these are whole where every value was.  All calls of one sort share one DAC range and one ADC range:
the largest seen. The ranges of a chip are its own, whatever other chips are in the stack.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields

import numpy as np
import torch
from torch import Tensor

from memsim.arrays.kernels.dac import convert_rows
from memsim.arrays.reading.converters import levels_of, to_grid
from memsim.converters.dac import Dac
from memsim.devices.numerics.compile import match_threads
from memsim.devices.numerics.operation import plain_asked

TINY = 1e-15  #: least current of a range [A]

MOST = 2**16 - 1
"""Largest whole number that counts as one."""


def whole_numbers(drive: Tensor) -> Tensor:
    """Return whether the values (T, S, B, F) of each chip are whole numbers, none beyond `MOST`."""
    return ((drive == drive.round()) & (drive.abs() <= MOST)).all(-1).all(2).all(0)


@dataclass(frozen=True, eq=False)
class Drives:
    """What drives the rows of some chips in one kind of call, and the ranges of their converters."""

    spikes: bool
    chips: tuple[int, ...] | None  #: places of these chips in the stack; None: all of it
    signed_S: Tensor  #: whether a chip saw negative numbers: its DAC then has codes of both signs
    peak_S: Tensor  #: largest number of each chip
    whole_S: Tensor  #: whether a chip saw whole numbers alone
    full_scale_SK: Tensor  #: largest current of each array and tile, rows driven up to the read voltage [A]

    def of(self, chips: Sequence[int]) -> Drives:
        """Return the same for some of these chips, by their places among them."""
        places = list(chips)
        groups = len(self.full_scale_SK) // len(self.peak_S)
        full = self.full_scale_SK.unflatten(0, (-1, groups))[places].flatten(0, 1)
        names = tuple(places if self.chips is None else (self.chips[place] for place in places))
        signed, peak, whole = (x[places] for x in (self.signed_S, self.peak_S, self.whole_S))
        return Drives(self.spikes, names, signed, peak, whole, full)

    def levels(self, dac: Dac) -> list[int]:
        """Return steps from 0 to a chip's largest number."""
        found = []
        chips = zip(self.whole_S.tolist(), self.signed_S.tolist(), self.peak_S.tolist(), strict=True)
        for whole, signed, peak in chips:
            own = whole and dac.counts and (dac.serial or peak <= levels_of(dac.bits, signed))
            found.append(max(int(peak), 1) if own else levels_of(dac.bits, signed))
        return found

    def unit(self, dac: Dac) -> Tensor:
        """Return what a full drive of a row stands for on each chip: the largest number, or a step of it."""
        if not dac.serial:
            return self.peak_S
        return self.peak_S / torch.tensor(
            self.levels(dac), dtype=self.peak_S.dtype, device=self.peak_S.device
        )

    def convert(self, x: Tensor, levels: Sequence[int]) -> tuple[Tensor, int]:
        """Return numbers (T, S, B, F) through DACs of these steps, one a chip, in units of the read voltage;
        how many were clipped.
        """
        sorts = self.signed_S.tolist()
        if x.device.type == "cpu" and not plain_asked() and x.dtype == torch.float32 and not x.requires_grad:
            out = torch.empty_like(x, memory_format=torch.contiguous_format)
            match_threads()
            peaks, signed = self.peak_S.float().contiguous().numpy(), self.signed_S.numpy()
            return out, convert_rows(
                x.contiguous().numpy(), peaks, np.array(levels, np.float32), signed, out.numpy()
            )
        peak, signed = self.peak_S.view(1, -1, 1, 1), self.signed_S.view(1, -1, 1, 1)
        with torch.no_grad():
            low = torch.where(signed, -peak, 0.0)
            clipped = int(((x > peak * (1 + 1e-6)) | (x < low - peak * 1e-6)).sum())
        found = torch.empty_like(x)
        for sort, most in sorted({*zip(sorts, levels, strict=True)}):
            chips = [n for n, one in enumerate(zip(sorts, levels, strict=True)) if one == (sort, most)]
            part = to_grid(x[:, chips], peak[:, chips], most, signed=sort)
            found = part if len(chips) == len(sorts) else found.index_copy(1, index_of(chips, x), part)
        return found / peak, clipped


def index_of(places: Sequence[int], like: Tensor) -> Tensor:
    """Return places as torch's index functions take them, on the device of `like`."""
    return torch.tensor(places, device=like.device)


@dataclass(eq=False)
class Ranges:
    """What calibration saw of an array, call by call."""

    name: str
    serial: bool = False  #: currents are those of one-bit drives, whatever the numbers
    calls: list[Call] = field(default_factory=list)
    _found: list[list[Drives]] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether the array was never calibrated."""
        return not self.calls

    def apply(self, fn: Callable[[Tensor], Tensor]) -> Ranges:
        """Return the same ranges, their tensors as a function gives them: moved to another device."""
        return Ranges(self.name, self.serial, [one.apply(fn) for one in self.calls])

    def note(self, call: int, drive: Tensor, current_SK: Tensor, chips: int) -> None:
        """Enter a call's inputs (T, S, B, F) and its largest current for each array and tile [A]."""
        self._found = []
        seen = Call(
            spikes_S=((drive == 0) | (drive == 1)).all(-1).all(2).all(0),
            signed_S=(drive < 0).any(-1).any(2).any(0),
            peak_S=drive.detach().abs().amax((0, 2, 3)),
            current_SK=current_SK,
            whole_S=whole_numbers(drive),
        )
        if call < len(self.calls):
            self.calls[call] = self.calls[call] | seen
        else:
            self.calls.append(seen)

    def of(self, call: int) -> list[Drives]:
        """The ranges of a call, for each kind of chip; of a later call than were seen, those of the last.
        None of them: not calibrated.
        """
        if not self.calls:
            return []
        if not self._found:
            self._found = [self._sorts(one.spikes_S) for one in self.calls]
        return self._found[min(call, len(self.calls) - 1)]

    def _sorts(self, spikes_S: Tensor) -> list[Drives]:
        """Return the ranges of a call, one for the chips that see spikes and one for those that see
        numbers.
        """
        found = spikes_S.tolist()
        if len(set(found)) == 1:
            return [self._pool(found[0], None)]
        return [
            self._pool(sort, tuple(n for n, one in enumerate(found) if one is sort)) for sort in (True, False)
        ]

    def _pool(self, spikes: bool, chips: tuple[int, ...] | None) -> Drives:
        """Return the ranges of these chips: over all calls that are of one sort on a chip."""
        same = torch.stack([one.spikes_S == spikes for one in self.calls])  # (calls, S)
        peak = torch.stack([one.peak_S for one in self.calls]).where(same, 0.0).amax(0)
        signed = (torch.stack([one.signed_S for one in self.calls]) & same).any(0)
        whole = (torch.stack([one.whole_S for one in self.calls]) | ~same).all(0)
        current = torch.stack([one.current_SK for one in self.calls])
        groups = current.shape[1] // same.shape[1]
        current = current.where(same.repeat_interleave(groups, 1)[..., None], 0.0).amax(0)
        if chips is not None:
            places = list(chips)
            peak, signed, whole = peak[places], signed[places], whole[places]
            current = current.unflatten(0, (-1, groups))[places].flatten(0, 1)
        peak = torch.ones_like(peak) if spikes else peak.clamp(min=1e-12)
        full = current if self.serial else current / peak.repeat_interleave(groups)[:, None]
        return Drives(spikes, chips, signed, peak, whole, full.clamp(min=TINY))


@dataclass(frozen=True, eq=False)
class Call:
    """What one call saw on each chip: spikes alone, negative numbers, the largest number and current, whole
    numbers alone.
    """

    spikes_S: Tensor
    signed_S: Tensor
    peak_S: Tensor
    current_SK: Tensor
    whole_S: Tensor

    def apply(self, fn: Callable[[Tensor], Tensor]) -> Call:
        """Return the same, its tensors as a function gives them."""
        return Call(**{one.name: fn(getattr(self, one.name)) for one in fields(self)})

    def __or__(self, other: Call) -> Call:
        return Call(
            spikes_S=self.spikes_S & other.spikes_S,
            signed_S=self.signed_S | other.signed_S,
            peak_S=torch.maximum(self.peak_S, other.peak_S),
            current_SK=torch.maximum(self.current_SK, other.current_SK),
            whole_S=self.whole_S & other.whole_S,
        )
