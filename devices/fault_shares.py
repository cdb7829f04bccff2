"""Shares of faulty devices: by kind, and those that the sources of presets report."""

from __future__ import annotations

from typing import NamedTuple


class StuckShares(NamedTuple):
    """Shares of devices that are stuck [1]; stuck in one way or free, so they add up to at most 1."""

    on: float  #: at the top of the range
    off: float  #: at the bottom of the range
    random: float = 0.0  #: anywhere in the range, uniform


class CorruptShare(NamedTuple):
    """How many devices of an array its source found corrupt."""

    share: float  #: [1]
    source: str


_GONG = "Gong, Rasch et al., IEDM 2022 (10019569), the value beside aihwkit's {} preset, which leaves it at 0"

CORRUPT: dict[str, CorruptShare] = {
    "reram-om": CorruptShare(0.1348, _GONG.format("ReRamArrayOM")),
    "reram-hfo2": CorruptShare(0.0977, _GONG.format("ReRamArrayHfO2")),
}
"""By preset; the others' sources give none.  Simulated only where a chip card says so."""
