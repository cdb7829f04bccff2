"""Lines on crossbars: each token writes one line of devices, and every read goes through converters.

    z_n = a ADC(sum_d DAC(q_d) K_nd + noise)        o_d = b ADC(sum_n DAC(w_n) V_nd + noise)

K and V are shares of their range as devices hold them at their age; a and b the digital scales of a head.
Lines not yet written are switched off.  With `correct`, z_n and w_n are divided by the mean drift at the age
of line n; with `ones`, o is divided by what a column of ones reads.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from memsim.energy.ledger import Ledger
from memsim.memory.cells import LineCells, Shown
from memsim.memory.design import LineDesign
from memsim.memory.line_events import LineEvents
from memsim.memory.lines import Lines
from memsim.memory.pulsed_cells import PulsedCells
from memsim.memory.ranges import LineRanges
from memsim.memory.reads import Reads, by_array, by_row
from memsim.memory.verified_cells import VerifiedCells

HEADROOM = 1.25  #: range of a column of ones, whose weights sum to 1 without errors


class CrossbarLines(Lines):
    """The lines of one memory on every chip; rows of sequences are chip-major, (chips x sequences, H, D).

    images: names of the sequences, by which their noise is drawn.  dtype: of the devices' numbers (default:
    float64 where all is ideal, else float32; pulsed cells are in float32).
    """

    def __init__(
        self, design: LineDesign, ranges: LineRanges, *, chips: Sequence[int] = (0,), seed: int = 0,
        images: Sequence[int] | np.ndarray = (0,), ledger: Ledger | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:  # fmt: skip
        super().__init__(design.capacity, design.full)
        self.design, self.chips = design, tuple(chips)
        self.dtype = dtype or (torch.float64 if design.exact else torch.float32)
        self.ranges = ranges.to(torch.empty(0, dtype=self.dtype))
        kind = VerifiedCells if design.write == "verify" else PulsedCells
        self.cells: LineCells = kind(design, seed, self.chips)
        self.events = LineEvents(design, ledger or Ledger(design.card))
        self.reads = Reads(
            design.name, self.cells, self.events, adc=design.adc, dac_bits=design.dac_bits,
            sides={"match": design.capacity, "blend": design.values + design.ones},
            seed=seed, chips=self.chips, heads=design.heads, dtype=self.dtype,
        )  # fmt: skip
        self.begin(images)

    @property
    def clipped(self) -> int:
        """Numbers beyond the range of a converter or of a line, until now."""
        return self.reads.clipped

    def clear(self) -> None:
        super().clear()
        self._shown: tuple[float, int, Shown] | None = None

    def begin(self, images: Sequence[int] | np.ndarray, call: int = 0) -> None:
        """Begin a context of sequences of these names, empty; call: which of several in one pass."""
        self.clear()
        self.images = np.asarray(images, np.int64)
        self.reads.begin(self.images, call)

    def _write(self, k: Tensor, v: Tensor, now: float) -> None:
        parts = [self._by_array(k) / _scale(self.ranges.key), self._by_array(v) / _scale(self.ranges.value)]
        if self.design.ones:
            parts.append(torch.ones_like(parts[0][..., :1]))
        share = torch.cat(parts, -1)
        self.reads.clipped += int((share.abs() > 1 + 1e-6).sum())
        row = self.count % self.design.capacity
        pulses = self.cells.write(row, share.clamp(-1.0, 1.0), self.images, self.reads.step(self.count))
        self.events.write(share[..., 0].numel(), pulses)
        self._shown = None

    def match(self, q: Tensor, now: float = 0.0) -> Tensor:
        if not len(self):
            return q.new_zeros(*q.shape[:-1], 0)
        shown, ranges = self._show(now), self.ranges
        keys = Shown(*(x[..., : self.design.keys].mT for x in shown))  # columns drive, lines are sensed
        drive = self.reads.dac(self._by_array(q) / _scale(ranges.query), signed=True)
        full = (ranges.score / (ranges.query * ranges.key))[..., None]
        self.reads.waiting = [] if self.design.tile else None  # what is powered is known with the weights
        scores = self.reads.read(drive, keys, full, "match") * _scale(ranges.query * ranges.key)
        if self.design.correct:
            scores = scores / self._gain(now)
        return by_row(scores).to(q.dtype)

    def blend(self, w: Tensor, now: float = 0.0) -> Tensor:
        shown, design, ranges = self._show(now), self.design, self.ranges
        values = Shown(*(x[..., design.keys :] for x in shown))
        if not math.isinf(design.retention):
            left = torch.exp(-self.ages(now) / design.retention).to(self.dtype)
            values = values._replace(share=values.share * left[:, None])
        weights, back = self._by_array(w), 1.0
        if design.correct:
            gain = self._gain(now)
            back = float((1 / gain).max())
            weights = weights / (gain * back)
        drive = self.reads.dac(weights, signed=False)
        self._bill_match(weights)
        full = (ranges.out / ranges.value)[..., None].expand(-1, -1, design.values)
        full = torch.cat([full, torch.full_like(full[..., : int(design.ones)], HEADROOM)], -1)
        out = self.reads.read(drive, values, full, "blend") * back
        if design.ones:
            norm = out[..., -1:]
            out = out[..., :-1] / torch.where(norm > 0, norm, torch.ones_like(norm))
        return by_row(out * _scale(ranges.value)).to(w.dtype)

    def _bill_match(self, weights: Tensor) -> None:
        """Enter the events of the match before, of the tiles in which a line has a weight (S, H, B, N)."""
        waiting, self.reads.waiting = self.reads.waiting, None
        if not waiting:
            return
        tile = self.design.tile
        needed = torch.nn.functional.pad(weights != 0, (0, -weights.shape[-1] % tile)).unflatten(
            -1, (-1, tile)
        )
        powered = needed.any(-1, keepdim=True).expand_as(needed).clone()
        if self.design.selectors:
            powered[..., -1] = True
        powered = powered.flatten(-2)[..., : weights.shape[-1]]
        for drive, shown in waiting:
            self.events.read(drive, shown, powered)

    def _show(self, now: float) -> Shown:
        """What reads see of all lines, the oldest first."""
        if self._shown is None or self._shown[:2] != (now, self.count):
            first = self.count - len(self)
            rows = [n % self.design.capacity for n in range(first, self.count)]
            ages = [now - at for at in self.written_at]
            if min(ages) < 0:
                raise ValueError(f"now = {now:g} s is before a line was written, {-min(ages):g} s later")
            self._shown = now, self.count, self.cells.show(rows, ages)
        return self._shown[2]

    def _gain(self, now: float) -> Tensor:
        return self.cells.gain([now - at for at in self.written_at]).to(self.dtype)

    def _by_array(self, x: Tensor) -> Tensor:
        """(S B, H, n) -> (S, H, B, n)."""
        if x.shape[0] != len(self.chips) * len(self.images):
            raise ValueError(
                f"{self.design.name}: {x.shape[0]} rows for {len(self.chips)} chips x {len(self.images)}"
                " sequences; rows are chip-major"
            )
        return by_array(x, len(self.chips), self.dtype)


def _scale(range_SH: Tensor) -> Tensor:
    """A number for each chip and head, beside (S, H, B, n)."""
    return range_SH[..., None, None]
