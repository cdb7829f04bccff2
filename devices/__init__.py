"""Cells: one memristive device each, with its source, its spread and its noise; STDP from spike waveforms.

    cell = devices.get("reram-om")
    fabric = cell.fabricate((64, 64), rng=devices.stream(0, "array"))
    window = devices.stdp_window(devices.SpikePair(), devices.GapModel())
    devices.register("reram-mine", my_reram)   # a cell of your own, by name from then on

Names are imported when they are first used: the names of the cells cost no torch.
"""

from typing import TYPE_CHECKING

from memsim.devices.lazy import lazily

if TYPE_CHECKING:
    from memsim.devices.cell import Cell, Description, Fabric, PulsedCell, PulsedState, Unsupported
    from memsim.devices.device_card import DeviceCard
    from memsim.devices.numerics.stream import Stream, stream
    from memsim.devices.pulses.line_pulses import LinePulses
    from memsim.devices.pulses.program_and_verify import Programmed, program_and_verify
    from memsim.devices.registry import get, names, register, unregister
    from memsim.devices.stdp.gap_model import GapModel
    from memsim.devices.stdp.pulse_coding import coded_pulses
    from memsim.devices.stdp.rate_law import RateLaw, ThresholdExponential, pulse_response
    from memsim.devices.stdp.stdp_window import STDPWindow, stdp_window
    from memsim.devices.stdp.waveform import Spike, SpikePair
    from memsim.devices.toml_file import CardError
    from memsim.devices.weights.weight_cell import BeyondFit, WeightCell, WeightState

_MODULES = {
    "cell": ("Cell", "Description", "Fabric", "PulsedCell", "PulsedState", "Unsupported"),
    "device_card": ("DeviceCard",),
    "numerics.stream": ("Stream", "stream"),
    "pulses.line_pulses": ("LinePulses",),
    "pulses.program_and_verify": ("Programmed", "program_and_verify"),
    "registry": ("get", "names", "register", "unregister"),
    "stdp.gap_model": ("GapModel",),
    "stdp.pulse_coding": ("coded_pulses",),
    "stdp.rate_law": ("RateLaw", "ThresholdExponential", "pulse_response"),
    "stdp.stdp_window": ("STDPWindow", "stdp_window"),
    "stdp.waveform": ("Spike", "SpikePair"),
    "toml_file": ("CardError",),
    "weights.weight_cell": ("BeyondFit", "WeightCell", "WeightState"),
}
__all__ = [
    "BeyondFit", "CardError", "Cell", "Description", "DeviceCard", "Fabric", "GapModel", "LinePulses",
    "Programmed", "PulsedCell", "PulsedState", "RateLaw", "STDPWindow", "Spike", "SpikePair", "Stream",
    "ThresholdExponential", "Unsupported", "WeightCell", "WeightState", "coded_pulses", "get", "names",
    "program_and_verify", "pulse_response", "register", "stdp_window", "stream", "unregister",
]  # fmt: skip

__getattr__, __dir__ = lazily(__name__, _MODULES)
