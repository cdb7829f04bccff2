"""A price: what one event costs, and who says so."""

from __future__ import annotations

from pydantic import Field

from memsim.devices.toml_file import Section

MAX_ENERGY = 1e-3
"""What no event takes [J]."""


class Price(Section):
    """What one event costs, and who says so."""

    energy: float = Field(alias="energy [J]", ge=0, lt=MAX_ENERGY)
    """Energy of one event [J]."""
    area: float | None = Field(default=None, alias="area [m2]", ge=0, lt=1e-4)
    """Area of the part that the event happens in [m2]; unknown where absent."""
    source: str = Field(min_length=8)
    """Paper, table or file the number was read in."""
    assumption: bool = False
    """True where no source gives the number for this event and a neighbouring one was taken."""

    @property
    def said(self) -> str:
        """The source, and whether the number is an assumption."""
        return self.source + (" (assumption)" if self.assumption else "")
