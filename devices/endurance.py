"""Endurance of a technology as published: a range of write cycles, for few devices reach the best."""

from typing import NamedTuple


class Endurance(NamedTuple):
    """Write cycles until a device fails, from the usual to the best."""

    low: float  #: [cycles]
    high: float  #: [cycles]
    source: str
    assumption: bool = False  #: recalled from the literature, not read in a source


_SURVEY = "survey of 2016-20 publications in NVMExplorer"

PUBLISHED = {
    "PCM": Endurance(1e5, 2e11, _SURVEY),
    "ReRAM": Endurance(1e4, 1e9, f"{_SURVEY}; higher claims often rest on one device (Lanza)"),
    "FeFET": Endurance(1e4, 1e11, _SURVEY),
    "MRAM": Endurance(1e6, 1e15, _SURVEY),
    "ECRAM": Endurance(1e6, 1e9, "write pulses of published arrays, recalled", assumption=True),
}
"""Technology -> published range."""


def of_technology(technology: str) -> Endurance | None:
    """Return the published range, None where there is none (or no wear, as for ideal cells)."""
    return {name.lower(): found for name, found in PUBLISHED.items()}.get(technology.lower())
