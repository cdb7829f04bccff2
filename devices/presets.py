"""The pulsed presets: a name, a paper, and where aihwkit keeps the fit."""

from aihwkit.simulator.presets import (
    EcRamPresetDevice,
    PCMPresetDevice,
    ReRamArrayOMPresetDevice,
    ReRamESPresetDevice,
)

from devices.bridge import pulsed_cell
from devices.pulsed import KernelCell


def reram_om() -> KernelCell:
    """ReRAM arrays of the optimised material: about 20 states, wide device spread."""
    return pulsed_cell(
        ReRamArrayOMPresetDevice(),
        name="reram-om",
        technology="ReRAM",
        source="Gong, Rasch et al., IEDM 2022 (10019569), as in aihwkit's ReRamArrayOM preset",
        n_max=16,
    )


def reram_es() -> KernelCell:
    """A ReRAM device of about 1500 states with steps and write noise to match: it needs many pulses."""
    return pulsed_cell(
        ReRamESPresetDevice(),
        name="reram-es",
        technology="ReRAM",
        source="Gong et al., Nat. Commun. 9, 2102 (2018), as in aihwkit's ReRamES preset",
        n_max=64,
    )


def ecram_li() -> KernelCell:
    """A lithium ECRAM of 1000 states; its reset noise is the library's default (five steps), no paper's."""
    return pulsed_cell(
        EcRamPresetDevice(),
        name="ecram-li",
        technology="ECRAM",
        source="Tang et al., IEDM 2018 (8614551), as in aihwkit's EcRam preset",
        n_max=16,
    )


def pcm_nandakumar2020() -> KernelCell:
    """Phase-change memory under partial SET pulses; moves up only, used as a pair."""
    return pulsed_cell(
        PCMPresetDevice(),
        name="pcm-nandakumar2020",
        technology="PCM",
        source="Nandakumar et al., Front. Neurosci. 14, 406 (2020), as in aihwkit's PCM preset",
        n_max=16,
    )
