"""The ledger: every event counted where it happens, priced from the card.

An event is (layer, name, number); its energy is number x price.  Events of PHYSICS may have none: reads, and
pulses of a known voltage, take the actual sum of V^2 G t over the devices, entered in joules.  Totals are
over all images and chips seen.  A number may come as a tensor (chips,) or (chips, steps): then it also has
shares by chip and time step; what comes as one number happens alike on every chip and in every step.

Time is a first model: chips and an array's columns and tiles work in parallel, each with an ADC of its own;
positions and time steps follow one another on a layer's one set of arrays; layers follow one another; digital
work takes no time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from memsim.card.chip_card import ChipCard

ARRAY_READ = "array-read"

COMPONENTS = {
    "row-drive": "row drivers",
    "dac-conversion": "DAC",
    "adc": "ADC",
    ARRAY_READ: "array reads",
    "pulse": "attention pulses",
    "half-select": "half-selected cells",
    "line-charge": "write lines",
    "reset": "attention resets",
    "program": "weight writes",
    "neuron-step": "neurons",
    "digital": "digital arithmetic",
    "sop": "digital arithmetic",
}
"""First part of an event's name -> the component a report shows it under."""


PHYSICS = {
    ARRAY_READ: "sum of V^2 G t over the driven devices of this run",
    "pulse": "V^2 G t, the mean conductance before each pulse of this run",
    "half-select": "(V/2)^2 G t / k of the cells on driven lines, at rest; a quarter of a pulse's price / k",
    "line-charge": "C V^2 of every line driven, C from the technology's wires",
}
"""First part of an event whose energy is physics -> what it is."""


def component(event: str) -> str:
    """The component an event belongs to: ``adc-8b`` -> ``ADC``."""
    return next(name for prefix, name in COMPONENTS.items() if event.startswith(prefix))


def _physics(event: str) -> str:
    return next(words for prefix, words in PHYSICS.items() if event.startswith(prefix))


def entry(layer: str, event: str, part: str, number: float, joule: float, source: str) -> dict[str, object]:
    """A line of a bill: who, what, the component of a report, how often, the price [J] and who says so."""
    return {
        "layer": layer,
        "event": event,
        "component": part,
        "number": number,
        "price [J]": joule,
        "energy [J]": number * joule,
        "source": source,
    }


