"""What arrays cost that are rewritten: resets, pulses and reads, whatever is written."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from memsim.arrays.reading.attention_read import AttentionReading
from memsim.arrays.writing.array_design import ArrayDesign
from memsim.arrays.writing.write_energy import HALF_SELECTED, WriteEnergy
from memsim.devices.pulses.resets import slowest
from memsim.energy.ledger import Entry, Work
from memsim.prices.events import ARRAY_READ
from memsim.run import Run


class Size(NamedTuple):
    """Lines of an array."""

    rows: int  #: word lines, which are sensed
    columns: int  #: bit lines, which reads drive

    @property
    def crossed(self) -> float:
        """Cells on a line, in the mean over all lines."""
        return 2 * self.rows * self.columns / (self.rows + self.columns)


class ArrayEvents:
    """Enters the work of arrays into the ledger; nothing while converters are calibrated.

    Devices of a synapse and both sides of a pair are each reset, pulsed, worn and read.
    """

    def __init__(self, design: ArrayDesign, run: Run) -> None:
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
        self.by_lines: dict[int, tuple[float, float, int]] = {}  #: see `_of_lines`

    @cached_property
    def energy(self) -> WriteEnergy:
        """What pulses cost; an ideal cell takes none."""
        return WriteEnergy(self.design)

    def _of_lines(self, lines: int) -> tuple[float, float, int]:
        """Return the time of a read and its conversions [s], energy of what waits for its ADC meanwhile [J],
        and ADCs of an array.
        """
        if lines not in self.by_lines:
            held = self.card.adc.held(lines, self.card.conversion_time)
            self.by_lines[lines] = self.card.cycle_time(lines), held, self.card.adc.number(lines)
        return self.by_lines[lines]

    @property
    def counting(self) -> bool:
        """Whether work is entered now."""
        return self.run.ledger.page.open and not self.run.now.calibrating

    def _reset(self, work: Work, cells: float, writes: float, size: Size) -> None:
        """Bring every device back: by resets, verified ones read, or by pulses in their place.

        Energy goes by the tries of the mean device, time by those of the last that is accepted.
        """
        card, devices = self.card, cells * self.sides * self.devices
        work.notes.append((self.name, "written cells", cells * self.devices))
        if card.reset == "pulses" and not self.design.exact:
            number = devices * card.reset_pulses
            drives = number / size.rows + number / size.columns
            self._pulses(work, number, number * self.energy.at_rest, drives, size.crossed)
            work.seconds.append((self.name, writes * card.reset_pulses * self.pulse_time))
            return
        tries = self.reset_tries
        rounds = slowest(tries, round(devices / max(writes, 1.0)))  # heads at once, the slowest device
        work.events.append((self.name, f"reset-{self.kind}", devices * tries))
        work.seconds.append((self.name, writes * card.reset_time * rounds))
        if card.reset == "verified" and not self.design.exact:
            rest, unit, reference = self.design.conductance
            siemens = max(rest + self.design.table.w_rest * unit + reference, 0.0)
            self._read_cells(work, devices * tries, rounds * writes, siemens * devices * tries, size)

    def _pulses(
        self, work: Work, number: Tensor | float, siemens: Tensor | float, drives: Tensor | float,
        crossed: Tensor | float,
    ) -> None:  # fmt: skip
        """Pulses, the conductance they meet [S], summed, and drives of lines over `crossed` cells."""
        energy = self.energy
        self._physical(work, f"pulse-{self.kind}", number, energy.joule(siemens))
        if self.card.scheme in HALF_SELECTED:
            half = crossed * drives - 2 * number
            self._physical(work, "half-select", half, energy.half_selected(half))
        charge = energy.lines(drives, crossed)
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

    def _read_cells(self, work: Work, cells: float, arrays: float, siemens: float, size: Size) -> None:
        """Cells read one by one, `siemens` in all: a bit line driven at a time, all word lines converted."""
        work.events.append((self.name, "row-drive", cells / size.rows))
        for event, each in self.result:
            work.events.append((self.name, event, each * cells))
        work.seconds.append((self.name, arrays * size.columns * self._of_lines(size.rows)[0]))
        work.joules.append((self.name, ARRAY_READ, siemens * self.read_energy))

    def correction(self, extra: list[Tensor], seen: list[Tensor]) -> None:
        """A read of every cell and the pulses that followed, word line by word line."""
        if not self.counting:
            return
        work, size = Work([], [], [], []), Size(*extra[0].shape[-2:])
        cells = float(extra[0].numel()) * self.sides
        arrays = cells / self.sides / extra[0].shape[1] / (size.rows * size.columns)
        rest, unit, reference = self.design.conductance
        total = sum(float(w.sum(dtype=torch.float64)) for w in seen) * unit + (rest + reference) * cells
        self._read_cells(work, cells, arrays, max(total, 0.0) * self.devices, size)
        work.events.append((self.name, "digital-compare", cells))
        number = sum(float(e.abs().sum(dtype=torch.float64)) for e in extra)
        moved = sum(float((e.abs() * w).sum(dtype=torch.float64)) for e, w in zip(extra, seen, strict=True))
        met = max(rest * number + unit * moved, 0.0)
        rows = [side.clamp(min=0).amax(-1) for e in extra for side in (e, -e)]  # drives of a word line
        drives = sum(float(row.sum(dtype=torch.float64)) for row in rows) + number
        self._pulses(work, number * self.shared, met * self.shared, drives * self.shared, size.crossed)
        longest = sum(float(row.amax(1).sum()) for row in rows)
        work.seconds.append((self.name, longest * self.pulse_time))
        self.run.ledger.enter(*work)

    def _read(
        self, work: Work, driven: Tensor, column: Tensor, made: float, longest: float, size: Size,
        moved: float, beside: int = 0,
    ) -> None:  # fmt: skip
        """`made` reads of arrays, `longest` one after the other, heads at once: driven (S, H, B, T, N) counts
        those that drive a bit line; column: sums of states on bit lines, likewise; `moved` spikes come in;
        `beside`: word lines of the other array that a head has.  ADCs of both are powered all the time.
        """
        name, results = self.name, made * size.rows
        work.events.append((name, "row-drive", driven.sum((1, 2, 4), dtype=torch.float64)))
        cycle, held, adcs = self._of_lines(size.rows)
        work.seconds.append((name, longest * cycle))
        if self.design.exact:
            return
        work.events.extend([(name, "bus-bit", moved), (name, "router-bit", moved)])
        for event, each in self.result:
            work.events.append((name, event, each * results))
        adcs += self._of_lines(beside)[2] if beside else 0
        self.run.ledger.page.columns[name] = driven.shape[1] * adcs
        for event in self.corrections:
            work.events.append((name, event, results))
        if held:
            work.joules.append((name, "column-hold", held * results / size.rows))
        rest, unit, reference = self.design.conductance
        line = (column * unit + (rest + reference) * size.rows) * self.devices  # and reference
        siemens = (driven * line).sum((1, 2, 4), dtype=torch.float64)
        work.joules.append((name, ARRAY_READ, siemens * self.read_energy))

    def converted(self, reading: AttentionReading) -> None:
        """Note floored conductances and clipped conversions of a read."""
        if self.counting:
            self.run.ledger.enter(notes=self.of_reading(reading))

    def of_reading(self, reading: AttentionReading) -> list[Entry]:
        """Return floored conductances and clipped conversions of a read, as notes."""
        clipped = [(self.name, "clipped conversions", reading.clips)] if self.design.adc_bits else []
        return [(self.name, "floored conductances", reading.floors), *clipped]

    def clipped(self, clips: int) -> None:
        """Note clipped conversions."""
        if self.counting and self.design.adc_bits:
            self.run.ledger.enter(notes=[(self.name, "clipped conversions", clips)])
