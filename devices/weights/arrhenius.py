"""What a temperature does to a cell that was written at another one: Arrhenius' law, twice.

    time          t -> t exp(E_t / k (1 / T_0 - 1 / T)),   of drift and relaxation
    conductance   G -> G exp(E / k (1 / T_0 - 1 / T)),     E = E_G + s xi, one xi for each device

T_0 is where the cell was measured, written and verified, T where it is kept and read from then on.  In a
power law of time the first is an activated t_0.  Noise keeps its own clock.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import cast

from torch import Tensor

from memsim.devices.check import BOLTZMANN, check_temperature
from memsim.devices.numerics import stable


@dataclass(frozen=True)
class Arrhenius:
    """Activation energies of a cell, and the two temperatures."""

    time: float = 0.0  #: E_t [eV]
    conductance: float = 0.0  #: E_G [eV]
    spread: float = 0.0  #: s, over devices [eV]
    measured: float = 300.0  #: T_0 [K]
    now: float = 300.0  #: T [K]

    def __post_init__(self) -> None:
        check_temperature(self.measured, "measured")
        check_temperature(self.now, "now")

    def at(self, kelvin: float) -> Arrhenius:
        """Return the same at another temperature."""
        return replace(self, now=kelvin)

    @property
    def inverse(self) -> float:
        """(1 / T_0 - 1 / T) / k [1 / eV]."""
        return (1.0 / self.measured - 1.0 / self.now) / BOLTZMANN

    def pace(self, strength: float) -> float:
        """Return seconds of its law that pass in one second [1]."""
        return math.exp(strength * self.time * self.inverse)

    def factor(self, xi: Tensor | float, strength: float) -> Tensor | float:
        """G at T over G at T_0 [1]; xi: one standard normal for each device, 0 where there is no spread."""
        if isinstance(xi, float):
            return math.exp(strength * self.conductance * self.inverse)
        return stable.exp((cast(Tensor, xi) * self.spread + self.conductance) * (strength * self.inverse))