@dataclass
class Ledger:
    """Counts of events and joules of those that have no price, by layer and event; seconds of array work.

    ``images`` counts chip-images: eight chips that saw ten images are eighty.  Energies are for each image
    and chip.
    """

    card: ChipCard
    counts: dict[tuple[str, str], float] = field(default_factory=lambda: defaultdict(float))
    joules: dict[tuple[str, str], float] = field(default_factory=lambda: defaultdict(float))
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    notes: dict[tuple[str, str], float] = field(default_factory=lambda: defaultdict(float))
    shares: dict[tuple[str, str], Tensor] = field(default_factory=dict)
    images: int = 0
    open: bool = True

    def add(
        self, layer: str, event: str, number: float | Tensor, energy: float | Tensor | None = None
    ) -> None:
        """Count events; numbers are never negative.  energy: theirs in all [J], instead of a price."""
        if self.open:
            if energy is None:
                number = self._total(layer, event, number)
            else:
                self.joules[layer, event] += self._total(layer, event, energy)
                number = float(torch.as_tensor(number).sum())
            if not number >= 0:
                raise ValueError(f"{layer}: {event} = {number}: a number of events cannot be negative or NaN")
            self.counts[layer, event] += number

    def add_read(self, layer: str, energy: float | Tensor) -> None:
        """Energy of array reads [J], the sum of V^2 G t over all driven devices."""
        if self.open:
            self.joules[layer, ARRAY_READ] += self._total(layer, ARRAY_READ, energy)

    def add_time(self, layer: str, seconds: float | Tensor) -> None:
        """Time a layer's arrays take [s], summed over the chip-images of this call."""
        if self.open:
            self.seconds[layer] += float(seconds)

    def note(self, layer: str, what: str, number: float | Tensor) -> None:
        """Something to know that costs nothing: clipped conversions, floored conductances."""
        if self.open:
            self.notes[layer, what] += float(number)

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Count what happens inside on a page of its own, gone at the end."""
        kept = dict(vars(self))
        vars(self).update(vars(Ledger(self.card)))
        try:
            yield
        finally:
            vars(self).update(kept)

    def _total(self, layer: str, event: str, number: float | Tensor) -> float:
        """The sum of a number; its shares by chip and step are kept, where it has any."""
        if not isinstance(number, Tensor):
            return float(number)
        number = number.detach()
        if number.dim():
            before = self.shares.get((layer, event))
            number = number.double()
            self.shares[layer, event] = number if before is None else before + number
        return float(number.sum())

    def clear(self) -> None:
        """Forget everything counted so far."""
        for book in (self.counts, self.joules, self.seconds, self.notes, self.shares):
            book.clear()
        self.images = 0

    def lines(self) -> list[dict[str, object]]:
        """One line for each layer and event: number, price [J], energy [J], all for each image and chip; and
        the source.
        """
        n = max(self.images, 1)
        rows = []
        for (layer, event), number in self.counts.items():
            if (layer, event) in self.joules:
                mean = self.joules[layer, event] / number if number else 0.0
                rows.append(entry(layer, event, component(event), number / n, mean, _physics(event)))
            else:
                price = self.card.price(event)
                rows.append(entry(layer, event, component(event), number / n, price.energy, price.said))
        for (layer, event), joules in self.joules.items():
            if (layer, event) not in self.counts:
                rows.append(entry(layer, event, component(event), 1.0, joules / n, _physics(event)))
        return rows

    def breakdown(self, by: str = "component") -> dict[str, float]:
        """Energy for each image and chip [J], by ``component`` or by ``layer``."""
        total: dict[str, float] = defaultdict(float)
        for line in self.lines():
            total[str(line[by])] += float(line["energy [J]"])  # type: ignore[arg-type]
        return dict(total)

    def divided(self, by: Literal["chip", "step"]) -> Tensor:
        """Energy for each image [J] of every chip (chips,), or of every time step on a mean chip (steps,).

        Their mean over chips, or sum over steps, is ``energy``.  ValueError where no event has such shares.
        """
        axis = ("chip", "step").index(by)
        sizes = {share.shape[axis] for share in self.shares.values() if share.dim() > axis}
        sizes = sizes - {1} or sizes  # what happens once serves every step
        if len(sizes) != 1:
            raise ValueError(f"by {by}: " + (f"events of {sizes} {by}s" if sizes else "no event has shares"))
        (size,) = sizes
        total = torch.zeros(size, dtype=torch.float64)
        for line in self.lines():
            total += float(line["energy [J]"]) * self._weights((line["layer"], line["event"]), axis, size)  # type: ignore[arg-type]
        return total * size if by == "chip" else total

    def _weights(self, key: tuple[str, str], axis: int, size: int) -> Tensor:
        """How an event divides over chips or steps; the part without shares evenly. Sums to 1."""
        share, counted = self.shares.get(key), self.joules.get(key, self.counts.get(key, 0.0))
        even = torch.full((size,), 1 / size, dtype=torch.float64)
        if share is None or share.dim() <= axis or share.shape[axis] != size or not counted:
            return even
        part = (share if share.dim() == 1 else share.sum(1 - axis)) / counted
        return part + (1 - part.sum()) * even

    @property
    def energy(self) -> float:
        """Energy for each image and chip [J]."""
        return sum(self.breakdown().values())

    @property
    def latency(self) -> float:
        """Time from image to logits on one chip [s]: the layers' latencies in series."""
        return sum(self.latencies.values())

    @property
    def interval(self) -> float:
        """Time between two images [s] where each layer works on an image of its own: the slowest layer's."""
        return max(self.latencies.values(), default=0.0)

    @property
    def latencies(self) -> dict[str, float]:
        """Time of each layer's arrays for one image [s]."""
        return {layer: seconds / max(self.images, 1) for layer, seconds in self.seconds.items()}

    def number(self, event: str, layer: str | None = None) -> float:
        """How often an event happened for each image and chip, in one layer or in all."""
        hits = [
            v for (where, what), v in self.counts.items() if what.startswith(event) and layer in (None, where)
        ]
        return sum(hits) / max(self.images, 1)

    def noted(self, what: str, layer: str | None = None) -> float:
        """What was noted, for each image and chip, in one layer or in all."""
        hits = [v for (where, name), v in self.notes.items() if name == what and layer in (None, where)]
        return sum(hits) / max(self.images, 1)
