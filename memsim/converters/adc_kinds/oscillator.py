"""A current-controlled oscillator that counts periods, up for one sign and down for the other.

    f(u) = f_max u (1 + c) / (1 + c |u|)      c: the curvature, what is lost at full scale

A period that is not complete is not counted: codes are cut off towards 0, which is half a step in the mean.
Of IBM's HERMES kind (Khaddam-Aljameh et al., JSSC 57, 1027, 2022); the curvature is a first-order model of a
frequency that saturates, not a number of that paper.
"""

from dataclasses import replace

from memsim.converters.adc_kind import AdcErrors, AdcKind, Curves, Draw, column_curves
from memsim.converters.kinds import ADC


@ADC.register("oscillator")
class Oscillator(AdcKind):
    """An oscillator and a counter for each column."""

    takes = ("offset", "gain", "inl", "curvature")
    never_ideal = True

    def curves(self, errors: AdcErrors, levels: int, bits: int, draw: Draw) -> Curves:
        made = column_curves(errors, levels, draw)
        return replace(made, bend=errors.curvature, counts=True)
