"""Noise of a read that physics gives: of conductances at their temperature, of currents, and of amplifiers.

A read of t seconds has a bandwidth of 1 / (2 t).  Full shot noise is an upper bound; a card's Fano factor F
says how much of it there is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from memsim.card.fields import CardFields
from memsim.card.sections import ReadSection
from memsim.devices.cell import PulsedCell

BOLTZMANN, CHARGE = 1.380649e-23, 1.602176634e-19
"""k [J/K] and q [C], exact by the definition of kelvin and coulomb."""


@dataclass(frozen=True)
class FreshNoise:
    """Current noise of reads by what it is in proportion to, at the voltage and time of a card's reads."""

    thermal: float
    """Variance for each siemens of devices on lines that are held at a voltage, 2 k T / t [A^2/S]."""
    shot: float
    """Variance for each siemens of a device that sees the read voltage, F q V / t [A^2/S]."""
    amplifier: float
    """Variance of each conversion, i_n^2 / (2 t) [A^2]."""

    @classmethod
    def of(cls, card: CardFields, section: ReadSection) -> FreshNoise:
        """Return the noise of a section's reads, 0 where an effect is off."""
        t = section.read_time
        return cls(
            thermal=2 * BOLTZMANN * card.temperature / t if card.on("thermal-noise") else 0.0,
            shot=card.fano * CHARGE * section.read_voltage / t if card.on("shot-noise") else 0.0,
            amplifier=section.amplifier_noise**2 / (2 * t) if card.on("amplifier-noise") else 0.0,
        )


def one_device(card: CardFields, cell: PulsedCell, rest: float, unit: float) -> float:
    """Return the spread of a read of one device that was just reset, in its state w; G = rest + w unit [S].

    The device and its reference conduct; what the other devices of a passive line add is left out, as their
    number is not known.  0 for ideal cells.
    """
    if cell.exact:
        return 0.0
    fresh, about = FreshNoise.of(card, card.attention), cell.describe()
    w = about.low if cell.one_sided or cell.unit == "S" else 0.0
    siemens = (rest + w * unit) * (1.0 if cell.one_sided else 2.0)
    current = (fresh.thermal + fresh.shot) * siemens + fresh.amplifier  # [A^2]
    r0, r1 = cell.read_law
    return math.hypot(math.sqrt(current) / (card.attention.read_voltage * unit), r0 + r1 * w)
