"""Worn pulsed cells: devices whose life is over are stuck, and a pulse wears less than a reset.

A cycle is a RESET; a partial pulse wears as (|dw| / range)^m of one, m a field of the card.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from torch import Tensor

from memsim.devices.cell import PulsedCell
from memsim.devices.numerics.stream import Stream
from memsim.devices.pulses.stuck import STUCK, Stuck
from memsim.devices.worn import lives, worn_levels


@final
@dataclass(frozen=True, kw_only=True)
class Worn(Stuck):
    """Devices written `cycles` times; those whose life is over are stuck at either end of the range, by the
    law of `memsim.devices.worn`.

    Each device's life is drawn once, from the streams "life" and "stuck" beside its other values, so a
    failed device stays failed. A stuck device reads as the lowest or highest state of a nominal device,
    whatever its pulses; no kernel needs to know. Raises ValueError for numbers that are not positive, or a
    probability outside 0 .. 1.
    """

    cycles: float  #: each device was written so often
    endurance: float  #: cycles by which 63.2 % have failed
    shape: float  #: Weibull modulus: below 1 they fail early, above 1 they wear out together
    stuck_high: float  #: probability that a failed device is stuck at the upper end

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("endurance", "shape"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} = {getattr(self, name)}: a positive number")
        if not (0 <= self.stuck_high <= 1 and 0 <= self.cycles < math.inf):
            raise ValueError(
                f"stuck_high = {self.stuck_high}, cycles = {self.cycles}: 0 .. 1, and not negative"
            )

    def _levels(self, shape: Sequence[int], rng: Stream) -> dict[str, Tensor]:
        about, life = self.describe(), lives(shape, self.endurance, self.shape, rng=rng)
        levels = worn_levels(life, self.cycles, self.stuck_high, about.low, about.high, rng=rng)
        return {"life": life, STUCK: levels}


def pulse_wear(cell: PulsedCell, n_max: int, exponent: float) -> float:
    """Return the mean (|dw| / range)^exponent of one pulse of a full write [cycles], by the cell's mean
    response.
    """
    told = cell.describe()
    steps = cell.response(n_max).double().diff().abs() / (told.high - told.low)
    return float(steps.clamp(max=1.0).pow(exponent).mean())
