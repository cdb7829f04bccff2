"""The clock of a context: token n arrives n / rate seconds after token 0, which gives every line an age."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Clock:
    """Clock that assigns a time to each token, t_n = n / rate.

    Typical rates: 10 to 100 tokens per second for a chat, 1e3 to 1e6 for a sensor.  The age of the weight
    arrays, measured from their programming, is a separate and much longer time.  Raises ValueError for a rate
    that is not a positive number.
    """

    rate: float = 1e3  #: tokens per second [1/s]

    def __post_init__(self) -> None:
        if isinstance(self.rate, bool) or not isinstance(self.rate, (int, float)):
            raise ValueError(f"rate = {self.rate!r}: a number of tokens per second is needed")
        if not 0 < self.rate < math.inf:
            raise ValueError(f"rate = {self.rate} tokens per second: a positive number is needed")

    def time(self, token: int) -> float:
        """Return the time at which a token arrives, counted from token 0 [s]."""
        return token / self.rate
