"""The clock of a context: token n happens n / rate seconds after its first, so that every line has an age."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Clock:
    """Tokens a second.  The time since weights were programmed is another, far longer one.

    A chat runs at 10 to 100 tokens a second, a sensor at 1e3 to 1e6.  Raises ValueError for a rate that is
    not a positive number.
    """

    rate: float = 1e3  #: tokens a second [1/s]

    def __post_init__(self) -> None:
        if not 0 < self.rate < math.inf:
            raise ValueError(f"rate = {self.rate} tokens a second: a positive number is needed")

    def time(self, token: int) -> float:
        """When a token happens [s]."""
        return token / self.rate
