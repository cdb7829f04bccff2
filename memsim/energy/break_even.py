"""Where crossbars and a digital baseline cost the same: spike rate, energy of a pulse, of a conversion.

    E_crossbar(f) = fixed + f spiking + pulses E_pulse + conversions E_conversion (+ memory)

f is the spike rate in multiples of today's; row drives and array reads grow with it, the numbers of pulses
and conversions do not.  The digital side is its bill at f times the spikes.  A baseline that pays for memory
is held against crossbars whose inputs, sums, membranes and spikes lie in the same SRAM.  Each crossing stands
for one end of the band (`Balance.ends`) or for the card's own prices.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from scipy.optimize import brentq

from memsim.card.chip_card import ChipCard
from memsim.energy.band import Band, Verdict, ends
from memsim.energy.band import conversion as conversion_ends
from memsim.energy.baselines import BASELINES
from memsim.energy.line import Line, total
from memsim.energy.moving import buffers
from memsim.energy.work import Work, scaled, spike_rate
from memsim.prices.events import ARRAY_READ
from memsim.prices.parts import Converter
from memsim.prices.price import Price

WITH_MEMORY = ("memory", "dense", "dram", "qnn")
"""Baselines that pay for memory."""


def rival(baseline: str) -> str:
    """Return the crossbars' energy that covers the same work as a baseline: "crossbar" or
    "crossbar_memory".
    """
    return "crossbar_memory" if baseline in WITH_MEMORY else "crossbar"


@dataclass(frozen=True, kw_only=True)
class Balance:
    """Crossbars against the baselines on one network, at one card's prices.

    lines are the crossbars' of today, works the digital counts of the same run.  ValueError without
    conversions or spikes: then there is nothing to weigh.
    """

    lines: Sequence[Line]
    works: Sequence[Work]
    card: ChipCard
    end: int | None = None  #: of the band that the lines are at; None: the card's own prices

    def __post_init__(self) -> None:
        if not (self.number("adc-") and self.rate):
            raise ValueError("break-even needs conversions and spikes; is every layer digital?")

    @cached_property
    def ends(self) -> tuple[Balance, Balance]:
        """The same with the crossbars' energy at the lower and the upper end of its band."""
        low, high = ends(self.lines, self.card)
        return replace(self, lines=low, end=0), replace(self, lines=high, end=1)

    def band(self, baseline: str) -> Band:
        """Return the energy of the crossbars today [J], with what the baseline also pays."""
        return Band(*(one.crossbar(baseline, self.rate) for one in self.ends))

    def verdict(self, baseline: str) -> Verdict:
        """Return which takes less energy today; "not decided" where that changes inside the band."""
        return self.band(baseline).against(self.digital(baseline, self.rate))

    @property
    def rate(self) -> float:
        """Today's mean spike rate [1]."""
        return spike_rate(self.works)

    def number(self, event: str) -> float:
        """Return how often today's events of that name happen."""
        return sum(line.number for line in self._of(event))

    def price(self, event: str) -> float:
        """Today's mean price of those events [J]; 0 where there are none."""
        number = self.number(event)
        return total(self._of(event)) / number if number else 0.0

    def crossbar(
        self, baseline: str, rate: float, pulse: float | None = None, conversion: float | None = None
    ) -> float:
        """Return the energy of the crossbars [J] at a spike rate, an energy of a pulse and of a conversion
        [J] (None: today's), with what the baseline also pays.
        """
        joule = total(self.lines)
        growing = total([*self._of("row-drive"), *self._of(ARRAY_READ)])
        joule += (rate / self.rate - 1) * growing
        for event, price in (("pulse-", pulse), ("adc-", conversion)):
            if price is not None:
                joule += self.number(event) * (price - self.price(event))
        if baseline in WITH_MEMORY:
            joule += total(buffers(self.works, self.card))
        return joule

    def digital(self, baseline: str, rate: float) -> float:
        """Return the energy of a baseline [J] at a spike rate."""
        return total(BASELINES[baseline](scaled(self.works, rate / self.rate), self.card))

    def even_pulse(self, baseline: str, rate: float) -> float:
        """Return the energy of a pulse [J] below which crossbars win; negative: not even for nothing; NaN
        without pulses.
        """
        room = self.digital(baseline, rate) - self.crossbar(baseline, rate, pulse=0.0)
        return room / self.number("pulse-") if self.number("pulse-") else math.nan

    def even_conversion(self, baseline: str, rate: float) -> float:
        """Return the energy of a conversion [J] below which crossbars win; negative: not even for nothing."""
        room = self.digital(baseline, rate) - self.crossbar(baseline, rate, conversion=0.0)
        return room / self.number("adc-")

    @property
    def converter(self) -> Converter:
        """The card's own ADC prices, or those at this end of the band, as one table."""
        bits = (n for n in range(1, 17) if f"adc-{n}b" in self.card.prices)
        energy = {n: self._converted(n).energy for n in bits}
        source = f"prices of card {self.card.name}"
        return Converter.model_validate({"energy [J]": energy, "source": source})

    def _converted(self, bits: int) -> Price:
        event = f"adc-{bits}b"
        return self.card.price(event) if self.end is None else conversion_ends(self.card, event)[self.end]

    def even_bits(self, baseline: str, rate: float, converter: Converter | None = None) -> float | None:
        """Bits up to which crossbars win with a converter (None: the card's own); None where not even its
        fewest do, the most of its table where more would do.
        """
        converter = converter or self.converter
        limit, known = self.even_conversion(baseline, rate), sorted(converter.energy)
        if limit < converter.energy[known[0]]:
            return None
        if limit >= converter.energy[known[-1]]:
            return float(known[-1])
        return _root(lambda b: converter.price(b).energy - limit, known[0], known[-1])

    def even_rate(self, baseline: str) -> float | None:
        """Spike rate [1] at which both cost the same, between 0 and 1; None where one wins throughout."""

        def gap(rate: float) -> float:
            return self.digital(baseline, rate) - self.crossbar(baseline, rate)

        low, high = 0.0, 1.0
        return None if gap(low) * gap(high) > 0 else _root(gap, low, high)

    def _of(self, event: str) -> list[Line]:
        return [line for line in self.lines if line.event.startswith(event)]


def _root(gap: Callable[[float], float], low: float, high: float) -> float:
    root: Any = brentq(gap, low, high)
    return root
