"""STDP windows from physics: a spike pair on a rate law, as a window of a network."""

from __future__ import annotations

from functools import lru_cache

from memsim import devices
from memsim.devices import GapModel, SpikePair, STDPWindow, ThresholdExponential
from memsim.models import Window

EQUAL = SpikePair(a_pre=1.0)

PHYSICS = {
    "threshold law": (EQUAL, ThresholdExponential()),
    "threshold law, unequal spikes": (SpikePair(a_pre=0.9), ThresholdExponential()),
    "gap model": (EQUAL, GapModel()),
}
"""The spikes of Zamarreno-Ramos et al. (2011) on a device; unequal ones depress two fifths as much."""


@lru_cache(maxsize=8)
def made(name: str) -> STDPWindow:
    """The window of an entry of `PHYSICS`; ValueError for another name."""
    if name not in PHYSICS:
        raise ValueError(f"no physical window {name!r}; there are {'; '.join(PHYSICS)}")
    return devices.stdp_window(*PHYSICS[name])


def physical_window(name: str, window: Window) -> Window:
    """A window with the physical f in the place of this one's, at the same A, offset and t_max.

    Device time is set so that the potentiating lobe's fitted time constant is the window's tau.
    """
    tau = made(name).fit("potentiation").tau
    tabulated = {**made(name).table(), "time_unit": tau / window.tau}
    return Window(**{**window.model_dump(), "shape": "table", "tabulated": tabulated})
