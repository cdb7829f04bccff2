"""Drift of pulsed devices: each device follows the drift law of a weight cell of the same technology.

    G(age) = G (1 + age / t_0)^-nu,   nu = |mu(x) + s(x) xi|,  x = G / g_scale

age [s] is the time since the last pulse of that device, and xi is a standard normal number drawn once for
each device.  The publications behind the pulsed cells do not measure drift, so the law is taken from a weight
cell (``BORROWED``): PCM drifts as in Joshi et al. (2020).  Cells of other technologies keep their states,
because memsim has no published law for the drift of their mean conductance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from memsim.devices import Stream, registry

BORROWED = {"PCM": "pcm-joshi2020"}
"""Maps the technology of a pulsed cell to the weight cell whose drift law it uses."""


@dataclass(frozen=True, eq=False)
class Ageing:
    """Drift of the devices of one array, of shape (S, D, R, C): chips, devices of a weight, rows, columns."""

    law: Any  #: drift law of the weight cell: mu, s and t_0
    g_scale: float  #: conductance by which G is divided in the law [S]
    xi: Tensor  #: standard normal number of each device (S, D, R, C)

    @classmethod
    def of(cls, technology: str, shape: tuple[int, int], rng: Stream) -> Ageing | None:
        """Return the drift of a technology for arrays of this shape (R, C), or None if it does not drift.

        rng holds one random stream for each chip and device of a weight (S, D).
        """
        name = BORROWED.get(technology)
        if name is None:
            return None
        cell: Any = registry.get(name)
        return cls(cell.drift, cell.g_scale, rng.child("drift").normal(shape))

    def factor(self, siemens: Tensor, age: Tensor) -> Tensor:
        """Return G(age) / G [1] for conductances [S] and ages [s], both of shape (S, D, R, C)."""
        nu = self.law.exponent(siemens / self.g_scale, self.xi)
        return torch.exp(-torch.log1p(age / self.law.t_0).to(siemens) * nu)
