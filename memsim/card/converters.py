"""The converters' tables of a chip card, ``[weights.adc]``, ``[attention.adc]`` and ``[weights.dac]``."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from pydantic import Field, field_validator, model_validator

from memsim.converters.adc_kind import AdcErrors, Calibration
from memsim.converters.kinds import ADC, DAC
from memsim.devices.toml_file import Section
from memsim.prices.price import MAX_ENERGY, Node, Price

if TYPE_CHECKING:
    from memsim.converters.adc import Adc
    from memsim.converters.dac import Dac


class AdcSection(Section):
    """The ADCs of arrays: their kind, their errors by fabrication, their number, and their prices.

    Errors are drawn once for each ADC of a chip.
    """

    kind: str = "uniform"
    """``uniform``, ``sar``, ``ramp`` (one ramp for all columns of a tile) or ``oscillator`` (counts whole
    periods).
    """
    columns_per_adc: int | None = Field(default=None, ge=1, le=65536)
    """Number of neighbouring columns (sensed lines) of a tile that one ADC converts in turn; default: every
    column has errors of its own, and the area has as many ADCs as convert all columns in conversion_time.
    """
    offset: float = Field(default=0.0, ge=0, le=10)
    """Standard deviation of the offset of an ADC, relative to full scale [1]."""
    gain: float = Field(default=0.0, ge=0, le=10)
    """Standard deviation of the relative gain error of an ADC [1]."""
    inl: float = Field(default=0.0, ge=0, le=10)
    """Integral nonlinearity: standard deviation of the peak of each of two curves, 1 - u^2 and u - u^3 with
    u = +-1 at full scale, relative to full scale [1].
    """
    capacitor_mismatch: float = Field(default=0.0, ge=0, le=10)
    """Relative standard deviation of one of the 2^adc_bits unit capacitors of a SAR ADC [1]."""
    curvature: float = Field(default=0.0, ge=0, le=10)
    """Saturation c of the frequency of an oscillator, f_max u (1 + c) / (1 + c |u|) [1]."""
    calibration: Calibration = "none"
    """Measurement by which errors of each ADC are corrected digitally: none; the code without current
    (``offset``); the codes at plus and minus three quarters of full scale (``two-point``).  Codes are whole
    numbers, so an error of up to half a step remains.
    """
    energy: float | None = Field(default=None, alias="energy [J]", ge=0, lt=MAX_ENERGY)
    """Energy of a conversion [J]; default: that of the prices, or of the technology."""
    area: float | None = Field(default=None, alias="area [m2]", gt=0, lt=1e-4)
    """Area of one ADC [m2]; default: unknown if the energy is given here, otherwise that of the price."""
    rate: float | None = Field(default=None, alias="rate [1/s]", gt=1, lt=1e13)
    """Conversions of one ADC per second; default: one in conversion_time, or that of the technology."""
    hold_power: float = Field(default=9.7e-9, alias="hold_power [W]", ge=0, lt=1)
    """Power of a sample-and-hold circuit while its column waits for a shared ADC [W]; ISAAC, 32 nm (Shafiee
    et al., ISCA 2016).
    """
    source: str | None = Field(default=None, min_length=8)
    """Source of the energy and area."""
    node: Node | None = None
    """Technology node of the energy and area, such as ``"14nm"``, from which they are scaled to the
    node of the technology of the card, or ``"any"``; default: an unknown node, which is named wherever an
    energy is shown.
    """

    @field_validator("kind")
    @classmethod
    def _known(cls, kind: str) -> str:
        ADC.get(kind)
        return kind

    @model_validator(mode="after")
    def _has_a_source(self) -> AdcSection:
        if self.energy is not None and self.source is None:
            raise ValueError("an ADC with an energy of its own needs a source: paper, table or file")
        return self

    def made(self, bits: int, on: Callable[[str], bool]) -> Adc:
        """Return the ADCs of this many bits, with those errors whose effect is on."""
        sizes = {
            "offset": ("adc-offset", self.offset),
            "gain": ("adc-gain", self.gain),
            "inl": ("adc-inl", self.inl),
            "mismatch": ("adc-mismatch", self.capacitor_mismatch),
            "curvature": ("adc-inl", self.curvature),
        }
        from memsim.converters.adc import Adc

        return Adc(
            bits=bits,
            rounds=on("adc"),
            kind=self.kind,
            errors=AdcErrors(**{name: size for name, (effect, size) in sizes.items() if on(effect)}),
            calibration=self.calibration,
            shared=self.columns_per_adc or 1,
        )

    @property
    def corrections(self) -> tuple[str, ...]:
        """Events of digital work that calibrated ADCs add to each conversion: a zero to take away, and with
        two points a scale.
        """
        return {"none": (), "offset": ("digital-add",), "two-point": ("digital-mac",)}[self.calibration]

    @property
    def price(self) -> Price | None:
        """Own energy and area of a conversion, at the ADC's own node; None where it has neither."""
        if self.energy is None and self.area is None:
            return None
        fields = {"energy [J]": self.energy or 0.0, "area [m2]": self.area, "node": self.node}
        return Price.model_validate(fields | {"source": self.source or "area of an ADC of the card's own"})

    def number(self, lines: int) -> int:
        """ADCs of `lines` lines of a tile: no two tiles share one."""
        return math.ceil(lines / (self.columns_per_adc or 1))

    def time(self, lines: int, conversion_time: float) -> float:
        """Return the time to convert `lines` lines of a tile [s]; conversion_time: the card's [s], of one
        conversion where columns share an ADC, of all where each has its own.
        """
        one = conversion_time if self.rate is None else 1 / self.rate
        if self.columns_per_adc is None:
            return max(conversion_time, one)
        return one * min(self.columns_per_adc, lines)

    def held(self, lines: int, conversion_time: float) -> float:
        """Return the energy of the sample-and-holds of `lines` lines while they wait for their ADC [J]: the
        n-th of an ADC waits for n - 1 conversions.
        """
        if self.columns_per_adc is None:
            return 0.0
        one = conversion_time if self.rate is None else 1 / self.rate
        whole, rest = divmod(lines, self.columns_per_adc)
        waits = whole * self.columns_per_adc * (self.columns_per_adc - 1) / 2 + rest * (rest - 1) / 2
        return self.hold_power * one * waits


class DacSection(Section):
    """What drives rows that carry numbers; spikes drive a row with one pulse."""

    kind: str = "amplitude"
    """``amplitude`` (a voltage), ``pulse-width`` (a length), ``bit-serial`` or ``unary`` (passes of one-bit
    drives).  Rows that carried whole numbers 0 .. k alone in calibration are driven by these, in k steps; a
    voltage has 2^dac_bits steps whatever it carries.
    """
    unit_pulse: float = Field(default=1e-9, alias="unit_pulse [s]", gt=1e-13, lt=1e-3)
    """Length of one step of a pulse width [s]; 1 GHz as HERMES (Khaddam-Aljameh et al., JSSC 57, 2022)."""

    @field_validator("kind")
    @classmethod
    def _known(cls, kind: str) -> str:
        DAC.get(kind)
        return kind

    def made(self, bits: int, on: Callable[[str], bool]) -> Dac:
        """Return the DACs of this many bits; voltages of any size where the effect is off."""
        from memsim.converters.dac import Dac

        return Dac(bits=bits, kind=self.kind if on("dac") else "amplitude", unit_pulse=self.unit_pulse)
