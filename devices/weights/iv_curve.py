"""Current against voltage, as the chord conductance I(V) / V over the conductance G a cell was written to.

A row that spikes drive sees one voltage, so a curve is one factor for each device.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from memsim.devices.functions import Function
from memsim.devices.numerics import stable


class Curve(ABC):
    """I(V) = G V factor(G, V)."""

    v_max: float = math.inf  #: highest voltage the curve was measured at [V]

    @abstractmethod
    def factor(self, g: Tensor, voltage: Any) -> Tensor:
        """I / (G V) [1] of devices of conductance `g` [S] at one voltage, a float, or each at its own, a
        tensor; above 0 [V].
        """

    def __call__(self, g: Tensor, voltage: Tensor) -> Tensor:
        """Return I [A] of devices of conductance `g` [S], each at a voltage of its own [V], as `nodal_read`
        takes a curve; a current turns round with its voltage.  Raises ValueError beyond v_max.
        """
        return g * voltage * self.factor(g, self.size(voltage))

    def size(self, voltage: Tensor) -> Tensor:
        """Return abs(V). Raises ValueError beyond v_max."""
        size = voltage.abs()
        largest = float(size.detach().max())
        if largest > self.v_max * (1 + 1e-6):
            raise ValueError(f"{largest:.3g} V across a device: its I-V curve holds up to {self.v_max:.3g} V")
        return size


@dataclass(frozen=True)
class SinhCurve(Curve):
    """I = G V_ref sinh(V / V_0) / sinh(V_ref / V_0): G is what the write saw at V_ref.

    Source of V_0 = .43 V: Chen & Yu, IEEE Trans. Electron Devices 62, 4022 (2015).
    """

    v_ref: float = 0.2  #: where G was verified [V]
    v_0: float = 0.43  #: scale of the nonlinearity [V]
    v_max: float = math.inf  #: highest voltage it was measured at [V]

    def __post_init__(self) -> None:
        if not (self.v_ref > 0.0 and self.v_0 > 0.0 and self.v_max > 0.0):
            raise ValueError(
                f"v_ref={self.v_ref:g} V, v_0={self.v_0:g} V and v_max={self.v_max:g} V: all must be above 0"
            )

    def __call__(self, g: Tensor, voltage: Tensor) -> Tensor:
        """Return I [A] of devices of conductance `g` [S], each at a voltage of its own [V]."""
        self.size(voltage)
        return g * (self.v_ref / math.sinh(self.v_ref / self.v_0)) * torch.sinh(voltage / self.v_0)

    def factor(self, g: Tensor, voltage: Any) -> Tensor:
        ratio = math.sinh(voltage / self.v_0) / math.sinh(self.v_ref / self.v_0)
        return torch.full_like(g, ratio * self.v_ref / voltage)


@dataclass(frozen=True)
class Cubic(Curve):
    """I = G (V + c V^3) / (1 + c V_ref^2): G is what the write saw at V_ref.

    With c < 0 the current rises only below V = 1 / sqrt(-3 c), and the curve is refused above.  Source of
    c = -.25 / V^2: the cubic of CrossSim 3.2 (sandialabs/cross-sim), which has V_ref = 0.
    """

    cube: float = -0.25  #: c [1 / V^2]
    v_ref: float = 0.0  #: where G was verified; 0: the slope at the origin [V]
    v_max: float = math.inf  #: highest voltage it was measured at; where it no longer rises, at most [V]

    def __post_init__(self) -> None:
        if self.cube < 0.0:
            object.__setattr__(self, "v_max", min(self.v_max, 1.0 / math.sqrt(-3.0 * self.cube)))
        if not (math.isfinite(self.cube) and 0.0 <= self.v_ref <= self.v_max):
            raise ValueError(
                f"cube={self.cube:g} / V^2 and v_ref={self.v_ref:g} V: the curve holds up to"
                f" {self.v_max:.3g} V, and v_ref must lie there"
            )

    def factor(self, g: Tensor, voltage: Any) -> Tensor:
        ratio = (1.0 + self.cube * voltage * voltage) / (1.0 + self.cube * self.v_ref * self.v_ref)
        return torch.full_like(g, ratio) if isinstance(ratio, float) else ratio


@dataclass(frozen=True)
class CubicCurve(Curve):
    """I = G V + a(log10 G) V^2 + b(log10 G) V^3, a and b fitted from g_low to g_high.

    Outside those conductances the relative curve is that of the nearer end.
    """

    square: Function  #: a [S / V] of log10 (G / S)
    cube: Function  #: b [S / V^2]
    g_low: float  #: [S]
    g_high: float  #: [S]
    v_max: float

    def __post_init__(self) -> None:
        if not (0.0 < self.g_low < self.g_high and self.v_max > 0.0):
            raise ValueError(
                f"g_low={self.g_low:g} S, g_high={self.g_high:g} S, v_max={self.v_max:g} V: above 0, g rising"
            )

    def factor(self, g: Tensor, voltage: Any) -> Tensor:
        held = g.clamp(self.g_low, self.g_high)
        log = stable.log(held) / math.log(10.0)
        return 1.0 + voltage * (self.square(log) + voltage * self.cube(log)) / held
