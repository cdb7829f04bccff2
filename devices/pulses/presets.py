"""The pulsed presets that aihwkit keeps the fits of: a name, a paper, and how many pulses write it fully.

n_max is the number of pulses that take the mean well beyond the noise of a reset and of a write.
"""

from typing import Any

from aihwkit.simulator import presets as aihwkit

from memsim.devices.pulses.bridge import pulsed_cell
from memsim.devices.pulses.pulsed import KernelCell

_OM = "Gong, Rasch et al., IEDM 2022 (10019569)"
_ES = "Gong et al., Nat. Commun. 9, 2102 (2018)"
_RPU = "Gokmen & Vlasov, Front. Neurosci. 10, 333 (2016)"

#: name: aihwkit's preset, technology, source, pulses of a full write
_TABLE = {
    # about 20 states, wide device spread; 16 pulses go 4/5 of the way to the bound
    "reram-om": (aihwkit.ReRamArrayOMPresetDevice, "ReRAM", f"{_OM}, optimised material", 16),
    # about 4 states: two pulses reach 3/4 of the bound, four 9/10
    "reram-hfo2": (aihwkit.ReRamArrayHfO2PresetDevice, "ReRAM", f"{_OM}, baseline HfO2", 4),
    # 1000 states, cycle noise 3.75 steps, write noise 56: 256 pulses are four write noises
    "reram-sb": (aihwkit.ReRamSBPresetDevice, "ReRAM", f"{_ES}, loosely", 256),
    # about 1500 states with steps and write noise to match: it needs many pulses
    "reram-es": (aihwkit.ReRamESPresetDevice, "ReRAM", _ES, 64),
    # 1000 states; its reset noise is the library's default (five steps), no paper's
    "ecram-li": (aihwkit.EcRamPresetDevice, "ECRAM", "Tang et al., IEDM 2018 (8614551)", 16),
    # 7000 states; the same default is 35 of its steps
    "ecram-mo": (aihwkit.EcRamMOPresetDevice, "ECRAM", "Kim et al., IEDM 2019 (8993463)", 64),
    # moves up only, used as a pair
    "pcm-nandakumar2020": (
        aihwkit.PCMPresetDevice, "PCM", "Nandakumar et al., Front. Neurosci. 14, 406 (2020)", 16
    ),
    # 400 states; leaks, by aihwkit once for each mini-batch: no time that a cell could relax by
    "capacitor-li2018": (aihwkit.CapacitorPresetDevice, "capacitor", "Li et al., VLSI 2018 (8510648)", 16),
    # a specification, no device: 1250 states
    "rpu-gokmen2016": (aihwkit.GokmenVlasovPresetDevice, "RPU", _RPU, 64),
    # the same with 10,000 states and no asymmetry; the default reset noise is 50 steps
    "rpu-idealized": (
        aihwkit.IdealizedPresetDevice, "RPU", f"{_RPU}, idealized by Rasch et al. (1906.02698)", 256
    ),
}  # fmt: skip


def preset(name: str) -> KernelCell:
    """Return the cell of one of aihwkit's presets."""
    kind, technology, source, n_max = _TABLE[name]
    source = f"{source}, as in aihwkit's {kind.__name__.removesuffix('PresetDevice')} preset"
    return pulsed_cell(kind(), name=name, technology=technology, source=source, n_max=n_max)


def name_of(device: Any) -> str | None:
    """Return the preset with the numbers of an aihwkit device; None where there is none."""
    return next(
        (name for name, (kind, *_) in _TABLE.items() if type(device) is kind and device == kind()), None
    )
