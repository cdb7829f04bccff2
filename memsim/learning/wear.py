"""Wear of the devices of a learning array, compared with the endurance of their technology."""

from __future__ import annotations

from typing import NamedTuple

from memsim.devices.pulses.wear import pulse_wear
from memsim.learning.learning_array import LearningArray


class Wear(NamedTuple):
    """Wear of the devices of one array over all chips.

    A reset counts as one full write cycle and a pulse as (|dw| / range)^m cycles, with m the card's
    ``wear.pulse_exponent``.
    """

    pulses: float  #: mean number of pulses of a device
    most_pulses: float  #: largest number of pulses of a device
    cycles: float  #: mean number of equivalent full cycles of a device
    most_cycles: float  #: largest number of equivalent full cycles of a device
    endurance: (
        float | None
    )  #: cycles until a device fails, the lower end of the published range; None: not known

    @property
    def spent(self) -> float | None:
        """Part of its endurance that the most worn device has used [1]; None: endurance not known."""
        return None if self.endurance is None else self.most_cycles / self.endurance


def wear(array: LearningArray) -> Wear:
    """Return the wear of an array until now; all zeros for ideal cells."""
    devices, plan = array.pulsed, array.plan
    if devices is None:
        return Wear(0.0, 0.0, 0.0, 0.0, None)
    pulses = max(1, round(1 / plan.steps[0]))
    of_a_pulse = pulse_wear(plan.cell, pulses, plan.card.wear.pulse_exponent)
    cycles = devices.resets + devices.pulses * of_a_pulse
    lives = plan.cell.endurance_range
    return Wear(
        float(devices.pulses.mean()), float(devices.pulses.max()), float(cycles.mean()), float(cycles.max()),
        None if lives is None else lives.low,
    )  # fmt: skip
