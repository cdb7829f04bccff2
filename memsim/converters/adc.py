"""The ADCs of an array as a card has them, and as they come out of fabrication."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from memsim.converters.adc_kind import AdcErrors, Calibration
from memsim.converters.curve import calibrated, packed
from memsim.converters.kinds import ADC
from memsim.devices.numerics.stream import Stream


@dataclass(frozen=True, kw_only=True)
class Adc:
    """The ADCs of some arrays: one kind, its errors, how they are calibrated and shared."""

    bits: int
    rounds: bool = True  #: whether codes are whole and clipped; if not, what the errors do is left
    kind: str = "uniform"
    errors: AdcErrors = field(default_factory=AdcErrors)
    calibration: Calibration = "none"
    shared: int = 1  #: neighbouring columns of a tile that one ADC converts in turn

    @property
    def levels(self) -> int:
        """Steps from 0 to full scale."""
        return 2 ** (self.bits - 1) - 1

    @cached_property
    def exact(self) -> bool:
        """Whether nothing but rounding to the nearest step is done."""
        kind = ADC.get(self.kind)
        return not (kind.never_ideal and self.rounds) and not any(
            getattr(self.errors, name) for name in kind.takes
        )

    def fabricate(
        self, rng: Stream, tiles: int, columns: int, width: int | None = None, *, signed: bool = True
    ) -> Tensor | None:
        """Return curves of every column, (*K, tiles, P, columns) float32; None where `exact`.

        rng: of an array, with keys of shape K; width: columns of a column tile (None: all); signed: whether
        currents have both signs, else all codes are on one side.  Those of fewer columns are the first of
        those of more.
        """
        if self.exact:
            return None
        width = width or columns
        place = torch.arange(columns)
        first = {
            "adc": place // width * width + place % width // self.shared * self.shared,
            "tile": place // width * width,
        }

        def draw(name: str, *, rows: int = 1, each: str = "adc") -> Tensor:
            z = rng.child("adc", name).by_row().normal((tiles, rows, columns), dtype=torch.float64)
            return z[..., first[each]]

        levels = self.levels if signed else 2 * self.levels + 1
        curves = ADC.get(self.kind).curves(self.errors, levels, self.bits, draw)
        made = packed(curves, levels, 2 ** (self.bits - 1) if signed else 0)
        return calibrated(made, levels, self.calibration, signed).float()
