"""STDP windows from device physics: the response of a rate law to a spike pair, as the window of a
network.
"""

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
"""Spikes of Zamarreno-Ramos et al. (2011) on a device; unequal spikes give 2/5 of the depression."""


@lru_cache(maxsize=8)
def made(name: str) -> STDPWindow:
    """Return the STDP window of an entry of `PHYSICS`.  Raises ValueError for another name."""
    if name not in PHYSICS:
        raise ValueError(f"no physical window {name!r}; there are {'; '.join(PHYSICS)}")
    return devices.stdp_window(*PHYSICS[name])


def physical_window(name: str, window: Window) -> Window:
    """Return a window with the function f of a physical window and A, offset and t_max of `window`.

    The time unit is chosen so that the fitted time constant of potentiation equals the tau of `window`.
    Raises ValueError for an unknown name.
    """
    tau = made(name).fit("potentiation").tau
    tabulated = {**made(name).table(), "time_unit": tau / window.tau}
    return Window(**{**window.model_dump(), "shape": "table", "tabulated": tabulated})
