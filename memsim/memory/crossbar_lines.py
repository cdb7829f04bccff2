"""Lines on crossbars: each token writes one line of devices, and every read passes through converters.

    z_n = a ADC(sum_d DAC(q_d) K_nd + noise)        o_d = b ADC(sum_n DAC(w_n) V_nd + noise)

K and V are the shares of their range that the devices represent at their age; a and b are digital scales of
each head.  Lines that are not written yet are switched off.  With the option `correct`, z_n and w_n are
divided by the mean drift at the age of line n; with `ones`, o is divided by the result of a column of ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from memsim.arrays.reading.converters import quantise
from memsim.energy.ledger import Ledger
from memsim.memory.cells import LineCells, Shown
from memsim.memory.line_design import LineDesign
from memsim.memory.line_events import LineEvents
from memsim.memory.lines import Lines
from memsim.memory.pulsed_cells import PulsedCells
from memsim.memory.ranges import LineRanges
from memsim.memory.reads import Reads, by_array, by_row
from memsim.memory.through_lines import ThroughLines
from memsim.memory.verified_cells import VerifiedCells

HEADROOM = 1.25  #: ADC range of the column of ones, which would read 1 if nothing had errors


class CrossbarLines(Lines):
    """Lines of one memory on every chip; tensors are (chips x sequences, H, D), chip-major.

    images: identifiers of the sequences, which key their noise.  dtype: type of the computation (default:
    float64 if everything is ideal, else float32; pulsed cells are always computed in float32).
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
        self.cells: LineCells = kind(design, seed, self.chips, design.capacity)
        self.through = ThroughLines.of(design, self.cells.one, design.tile)
        self.events = LineEvents(design, ledger or Ledger(design.card))
        self.reads = Reads(
            design.name, self.cells, self.events, adc=design.adc, dac_bits=design.dac_bits,
            sides={"match": design.capacity, "blend": design.values + design.ones},
            seed=seed, chips=self.chips, heads=design.heads, dtype=self.dtype,
        )  # fmt: skip
        self.begin(images)

    @property
    def clipped(self) -> int:
        """Numbers clipped so far, because they exceeded the range of a converter or of a line."""
        return self.reads.clipped

    def begin(self, images: Sequence[int] | np.ndarray, call: int = 0) -> None:
        """Begin an empty context for sequences with these identifiers.

        call: number of the context, if the network uses the memory several times in one pass.
        """
        self.clear()
        self.images = np.asarray(images, np.int64)
        self.reads.begin(self.images, call)
        self.cells.begin(self.images, call)
        self._lost: tuple[tuple[int, int, tuple[float, ...]], Tensor | None] | None = None

    def _write(self, k: Tensor, v: Tensor, times: Sequence[float]) -> None:
        self._fits("keys", k, self.design.keys)
        self._fits("values", v, self.design.values)
        parts = [self._by_array(k) / _scale(self.ranges.key), self._by_array(v) / _scale(self.ranges.value)]
        if self.design.ones:
            parts.append(torch.ones_like(parts[0][..., :1]))
        share = torch.cat(parts, -1)
        self.reads.clipped += int((share.abs() > 1 + 1e-6).sum())
        if self.design.bits:
            share = quantise(share, 1.0, self.design.bits)
        tokens = range(self.count, self.count + len(times))
        self.reads.step(tokens[-1])
        rows = [token % self.design.capacity for token in tokens]
        pulses = self.cells.write(rows, share.clamp(-1.0, 1.0), tokens)
        self.events.write(share[..., 0].numel(), pulses)

    def match(self, q: Tensor, now: float = 0.0) -> Tensor:
        if not len(self):
            return q.new_zeros(*q.shape[:-1], 0)
        return self.match_all(q[..., None, :], [now], [len(self)])[..., 0, :]

    def blend(self, w: Tensor, now: float = 0.0) -> Tensor:
        self._weights(w)
        return self.blend_all(w[..., None, :], [now], [len(self)])[..., 0, :]

    def match_all(self, q: Tensor, times: Sequence[float], held: Sequence[int]) -> Tensor:
        """Return the scores (S B, H, R, N) of R queries q (S B, H, R, D), each read at its own time [s].

        held: number of lines present for each reader, counted from the oldest, and never decreasing.  Scores
        of later lines are undefined.
        """
        self._fits("queries", q, self.design.keys)
        self._number("queries", q)
        idle, ages = held.count(0), self._ages(times)
        shown, ranges, there = self._show(ages), self.ranges, torch.tensor(held)[idle:]
        keys = shown.each(lambda x: x[..., : self.design.keys].mT)  # columns are driven, lines are sensed
        drive = self.reads.dac(self._by_array(q[..., idle:, :]) / _scale(ranges.query), signed=True)
        full = (ranges.score / (ranges.query * ranges.key))[..., None]
        self.reads.waiting = (
            [] if self.design.tile else None
        )  # only the weights decide which tiles have power
        rows, through, present = self._rows(), self.through, held[idle:]
        currents = (
            None if through is None else lambda x, of: through.match(x, of.each(_turned), rows, present)
        )
        scores = self.reads.read(
            drive, keys, full, "match", held=there, sensed=self._since(ages, idle), currents=currents
        )
        scores *= _scale(ranges.query * ranges.key)
        if self.design.correct:
            scores /= self._gain(ages)[idle:]
        none = scores.new_zeros(*scores.shape[:3], idle, scores.shape[-1])
        return by_row(torch.cat([none, scores], -2) if idle else scores).to(q.dtype)

    def blend_all(self, w: Tensor, times: Sequence[float], held: Sequence[int]) -> Tensor:
        """Return the weighted sums of values (S B, H, R, V) for R readers with weights w (S B, H, R, N).

        Times [s] and held are as for `match_all`; the weights of lines that are not present must be 0.
        """
        idle, design, ages, ranges = held.count(0), self.design, self._ages(times), self.ranges
        values = self._show(ages).each(lambda x: x[..., design.keys :])
        rows, through, present = self._rows(), self.through, held[idle:]
        currents = None if through is None else lambda x, of: through.blend(x, of, rows, present)
        left = self._since(ages, idle)
        if not math.isinf(design.retention):
            kept = (-ages[idle:] / design.retention).exp().to(self.dtype)
            left = kept if left is None else left * kept
        weights, back = self._by_array(w[..., idle:, :]), 1.0
        if design.correct:
            there = torch.arange(len(self)) < torch.tensor(held)[:, None]
            inverse = torch.where(there, 1 / self._gain(ages), 0.0)
            back = inverse[idle:].amax(-1, keepdim=True)
            weights = weights * (inverse[idle:] / back)
        drive = self.reads.dac(weights, signed=False)
        self._bill_match(weights, torch.tensor(held)[idle:])
        full = (ranges.out / ranges.value)[..., None].expand(-1, -1, design.values)
        full = torch.cat([full, torch.full_like(full[..., : int(design.ones)], HEADROOM)], -1)
        out = self.reads.read(drive, values, full, "blend", driven=left, currents=currents) * back
        if design.ones:
            norm = out[..., -1:]
            out = out[..., :-1] / torch.where(norm > 0, norm, torch.ones_like(norm))
        none = out.new_zeros(*out.shape[:3], idle, out.shape[-1])
        out = torch.cat([none, out], -2) if idle else out
        return by_row(out * _scale(ranges.value)).to(w.dtype)

    def _bill_match(self, weights: Tensor, held: Tensor) -> None:
        """Enter the events of the preceding match, limited to tiles with a nonzero weight (S, H, B, R, N)."""
        waiting, self.reads.waiting = self.reads.waiting, None
        if not waiting:
            return
        tile, rows = self.design.tile, torch.tensor(self._rows())
        places = -(-self.design.capacity // tile) * tile
        needed = weights.new_zeros(*weights.shape[:-1], places, dtype=torch.bool)
        needed[..., rows] = weights != 0
        tiles = needed.unflatten(-1, (-1, tile))
        powered = tiles.any(-1, keepdim=True).expand_as(tiles).clone()
        if self.design.selectors:
            powered[..., -1] = True
        there = torch.arange(weights.shape[-1]) < held[:, None]
        powered = powered.flatten(-2)[..., rows] & there
        for drive, shown in waiting:
            self.events.read(drive, shown, powered=powered)

    def _ages(self, times: Sequence[float]) -> Tensor:
        """Return the age of each line for each reader (R, N), float64 [s], oldest first; 0 for later
        lines.
        """
        if not all(math.isfinite(now) for now in times):
            raise ValueError(f"now = {list(times)} s: the time of a read must be finite")
        at = torch.tensor(self.written_at, dtype=torch.float64)
        ages = torch.tensor(times, dtype=torch.float64)[:, None] - at
        if len(times) == 1 and float(ages.min()) < 0:
            raise ValueError(
                f"now = {times[0]:g} s: a line is written {-float(ages.min()):g} s later; read it afterwards"
            )
        return ages.clamp(min=0.0)

    def _rows(self) -> list[int]:
        """Return the rows of the array that hold the lines, oldest first."""
        return [n % self.design.capacity for n in range(self.count - len(self), self.count)]

    def _show(self, ages: Tensor) -> Shown:
        """Return the state of all lines, oldest first, at the middle of the times of the readers."""
        return self.cells.show(self._rows(), ((ages[0] + ages[-1]) / 2).numpy())

    def _since(self, ages: Tensor, idle: int) -> Tensor | None:
        """Return the decay factor of each line since the last `show`, for each reader (R, N)."""
        at = (self.count, idle, tuple(ages[idle:, 0].tolist()))
        if self._lost is None or self._lost[0] != at:  # a blend reuses the result of its match
            lost = self.cells.since(self._rows(), ages[idle:])
            self._lost = at, None if lost is None else lost.to(self.dtype)
        return self._lost[1]

    def _gain(self, ages: Tensor) -> Tensor:
        return self.cells.gain(ages).to(self.dtype)

    def _fits(self, name: str, x: Tensor, features: int) -> None:
        """Raise ValueError unless x is (rows, heads, tokens, features)."""
        heads = self.design.heads
        if x.dim() != 4 or x.shape[1] != heads or x.shape[-1] != features:
            raise ValueError(
                f"{self.design.name}: {name} of shape {tuple(x.shape)}: (rows, {heads} heads, tokens,"
                f" {features} features) is needed"
            )

    def _by_array(self, x: Tensor) -> Tensor:
        """Rearrange (S B, H, R, n) to (S, H, B, R, n)."""
        if x.shape[0] != len(self.chips) * len(self.images):
            raise ValueError(
                f"{self.design.name}: {x.shape[0]} rows for {len(self.chips)} chips x {len(self.images)}"
                " sequences; rows are chip-major"
            )
        return by_array(x, len(self.chips), self.dtype)


def _turned(x: Tensor) -> Tensor:
    return x.mT


def _scale(range_SH: Tensor) -> Tensor:
    """Append axes to (S, H), so that it broadcasts against (S, H, B, R, n)."""
    return range_SH[..., None, None, None]
