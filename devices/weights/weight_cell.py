"""A cell written once to a target conductance, that then ages: the composition of its effects.

    write  G_P = max(0, G_T + sigma(G_T) xi)
    relax  G(t) = (G_P x drift + shift(t) + spread(G_T, t) xi) x temperature
    read   max(0, G(t) (1 + Q B(t))), a noise path of each device;   I = chord(G, V) V

Each effect is an object of :mod:`memsim.devices.weights.effects` or :mod:`memsim.devices.weights.iv_curve`;
None is its ideal.  Fits in x = G / g_scale are read in absolute conductances: g_scale is the range that the
source measured, and stays so where a lower g_max is used.  ``in_proportion`` reads them as aihwkit does.
"""

import math
import warnings
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, ClassVar, final

import torch
from torch import Tensor

from memsim.devices import missing_verbs
from memsim.devices.cell import Cell, Description
from memsim.devices.check import check_temperature
from memsim.devices.numerics.stream import Stream
from memsim.devices.weights.arrhenius import Arrhenius
from memsim.devices.weights.effects import (
    Drift,
    LowFrequencyNoise,
    RelativeFlicker,
    Relaxation,
    Spread,
    draw,
)
from memsim.devices.weights.iv_curve import Curve


class BeyondFit(UserWarning):
    """A time after the last one a source measured: the state of that time is held."""


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class WeightState:
    """Devices as they were written, and the time since."""

    target: Tensor  #: target conductance [S]
    programmed: Tensor  #: conductance right after the write [S]; below 0 where relaxation is yet to come
    exponent: Tensor | None  #: drift exponent nu, drawn once for each device [1]
    rng: Stream  #: the write's stream, from which the device's paths through time come
    t: float = 0.0  #: time since the write [s]


