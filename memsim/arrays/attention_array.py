"""The attention of one layer on arrays: a stand-in for the digital leaf, with the same forward."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from memsim.arrays.attention_input import by_array, check_layout, check_spikes
from memsim.arrays.faults.defects import Defects
from memsim.arrays.kernels.counts import spike_counts
from memsim.arrays.reading.attention_read import NOTHING
from memsim.arrays.tile_lines import settling
from memsim.arrays.writing.array_wear import ArrayWear
from memsim.arrays.writing.design import WrittenDesign
from memsim.arrays.writing.write_events import AttentionEvents
from memsim.arrays.writing.writer import Rewrite
from memsim.arrays.written_array import WrittenArray
from memsim.run import Address, Run
from memsim.written_attention import WrittenAttention


class AttentionArray(nn.Module):
    """An attention leaf whose weights are written on arrays, on every chip at once.

    forward(q, k, v): spikes (T, S B, H, N, D) -> A V in the same shape; the scale is the network's.  T time
    steps, S B chips x images (chip-major), H heads, N tokens, D features.  With gradients they pass straight
    through the write and the converters.  Where ``recording``, ``recorded`` holds the weights A of the last
    call, offset included: (S, B, H, T, N, N).
    """

    reason: ClassVar[str] = "written by pulses for each image"
    """How the arrays hold it, for the mapping report."""

    def __init__(self, name: str, leaf: WrittenAttention, run: Run, rewrite: Rewrite | None = None) -> None:
        super().__init__()
        self.name, self.run, self.leaf, self.width = name, run, leaf, leaf.head_dim
        self.design = WrittenDesign.of(name, leaf, run.card)
        self.written = WrittenArray(self.design, run, rewrite)
        self.costs = AttentionEvents(self.design, run)
        self.recording = False
        self.recorded: Tensor | None = None

    def program(self) -> None:
        """Take new devices; their spread is drawn with the first image, when the tokens are known."""
        self.written.program()
        self.recorded = None

    def renew(self) -> None:
        """Take the devices of the chips in ``run``; the ADC's range stays."""
        self.written.renew()

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        check_layout(self.name, self.run, self.width, q, k, v)
        self.written.check_range()
        learning = torch.is_grad_enabled() and (q.requires_grad or k.requires_grad or v.requires_grad)
        count_q, count_k, others = spike_counts(q.detach(), k.detach(), len(self.run.chips))
        if others:
            check_spikes(self.name, q=q, k=k)
        at = self.run.now.address(self.name, v.shape[0])
        if self.design.exact or learning or self.run.now.calibrating:
            return self._plain(q, k, v, at, learning, *self._write(count_q, count_k, at))
        states, v = self.written.write(count_q, count_k, at, self.costs), v.float()
        weight = torch.empty_like(states[0]) if self.recording else NOTHING
        reading = self.written.reader(v.shape[2], v.shape[3], at)(states, v, weight)
        if self.recording:
            self._record(weight)
        if self.costs.counting:
            self.costs.reads(by_array(v, len(self.run.chips)), reading.column, self.costs.of_reading(reading))
        return reading.numbers

    def write(self, count_q: Tensor, count_k: Tensor, at: Address) -> tuple[Tensor, Tensor]:
        """Write every array, image and step by spike counts (S, H, B, T, N).

        Returns the weights A - offset as now held (S, H, B, T, N, N), and the sums of states on bit lines.
        """
        return self._write(count_q, count_k, at)[:2]

    def _write(
        self, count_q: Tensor, count_k: Tensor, at: Address
    ) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor] | None]:
        """Return the same, and what the noise of reads is made of."""
        if self.design.exact:
            self.costs.write(count_q, count_k)
            return self.written.exact_weights(count_q, count_k), NOTHING, None
        states = self.written.write(count_q, count_k, at, self.costs)
        reader = self.written.reader(count_q.shape[1], count_q.shape[-1], at)
        spread = reader.spread(states)
        reading = reader.weights(states)
        self.costs.converted(reading)
        return states[0], reading.column, spread

    def _plain(
        self, q: Tensor, k: Tensor, v: Tensor, at: Address, learning: bool, weight: Tensor, column: Tensor,
        spread: tuple[Tensor, Tensor] | None,
    ) -> Tensor:  # fmt: skip
        """Return the read in torch, of weights A - offset (S, H, B, T, N, N): for ideal cells, to calibrate
        the ADC, or with gradients, which go straight through the write.
        """
        self._record(weight)
        if learning:
            wanted = self.by_array(self.leaf.weights(q, k)) - self.design.offset
            weight = wanted + (weight - wanted).detach()
        values = self.by_array(v.to(weight.dtype))  # (S, H, B, T, N, D)
        self.costs.reads(values, column)
        current = weight @ values
        if self.run.calibrating:
            self.written.calibrate(current)
        out, clips = self.written.reader(v.shape[2], v.shape[3], at).plain(current, values, spread)
        self.costs.clipped(clips)
        return out.movedim((3, 0, 2, 1), (0, 1, 2, 3)).reshape(v.shape)

    def by_array(self, x: Tensor) -> Tensor:
        """(T, S B, H, ...) -> (S, H, B, T, ...): arrays first, then their writes."""
        return by_array(x, len(self.run.chips))

    def _record(self, weight: Tensor) -> None:
        """Keep weights A - offset (S, H, B, T, N, N), where asked to."""
        if self.recording:
            self.recorded = weight.detach().transpose(1, 2) + self.design.offset

    @property
    def wear(self) -> ArrayWear:
        """Devices of this layer on a chip, and the cycles they went through for an image."""
        return ArrayWear(self.design, self.run.ledger, self.written.cells)

    @property
    def measured(self) -> dict[str, float]:
        """What measuring devices before their first use has cost a chip; empty where nothing was measured."""
        return self.written.measured

    @property
    def settling(self) -> float:
        """Time its lines take to settle to half a step of the ADC [s]; 0 before the first image."""
        tokens = self.written.largest[1]
        if not tokens:
            return 0.0
        return settling(self.design.segment, tokens, 2 * tokens, self.run.card.attention.adc_bits)

    @property
    def defects(self) -> Defects | None:
        """What of its devices and lines is faulty, before and after repair; known with the first image."""
        return self.written.defects

    @property
    def kappa(self) -> float:
        """r g_max N^2 of one array [1], g_max the conductance at full scale; 0 before the first image."""
        rest, unit, _ = self.design.conductance
        top, tokens = self.design.cell.describe().high, self.written.largest[1]
        return self.design.segment.resistance * (rest + top * unit) * self.design.parallel * tokens**2
