"""Spikes as voltages on the two sides of a device, and the voltage that their overlap makes.

The spike of Zamarreno-Ramos et al., Front. Neurosci. 5, 26 (2011), is a short peak followed by a long tail of
the other sign; neither alone reaches the device's threshold, a peak on top of the other side's tail does.
"""

from dataclasses import dataclass, field
from typing import Literal, final, get_args

import numpy as np

Shape = Literal["exponential", "linear", "rectangular"]

_LARGEST = {"s": 10.0, "V": 20.0}
_SLIP = {"s": "milliseconds", "V": "millivolts"}


@final
@dataclass(frozen=True, kw_only=True)
class Spike:
    """One spike at t = 0: a peak for -rise < t < 0, then a tail for 0 < t < fall, else 0 V.

        spk(t) = peak fade(-t; rise, tau_rise)   and   -tail fade(t; fall, tau_fall)
        fade(x; L, tau) = (exp(-x/tau) - exp(-L/tau)) / (1 - exp(-L/tau))  |  1 - x/L  |  1

    fade is that of the shapes "exponential", "linear" and "rectangular"; only the first has time constants.
    Defaults: the source's, 1 V for its normalised amplitude. ValueError for what is no spike, with the field.
    """

    peak: float = 1.0  #: A+ [V]
    rise: float = 5e-3  #: t_r, duration of the peak [s]
    tau_rise: float = 3e-3  #: tau+ [s]
    tail: float = 0.25  #: A-, height of the tail [V]
    fall: float = 75e-3  #: t_f, duration of the tail [s]
    tau_fall: float = 40e-3  #: tau- [s]
    shape: Shape = "exponential"

    def __post_init__(self) -> None:
        if self.shape not in get_args(Shape):
            raise ValueError(f"no spike shape {self.shape!r}; there are {', '.join(get_args(Shape))}")
        for name in ("peak", "tail", "rise", "tau_rise", "fall", "tau_fall"):
            unit = "V" if name in ("peak", "tail") else "s"
            value, most = getattr(self, name), _LARGEST[unit]
            if not 0.0 < value <= most:
                hint = f"; did you pass {_SLIP[unit]}?" if value > most else ""
                raise ValueError(
                    f"{name} = {value:g} {unit} of a spike: above 0, up to {most:g} {unit}{hint}"
                )

    def voltage(self, t: np.ndarray) -> np.ndarray:
        """spk(t) [V] at times t [s] after the spike, any shape."""
        peak = self.peak * _fade(-t, self.rise, self.tau_rise, self.shape)
        return np.where(t < 0, peak, -self.tail * _fade(t, self.fall, self.tau_fall, self.shape))


def _fade(x: np.ndarray, length: float, tau: float, shape: Shape) -> np.ndarray:
    inside = (x >= 0) & (x < length)
    x = np.clip(x, 0.0, length)
    if shape == "exponential":
        last = np.exp(-length / tau)
        return np.where(inside, (np.exp(-x / tau) - last) / (1 - last), 0.0)
    return np.where(inside, 1 - x / length if shape == "linear" else 1.0, 0.0)


@final
@dataclass(frozen=True, kw_only=True)
class SpikePair:
    """A presynaptic spike on the row and a postsynaptic one on the column, and the voltage between them:

        v(t) = a_post spk_post(t) - a_pre spk_pre(t - dt),   dt = t_pre - t_post

    dt is that of S2TDPT's Eq. (19), and the negative of the source's: at dt < 0 the presynaptic spike comes
    first, its tail lifts the postsynaptic peak, v > 0, and the device is potentiated.
    """

    pre: Spike = field(default_factory=Spike)
    post: Spike = field(default_factory=Spike)
    a_pre: float = 0.9  #: attenuation of the presynaptic spike [1]
    a_post: float = 1.0  #: attenuation of the postsynaptic spike [1]

    def __post_init__(self) -> None:
        for name in ("a_pre", "a_post"):
            if not 0.0 <= (value := getattr(self, name)) <= 1.0:
                raise ValueError(f"{name} = {value:g}: 0 to 1; a larger spike has a larger peak and tail")

    def voltage(self, t: np.ndarray, dt: np.ndarray) -> np.ndarray:
        """v [V] at times t [s] after the postsynaptic spike, for spikes dt [s] apart; shapes broadcast."""
        return self.a_post * self.post.voltage(t) - self.a_pre * self.pre.voltage(t - dt)

    def knots(self, dt: np.ndarray) -> np.ndarray:
        """Return times (6, *dt) [s], ascending, between which v is smooth; outside them it is zero."""
        spikes = ((self.post, 0.0 * dt), (self.pre, dt))
        return np.sort([at + edge for s, at in spikes for edge in (-s.rise, 0.0, s.fall)], axis=0)

    @property
    def reach(self) -> float:
        """Largest |dt| at which the spikes still overlap [s]."""
        return max(self.post.fall + self.pre.rise, self.pre.fall + self.post.rise)
