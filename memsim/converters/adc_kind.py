"""A kind of ADC: what the errors that a card states mean for its curve."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from torch import Tensor


Calibration = Literal["none", "offset", "two-point"]
"""What a calibration of each ADC takes off: nothing, its code at no current, that and its gain."""

Draw = Callable[..., "Tensor"]
"""draw(name, rows=1, each="adc" or "tile"): standard normals (..., tiles, rows, columns), those of a column's
ADC, or of its tile; the name keys the random stream.
"""


@dataclass(frozen=True, kw_only=True)
class AdcErrors:
    """Sizes of an ADC's errors; 0 is an ideal one."""

    offset: float = 0.0  #: standard deviation, as a share of full scale [1]
    gain: float = 0.0  #: standard deviation, relative [1]
    inl: float = 0.0  #: standard deviation of either bow's peak, as a share of full scale [1]
    mismatch: float = 0.0  #: standard deviation of a unit capacitor, relative [1]
    curvature: float = 0.0  #: what a transfer loses at full scale, relative to its slope at zero [1]


@dataclass(frozen=True)
class Curves:
    """Static curves of ADCs, (..., tiles, 1 or rows, columns), of an input x in steps, u = x / levels:

        y = offset + slope x (1 + bend) / (1 + bend |u|) + (1 - u^2) (bow + skew u)

    y is rounded; where ``counts``, cut off to whole periods; where there are capacitors, it is what they are
    compared with, most significant first, in steps (nominally 2^(bits - 1), ..., 2, 1).
    """

    offset: Tensor
    slope: Tensor
    bow: Tensor
    skew: Tensor
    bend: float = 0.0
    counts: bool = False
    capacitors: Tensor | None = None


class AdcKind(ABC):
    """A kind of ADC: its curves, by the errors stated and a draw of normals."""

    takes: ClassVar[tuple[str, ...]] = ("offset", "gain", "inl")
    """Errors that this kind has."""
    never_ideal: ClassVar[bool] = False
    """Whether it differs from rounding to the nearest step even without errors."""

    @abstractmethod
    def curves(self, errors: AdcErrors, levels: int, bits: int, draw: Draw) -> Curves:
        """Return the curves of fabricated ADCs; levels: steps from 0 to full scale."""


def column_curves(errors: AdcErrors, levels: int, draw: Draw, *, ramp: str = "adc") -> Curves:
    """Return curves with offset, slope and bows; ramp: "tile" where what makes slope and bows serves a tile.

    The bows 1 - u^2 and u (1 - u^2) 3 sqrt(3) / 2 are 0 at both ends and peak at 1.
    """
    peak = errors.inl * levels
    return Curves(
        offset=errors.offset * levels * draw("offset"),
        slope=1.0 + errors.gain * draw("gain", each=ramp),
        bow=peak * draw("bow", each=ramp),
        skew=peak * 1.5 * 3**0.5 * draw("skew", each=ramp),
    )
