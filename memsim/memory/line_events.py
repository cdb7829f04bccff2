"""Events of line arrays in the ledger: writes of lines and both kinds of reads."""

from __future__ import annotations

import torch
from torch import Tensor

from memsim.energy.ledger import Entry, Ledger
from memsim.memory.cells import Shown
from memsim.memory.design import ArrayDesign
from memsim.prices.events import ARRAY_READ

LINES_WRITTEN = "lines written"
"""Note in the ledger: number of lines written, of all heads."""


class LineEvents:
    """Recorder that enters the writes and reads of one memory into the ledger.

    A line that is written with verify is priced as one write of each device; a line written by pulses as one
    reset of each device plus its pulses.  A read drives every nonzero line with a DAC and converts every
    sensed line.  The digital computation of weights from scores is entered elsewhere.
    """

    def __init__(self, design: ArrayDesign, ledger: Ledger) -> None:
        self.design, self.ledger = design, ledger
        self.kind = design.cell.technology.lower()
        self.joule = design.section.read_joule(1.0)

    def write(self, lines: int, pulses: float, reset: bool = True) -> None:
        """Enter the write of `lines` lines, summed over chips, heads and sequences.

        reset: whether the devices are reset before their pulses.
        """
        design, name = self.design, self.design.name
        devices = float(lines * design.devices)
        if design.write == "verify":
            events: list[Entry] = [(name, f"program-{self.kind}", devices)]
        else:
            events = [(name, f"reset-{self.kind}", devices * design.card.reset_tries * reset)]
            events.append((name, f"pulse-{self.kind}", pulses))
        self.ledger.enter([] if design.exact else events, notes=[(name, LINES_WRITTEN, lines)])

    def read(
        self, drive: Tensor, shown: Shown, held: Tensor | None = None, powered: Tensor | None = None
    ) -> None:
        """Enter a read: the energy, sum of V^2 G t, and one conversion of each sensed line.

        drive: voltages (S, H, B, R, driven) divided by the read voltage; shown: the devices.  held (R,): for
        reader r only the first held[r] lines are sensed; powered (S, H, B, R, sensed): mask of the lines that
        are sensed.  None: all lines are sensed.
        """
        if not self.ledger.open:
            return
        name, section, design = self.design.name, self.design.section, self.design
        chips, heads, sequences, _, lines = shown.share.shape
        readers, arrays = drive.shape[-2], chips * heads * sequences
        sensed = [lines] * readers if held is None else held.tolist()
        driven, power = float(drive.count_nonzero()), drive.square()
        if powered is not None:
            converted = float(powered.sum())
            energy = ((power @ shown.siemens) * powered).sum((1, 2, 3, 4), dtype=torch.float64)
        else:
            converted = float(arrays * sum(sensed))
            energy = (power * _loads(shown.siemens, sensed)).sum((1, 2, 3, 4), dtype=torch.float64)
        events: list[Entry] = [(name, "row-drive", driven)]
        if not design.exact:
            events += [(name, "dac-conversion", driven), (name, section.adc_event, converted)]
            events += [(name, "sample-hold", converted), (name, "bus-bit", converted * section.adc_bits)]
            events += [(name, event, converted) for event in section.adc.corrections]
        joules: list[Entry] = [(name, ARRAY_READ, energy * self.joule)]
        seconds = [(name, chips * sequences * sum(section.cycle_time(n) for n in sensed if n))]
        self.ledger.enter(events, joules, seconds=seconds)

    def read_cells(self, siemens: Tensor, rows: int, columns: int) -> None:
        """Enter a read of every single cell, siemens (S, H, B, P N) [S].

        One of N columns is driven at a time, and P lines are converted.
        """
        design, name, section = self.design, self.design.name, self.design.section
        arrays = siemens[..., 0].numel()
        converted = float(arrays * rows * columns)
        events: list[Entry] = [(name, "row-drive", float(arrays * columns))]
        if not design.exact:
            events += [(name, section.adc_event, converted), (name, "sample-hold", converted)]
            events.append((name, "bus-bit", converted * section.adc_bits))
        energy = siemens.double().sum((1, 2, 3)) * self.joule
        seconds = arrays / design.heads * columns * section.cycle_time(rows)
        self.ledger.enter(events, [(name, ARRAY_READ, energy)], seconds=[(name, seconds)])

    @property
    def lines_written(self) -> float:
        """Number of lines written so far, summed over chips, heads and sequences."""
        return self.ledger.notes.get((self.design.name, LINES_WRITTEN), 0.0)


def _loads(siemens: Tensor, sensed: list[int]) -> Tensor:
    """Return sums of siemens (..., driven, N) over the first n lines for each n in sensed: (..., R,
    driven).
    """
    least, most = min(sensed), max(sensed)
    first = siemens[..., :least].sum(-1, keepdim=True)
    if least == most:
        return first.mT
    each = torch.cat([first, first + siemens[..., least:most].cumsum(-1)], -1)
    return each[..., torch.tensor(sensed) - least].mT
