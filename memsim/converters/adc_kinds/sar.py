"""A successive-approximation ADC whose capacitors differ from their nominal sizes.

Its bits are compared most significant first against a binary-weighted array of 2^bits unit capacitors, one of
them a dummy, each with a relative error of its own:

    C_i = 2^i + sigma sqrt(2^i) xi_i,     level(code) = 2^bits sum_i b_i C_i / (1 + sum_i C_i)

To first order the level of code c errs by sigma sqrt(c (2^bits - c) / 2^bits) steps: sigma 2^(bits / 2) / 2
in the middle (Plassche, CMOS Integrated Analog-to-Digital and Digital-to-Analog Converters, 2003).  The code
is offset binary, current 0 in the middle; where all currents have one sign, code 0 is no current.
"""

from dataclasses import replace

from memsim.converters.adc_kind import AdcErrors, AdcKind, Curves, Draw, column_curves
from memsim.converters.kinds import ADC


@ADC.register("sar")
class Sar(AdcKind):
    """A comparator, a register and a capacitor array."""

    takes = ("offset", "gain", "inl", "mismatch")

    def curves(self, errors: AdcErrors, levels: int, bits: int, draw: Draw) -> Curves:
        made = column_curves(errors, levels, draw)
        if not errors.mismatch:
            return made
        xi = draw("mismatch", rows=bits + 1)
        nominal = xi.new_tensor([2.0**n for n in reversed(range(bits))]).view(-1, 1)
        array = nominal + errors.mismatch * nominal.sqrt() * xi[..., :bits, :]
        total = array.sum(-2, keepdim=True) + 1.0 + errors.mismatch * xi[..., bits:, :]
        return replace(made, capacitors=array * (2.0**bits / total))
