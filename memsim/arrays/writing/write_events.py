"""What an attention array costs: its events, the time of a write, the energy of its reads."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cached_property

import torch
from torch import Tensor

from memsim.arrays.reading.attention_read import AttentionReading
from memsim.arrays.writing.design import WrittenDesign
from memsim.arrays.writing.write_energy import HALF_SELECTED, WriteEnergy, pairs, tally
from memsim.devices.pulses.line_pulses import Pulses, every_cell
from memsim.devices.pulses.resets import slowest
from memsim.energy.ledger import Entry, Work
from memsim.prices.events import ARRAY_READ
from memsim.run import Run

SILENT_TIES, SILENT_PULSES = "pulses at silent ties", "pulses at silent tokens"
"""Notes: pulses where neither token spiked, and where not both did: what `silent = "no-pulse"` saves."""


class AttentionEvents:
    """Enters the work of one attention layer into the ledger; nothing while converters are calibrated.

    Devices of a synapse and both sides of a pair are each reset, pulsed, worn and read.
    """

    def __init__(self, design: WrittenDesign, run: Run) -> None:
        self.design, self.run, self.name = design, run, design.name
        self.card, self.kind, self.n_max = design.card.attention, design.kind, design.n_max
        self.sides, self.devices = len(design.sides), design.parallel
        self.shared = self.devices if self.card.sharing == "all" else 1  # devices that one pulse reaches
        self.pulse_time = design.card.pulse_drive[1]
        self.read_energy = self.card.read_joule(1.0)  #: [V^2 s]
        self.reset_tries = design.card.reset_tries
        bits = self.card.adc_bits
        self.result = (
            (self.card.adc_event, 1),
            ("sample-hold", 1),
            ("bus-bit", bits),
        )  #: events of one conversion
        self.corrections = self.card.adc.corrections
        self.by_lines: dict[int, tuple[float, float]] = {}  #: see `_of_lines`

    @cached_property
    def energy(self) -> WriteEnergy:
        """What pulses cost; an ideal cell takes none."""
        return WriteEnergy(self.design)

    def _of_lines(self, tokens: int) -> tuple[float, float]:
        """Time of a read and its conversions [s], and energy of what waits for its ADC meanwhile [J]."""
        if tokens not in self.by_lines:
            held = self.card.adc.held(tokens, self.card.conversion_time)
            self.by_lines[tokens] = self.card.cycle_time(tokens), held
        return self.by_lines[tokens]

    @property
    def counting(self) -> bool:
        """Whether work is entered now."""
        return self.run.ledger.page.open and not self.run.now.calibrating

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
        self._reset(work, cells, cells / count_q.shape[1] / tokens**2, tokens)
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

    def _reset(self, work: Work, cells: float, writes: float, tokens: int) -> None:
        """Bring every device back: by resets, verified ones read, or by pulses in their place.

        Energy goes by the tries of the mean device, time by those of the last that is accepted.
        """
        card, devices = self.card, cells * self.sides * self.devices
        work.notes.append((self.name, "written cells", cells * self.devices))
        if card.reset == "pulses" and not self.design.exact:
            number = devices * card.reset_pulses
            self._pulses(work, number, number * self.energy.at_rest, 2 * number / tokens, tokens)
            work.seconds.append((self.name, writes * card.reset_pulses * self.pulse_time))
            return
        tries = self.reset_tries
        rounds = slowest(tries, round(devices / max(writes, 1.0)))  # heads at once, the slowest device
        work.events.append((self.name, f"reset-{self.kind}", devices * tries))
        work.seconds.append((self.name, writes * card.reset_time * rounds))
        if card.reset == "verified" and not self.design.exact:
            rest, unit, reference = self.design.conductance
            siemens = max(rest + self.design.table.w_rest * unit + reference, 0.0)
            self._read_cells(work, devices * tries, rounds * writes, siemens * devices * tries, tokens)

    def _drive(self, work: Work, a: Tensor, b: Tensor, pulses: Pulses, tokens: int) -> None:
        """Pulses and drives of lines; a and b are tokens by spike count (S, H, B, T, levels)."""
        table, siemens = self.design.table.counts.double(), self.energy.siemens
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

    def _pulses(
        self, work: Work, number: Tensor | float, siemens: Tensor | float, drives: Tensor | float, tokens: int
    ) -> None:
        """Pulses, the conductance they meet [S], summed, and the drives of lines they take."""
        energy = self.energy
        self._physical(work, f"pulse-{self.kind}", number, energy.joule(siemens))
        if self.card.scheme in HALF_SELECTED:
            half = tokens * drives - 2 * number
            self._physical(work, "half-select", half, energy.half_selected(half))
        charge = energy.lines(drives, tokens)
        if charge is not None:
            self._physical(work, "line-charge", drives, charge)

    def _physical(
        self, work: Work, event: str, number: Tensor | float, joules: Tensor | float | None
    ) -> None:
        """An event with its joules; None: it has a price."""
        if joules is not None:
            number = float(number.sum()) if isinstance(number, Tensor) else number
            work.joules.append((self.name, event, joules))
        work.events.append((self.name, event, number))

    def _read_cells(self, work: Work, cells: float, arrays: float, siemens: float, tokens: int) -> None:
        """Cells read one by one, `siemens` in all: a bit line driven at a time, all word lines converted."""
        work.events.append((self.name, "row-drive", cells / tokens))
        for event, each in self.result:
            work.events.append((self.name, event, each * cells))
        work.seconds.append((self.name, arrays * tokens * self._of_lines(tokens)[0]))
        work.joules.append((self.name, ARRAY_READ, siemens * self.read_energy))

    def correction(self, extra: list[Tensor], seen: list[Tensor]) -> None:
        """A read of every cell and the pulses that followed, word line by word line."""
        if not self.counting:
            return
        work, tokens, cells = Work([], [], [], []), extra[0].shape[-1], float(extra[0].numel()) * self.sides
        arrays = cells / self.sides / extra[0].shape[1] / tokens**2
        rest, unit, reference = self.design.conductance
        total = sum(float(w.sum(dtype=torch.float64)) for w in seen) * unit + (rest + reference) * cells
        self._read_cells(work, cells, arrays, max(total, 0.0) * self.devices, tokens)
        work.events.append((self.name, "digital-compare", cells))
        number = sum(float(e.abs().sum(dtype=torch.float64)) for e in extra)
        moved = sum(float((e.abs() * w).sum(dtype=torch.float64)) for e, w in zip(extra, seen, strict=True))
        met = max(rest * number + unit * moved, 0.0)
        rows = [side.clamp(min=0).amax(-1) for e in extra for side in (e, -e)]  # drives of a word line
        drives = sum(float(row.sum(dtype=torch.float64)) for row in rows) + number
        self._pulses(work, number * self.shared, met * self.shared, drives * self.shared, tokens)
        longest = sum(float(row.amax(1).sum()) for row in rows)
        work.seconds.append((self.name, longest * self.pulse_time))
        self.run.ledger.enter(*work)

    def reads(self, values: Tensor, column: Tensor, notes: Iterable[Entry] = ()) -> None:
        """Value spikes drive bit lines, every word line is converted for every feature; V^2 G t of it all.

        values (S, H, B, T, N, D); column: sums of states on bit lines (S, H, B, T, N), empty for ideal cells;
        notes: entered besides.
        """
        if not self.counting:
            return
        work, card, name = Work([], [], [*notes], []), self.card, self.name
        spikes_per_key = values.detach().sum(-1)  # (S, H, B, T, N)
        spikes = spikes_per_key.sum((1, 2, 4), dtype=torch.float64)  # (S, T)
        offsets = values.numel() / spikes.numel()
        work.events.append((name, "row-drive", spikes))
        work.events.append((name, "digital-add", spikes + offsets))  # popcounts, then the offset
        reads = spikes_per_key[:, 0, ..., 0].numel() * values.shape[-1]  # heads at once, features in turn
        cycle, held = self._of_lines(values.shape[-2])
        work.seconds.append((name, reads * cycle))
        if not self.design.exact:
            if card.row_gain:
                work.events.append((name, "digital-mac", 2 * values.numel()))
            moved = 3 * values.numel()  # spikes of queries, keys and values
            work.events.extend([(name, "bus-bit", moved), (name, "router-bit", moved)])
            for event, each in self.result:
                work.events.append((name, event, each * values.numel()))
            lines = values.shape[1] * values.shape[4]  # word lines of all heads
            self.run.ledger.page.columns[name] = math.ceil(lines / (card.adc.columns_per_adc or 1))
            for event in self.corrections:
                work.events.append((name, event, values.numel()))
            if held:
                work.joules.append((name, "column-hold", held * values.numel() / values.shape[-2]))
            rest, unit, reference = self.design.conductance
            line = (column * unit + (rest + reference) * values.shape[-2]) * self.devices  # and reference
            siemens = (spikes_per_key * line).sum((1, 2, 4), dtype=torch.float64)
            work.joules.append((name, ARRAY_READ, siemens * self.read_energy))
        self.run.ledger.enter(*work)

    def converted(self, reading: AttentionReading) -> None:
        """Note floored conductances and clipped conversions of a read."""
        if self.counting:
            self.run.ledger.enter(notes=self.of_reading(reading))

    def of_reading(self, reading: AttentionReading) -> list[Entry]:
        """Floored conductances and clipped conversions of a read, as notes."""
        clipped = [(self.name, "clipped conversions", reading.clips)] if self.design.adc_bits else []
        return [(self.name, "floored conductances", reading.floors), *clipped]

    def clipped(self, clips: int) -> None:
        """Note clipped conversions."""
        if self.counting and self.design.adc_bits:
            self.run.ledger.enter(notes=[(self.name, "clipped conversions", clips)])
