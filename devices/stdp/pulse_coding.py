"""Three ways to write a part of a full change with rectangular pulses: by voltage, by width, by number."""

from typing import Literal, NamedTuple, get_args

import numpy as np

Coding = Literal["amplitude", "width", "count"]


class Pulses(NamedTuple):
    """Identical rectangular pulses for each part, shapes those of the parts."""

    voltage: np.ndarray  #: [V]
    width: np.ndarray  #: of one pulse [s]
    number: np.ndarray  #: whole numbers [1]


def coded_pulses(
    part: np.ndarray, coding: Coding, *, voltage: float, width: float, n_max: int = 16, v0: float = 1 / 7
) -> Pulses:
    """Return pulses that write parts f (0 .. 1) of what one pulse of `voltage` [V] and `width` [s] writes:

        amplitude   one pulse of voltage + v0 ln f            where the rate is exp(v / v0)
        width       one pulse of width f
        count       round(n_max f) pulses of width / n_max

    v0 [V] is the law's voltage for a factor e. Where the trace f is exp(-dt / tau), amplitude coding is a
    linear ramp of v0 / tau volts a second: a linear tail makes an exponential window. Width is exact on any
    device whose change is proportional to time, count to within 1 / (2 n_max), amplitude on none that has a
    threshold. Raises ValueError for parts outside 0 .. 1 and an unknown coding.
    """
    part = np.asarray(part, float)
    if not np.all((part >= 0) & (part <= 1)):
        raise ValueError(f"part = {part.min():g} .. {part.max():g}: 0 to 1 of a full change")
    one, zero = np.ones_like(part), part == 0
    if coding == "amplitude":
        ramp = voltage + v0 * np.log(np.where(zero, 1.0, part))
        return Pulses(np.where(zero, 0.0, ramp), width * one, one)
    if coding == "width":
        return Pulses(voltage * one, width * part, one)
    if coding == "count":
        return Pulses(voltage * one, width / n_max * one, np.round(n_max * part))
    raise ValueError(f"no coding {coding!r} of pulses; there are {', '.join(get_args(Coding))}")
