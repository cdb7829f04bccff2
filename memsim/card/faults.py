"""Faults of weight and attention arrays in a chip card: stuck devices, open lines, and spare lines."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator, model_validator
from typing_extensions import Self  # in typing from Python 3.11 on

from memsim.devices.device_card import DeviceCard
from memsim.devices.fault_shares import StuckShares
from memsim.devices.toml_file import Section

SHARES = ("stuck_on", "stuck_off", "stuck_random", "dead_word_lines", "dead_bit_lines")


class FaultSection(Section):
    """Faults of weight arrays or of attention arrays after fabrication; none by default.

    Every share refers to all devices, or lines, of the arrays of a chip: each is faulty with this chance,
    independently of the others.
    """

    stuck_on: float = Field(default=0.0, ge=0, le=1)
    """Share of devices stuck at the top of their range [1], counting each device of a pair and each parallel
    one.  0.0904 in a 4 Mb HfO2 array (Chen et al., 2014, recalled).
    """
    stuck_off: float = Field(default=0.0, ge=0, le=1)
    """Share of devices stuck at the bottom of their range [1].  0.0175 in a 4 Mb HfO2 array (same source)."""
    stuck_random: float = Field(default=0.0, ge=0, le=1)
    """Share of devices stuck anywhere in their range, uniform [1]."""
    dead_word_lines: float = Field(default=0.0, ge=0, le=1)
    """Share of word lines that are open [1], so that no device on them carries current."""
    dead_bit_lines: float = Field(default=0.0, ge=0, le=1)
    """Share of bit lines that are open [1], so that no device on them carries current."""
    spare_rows: int = Field(default=0, ge=0, le=256)
    """Number of spare word lines of each tile, which replace its worst lines."""
    spare_columns: int = Field(default=0, ge=0, le=256)
    """Number of spare columns of each tile, which replace its worst columns."""

    @field_validator(*SHARES, mode="before")
    @classmethod
    def _no_percentage(cls, share: Any) -> Any:
        if isinstance(share, (int, float)) and not isinstance(share, bool) and 1 < share <= 100:
            raise ValueError(f"0 to 1, a share; {share:g} % is {share / 100:g}")
        return share

    @model_validator(mode="after")
    def _stuck_in_one_way(self) -> FaultSection:
        total = sum(self.stuck)
        if total > 1.0 + 1e-9:
            parts = ", ".join(f"{name} = {getattr(self, name):g}" for name in SHARES[:3])
            raise ValueError(
                f"{parts}: they add up to {total:g}; a device is stuck in one way at most, so all three"
                " are 0 to 1 in all (are they per cent? 1 % is 0.01)"
            )
        return self

    def of_cell(self, cell: Any) -> Self:
        """These faults with the shares of stuck devices that a device card measured, where none is set here.

        What the cell brings is not among the fields that were set: another cell takes its own with it.
        """
        if not isinstance(cell, DeviceCard) or cell.faults is None or self.model_fields_set & set(SHARES[:3]):
            return self
        shares: dict[str, Any] = dict(zip(SHARES[:3], cell.faults.stuck, strict=True))
        out = self.model_copy(update=shares)
        out.__pydantic_fields_set__ = set(self.model_fields_set)
        return out

    @property
    def stuck(self) -> StuckShares:
        """Shares of stuck devices, by kind."""
        return StuckShares(on=self.stuck_on, off=self.stuck_off, random=self.stuck_random)

    def with_spares(
        self, rows: int, columns: int, row_tiles: int = 1, column_tiles: int = 1
    ) -> tuple[int, int]:
        """Return rows and columns of a matrix' tiles, the spare ones among them."""
        return rows + row_tiles * self.spare_rows, columns + column_tiles * self.spare_columns

    @property
    def made(self) -> bool:
        """Whether any array has faults from the day it was made on."""
        return self.lasting

    @property
    def lasting(self) -> bool:
        """Whether some devices are stuck, or lines open."""
        return any(getattr(self, name) > 0 for name in SHARES)


class AttentionFaultSection(FaultSection):
    """Faults of attention arrays, which also may have those that the source of their cell reports."""

    corrupt_devices: bool = False
    """Whether the share of devices that the cell's source found corrupt is so: fixed near w = 0, with write
    noise, as in aihwkit.  reram-om 0.1348, reram-hfo2 0.0977 (Gong et al., 2022); other sources give none.
    """

    @property
    def made(self) -> bool:
        return self.lasting or self.corrupt_devices
