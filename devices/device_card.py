"""A device card: your own device in a TOML file, as a pulsed cell or as a weight cell.

name = "reram-mine"                        [pulsed]
technology = "ReRAM"                       law = "soft-bounds"
source = "where the numbers come from"     "g_max [S]" = 50e-6 ...

SI inside, units in the keys.  Unknown keys and numbers that cannot be are refused by name, with value, range
and likely slip.  ``devices.get("mine.toml")`` is the cell; a chip card takes the file as ``weights.cell`` or
``attention.cell``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, model_validator

from memsim.devices.fault_shares import StuckShares
from memsim.devices.pulsed_section import PulsedSection
from memsim.devices.refusals import NAME, TECHNOLOGY
from memsim.devices.toml_file import Section, read, refusal, sized
from memsim.devices.weight_section import WeightSection


class FaultShares(Section):
    """Shares of the measured devices that do not work; a chip card whose faults name none has them."""

    stuck_on: float = Field(default=0.0, ge=0, le=1)
    """Share of devices stuck at the top of their range [1]."""
    stuck_off: float = Field(default=0.0, ge=0, le=1)
    """Share of devices stuck at the bottom of their range [1]."""
    stuck_random: float = Field(default=0.0, ge=0, le=1)
    """Share of devices stuck anywhere in their range, uniform [1]."""

    @property
    def stuck(self) -> StuckShares:
        """The three shares."""
        return StuckShares(on=self.stuck_on, off=self.stuck_off, random=self.stuck_random)

    @model_validator(mode="after")
    def _in_one_way(self) -> FaultShares:
        if not 0 < sum(self.stuck) <= 1 + 1e-9:
            raise ValueError(
                f"stuck_on, stuck_off and stuck_random add up to {sum(self.stuck):g}: above 0 and at most 1"
                " is allowed; leave the table out where every device works"
            )
        return self


class DeviceCard(Section):
    """A device card; ``DeviceCard.load(file)`` reads one, CardError says what cannot be used."""

    name: str = Field(pattern=NAME, max_length=60)
    """What it is called in tables, technology-source."""
    technology: str = Field(pattern=TECHNOLOGY, max_length=30)
    """PCM, ReRAM, ECRAM, FeFET, ...; prices of pulses go by it."""
    source: str = Field(min_length=8)
    """Where the numbers come from."""
    endurance: float | None = Field(default=None, alias="endurance [cycles]", ge=1, lt=1e18)
    """Write cycles until it fails; a published range of its technology is shown where absent."""
    endurance_shape: float | None = Field(default=None, gt=0.1, lt=20)
    """Weibull modulus of the cycles to failure [1], measured; endurance is then that of 63.2 %."""
    pulsed: PulsedSection | None = None
    """A cell for attention arrays."""
    weight: WeightSection | None = None
    """A cell for weight arrays."""
    faults: FaultShares | None = None
    """Devices that were stuck when measured; the shares of a chip card take precedence."""

    @model_validator(mode="after")
    def _one_use(self) -> DeviceCard:
        if (self.pulsed is None) == (self.weight is None):
            raise ValueError("a card has one table, [pulsed] or [weight]; two uses of a device are two cards")
        if self.endurance_shape is not None and self.endurance is None:
            raise ValueError("endurance_shape has no effect without endurance [cycles]")
        return self

    def __str__(self) -> str:
        return self.name

    @property
    def section(self) -> PulsedSection | WeightSection:
        """The table of its one use."""
        section = self.pulsed or self.weight
        assert section is not None
        return section

    @property
    def ideal_parts(self) -> tuple[str, ...]:
        """What the card gives no number of, so that a simulation takes it as ideal."""
        return (*self.section.ideal_parts, *(() if self.faults else ("stuck devices",)))

    @classmethod
    def load(cls, path: str | Path) -> DeviceCard:
        """Return the card in a TOML file."""
        return cls.parse(read(path, "device card"), origin=str(path))

    @classmethod
    def parse(cls, fields: Mapping[str, Any], origin: str = "device card") -> DeviceCard:
        """Return a card from a mapping with the keys of the TOML file."""
        try:
            return cls.model_validate(sized(fields, origin))
        except ValidationError as error:
            raise refusal(cls, error, origin) from None

    def fields(self) -> dict[str, Any]:
        """Return what the TOML file says, defaults left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)


def toml(card: DeviceCard, remarks: Mapping[str, str] | None = None) -> str:
    """Return the card as a TOML file, which ``DeviceCard.load`` reads back to an equal one; remarks by
    key.
    """
    fields = card.fields()
    lines = [assign(key, value) for key, value in fields.items() if not isinstance(value, dict)]
    for name, section in fields.items():
        if isinstance(section, dict):
            lines += ["", f"[{name}]"]
            for key, value in section.items():
                remark = (remarks or {}).get(key)
                lines.append(assign(key, value) + (f"  # {remark}" if remark else ""))
    return "\n".join(lines) + "\n"


def assign(key: str, value: Any) -> str:
    """Return one line of TOML."""
    return f"{key if re.fullmatch('[A-Za-z0-9_-]+', key) else json.dumps(key)} = {_value(value)}"


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return (
            "{ " + ", ".join(assign(key, inner) for key, inner in value.items() if inner is not None) + " }"
        )
    return json.dumps(value, ensure_ascii=False)
