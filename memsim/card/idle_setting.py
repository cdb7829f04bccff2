"""One setting without effect."""

from __future__ import annotations

from typing import NamedTuple


class Idle(NamedTuple):
    """A setting without effect."""

    section: str
    """Its table: "weights", or "weights.adc"."""
    field: str
    """Its key in the card's file."""
    why: str

    @property
    def words(self) -> str:
        """The refusal."""
        return f"{self.section}.{self.field} has no effect: {self.why}; leave it out"
