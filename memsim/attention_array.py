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

import numpy as np
import torch
from torch import Tensor, nn

import devices
from devices.compile import match_threads
from memsim import kernels
from memsim.converters import digitise
from memsim.pulse_table import PulseTable
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
        self.fabric: tuple = ()
        self.tokens = 0
        self.full_scale: Tensor | None = None
        self.listener: Callable[[Tensor], object] | None = None  # shown the weights of every write

    def program(self) -> None:
        """New devices: the spread is drawn when the first image tells the number of tokens."""
        self.fabric, self.tokens, self.full_scale = (), 0, None

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        count_q, count_k = (self._by_array(s.detach().sum(-1)) for s in (q, k))  # (S, H, B, T, N)
        weight = self.write(count_q, count_k)  # (S, H, B, T, N, N), A - offset as the devices hold it
        if self.listener is not None:
            self.listener(weight)
        if torch.is_grad_enabled() and (q.requires_grad or k.requires_grad):  # straight through the write
            wanted = self._by_array(self.leaf.weights(q, k)) - self.offset  # type: ignore[operator]
            weight = wanted + (weight - wanted).detach()
        values = self._by_array(v.to(weight.dtype))  # (S, H, B, T, N, D)
        out = self._sense(weight, values)
        out = out + self.offset * values.sum(-2, keepdim=True)  # digital, common to all queries
        return out.movedim((3, 0, 2, 1), (0, 1, 2, 3)).reshape(v.shape)

    def _by_array(self, x: Tensor) -> Tensor:
        """(T, S B, H, ...) -> (S, H, B, T, ...): arrays first, then their writes."""
        return x.unflatten(1, (len(self.run.chips), -1)).movedim((1, 3, 2, 0), (0, 1, 2, 3))

    def write(self, count_q: Tensor, count_k: Tensor) -> Tensor:
        """Reset and pulse every array, every image and step; A - offset as now held, (S, H, B, T, N, N)."""
        self._count_slots(count_q, count_k)
        shape = (*count_q.shape, count_k.shape[-1])
        if self.exact:
            self._count_writes(shape, 0.0)
            index = (count_q.long() * self.wanted.shape[1])[..., :, None] + count_k.long()[..., None, :]
            return torch.take(self.wanted.to(self.run.dtype), index)
        pulses, total = self.table.pulses(count_q, count_k)
        self._count_writes(shape, total)
        return self._settle([self._rewrite(side, pulses) for side in range(len(self._devices(shape)))])

    def _settle(self, held: list[Tensor]) -> Tensor:
        """The weights A - offset that devices in the states w hold; no conductance falls below zero.

        Works in place.  Leaves the sum of every bit line's conductances (plastic and reference devices) in
        ``column_siemens``; floors are counted.
        """
        rest, unit = self._rest_and_unit
        weight = held[0]
        tokens = weight.shape[-1]
        column = torch.zeros(weight.shape[:-1])
        scale = self.amplitude / self.table.w_span
        match_threads()
        for side, w in enumerate(held):
            floors = kernels.settle(
                w.view(-1, tokens, tokens).numpy(),
                np.float32(-rest / unit),
                np.float32(0.0 if self.cell.one_sided else self.table.w_rest),
                np.float32(-scale if side else scale),
                weight.view(-1, tokens, tokens).numpy(),
                column.view(-1, tokens).numpy(),
                side == 0,
            )
            if not self.run.calibrating:
                self.run.ledger.note(self.name, "floored conductances", floors)
        # one reference device beside each plastic one where cells move both ways; a pair is its own
        self.column_siemens = column.mul_(unit).add_(rest * tokens * 2)
        return weight

    def _devices(self, shape: tuple[int, ...]) -> tuple:
        """The physical arrays, one fabric (or a pair): the same for every image of this chip."""
        if shape[-1] != self.tokens:
            self.tokens = shape[-1]
            sides = ("plus", "minus") if self.cell.one_sided else ("device",)
            chips, heads = list(self.run.chips), range(shape[1])
            rngs = [devices.stream(self.run.seed, chips, self.name, heads, side) for side in sides]
            self.fabric = tuple(
                self.cell.fabricate(shape[-2:], rng=rng.child("device-spread")) for rng in rngs
            )
            self.rng = [rng.child("write") for rng in rngs]
        return self.fabric

    def _rewrite(self, side: int, pulses: Tensor) -> Tensor:
        if self.cell.one_sided:
            pulses = (pulses if side == 0 else -pulses).clamp(min=0)
        steps = range(pulses.shape[3])
        return self.rewrite(self.fabric[side], pulses, rng=self.rng[side], image=self.run.images, step=steps)

    def _sense(self, weight: Tensor, values: Tensor) -> Tensor:
        """Currents on the word lines through the ADC, in units of A - offset: (S, H, B, T, N, D)."""
        run = self.run
        out = weight @ values
        self._count_reads(values)
        if run.calibrating:
            self.full_scale = out.detach().abs().amax((1, 2, 3, 4, 5)).clamp(min=1e-9)
            return out
        if not run.card.on("adc"):
            return out
        if self.full_scale is None:
            raise RuntimeError(
                f"{self.name}: the ADC range is not calibrated; call chip.program() with training images"
            )
        out, clips = digitise(out, self.full_scale.view(-1, *[1] * 5), run.card.attention.adc_bits)
        run.ledger.note(self.name, "clipped conversions", clips)
        return out

    def _count_writes(self, shape: tuple[int, ...], pulses: float) -> None:
        ledger, kind = self.run.ledger, self.cell.technology.lower()
        if self.run.calibrating or not ledger.open:
            return
        cells = float(torch.Size(shape).numel())
        ledger.note(self.name, "written cells", cells)
        ledger.add(self.name, f"reset-{kind}", cells * (2 if self.cell.one_sided else 1))
        ledger.add(self.name, f"pulse-{kind}", pulses)
        ledger.add(
            self.name, "digital-compare", cells / shape[-1] * 2
        )  # a first-spike time for each query and key token

    def _count_slots(self, count_q: Tensor, count_k: Tensor) -> None:
        """Popcounts, and the time of a write: a reset, then an LTP and an LTD phase with a slot of n_max
        pulses for each distinct first-spike time of the array; heads write at once, and wait for the slowest.
        """
        ledger, card = self.run.ledger, self.run.card.attention
        if self.run.calibrating or not ledger.open:
            return
        ledger.add(self.name, "digital-add", count_q.sum() + count_k.sum())
        counts = torch.cat([count_q, count_k], -1).long()
        fires = torch.zeros(*counts.shape[:-1], self.wanted.shape[0], dtype=torch.bool)
        fires.scatter_(-1, counts, True)
        if self.leaf.silent == "no-pulse":
            fires[..., 0] = False
        slots = fires.sum(-1).amax(1)  # (S, B, T)
        pulses = 2 * int(slots.sum()) * (card.n_max or self.cell.n_max)
        ledger.add_time(self.name, slots.numel() * card.reset_time + pulses * card.pulse_time)

    def _count_reads(self, values: Tensor) -> None:
        """Value spikes drive bit lines, every word line is converted for every feature; V^2 G t of it all."""
        ledger, card = self.run.ledger, self.run.card.attention
        if self.run.calibrating or not ledger.open:
            return
        spikes_per_key = values.detach().sum(-1)  # (S, H, B, T, N)
        ledger.add(self.name, "row-drive", spikes_per_key.sum())
        ledger.add(self.name, "digital-add", spikes_per_key.sum() + values.numel())  # popcounts, then offset
        reads = spikes_per_key[:, 0, ..., 0].numel() * values.shape[-1]  # heads at once, features in turn
        ledger.add_time(self.name, reads * (card.read_time + card.conversion_time))
        if self.exact:
            return
        ledger.add(self.name, f"adc-{card.adc_bits}b", values.numel())
        joule = (
            (spikes_per_key * self.column_siemens).sum(dtype=torch.float64)
            * card.read_voltage**2
            * card.read_time
        )
        ledger.add_read(self.name, joule)

    @property
    def _rest_and_unit(self) -> tuple[float, float]:
        """Conductance of w = 0 and of one unit of w [S], G = rest + w unit; one-sided cells rest at zero."""
        card = self.run.card.attention
        return 0.0 if self.cell.one_sided else card.g_mid, 1.0 if self.cell.unit == "S" else card.g_unit

    @property
    def kappa(self) -> float:
        """r g_max N^2 of one array [1], g_max the conductance at full scale; 0 before the first image."""
        rest, unit = self._rest_and_unit
        top = self.cell.describe().high
        return self.run.card.wire_resistance * (rest + top * unit) * self.tokens**2
