"""A uniform ADC: it rounds to the nearest step; each has an offset, a gain and two bows of its own."""

from memsim.converters.adc_kind import AdcErrors, AdcKind, Curves, Draw, column_curves
from memsim.converters.kinds import ADC


@ADC.register("uniform")
class Uniform(AdcKind):
    """An ADC by its errors alone, whatever its circuit."""

    def curves(self, errors: AdcErrors, levels: int, bits: int, draw: Draw) -> Curves:
        return column_curves(errors, levels, draw)
