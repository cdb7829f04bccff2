"""The I-V curves that can be fitted, each with one parameter: its bend at the highest voltage [1].

    sinh    I = G V_0 sinh(V / V_0)    bend (V_max / V_0)^2 = exp(u)
    cubic   I = G (V + c V^3)          bend c V_max^2 = exp(u) - 1/3: the current rises up to V_max

The fit uses u, which is not bounded in either law.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np


class IVLaw(ABC):
    """I-V curve of the form ln I = ln G + shape(V / V_max, u)."""

    name: str
    key: str  #: key of its number in the ``[weight]`` table of a card
    ends: tuple[float, float]  #: range of u in fits

    @abstractmethod
    def shape(self, x: np.ndarray, u: float) -> np.ndarray:
        """Return ln(I / (G V_max)) at x = V / V_max, above 0."""

    @abstractmethod
    def bend(self, u: float) -> float:
        """Return the bend [1]; 0 is a straight line."""

    @abstractmethod
    def number(self, u: float, v_max: float) -> float:
        """Return the number for a card, in the unit of `key`; v_max [V]."""


class Sinh(IVLaw):
    """Sinh law, which bends upwards."""

    name, key, ends = "sinh", "v_0 [V]", (float(np.log(1e-4)), float(np.log(2500.0)))

    def shape(self, x: np.ndarray, u: float) -> np.ndarray:
        root = np.exp(u / 2)
        return root * x + np.log1p(-np.exp(-2 * root * x)) - np.log(2.0 * root)

    def bend(self, u: float) -> float:
        return float(np.exp(u))

    def number(self, u: float, v_max: float) -> float:
        return v_max * float(np.exp(-u / 2))


class Cubic(IVLaw):
    """Cubic law, which bends upwards or downwards."""

    name, key, ends = "cubic", "iv_cube [1/V^2]", (float(np.log(1e-4)), float(np.log(1e3)))

    def shape(self, x: np.ndarray, u: float) -> np.ndarray:
        return np.log(x) + np.log1p(self.bend(u) * x**2)

    def bend(self, u: float) -> float:
        return float(np.exp(u)) - 1.0 / 3.0

    def number(self, u: float, v_max: float) -> float:
        return self.bend(u) / v_max**2


LAWS = {law.name: law for law in (Sinh(), Cubic())}
"""Laws by name; by default a fit uses the one with smaller residuals."""
