"""A learned matrix under a card's coding: what its devices are to carry, and what a read sees of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from memsim.arrays.coded_devices import Plane, held, planes, sense_planes, zero_siemens
from memsim.arrays.compensation import products
from memsim.arrays.faults.harm import Asked, each_device
from memsim.arrays.faults.weight_faults import FaultMap, faults_of
from memsim.arrays.reading.middle import Middle, designed, measured
from memsim.arrays.reading.noise import bend, carries_noise
from memsim.arrays.tile_lines import behind, coded_behind, lines_of
from memsim.arrays.weight_devices import Sensed, conductances, sense, siemens_per_unit
from memsim.card.chip_card import ChipCard
from memsim.coding.lines import Lines
from memsim.devices import Stream, WeightCell


@dataclass(frozen=True, eq=False)
class HeldMatrix:
    """Blocks (G, R, C) of a learned matrix and the devices of a card that hold them.

    lines: those of the card's coding; None: one line of pairs a column.  made: keys of the chips (and groups)
    from the day they are made on, whatever is written.
    """

    blocks: Tensor
    card: ChipCard
    cell: WeightCell
    dtype: torch.dtype
    tiles: tuple[int, int]
    lines: Lines | None
    made: Stream

    @property
    def _per_unit(self) -> Tensor:
        """Conductance of one device for a weight of one, (G, 1, C) [S]."""
        return siemens_per_unit(self.blocks, self.cell, self.card.weights.scaling)

    @property
    def goal(self) -> Tensor:
        """W / max |W| times the range of a device, (G, R, C) [S]: what one device of each pair is to carry
        above g_min, with a sign.
        """
        return (self.blocks * self._per_unit).to(self.dtype)

    @property
    def scale_C(self) -> Tensor:
        """Siemens that a read sees for a weight of one, (G C,)."""
        per_unit, section = self._per_unit.to(self.dtype), self.card.weights
        if (signs := section.coding.signs(self.blocks)) is not None:
            per_unit = per_unit * signs
        return per_unit.flatten() * (bend(self.cell, self.card) * section.devices_per_weight)

    @property
    def _wanted(self) -> Tensor:
        """What a read is to see of every weight, less the mean of its column where devices do not subtract a
        middle themselves, (G, R, C) [S].
        """
        wanted = self.blocks * self.scale_C.view(len(self.blocks), 1, -1)
        if self.lines is None or self.lines.coding.paired or self.lines.reference is not None:
            return wanted
        return wanted - wanted.mean(1, keepdim=True)

    def shown(self, now: Sensed) -> dict[str, Tensor]:
        """Return what a compensation compares with its reference, by its kind: mean sizes, or products
        with w.
        """
        if self.card.weights.reference == "written":
            return now.means
        seen = now.difference_SRC
        return products(self._wanted, seen if self.lines is None else self.lines.combined(seen))

    def reference(self, written: Sensed) -> dict[str, Tensor]:
        """Return what a compensation goes back to: what `shown` was after the write, or the weights' own."""
        if self.card.weights.reference == "written":
            return written.means
        wanted = self._wanted.to(self.dtype)
        own = products(wanted, wanted)
        return {kind: sums.expand(len(written.mean_global), -1) for kind, sums in own.items()}

    def middle(self, volt_SRL: Tensor, compensation_SC: Tensor) -> Middle | None:
        """Return what is taken off of columns that show `volt_SRL` [A], whose numbers are then compensated by
        factors (S G, C); None: nothing.
        """
        if self.lines is None or self.lines.coding.paired:
            return None
        section, volt = self.card.weights, self.card.weights.read_voltage
        if section.coding.measures and not self.cell.exact:
            wanted = self.blocks * (self.scale_C.view(len(self.blocks), 1, -1) * volt)
            chips = len(volt_SRL) // len(wanted)
            return measured(self.lines, volt_SRL, wanted.repeat(chips, 1, 1) / compensation_SC[:, None])
        siemens = zero_siemens(section.coding, self.cell, volt, self._rounded) * section.devices_per_weight
        return designed(self.lines, siemens * volt, compensation_SC, self.blocks.shape[1])

    @property
    def _rounded(self) -> bool:
        return self.card.on("weight-rounding")

    def _planes(self, lines: Lines, rng: Stream) -> list[Plane]:
        found, faults = planes(lines, self.goal, self.cell, self._rounded, rng), self.faults
        if faults is None:
            return found
        return [part._replace(faults=levels) for part, levels in zip(found, faults.levels, strict=True)]

    @cached_property
    def faults(self) -> FaultMap | None:
        """Faulty devices and lines, whatever is written; None where there are none."""
        card = self.card
        if not (card.weight_faults.made and card.on("faults")):
            return None
        parts = [Plane(self.goal, self.made, True)]
        if self.lines is not None:
            parts = planes(self.lines, self.goal, self.cell, self._rounded, self.made)
        many = card.weights.devices_per_weight
        held = [each_device(part.goal_GRC, part.paired, many, self.cell.g_min) for part in parts]
        count = len(card.weights.coding.factors)
        asked = Asked(
            torch.cat(held[:count], 1), card.weights.coding.factors, parts[0].paired, self._per_unit
        )
        reference = held[count] if len(held) > count else None
        return faults_of(card, asked, reference, rng=self.made, tiles=self.tiles)

    @property
    def _fault_levels(self) -> Tensor | None:
        """Levels of the pairs that are all there is."""
        return None if self.faults is None else self.faults.levels[0]

    def sense(self, rng: Stream, age: float) -> Sensed:
        """Write the devices, age them by `age` [s] and return what a read sees of every line."""
        section, cell, wires = self.card.weights, self.cell, lines_of(self.card)
        noisy = carries_noise(cell, self.card)
        if self.lines is not None:
            parts, lines = self._planes(self.lines, rng), self.lines
            paired = [part.paired for part in parts]
            return sense_planes(
                cell, lines, parts, age=age,
                parallel=section.devices_per_weight, voltage=section.read_voltage, total=noisy,
                behind=None if wires is None else lambda found: coded_behind(
                    wires, found, paired, lines, self.tiles[0], section.row_activity
                ),
            )  # fmt: skip
        sensed = sense(
            cell, self.goal, rng=rng, age=age, pairs=section.devices_per_weight,
            voltage=section.read_voltage, total=noisy or wires is not None, dtype=self.dtype,
            faults=self._fault_levels,
        )  # fmt: skip
        return sensed if wires is None else behind(wires, sensed, self.tiles, section.row_activity, noisy)

    def held(self, rng: Stream, age: float) -> list[Tensor]:
        """Return the conductance of every device `age` seconds after the write, (S G, D, R, C) [S], plane
        by plane.
        """
        cell, many = self.cell, self.card.weights.devices_per_weight
        if self.lines is None:
            faults = self._fault_levels
            return [conductances(cell, self.goal, rng=rng, age=age, pairs=many, faults=faults)]
        return held(cell, self._planes(self.lines, rng), age=age, parallel=many)