@final
@dataclass(frozen=True, kw_only=True)
class WeightCell(Cell):
    """A weight device made of effects.

    write(target (*K, *cells) [S], rng of keys K) -> state; relax(state, t [s] since the write, absolute)
    -> state; read(state) -> conductance [S] at the state's time; chord(conductance, V) -> I / V [S].
    float64 targets give float64 throughout. Strengths multiply sigma, nu, shift and spread, Q, the noise of
    a read, and chord - G. Raises ValueError for numbers that cannot be, by their field's name.
    """

    g_max: float  #: conductance of the largest weight [S]
    g_top: float = math.inf  #: highest conductance its source measured; g_max is at most this [S]
    g_scale: float = 0.0  #: conductance of x = 1 in its laws; 0: g_top, or g_max where that is infinite [S]
    g_min: float = 0.0  #: lowest conductance, and what an unused device of a pair holds [S]
    programming: Spread | None = None
    drift: Drift | None = None
    relaxation: Relaxation | None = None
    flicker: LowFrequencyNoise | None = None
    read_noise_std: float = 0.0  #: fresh current noise of a read, as its source has it [1]
    curve: Curve | None = None
    thermal: Arrhenius | None = None

    missing: ClassVar[dict[str, str]] = missing_verbs.WEIGHT

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.g_scale:
            object.__setattr__(self, "g_scale", self.g_max if math.isinf(self.g_top) else self.g_top)
        if not 0.0 < self.g_scale < math.inf:
            raise ValueError(f"{self.name}: g_scale = {self.g_scale:g} S: a positive conductance is needed")
        if not 0.0 <= self.g_min < self.g_max:
            raise ValueError(
                f"{self.name}: g_min = {self.g_min:.3g} S and g_max = {self.g_max:.3g} S: 0 <= g_min < g_max"
                " is needed"
            )
        if not self.g_max <= 1e-2:
            raise ValueError(
                f"{self.name}: g_max = {self.g_max:.3g} S is above 10 mS; did you pass microsiemens?"
            )
        if self.g_max > self.g_top * (1 + 1e-6):
            raise ValueError(
                f"{self.name}: g_max = {self.g_max:.4g} S is above {self.g_top:.4g} S, the highest its source"
                " measured; take that or less"
            )
        if not 0.0 <= self.read_noise_std < 1.0:
            raise ValueError(f"{self.name}: read_noise_std = {self.read_noise_std:g}: 0 to 1 is allowed")
        _check_laws(replace(self, off=frozenset(), strengths=()) if self.off or self.strengths else self)

    @cached_property
    def effects(self) -> tuple[str, ...]:  # type: ignore[override]
        """The effects it was given."""
        has = {
            "programming": self.programming, "drift": self.drift, "relaxation": self.relaxation,
            "flicker-noise": self.flicker, "read-noise": self.read_noise_std, "iv-curve": self.curve,
            "temperature": self.thermal,
        }  # fmt: skip
        return tuple(effect for effect, law in has.items() if law)

    def in_proportion(self) -> "WeightCell":
        """Return the same cell with errors in proportion to its g_max, as aihwkit has them at any range.

        Raises ValueError where no law of the cell is written in shares of a range.
        """
        changed = replace(self, g_scale=self.g_max)
        if not self.in_shares:
            raise ValueError(f"{self.name}: its laws are written in siemens, none in shares of its range")
        return changed

    def at(self, kelvin: float) -> "WeightCell":
        """Return the same cell, written at the temperature it was measured at, then kept and read at another
        [K].

        Raises ValueError outside 200 to 600 K; a cell without activation energies is the same at any.
        """
        if self.thermal is None:
            return self
        check_temperature(kelvin)
        return replace(self, thermal=self.thermal.at(kelvin))

    @property
    def pace(self) -> float:
        """Seconds of drift and relaxation that pass in one second at its temperature [1]."""
        return self.thermal.pace(self.strength("temperature")) if self.thermal else 1.0

    @property
    def in_shares(self) -> bool:
        """Whether any of its laws is written in shares of a range."""
        fits = [self.programming, *getattr(self.relaxation, "spreads", ())]
        relative = any(fit is not None and fit.g_fit is not None for fit in fits)
        return (
            relative or bool(self.drift or self.read_noise_std) or isinstance(self.flicker, RelativeFlicker)
        )

    @property
    def ages(self) -> bool:
        """Whether its conductances depend on the time since the write."""
        lawful = ("drift", "relaxation", "flicker-noise")
        if self._warmth is not None:  # as it was written at first, then as it is at its temperature
            return True
        return any(effect in self.effects and self.strength(effect) > 0 for effect in lawful)

    @property
    def read_noise(self) -> float:
        """Fresh current noise of a read at its strength: sd = read_noise sqrt(g_scale sum G_r V_r^2) [1]."""
        return self.strength("read-noise") * self.read_noise_std

    def write(self, target: Tensor, *, rng: Stream) -> WeightState:
        """Program `target` [S] of shape (*K, *cells); its dtype (float32, float64) is kept.

        Raises ValueError for targets outside g_min .. g_max.
        """
        self.check_target(target)
        return self._write(target, rng)

    def aged(self, target: Tensor, age: float, *, rng: Stream) -> Tensor:
        """Return the conductance [S] `age` seconds after the write of `target`, which is not checked: write,
        relax and read in one, on tensors or on a :class:`memsim.devices.weights.recorded.Recorded`.
        """
        return self.read(self.relax(self._write(target, rng), age))

    def _write(self, target: Tensor, rng: Stream) -> WeightState:
        programmed, exponent = target, None
        if self.programming and (strength := self.strength("programming")):
            error = self.programming(target, self.g_scale).mul_(strength)
            programmed = error.mul_(draw(rng.child("programming"), target)).add_(target)
            if not self.relaxation:  # which is a part of the same error, and floored with it
                programmed.clamp_(min=0.0)
        if self.drift and (strength := self.strength("drift")):
            xi = draw(rng.child("drift"), target)
            exponent = self.drift.exponent(target / self.g_scale, xi).mul_(strength)
        return WeightState(target=target, programmed=programmed, exponent=exponent, rng=rng)

    def relax(self, state: WeightState, t: float, *, rng: Stream | None = None) -> WeightState:
        """Return the same devices `t` seconds after the write (absolute; needs no randomness of its own).

        Warns (BeyondFit) after the last time its relaxation was measured at, which is held from there on.
        Raises ValueError for a negative time.
        """
        if not (t >= 0.0 and math.isfinite(t)):
            raise ValueError(f"t={t} s: time since the write is a finite number, 0 or more")
        if self.relaxation and self.on("relaxation") and t * self.pace > self.relaxation.fitted_until:
            until = self.relaxation.fitted_until / self.pace
            warnings.warn(
                f"{self.name} was measured up to {until:g} s after the write; its"
                f" state there is held at {t:g} s",
                BeyondFit,
                stacklevel=2,
            )
        return replace(state, t=float(t))

    def read(self, state: WeightState, *, rng: Stream | None = None) -> Tensor:
        """Return the conductance [S] at the state's time, the same at every reading.

        The fresh noise of a single read is a current: memsim adds it, `read_noise` says how much.
        """
        now, passed = state.programmed, state.t * self.pace
        if self.drift and state.exponent is not None:
            now = now * self.drift.factor(state.exponent, passed)
        if self.relaxation and (strength := self.strength("relaxation")) and state.t > 0.0:
            spread = self.relaxation.spread(state.target, passed, self.g_scale)
            xi = draw(state.rng.child("relaxation"), state.target)
            now = now + strength * (self.relaxation.shift(passed) + spread * xi)
        if (thermal := self._warmth) is not None and state.t > 0.0:
            xi = draw(state.rng.child("temperature"), state.target) if thermal.spread else 0.0
            now = now * thermal.factor(xi, self.strength("temperature"))
        if self.flicker and (strength := self.strength("flicker-noise")):
            amplitude = self.flicker.amplitude(state.programmed, now, self.g_scale)
            path = self.flicker.path(now, state.t, state.rng.child("flicker-noise"))
            now = now * (1.0 + strength * amplitude * path)
        return now if now is state.target else now.clamp(min=0.0)

    @property
    def _warmth(self) -> Arrhenius | None:
        """Arrhenius' law, where it changes conductances."""
        law = self.thermal
        if law is None or not self.on("temperature") or law.now == law.measured:
            return None
        return law if law.conductance or law.spread else None

    def chord(self, conductance: Tensor, voltage: float) -> Tensor:
        """I / V [S] of a device of this conductance at a read voltage [V]; the conductance itself where no
        curve was measured.

        Raises ValueError for a voltage outside what the curve was measured at.
        """
        strength = self.strength("iv-curve")
        if not (self.curve and strength):
            return conductance
        if not 0.0 < voltage <= self.curve.v_max:
            raise ValueError(
                f"{self.name}: its I-V curve was measured up to {self.curve.v_max:g} V, not at {voltage:g} V"
            )
        factor = self.curve.factor(conductance, voltage)
        return conductance * (1.0 + strength * (factor - 1.0)).clamp(min=0.0)

    def check_target(self, target: Tensor) -> None:
        """Raise ValueError unless every target lies in g_min .. g_max [S]."""
        if not torch.is_floating_point(target):
            raise ValueError(f"a target conductance is a float tensor [S], got {target.dtype}")
        if target.numel() == 0:
            return
        low, high = float(target.min()), float(target.max())
        if not (low >= self.g_min * (1 - 1e-5) and high <= self.g_max * (1 + 1e-5)):
            hint = "; did you pass microsiemens?" if high > 1e-2 else ""
            raise ValueError(
                f"targets of {low:.4g} .. {high:.4g} S are outside {self.g_min:.4g} .. {self.g_max:.4g} S"
                f"{hint}"
            )

    def describe(self) -> Description:
        return Description(
            name=self.name, technology=self.technology, kind="weight", states=float("inf"),
            low=self.g_min, high=self.g_max, unit="S", n_max=0, one_sided=False, effects=self.effects,
            unsupported=dict(self.missing), source=self.source,
        )  # fmt: skip


