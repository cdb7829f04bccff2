"""Cells: one memristive device each, with its source, its spread and its noise; STDP from spike waveforms.

cell = devices.get("reram-om")
fabric = cell.fabricate((64, 64), rng=devices.stream(0, "array"))
window = devices.stdp_window(devices.SpikePair(), devices.GapModel())
"""

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from memsim.devices.card_cell import cell_of
from memsim.devices.cell import Cell, Description, Fabric, PulsedCell, PulsedState, Unsupported
from memsim.devices.device_card import DeviceCard
from memsim.devices.numerics.stream import Stream, stream
from memsim.devices.pulses.line_pulses import LinePulses
from memsim.devices.pulses.program_and_verify import Programmed, program_and_verify
from memsim.devices.stdp.gap_model import GapModel
from memsim.devices.stdp.pulse_coding import coded_pulses
from memsim.devices.stdp.rate_law import RateLaw, ThresholdExponential, pulse_response
from memsim.devices.stdp.stdp_window import STDPWindow, stdp_window
from memsim.devices.stdp.waveform import Spike, SpikePair
from memsim.devices.toml_file import CardError
from memsim.devices.weights.weight_cell import BeyondFit, WeightCell, WeightState

__all__ = [
    "BeyondFit", "CardError", "Cell", "Description", "DeviceCard", "Fabric", "GapModel", "LinePulses",
    "Programmed", "PulsedCell", "PulsedState", "RateLaw", "STDPWindow", "Spike", "SpikePair", "Stream",
    "ThresholdExponential", "Unsupported", "WeightCell", "WeightState", "coded_pulses", "get", "names",
    "program_and_verify", "pulse_response", "stdp_window", "stream",
]  # fmt: skip

#: name: module, function and what it is called with
_PRESETS = {
    "ideal": "memsim.devices.weights.ideal:ideal",
    "pcm-hermes2023-1": "memsim.devices.weights.pcm_weights:pcm_hermes_1",
    "pcm-hermes2023-2": "memsim.devices.weights.pcm_weights:pcm_hermes_2",
    "pcm-joshi2020": "memsim.devices.weights.pcm_weights:pcm_joshi2020",
    "pcm-nandakumar2018": "memsim.devices.pulses.pcm_nandakumar2018:pcm_nandakumar2018",
    "reram-cmo-falcone2025-0.2pct": "memsim.devices.weights.reram_weights:reram_cmo_02pct",
    "reram-cmo-falcone2025-2pct": "memsim.devices.weights.reram_weights:reram_cmo_2pct",
    "reram-milo2021": "memsim.devices.weights.reram_weights:reram_milo2021",
    "reram-wan2022": "memsim.devices.weights.reram_weights:reram_wan2022",
}
_AIHWKIT = (
    "capacitor-li2018", "ecram-li", "ecram-mo", "pcm-nandakumar2020", "reram-es", "reram-hfo2", "reram-om",
    "reram-sb", "rpu-gokmen2016", "rpu-idealized",
)  # fmt: skip
_NEUROSIM = (
    "fefet-jerry2017", "pcm-kuzum2011", "reram-choi2018", "reram-jo2010", "reram-park2013", "reram-woo2016",
    "reram-wu2018",
)  # fmt: skip
_PRESETS |= {name: f"memsim.devices.pulses.presets:preset:{name}" for name in _AIHWKIT}
_PRESETS |= {name: f"memsim.devices.pulses.neurosim:preset:{name}" for name in _NEUROSIM}


def names() -> list[str]:
    """Every preset, sorted."""
    return sorted(_PRESETS)


@cache
def _load(name: str) -> Cell:
    module, function, *arguments = _PRESETS[name].split(":")
    return getattr(import_module(module), function)(*arguments)


def get(name: str | Path | DeviceCard | Mapping[str, Any]) -> Cell:
    """The preset called `name`, in any case; or the cell of a device card: a .toml file, its content, itself.

    Raises ValueError with the nearest names for an unknown preset, and CardError for a card that cannot be
    used.
    """
    if isinstance(name, Mapping):
        return cell_of(DeviceCard.parse(name))  # type: ignore[arg-type]
    if isinstance(name, DeviceCard):
        return cell_of(name)  # type: ignore[arg-type]
    if str(name).endswith(".toml"):
        return cell_of(DeviceCard.load(name))  # type: ignore[arg-type]
    key = str(name).strip().lower()
    if key not in _PRESETS:
        near = get_close_matches(key, _PRESETS, n=3, cutoff=0.4)
        hint = f"; did you mean {' or '.join(near)}" if near else ""
        raise ValueError(
            f"no cell is called {str(name)!r}{hint}. Known: {', '.join(names())}; a device card ends in .toml"
        )
    return _load(key)
