"""Drift of pulsed devices: the law of a weight cell of the same technology, each device on its own clock.

    G(age) = G (1 + age / t_0)^-nu,   nu = |mu(x) + s(x) xi|,  x = G / g_scale

age is the time since the device's last pulse, xi is drawn once for a device.  The sources of pulsed cells
measure no time, so the law is borrowed (``BORROWED``): PCM drifts as that of Joshi et al. (2020).  Cells of
other technologies keep their states: no drift of their means is published with a law that memsim has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from memsim.devices import Stream, registry

BORROWED = {"PCM": "pcm-joshi2020"}
"""Technology of a pulsed cell -> the weight cell whose drift its devices take."""


@dataclass(frozen=True, eq=False)
class Ageing:
    """The drift of the devices of an array, (S, D, R, C)."""

    law: Any
    g_scale: float  #: [S]
    xi: Tensor

    @classmethod
    def of(cls, technology: str, shape: tuple[int, int], rng: Stream) -> Ageing | None:
        """The drift of a technology; None: its states are kept.  rng: streams of chips and sides."""
        name = BORROWED.get(technology)
        if name is None:
            return None
        cell: Any = registry.get(name)
        return cls(cell.drift, cell.g_scale, rng.child("drift").normal(shape))

    def factor(self, siemens: Tensor, age: Tensor) -> Tensor:
        """G(age) / G [1] of devices of these conductances [S] at their ages [s]."""
        nu = self.law.exponent(siemens / self.g_scale, self.xi)
        return torch.exp(-torch.log1p(age / self.law.t_0).to(siemens) * nu)
