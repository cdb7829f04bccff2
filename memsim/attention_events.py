"""What an attention array costs: its events, the time of a write, the energy of its reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from devices.wear import pulse_wear
from memsim.weight_array import UPKEEP

if TYPE_CHECKING:
    from memsim.attention_array import AttentionArray


class AttentionEvents:
    """Enters the work of one attention array into the ledger; nothing while converters are calibrated.

    Devices of a synapse and both sides of a pair are each reset, pulsed, worn and read.
    """

    def __init__(self, array: AttentionArray) -> None:
        self.array, self.run, self.name = array, array.run, array.name
        self.card, self.kind = array.run.card.attention, array.cell.technology.lower()
        self.sides = 2 if array.cell.one_sided else 1
        self.devices = 1 if array.exact else self.card.devices_per_synapse
        self.shared = self.devices if self.card.sharing == "all" else 1  # devices that one pulse reaches
        self.n_max = self.card.n_max or array.cell.n_max

    @property
    def pulse_time(self) -> float:
        """Length of a pulse [s]: the device card's own where it has one."""
        return (None if self.array.exact else self.array.cell.pulse_time) or self.card.pulse_time

    @property
    def counting(self) -> bool:
        return self.run.ledger.open and not self.run.calibrating

    def reset(self, cells: float, writes: float) -> None:
        """Bring every device back: by resets, verified ones read, or by pulses in their place."""
        if not self.counting:
            return
        ledger, card, devices = self.run.ledger, self.card, cells * self.sides * self.devices
        ledger.note(self.name, "written cells", cells * self.devices)
        if card.reset == "pulses" and not self.array.exact:
            ledger.add(self.name, f"pulse-{self.kind}", devices * card.reset_pulses)
            ledger.add_time(self.name, writes * card.reset_pulses * self.pulse_time)
            return
        tries = self.run.card.reset_tries
        ledger.add(self.name, f"reset-{self.kind}", devices * tries)
        ledger.add_time(self.name, writes * card.reset_time * tries)
        if card.reset == "verified" and not self.array.exact:
            rest, unit, reference = self.array.conductance
            siemens = rest + self.array.table.w_rest * unit + reference
            self.read_cells(devices * tries, tries * writes, max(siemens, 0.0) * devices * tries)

    def write(self, shape: tuple[int, ...], pulses: float) -> None:
        """Pulses of a write and a first-spike time for each query and key token."""
        if self.counting:
            cells = float(torch.Size(shape).numel())
            self.reset(cells, cells / shape[1] / shape[-1] ** 2)
            self.run.ledger.add(self.name, f"pulse-{self.kind}", pulses * self.shared)
            self.run.ledger.add(self.name, "digital-compare", cells / shape[-1] * 2)

    def slots(self, count_q: Tensor, count_k: Tensor) -> None:
        """Popcounts, and the time of a write: an LTP and an LTD phase with a slot of n_max pulses for each
        distinct first-spike time of the array; heads write at once, and wait for the slowest.  Counts of
        each device's own are pulsed word line by word line.
        """
        if not self.counting:
            return
        ledger = self.run.ledger
        ledger.add(self.name, "digital-add", count_q.sum() + count_k.sum())
        counts = torch.cat([count_q, count_k], -1).long()
        fires = torch.zeros(*counts.shape[:-1], self.array.wanted.shape[0], dtype=torch.bool)
        fires.scatter_(-1, counts, True)
        if self.array.leaf.silent == "no-pulse":
            fires[..., 0] = False
        slots = fires.sum(-1).amax(1)  # (S, B, T)
        if self.card.coding == "per-device":
            slots = torch.full_like(slots, count_q.shape[-1])
        ledger.add_time(self.name, 2 * int(slots.sum()) * self.n_max * self.pulse_time)

    def read_cells(self, cells: float, arrays: float, siemens: float) -> None:
        """Cells read one by one, `siemens` in all: a bit line driven at a time, all word lines converted."""
        ledger, card, array = self.run.ledger, self.card, self.array
        ledger.add(self.name, "row-drive", cells / array.tokens)
        ledger.add(self.name, f"adc-{card.adc_bits}b", cells)
        ledger.add_time(self.name, arrays * array.tokens * (card.read_time + card.conversion_time))
        ledger.add_read(self.name, siemens * card.read_voltage**2 * card.read_time)

    def correction(self, extra: list[Tensor], seen: list[Tensor]) -> None:
        """A read of every cell and the pulses that followed, word line by word line."""
        if not self.counting:
            return
        cells = float(extra[0].numel()) * self.sides
        arrays = cells / self.sides / extra[0].shape[1] / self.array.tokens**2
        rest, unit, reference = self.array.conductance
        total = sum(float(w.sum(dtype=torch.float64)) for w in seen) * unit + (rest + reference) * cells
        self.read_cells(cells, arrays, max(total, 0.0) * self.devices)
        self.run.ledger.add(self.name, "digital-compare", cells)
        total = sum(float(e.abs().sum(dtype=torch.float64)) for e in extra)
        self.run.ledger.add(self.name, f"pulse-{self.kind}", total * self.shared)
        longest = sum(float(e.clamp(min=0).amax(-1).amax(1).sum()) for e in extra)
        longest += sum(float((-e).clamp(min=0).amax(-1).amax(1).sum()) for e in extra)
        self.run.ledger.add_time(self.name, longest * self.pulse_time)

    def reads(self, values: Tensor) -> None:
        """Value spikes drive bit lines, every word line is converted for every feature; V^2 G t of it all."""
        if not self.counting:
            return
        ledger, card = self.run.ledger, self.card
        spikes_per_key = values.detach().sum(-1)  # (S, H, B, T, N)
        ledger.add(self.name, "row-drive", spikes_per_key.sum())
        ledger.add(self.name, "digital-add", spikes_per_key.sum() + values.numel())  # popcounts, then offset
        reads = spikes_per_key[:, 0, ..., 0].numel() * values.shape[-1]  # heads at once, features in turn
        ledger.add_time(self.name, reads * (card.read_time + card.conversion_time))
        if self.array.exact:
            return
        if card.row_gain:
            ledger.add(self.name, "digital-mac", 2 * values.numel())
        ledger.add(self.name, f"adc-{card.adc_bits}b", values.numel())
        joule = (
            (spikes_per_key * self.array.column_siemens).sum(dtype=torch.float64)
            * card.read_voltage**2
            * card.read_time
        )
        ledger.add_read(self.name, joule)

    @property
    def cycles(self) -> float:
        """Cycles of a device for one image, in the mean over the array: 1 for a reset, (|dw| / range)^m for a
        pulse, taken in the mean over a full write; 0 for an ideal cell, and before the first image.
        """
        if not self.array.tokens:
            return 0.0
        ledger, cell = self.run.ledger, self.array.cell
        resets, pulses = (ledger.number(f"{e}-{self.kind}", self.name) for e in ("reset", "pulse"))
        share = pulse_wear(cell, self.n_max, self.run.card.wear.pulse_exponent) if pulses else 0.0
        return (resets + pulses * share) / self.device_count

    @property
    def device_count(self) -> int:
        """Plastic devices of this layer on one chip."""
        return self.array.heads * self.array.tokens**2 * self.sides * self.devices

    def measuring(self, writes: int, pulses: float, reads: float) -> dict[str, float]:
        """What measuring devices once before use costs one chip, as an array's upkeep is counted: `writes`
        of each device, `pulses` in all, `reads` conversions.
        """
        price, card = self.run.card.price, self.card
        resets = writes * self.device_count
        read = reads * price(f"adc-{card.adc_bits}b").energy
        write = resets * price(f"reset-{self.kind}").energy
        write += pulses * self.shared * price(f"pulse-{self.kind}").energy
        return dict(zip(UPKEEP, (float(resets), write, float(reads), read), strict=True))
