"""What an attention array costs: its events, the time of a write, the energy of its reads."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import torch
from torch import Tensor

from memsim.arrays.writing.array_events import ArrayEvents, Size
from memsim.arrays.writing.design import WrittenDesign
from memsim.arrays.writing.write_energy import pairs, tally
from memsim.devices.pulses.line_pulses import Pulses, every_cell
from memsim.energy.ledger import Entry, Work
from memsim.prices.events import SILENT_PULSES, SILENT_TIES


class AttentionEvents(ArrayEvents):
    """Enters the work of one layer of STDP attention."""

    design: WrittenDesign

    @cached_property
    def siemens(self) -> Tensor:
        """Conductance that the pulses of each pair of spike counts meet, summed [S]."""
        return self.energy.met(self.design.table.counts)

    def write(self, count_q: Tensor, count_k: Tensor, pulses: Pulses | None = None) -> None:
        """A reset, popcounts and first-spike times, and the pulses; counts (S, H, B, T, N).

        It takes two phases with a slot of n_max pulses for each distinct first-spike time of the array; heads
        write at once, and wait for the slowest.  Counts of each device's own are pulsed word line by word
        line.
        """
        if not self.counting:
            return
        work, tokens = Work([], [], [], []), count_q.shape[-1]
        work.events.append((self.name, "digital-add", count_q.sum() + count_k.sum()))
        cells = float(count_q.numel() * tokens)
        self._reset(work, cells, cells / count_q.shape[1] / tokens**2, Size(tokens, tokens))
        work.events.append((self.name, "digital-compare", cells / tokens * 2))
        a, b = tally(count_q, self.design.levels), tally(count_k, self.design.levels)
        if self.design.silent == "no-pulse":
            a[..., 0] = b[..., 0] = 0
        slots = (a + b > 0).sum(-1).amax(1)  # (S, B, T)
        if self.card.coding == "per-device":
            slots = torch.full_like(slots, tokens)
        work.seconds.append((self.name, 2 * int(slots.sum()) * self.n_max * self.pulse_time))
        if pulses is not None:
            self._drive(work, a, b, pulses, tokens)
        self.run.ledger.enter(*work)

    def _drive(self, work: Work, a: Tensor, b: Tensor, pulses: Pulses, tokens: int) -> None:
        """Pulses and drives of lines; a and b are tokens by spike count (S, H, B, T, levels)."""
        table, siemens = self.design.table.counts.double(), self.siemens
        silent = table.abs()
        silent[1:, 1:] = 0
        ties = (a * b)[..., 0].sum() * silent[0, 0]
        work.notes.append((self.name, SILENT_PULSES, pairs(a, silent, b).sum() * self.shared))
        work.notes.append((self.name, SILENT_TIES, ties * self.shared))
        number, met = pairs(a, table.abs(), b), pairs(a, siemens, b)
        drives = self.n_max * (a + b).sum((1, 2, 4))
        drives += pairs(a, table.clamp(min=0), (b > 0).double())
        drives += pairs((a > 0).double(), (-table).clamp(min=0), b)
        if self.card.coding == "per-device":  # in all as many as the devices take, each a mean one
            scale = float(every_cell(pulses).abs().sum(dtype=torch.float64)) / max(float(number.sum()), 1.0)
            number, met = scale * number, scale * met
            drives = 2 * self.n_max * tokens * a.shape[1] * a.shape[2] + number
        self._pulses(work, number * self.shared, met * self.shared, drives * self.shared, tokens)

    def reads(self, values: Tensor, column: Tensor, notes: Iterable[Entry] = ()) -> None:
        """Value spikes drive bit lines, every word line is converted for every feature; V^2 G t of it all.

        values (S, H, B, T, N, D); column: sums of states on bit lines (S, H, B, T, N), empty for ideal cells;
        notes: entered besides.
        """
        if not self.counting:
            return
        work, name, tokens = Work([], [], [*notes], []), self.name, values.shape[-2]
        spikes_per_key = values.detach().sum(-1)  # (S, H, B, T, N)
        spikes = spikes_per_key.sum((1, 2, 4), dtype=torch.float64)  # (S, T)
        offsets = values.numel() / spikes.numel()
        work.events.append((name, "digital-add", spikes + offsets))  # popcounts, then the offset
        longest = spikes_per_key[:, 0, ..., 0].numel() * values.shape[-1]  # heads at once, features in turn
        size, moved = Size(tokens, tokens), 3 * values.numel()  # spikes of queries, keys and values
        made = values.numel() // tokens
        self._read(work, spikes_per_key, column, made, longest, size, moved)
        if self.card.row_gain and not self.design.exact:
            work.events.append((name, "digital-mac", 2 * values.numel()))
        self.run.ledger.enter(*work)
