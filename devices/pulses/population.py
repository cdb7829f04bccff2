"""Device-to-device spread of pulsed cells, drawn the way aihwkit draws it, and what its laws share."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
import torch
from torch import Tensor

from memsim.devices.cell import Description
from memsim.devices.check import check
from memsim.devices.numerics.stream import Stream
from memsim.devices.pulses.pulsed import KernelCell


@final
@dataclass(frozen=True, kw_only=True)
class Population:
    """Bounds, steps and reset level of a population of pulsed devices; xi are independent normals of each
    device:

        max_bound = w_max (1 + w_max_dtod xi),  min_bound = w_min (1 + w_min_dtod xi)
        gain = 1 + dw_min_dtod xi   or   exp(dw_min_dtod xi),   r = up_down_dtod xi
        dwmin_up = (gain + r + min(up_down, 0)) dw_min,  dwmin_down = (gain - r - max(up_down, 0)) dw_min
        reset_bias = reset + reset_dtod xi

    and then made consistent: inverted bounds are exchanged, bounds take the sign of their side, steps are
    positive. Field and value names are aihwkit's; the numbers are those of a preset. Checked against its
    compiled tiles.
    """

    dw_min: float  #: mean (log-normal: median) step at w = 0 [w]
    dw_min_dtod: float  #: spread of the step over devices [1]
    dw_min_dtod_log_normal: bool  #: the step's spread is that of its logarithm
    up_down: float  #: asymmetry of the steps; only one direction is reduced [1]
    up_down_dtod: float  #: spread of the asymmetry [1]
    w_max: float  #: mean upper bound [w]
    w_min: float  #: mean lower bound [w]
    w_max_dtod: float  #: spread of the upper bound, relative to it [1]
    w_min_dtod: float  #: spread of the lower bound, relative to it [1]
    reset: float  #: mean level after a reset [w]
    reset_dtod: float  #: spread of that level over devices [w]

    def __post_init__(self) -> None:
        check(self, w_max=(0, 1e6), w_min=(-1e6, 0))
        if self.reach == 0.0:
            raise ValueError("w_max=0 and w_min=0: the bounds leave no range")
        check(self, reset=(self.w_min, self.w_max), reset_dtod=(0, self.reach), up_down=(-1, 1))
        check(self, w_max_dtod=(0, 10), w_min_dtod=(0, 10), dw_min_dtod=(0, 10), up_down_dtod=(0, 10))
        check(self, dw_min=(1e-9 * self.reach, self.reach))

    @property
    def reach(self) -> float:
        """Distance of the mean bounds [w]."""
        return self.w_max - self.w_min

    def draw(self, shape: Sequence[int], *, rng: Stream, spread: float = 1.0) -> dict[str, Tensor]:
        """Return values for arrays (*K, *shape) as float32, every xi times `spread`: at 0 each is the nominal
        device.
        """

        def xi(name: str, scale: float) -> Tensor:
            if spread * scale == 0.0:
                return torch.zeros((*rng.keys.shape, *shape))
            return spread * scale * rng.child(name).normal(shape)

        high = self.w_max * (1.0 + xi("max_bound", self.w_max_dtod))
        low = self.w_min * (1.0 + xi("min_bound", self.w_min_dtod))
        gain = xi("gain", self.dw_min_dtod)
        gain = gain.exp_() if self.dw_min_dtod_log_normal else gain + 1.0
        r = xi("up_down", self.up_down_dtod)
        up, down = two_sides(gain, r, self.up_down, self.dw_min)
        return {
            "max_bound": torch.maximum(high, low).abs_(),
            "min_bound": -torch.minimum(high, low).abs_(),
            "dwmin_up": up,
            "dwmin_down": down,
            "reset_bias": self.reset + xi("reset_bias", self.reset_dtod),
        }


def two_sides(gain: Tensor, r: Tensor, up_down: float, size: float) -> tuple[Tensor, Tensor]:
    """`size` in both directions, spread by `gain`, skewed by r and, on one side only, by `up_down`."""
    up, down = gain + r + min(up_down, 0.0), gain - r - max(up_down, 0.0)
    return (up * size).abs_(), (down * size).abs_()


@dataclass(frozen=True, kw_only=True)
class PopulationCell(KernelCell):
    """A law of pulses over a population: cycle noise in its steps, a noisy reset, and

    visible w + write_noise_std dw_min xi, drawn once for each write
    """

    population: Population
    dw_min_std: float  #: c, cycle-to-cycle noise of a step, relative to it [1]
    write_noise_std: float = 0.0  #: noise of a programmed state, in units of dw_min [1]
    reset_std: float  #: noise of a reset [w]

    def __post_init__(self) -> None:
        super().__post_init__()
        reach = self.population.reach
        check(self, self.name, dw_min_std=(0, 100), write_noise_std=(0, 1e4), reset_std=(0, reach))

    @property
    def effects(self) -> tuple[str, ...]:  # type: ignore[override]
        write = ("write-noise",) if self.write_noise_std > 0 else ()
        return ("device-spread", "cycle-noise", *write, "reset-noise")

    @property
    def reset_spread(self) -> float:
        return self.strength("reset-noise") * self.reset_std

    def describe(self) -> Description:
        p = self.population
        return self._description(states=p.reach / p.dw_min, low=p.w_min, high=p.w_max)

    def _values(self, shape: Sequence[int], rng: Stream) -> dict[str, Tensor]:
        return self.population.draw(shape, rng=rng, spread=self.strength("device-spread"))

    def _noises(self, visible: bool) -> tuple[np.float32, np.float32, np.float32]:
        """Return noise of a reset and of what a read sees [w], and c, as the kernels take them."""
        return self._noises_of_visible if visible else self._noises_of_hidden

    @cached_property
    def _noises_of_visible(self) -> tuple[np.float32, np.float32, np.float32]:
        reset = self.strength("reset-noise") * self.reset_std
        write = self.strength("write-noise") * self.write_noise_std * self.population.dw_min
        cycle = self.strength("cycle-noise") * self.dw_min_std
        return np.float32(reset), np.float32(write), np.float32(cycle)

    @cached_property
    def _noises_of_hidden(self) -> tuple[np.float32, np.float32, np.float32]:
        reset, _, cycle = self._noises_of_visible
        return reset, np.float32(0), cycle
