"""Pulses that change a device by an affine function of its state: aihwkit's constant, linear and soft-bounds
devices, with or without a reference device.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import final

import torch
from torch import Tensor

from memsim.devices.check import check
from memsim.devices.numerics.stream import Stream
from memsim.devices.pulses.affine_maps import HARD, MULTIPLICATIVE, SOFT, TAIL, rewrite
from memsim.devices.pulses.population import PopulationCell
from memsim.devices.pulses.writes import Writes


@final
@dataclass(frozen=True, kw_only=True)
class AffineCell(PopulationCell):
    """The step is an affine function of the state, seen against a reference device:

        u = w + reference
        up    u <- clip(u + s_up + slope_up u + noise)
        down  u <- clip(u - s_down - slope_down u + noise)
        slope_up = -abs(gamma_up + dtod xi) s_up / max_bound,  slope_down = -abs(...) s_down / min_bound
        noise = s c xi, or (where mult_noise) the step times c xi
        visible w + write_noise_std dw_min xi, drawn once for each write

    with w_max and w_min in place of the device's bounds where mean_bound_reference. gamma = 0 is a constant
    step, gamma = 1 soft bounds: s_up (1 - u / max_bound). Identical pulses on soft bounds are thus
    multiplicative, weight-dependent STDP: dw is proportional to (max_bound - w) up, to (w - min_bound) down.

    reference = reference_mean + reference_std xi, plus the device's symmetry point
    (s_up - s_down) / (s_up / max_bound - s_down / min_bound) where that is subtracted; aihwkit's tile then
    also resets w (not u) to the symmetry point, and so does this cell: w <- clip(reset_bias + reset_std xi).

    n pulses are taken at once, by three closed forms (a = -slope_up or slope_down):

    - soft bounds, additive noise: one affine map with Gaussian noise, exact but for the clipping, which is
      taken as reflection at bound + 0.5826 s c; the last pulse (:attr:`tail`: or two) by itself, clipped.
      Mean and spread agree with the loop over pulses within 0.1 % of the range, Kolmogorov's distance is
      below 0.006. For reram-om's mean after 16 pulses it is 0.13, 0.3, 1.4 % at strengths 2, 4, 10 of cycle
      noise, and 0.1, 1, 12 % at those of device spread (after two pulses 0.2, 2.6, 25 %).
    - other additive noise: the same map for eight pulses at a time; between its ends the walk is a Brownian
      bridge, whose extremes tell what the bounds took. For a n << 1 within eight pulses; the mean is within
      0.1 % of the range for a < 0.03, 0.4 % at a = 0.05 and c = 2 with the bound 8 steps away.
    - multiplicative noise: the distance to the virtual bound s/a is log-normal, its first two moments exact:
      (1 - a)^n and [(1 - a)^2 + a^2 c^2]^n. The bounds are applied once, at the end; a reference that puts a
      device outside of them is seen a step too late.
    """

    gamma_up: float = 1.0  #: relative loss of the up step on the way to the upper bound [1]
    gamma_down: float = 1.0  #: likewise down [1]
    gamma_up_dtod: float = 0.0  #: spread of gamma_up over devices [1]
    gamma_down_dtod: float = 0.0  #: spread of gamma_down over devices [1]
    mean_bound_reference: bool = False  #: slopes refer to the population's bounds, not the device's
    mult_noise: bool  #: cycle noise is proportional to the step, not to its size at zero
    reference_mean: float = 0.0  #: added to every reference [w]
    reference_std: float = 0.0  #: spread of the reference over devices [w]
    subtract_symmetry_point: bool = False  #: whether the symmetry point is in the reference
    up_only: bool = False  #: whether pulses move it up only
    write_noise_slope: float = 0.0  #: k, write noise at w is 1 + k w times that at w = 0 [1 / w]

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "one_sided", self.up_only)
        reach = self.population.reach
        check(
            self, self.name, gamma_up=(0, 10), gamma_down=(0, 10), gamma_up_dtod=(0, 10),
            gamma_down_dtod=(0, 10), reference_std=(0, reach), reference_mean=(-reach, reach),
        )  # fmt: skip

    @property
    def soft_bounds(self) -> bool:
        """Whether every device's step vanishes at its own bounds."""
        return (
            self.gamma_up == self.gamma_down == 1.0
            and self.gamma_up_dtod == self.gamma_down_dtod == 0.0
            and not self.mean_bound_reference
        )

    @property
    def referenced(self) -> bool:
        """Whether a reference device is subtracted."""
        return bool(self.reference_mean or self.reference_std or self.subtract_symmetry_point)

    @cached_property
    def law(self) -> int:
        """Which closed form takes the pulses."""
        return MULTIPLICATIVE if self.mult_noise else SOFT if self.soft_bounds else HARD

    @cached_property
    def tail(self) -> int:
        """How many of the last pulses are taken one by one: a second of soft bounds for the sake of devices
        that reach them in a few steps. The same whatever effects are on, and so are the numbers of each.
        """
        if self.law == SOFT:
            population, bounds = self.population, (self.population.w_max, -self.population.w_min)
            step = (1 + 2 * population.dw_min_dtod) * population.dw_min  # two standard deviations up
            return TAIL if step > 0.5 * min(b for b in bounds if b) else 1
        return TAIL if self.law == HARD else 1

    def _values(self, shape: Sequence[int], rng: Stream) -> dict[str, Tensor]:
        values, spread = super()._values(shape, rng), self.strength("device-spread")
        gamma = []
        for side, mean, dtod in (
            ("gamma_up", self.gamma_up, self.gamma_up_dtod),
            ("gamma_down", self.gamma_down, self.gamma_down_dtod),
        ):
            drawn = spread * dtod
            xi = rng.child(side).normal(shape) if drawn else torch.zeros_like(values["max_bound"])
            gamma.append((mean + drawn * xi).abs_())
        values |= self._slopes(values, *gamma)
        if not self.referenced:
            return values
        reference = torch.full_like(values["max_bound"], self.reference_mean)
        if spread:
            reference += spread * self.reference_std * rng.child("reference").normal(shape)
        if self.subtract_symmetry_point:
            up, down = values["dwmin_up"], values["dwmin_down"]
            point = (up - down) / (up / values["max_bound"] - down / values["min_bound"])
            reference += point
            values["reset_bias"] = values["reset_bias"] + point
        return values | {"reference": reference}

    def _slopes(
        self, values: dict[str, Tensor], up: Tensor | float, down: Tensor | float
    ) -> dict[str, Tensor]:
        high, low = values["max_bound"], values["min_bound"]
        if self.mean_bound_reference:
            high, low = torch.tensor(self.population.w_max), torch.tensor(self.population.w_min)
        slopes = {
            "slope_up": -up * values["dwmin_up"] / high,
            "slope_down": -down * values["dwmin_down"] / low,
        }
        return {side: slope.nan_to_num(0.0) for side, slope in slopes.items()}

    def from_hidden(self, hidden: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the device values of hidden parameters; slopes that a class of aihwkit does not store follow
        from its steps and bounds.
        """
        return super().from_hidden(self._slopes(hidden, self.gamma_up, self.gamma_down) | hidden)

    def _constants(self, values: dict[str, Tensor]) -> list[Tensor]:
        up, down = values["dwmin_up"].double(), values["dwmin_down"].double()
        high, low = values["max_bound"], values["min_bound"]
        if self.law == SOFT:
            rows = soft_rows(up, high, 1.0) + soft_rows(down, low, -1.0)
        else:
            loss = -values["slope_up"].double(), values["slope_down"].double()
            rows = rows_of(self.law, up, loss[0], up) + rows_of(self.law, -down, loss[1], down)
        reference = values.get("reference", torch.zeros_like(high))
        return [row.float() for row in (*rows, high, low, reference, values["reset_bias"])]

    def _evolve(self, packed: Tensor, writes: Writes, *, visible: bool) -> Tensor:
        seen = rewrite(packed, writes, *self._noises(visible), self.law, self.tail)  # type: ignore[arg-type]
        if not (visible and self.write_noise_slope and self.on("write-noise")):
            return seen
        states = rewrite(packed, writes, *self._noises(False), self.law, self.tail)  # type: ignore[arg-type]
        return states + (seen - states) * (1.0 + self.write_noise_slope * states).clamp(min=0.0)


def soft_rows(s: Tensor, bound: Tensor, sign: float) -> list[Tensor]:
    """s, a, ln(1 - a) and the stationary spread for c = 1 of a step that vanishes at its bound."""
    a = s / bound.double().abs().clamp(min=1e-30)
    inside = a.clamp(1e-12, 1.0 - 1e-7)
    spread = s / (inside * (2.0 - inside)).sqrt()
    rate = torch.where(a < 1.0, torch.log1p(-inside), torch.tensor(-1e4, dtype=torch.float64))
    return [sign * s, a.clamp(max=1e6), rate, spread]


def rows_of(law: int, s: Tensor, a: Tensor, noise: Tensor) -> list[Tensor]:
    """s, a, -ln(1 - a) / a, and what the law wants: the noise of a pulse for c = 1, or 1 / (1 - a)."""
    a = a.clamp(-10.0, 1.0 - 1e-6)
    slow = torch.where(a.abs() < 1e-12, torch.full_like(a, 1e-12), a)
    return [s, a, -torch.log1p(-slow) / slow, noise if law == HARD else 1.0 / (1.0 - a)]
