"""The settings that a chip card fixes for the arrays of one memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

from memsim.card.chip_card import ChipCard
from memsim.card.sections import ReadSection
from memsim.converters.adc import Adc
from memsim.devices.cell import Cell
from memsim.devices.device_card import DeviceCard
from memsim.memory.checks import check_whole

Write = Literal["verify", "pulses"]
"""How numbers are written: "verify" programs target conductances into the cells of the card's `[weights]`
section; "pulses" resets and pulses the cells of its `[attention]` section.
"""

STUCK = ("stuck_on", "stuck_off", "stuck_random")


@dataclass(frozen=True, kw_only=True)
class ArrayDesign(ABC):
    """Settings of arrays that are written while a network runs.

    Cells, reads, converters and prices come from the card.  Raises ValueError for settings of the card that
    these arrays do not simulate.
    """

    name: str
    card: ChipCard
    heads: int
    write: Write = "verify"

    wired: ClassVar[bool] = False
    """Whether this kind of array simulates the resistance of its lines."""

    def __post_init__(self) -> None:
        if self.write not in ("verify", "pulses"):
            raise ValueError(f"{self.name}: write = {self.write!r}: 'verify' or 'pulses'")
        if self.write == "pulses" and self.cell.exact:
            raise ValueError(f'{self.name}: an ideal cell takes no pulses; use write = "verify"')
        for setting, simulated in self._settings().items():
            if not simulated:
                off = "wires" if "wires" in setting else "faults" if "faults" in setting else ""
                way = f'card.without("{off}")' if off and "spare" not in setting else "its default"
                raise ValueError(f"{self.name}: its arrays do not simulate {setting}; use {way}")
        if self.worn and self.write == "verify":
            self._own_endurance()

    def _own_endurance(self) -> None:
        """Raise ValueError if the endurance in `[wear]` was taken from the attention cell, not this cell."""
        card = self.card
        measured = isinstance(card.attention.cell, DeviceCard) and card.attention.cell.endurance
        if measured == card.wear.endurance and card.attention.cell != card.weights.cell:
            raise ValueError(
                f"{self.name}: the endurance of [wear] is that of {card.attention_cell.name}, but its arrays"
                f" have the cell {self.cell.name}: set wear.endurance [cycles] to that of the latter, or use"
                ' card.without("wear")'
            )

    def _positive(self, *fields: str) -> None:
        """Raise ValueError for a field that is not a whole number of 1 or more."""
        for field in fields:
            check_whole(f"{self.name}: {field}", getattr(self, field), 1)

    def _settings(self) -> dict[str, bool]:
        """Return settings of the card, each with whether these arrays simulate it."""
        card = self.card
        if self.write == "verify":
            weights = card.weights
            return {
                f"weights.coding = {weights.coding.kind!r}": weights.coding.plain,
                f"weights.wires = {weights.wires!r}": self.wired or self.idle_lines == "none",
                **self._faults("weight_faults", weights=True),
                f"weights.output_noise = {weights.output_noise}": not weights.output_noise,
            }
        attention = card.attention
        return {
            f"attention.wires = {attention.wires!r}": self.wired or self.idle_lines == "none",
            f"attention.verify_rounds = {attention.verify_rounds}": attention.verify_rounds == 0,
            f"attention.coding = {attention.coding!r}": attention.coding != "per-device",
            "attention.row_gain = true": not attention.row_gain,
            **self._faults("attention_faults", weights=False),
        }

    def _faults(self, name: str, *, weights: bool) -> dict[str, bool]:
        """Return the faults of the card, each with whether these arrays simulate it (see `faulty`)."""
        section = self.card.weight_faults if weights else self.card.attention_faults
        on, usual = self.card.on("faults") and section.made, type(section)()
        spared = on or (self.worn and not weights)  # spares would take the place of worn devices, too
        return {
            f"{name}.{field} = {getattr(section, field)}": field in self.faulty(weights)
            or not (spared if field.startswith("spare") else on)
            for field in type(section).model_fields
            if getattr(section, field) != getattr(usual, field)
        }

    def faulty(self, weights: bool) -> Sequence[str]:
        """Return the fault fields that are simulated, of weight cells or else of attention cells."""
        return STUCK

    @property
    def worn(self) -> bool:
        """Whether devices have been written so often before that some may have failed; ideal ones do not."""
        return self.card.on("wear") and self.card.wear.cycles_before > 0 and not self.cell.exact

    @property
    def stuck(self) -> bool:
        """Whether devices may be stuck: by the card's faults, or because they are worn out."""
        section = self.card.weight_faults if self.write == "verify" else self.card.attention_faults
        return self.worn or (self.card.on("faults") and section.made)

    @property
    def idle_lines(self) -> Literal["none", "grounded", "off"]:
        """State of lines without input: grounded or off; "none": the resistance of lines is not simulated."""
        if not self.card.on("wires"):
            return "none"
        how = self.card.weights.wires if self.write == "verify" else self.card.attention.idle_lines
        return "off" if how == "idle-off" else how

    @property
    def cell(self) -> Cell:
        """The weight cell for "verify", the attention cell for "pulses"."""
        return self.card.weight_cell if self.write == "verify" else self.card.attention_cell

    @property
    def section(self) -> ReadSection:
        """The section of the card that describes reads."""
        return self.card.weights if self.write == "verify" else self.card.attention

    @cached_property
    def adc(self) -> Adc:
        """The ADC of sensed lines and columns."""
        return self.card.design.weight_adc if self.write == "verify" else self.card.design.attention_adc

    @cached_property
    def dac_bits(self) -> int:
        """Bits of the DACs that drive queries and weights; 0: no rounding."""
        return self.card.weights.dac_bits if self.card.on("dac") else 0

    @cached_property
    def exact(self) -> bool:
        """Whether the card is ideal as a whole, without errors and without prices."""
        return self.card.ideal

    @property
    def drifts(self) -> bool:
        """Whether the mean conductance of the weight cell drifts."""
        cell = self.card.weight_cell
        return not cell.exact and cell.drift is not None and cell.strength("drift") > 0

    @property
    def devices_per_cell(self) -> int:
        """Number of devices that are written for one number."""
        if self.write == "verify":
            return 2 * self.card.weights.devices_per_weight
        return (2 if self.card.attention_cell.one_sided else 1) * self.card.attention.devices_per_synapse

    @property
    @abstractmethod
    def devices(self) -> int:
        """Number of devices that one write changes."""
