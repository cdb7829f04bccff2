"""How far learning has worn the devices of an array, against the endurance of its technology."""

from __future__ import annotations

from typing import NamedTuple

from memsim.devices.pulses.wear import pulse_wear
from memsim.learning.learning_array import LearningArray


class Wear(NamedTuple):
    """Wear of the devices of one array, over all chips."""

    pulses: float  #: of a device, in the mean
    most_pulses: float  #: of the device that had most
    cycles: float  #: of a device, in the mean: a reset is 1, a pulse (|dw| / range)^m
    most_cycles: float
    endurance: (
        float | None
    )  #: write cycles until a device fails, the low end of what is published; None: not known

    @property
    def spent(self) -> float | None:
        """Share of the life of the most worn device that is spent [1]."""
        return None if self.endurance is None else self.most_cycles / self.endurance


def wear(array: LearningArray) -> Wear:
    """The wear of an array until now; nothing for ideal cells."""
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
