"""A ramp ADC: one ramp for all columns of a tile, a comparator for each.

Gain and bows are those of the ramp, common to the tile; the offset is each comparator's.  A conversion lasts
2^bits clock periods, which the card says by its rate or conversion time.
"""

from memsim.converters.adc_kind import AdcErrors, AdcKind, Curves, Draw, column_curves
from memsim.converters.kinds import ADC


@ADC.register("ramp")
class Ramp(AdcKind):
    """A comparator for each column against a common ramp."""

    def curves(self, errors: AdcErrors, levels: int, bits: int, draw: Draw) -> Curves:
        return column_curves(errors, levels, draw, ramp="tile")
