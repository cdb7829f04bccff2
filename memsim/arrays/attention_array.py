"""An attention array: N x N devices, written by STDP pulses for each image and step, read by value spikes.

Query tokens i sit on word lines, key tokens j on bit lines.  For each image and time step: one reset, one
write, D_H reads.

    n_ij   = pulses(r_Q(i), r_K(j))                       signed; up where dt < 0, down otherwise (ties down)
    A_ij   = (w_ij - w_rest) A / w_span + w_offset         w_offset is common and added digitally
    out_id = sum_j A_ij V_jd                               value spikes drive bit lines, word lines are sensed

w is the cell's own state after reset, pulses and write noise; w_rest its mean after reset and w_span the
smaller of its mean responses to n_max pulses up and down, so that A is reachable both ways.  Cells that move
one way only work in pairs: LTP on one device, LTD on the other.  The devices are drawn once for each (chip,
layer, head) and serve every image. Shapes: chips S, heads H, images B, steps T, tokens N, features D.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from memsim import devices
from memsim.arrays.reading.attention_read import NOTHING, AttentionRead, AttentionReading
from memsim.arrays.reading.converters import quantise
from memsim.arrays.writing.device_table import DeviceTable
from memsim.arrays.writing.pulse_table import PulseTable
from memsim.arrays.writing.read_verify import ReadVerify
from memsim.arrays.writing.row_gain import REPEATS, measure
from memsim.arrays.writing.write_events import AttentionEvents
from memsim.devices.pulses.line_pulses import Pulses
from memsim.run import Run


class AttentionArray(nn.Module):
    """The attention of one layer on every chip; a stand-in for the digital leaf with the same forward.

    forward(q, k, v): spikes (T, S B, H, N, D) -> A V, alike; the scale is the network's.
    """

    def __init__(
        self, name: str, leaf: nn.Module, run: Run, rewrite: Callable[..., Tensor] | None = None
    ) -> None:
        super().__init__()
        self.name, self.run, self.leaf = name, run, leaf
        self.cell = run.card.attention_cell
        self.amplitude, self.offset = float(leaf.window.A), float(leaf.window.offset)  # type: ignore[union-attr]
        self.wanted = leaf.window.matrix(leaf.head_dim, leaf.silent) - self.offset  # type: ignore[union-attr]
        self.exact = self.cell.exact
        if not self.exact:
            self.rewrite = rewrite or self.cell.rewrite
            self.table = PulseTable(self.wanted, self.amplitude, run)
            if run.card.attention.verify_rounds:
                self.verify = ReadVerify(run.card.design.unworn_cell, self.table.n_max)
        self.costs = AttentionEvents(self)
        self.fabric: tuple = ()
        self.tokens = self.heads = 0
        self.lines = self._alike(1, 1, 1)  # gain and shift of each word line (S, H, N)
        self.own: DeviceTable | None = None  # counts of each device's own
        self.measured: dict[str, float] = {}  # what measuring devices once has cost a chip
        self.full_scale: Tensor | None = None
        self.listener: Callable[[Tensor], object] | None = None  # shown the weights of every write

    def program(self) -> None:
        """New devices: the spread is drawn when the first image tells the number of tokens."""
        self.fabric, self.tokens, self.full_scale, self.own = (), 0, None, None
        self.lines = self._alike(1, 1, 1)

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        count_q, count_k = (self._by_array(s.detach().sum(-1)) for s in (q, k))  # (S, H, B, T, N)
        learning = torch.is_grad_enabled() and (q.requires_grad or k.requires_grad or v.requires_grad)
        if self.exact or learning or self.run.calibrating:
            return self._plain(q, k, v, self.write(count_q, count_k), learning)
        self._check_range()
        held, v = self._written(count_q, count_k), v.float()
        weight = torch.empty_like(held[0]) if self.listener is not None else NOTHING
        read = self._reader()(held, v, weight)
        self._note(read)
        if self.listener is not None:
            self.listener(weight)
        self.costs.reads(self._by_array(v))
        return read.numbers

    def _plain(self, q: Tensor, k: Tensor, v: Tensor, weight: Tensor, learning: bool) -> Tensor:
        """The read in torch, of weights A - offset (S, H, B, T, N, N): for ideal cells, to calibrate the
        ADC, or with gradients, which go straight through the write.
        """
        if self.listener is not None:
            self.listener(weight)
        if learning:
            wanted = self._by_array(self.leaf.weights(q, k)) - self.offset  # type: ignore[operator]
            weight = wanted + (weight - wanted).detach()
        values = self._by_array(v.to(weight.dtype))  # (S, H, B, T, N, D)
        self.costs.reads(values)
        current = weight @ values
        if self.run.calibrating:
            self.full_scale = current.detach().abs().amax((1, 2, 3, 4, 5)).clamp(min=1e-9)
        self._check_range()
        out, clips = self._reader().plain(current, values)
        if self.run.card.on("adc") and not self.run.calibrating:
            self.run.ledger.note(self.name, "clipped conversions", clips)
        return out.movedim((3, 0, 2, 1), (0, 1, 2, 3)).reshape(v.shape)

    def _check_range(self) -> None:
        """Raise RuntimeError where the ADC has no range yet."""
        if self.run.card.on("adc") and self.full_scale is None and not self.run.calibrating:
            raise RuntimeError(
                f"{self.name}: the ADC range is not calibrated; call chip.program() with training images"
            )

    def _by_array(self, x: Tensor) -> Tensor:
        """(T, S B, H, ...) -> (S, H, B, T, ...): arrays first, then their writes."""
        return x.unflatten(1, (len(self.run.chips), -1)).movedim((1, 3, 2, 0), (0, 1, 2, 3))

    def write(self, count_q: Tensor, count_k: Tensor) -> Tensor:
        """Reset and pulse every array, every image and step; A - offset as now held, (S, H, B, T, N, N)."""
        if self.exact:
            self.costs.write(count_q, count_k)
            index = (count_q.long() * self.wanted.shape[1])[..., :, None] + count_k.long()[..., None, :]
            return torch.take(self.wanted.to(self.run.dtype), index)
        return self._weights(self._written(count_q, count_k))

    def _written(self, count_q: Tensor, count_k: Tensor) -> list[Tensor]:
        """The visible states of each side after a write of these counts."""
        self._fabricate((*count_q.shape, count_k.shape[-1]))
        pulses = (self.own or self.table).pulses(count_q, count_k)
        self.costs.write(count_q, count_k, pulses)
        goal = self.table.goals(count_q, count_k) if self.run.card.attention.verify_rounds else None
        return self._states(pulses, goal)

    def _states(self, pulses: Pulses, goal: Tensor | None = None) -> list[Tensor]:
        """The visible states of each side after a write; corrected towards a goal where one is given."""
        first = self._sides(pulses)
        seen = [self._rewrite(side, n) for side, n in enumerate(first)]
        if goal is None:
            return seen
        states = [self._rewrite(side, n, visible=False) for side, n in enumerate(first)]
        for rounds in range(self.run.card.attention.verify_rounds):
            extra = self.verify.extra([self._converted(w) for w in seen], goal)
            self.costs.correction(extra, seen)
            for side, n in enumerate(extra):
                more = {"start": states[side], "path": ("verify", rounds)}
                seen[side] = torch.where(n == 0, seen[side], self._rewrite(side, n, **more))
                states[side] = self._rewrite(side, n, visible=False, **more)
        return seen

    def _converted(self, w: Tensor) -> Tensor:
        """A state as the ADC tells it when a cell is read alone, its range twice what a full write spans."""
        card, table = self.run.card, self.table
        rest = 0.0 if self.cell.one_sided else table.w_rest
        full = 2 * float((table.response - table.w_rest).abs().max())
        return rest + quantise(w - rest, full, card.attention.adc_bits) if card.on("adc") else w

    def _weights(self, held: list[Tensor]) -> Tensor:
        """The weights A - offset that devices in the states w hold, in place of the states."""
        self._note(self._reader().weights(held))
        return held[0]

    def _note(self, read: AttentionReading) -> None:
        """Keep the sums of the states on bit lines; enter floored states and clipped conversions."""
        self.column = read.column
        if self.costs.counting:
            self.run.ledger.note(self.name, "floored conductances", read.floors)
            if self.run.card.on("adc"):
                self.run.ledger.note(self.name, "clipped conversions", read.clips)

    def _reader(self) -> AttentionRead:
        """How these arrays are read now."""
        rest, unit, _ = self.conductance
        card, pair = self.run.card, self.cell.one_sided
        full_scale = torch.ones(len(self.run.chips)) if self.full_scale is None else self.full_scale.float()
        return AttentionRead(
            floor=-rest / unit,
            rest=0.0 if pair or self.exact else self.table.w_rest,
            scale=1.0 if self.exact else self.amplitude / self.table.w_span,
            bits=card.attention.adc_bits if card.on("adc") and not self.run.calibrating else 0,
            full_scale_S=full_scale,
            gain_SHN=self.lines[0],
            shift_SHN=self.lines[1],
        )

    @property
    def column_siemens(self) -> Tensor:
        """Conductance of every bit line, plastic and reference devices, as last written (S, H, B, T, N)."""
        rest, unit, reference = self.conductance
        return (self.column * unit + (rest + reference) * self.tokens) * self.costs.devices

    def _fabricate(self, shape: tuple[int, ...]) -> None:
        """The physical arrays, one fabric (or a pair): the same for every image of this chip."""
        if shape[-1] == self.tokens:
            return
        self.tokens, self.heads = shape[-1], shape[1]
        sides = ("plus", "minus") if self.cell.one_sided else ("device",)
        chips, heads = list(self.run.chips), range(shape[1])
        rngs = [devices.stream(self.run.seed, chips, self.name, heads, side) for side in sides]
        self.fabric = tuple(self.cell.fabricate(shape[-2:], rng=rng.child("device-spread").by_row()) for rng in rngs)
        self.rng = [rng.child("write") for rng in rngs]
        self._measure((*shape[:2], shape[-1]))

    def _measure(self, shape: tuple[int, ...]) -> None:
        """Measure word lines or devices once, where the card asks for it; shape (S, H, N)."""
        card, n_max = self.run.card.attention, self.table.n_max
        lines, self.measured, self.lines = shape[1] * shape[-1], {}, self._alike(*shape)
        with self.run.ledger.apart():
            if card.coding == "per-device":
                quiet = self.cell.only(*{"device-spread"} & {e for e in self.cell.effects if self.cell.on(e)})
                self.own = DeviceTable(self.table, lambda n: self._mean_states(quiet, n), shape)  # type: ignore[arg-type]
                pulses, writes = n_max * (n_max + 1) * lines * shape[-1], 2 * n_max + 1
                self._spend(writes * REPEATS, pulses * REPEATS, writes * REPEATS * self.costs.device_count)
            if card.row_gain:
                rngs, now = self.rng, self.run.now
                self.rng = [rng.child("row-gain") for rng in rngs]
                self.run.begin(REPEATS)
                gain, shift = measure(self._pattern, self.table, self.amplitude)
                self.lines = gain, shift + self.offset
                self.rng, self.run.now = rngs, now
                self._spend(3 * REPEATS, 2 * n_max * lines * shape[-1] * REPEATS, 3 * REPEATS * lines)

    def _alike(self, *shape: int) -> tuple[Tensor, Tensor]:
        """Gain and shift where no word line was measured: the offset is digital and common to all."""
        return torch.ones(shape), torch.full(shape, self.offset, dtype=torch.float64)

    def _spend(self, writes: int, pulses: float, reads: float) -> None:
        """Add to what measuring has cost a chip."""
        more = self.costs.measuring(writes, pulses, reads)
        self.measured = {key: self.measured.get(key, 0.0) + value for key, value in more.items()}

    def _pattern(self, counts: Tensor) -> Tensor:
        """Weights where every cell is asked for what these counts mean on the mean device, coded and verified
        as any write: (patterns,) -> (S, H, REPEATS, patterns, N, N).
        """
        goals = self.table.response[counts + self.table.n_max]
        shape = (len(self.run.chips), self.heads, REPEATS, len(counts), self.tokens, self.tokens)
        pulses = counts.float().view(-1, 1, 1) if self.own is None else self.own.toward(goals)[:, :, None]
        goal = goals.float().view(-1, 1, 1).expand(shape) if self.run.card.attention.verify_rounds else None
        return self._weights(self._states(pulses.expand(shape).contiguous(), goal))

    def _mean_states(self, quiet: devices.PulsedCell, pulses: Tensor) -> Tensor:
        """States of every device (differences of pairs) without noise, (S, H, B, T, N, N)."""
        held = [
            quiet.rewrite(self.fabric[s], n, rng=self.rng[s], image=range(n.shape[2]), step=range(n.shape[3]))
            for s, n in enumerate(self._sides(pulses))
        ]
        return held[0] - held[1] if self.cell.one_sided else held[0]

    def _sides(self, pulses: Pulses) -> list[Pulses]:
        """Pulses of each side: LTP and LTD of a pair, or both on one device."""
        return [pulses.clamp(min=0), (-pulses).clamp(min=0)] if self.cell.one_sided else [pulses]

    def _rewrite(self, side: int, pulses: Pulses, path: tuple[str | int, ...] = (), **how: Any) -> Tensor:
        rng, steps = self.rng[side], range(pulses.shape[3])
        rng = rng.child(*path) if path else rng  # keys are made once
        return self.rewrite(self.fabric[side], pulses, rng=rng, image=self.run.images, step=steps, **how)

    @property
    def conductance(self) -> tuple[float, float, float]:
        """Conductance of w = 0, of one unit of w, and of the reference device [S]: G = rest + w unit.

        Beside each plastic device that moves both ways stands a reference at its level of rest; a pair is its
        own.
        """
        rest, unit = self.run.card.cell_siemens
        if self.cell.one_sided:
            return rest, unit, 0.0
        measured = not self.exact and (self.cell.unit == "S" or self.cell.conductances)
        return rest, unit, rest + unit * self.table.w_rest if measured else rest

    @property
    def kappa(self) -> float:
        """r g_max N^2 of one array [1], g_max the conductance at full scale; 0 before the first image."""
        rest, unit, _ = self.conductance
        top = self.cell.describe().high
        return self.run.card.wire_resistance * (rest + top * unit) * self.costs.devices * self.tokens**2