@lru_cache(maxsize=256)
def _check_laws(cell: WeightCell) -> None:
    """Refuse laws that give a spread below 0, or no number, anywhere in the cell's range."""
    g = torch.linspace(cell.g_min, cell.g_max, 501)
    x = g / cell.g_scale
    spreads: dict[str, Any] = {}
    if cell.programming:
        spreads["programming"] = cell.programming(g, cell.g_scale)
    if cell.drift:
        if not cell.drift.t_0 > 0.0:
            raise ValueError(f"{cell.name}: drift.t_0 = {cell.drift.t_0:g} s must be above 0")
        spreads |= {"drift.mean": cell.drift.mean(x), "drift.spread": cell.drift.spread(x)}
    if cell.relaxation:
        for t in (1.0, 1e3, 1e5, 3e8):
            spread = cell.relaxation.spread(g, t, cell.g_scale)
            spreads[f"relaxation after {t:g} s"] = spread + 0.0 * cell.relaxation.shift(t)
    if cell.flicker:
        if not (cell.flicker.t_0 > 0.0 and cell.flicker.t_read > 0.0):
            raise ValueError(f"{cell.name}: flicker.t_0 and flicker.t_read must be above 0 s")
        spreads["flicker"] = cell.flicker.amplitude(g, g, cell.g_scale)
    for field, values in spreads.items():
        worst = int(values.nan_to_num(nan=-math.inf, posinf=-math.inf).argmin())
        if not (values[worst].isfinite() and values[worst] >= 0.0):
            raise ValueError(
                f"{cell.name}: {field} is {float(values[worst]):.4g} at {float(g[worst]):.4g} S; 0 or more is"
                " needed"
            )
