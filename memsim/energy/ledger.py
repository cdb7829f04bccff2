"""The ledger: every event counted where it happens, priced from the card.

An event is (layer, name, number); its energy is number x price.  Events of PHYSICS may have none: reads, and
pulses of a known voltage, take the actual sum of V^2 G t over the devices, entered in joules.  Totals are
over all images and chips seen.  A number may come as a tensor (chips,) or (chips, steps): then it also has
shares by chip and time step; what comes as one number is the same on every chip and in every step.

Time is a first model: chips and an array's columns and tiles work in parallel, each with an ADC of its own;
positions and time steps follow one another on a layer's one set of arrays; layers follow one another; digital
work takes no time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from memsim.card.chip_card import ChipCard
from memsim.energy.line import Line, total
from memsim.prices.events import ARRAY_READ, COLUMN_SECOND, find

Key = tuple[str, str]  #: (layer, event)
Numbers = dict[Key, float]
Entry = tuple[str, str, "float | Tensor"]  #: layer, event or what is noted, number

UPKEEP = ("writes", "write energy [J]", "reads", "read energy [J]")
"""Keys of what an array's upkeep is counted in."""


class Work(NamedTuple):
    """What some work came to, as `Ledger.enter` takes it; each list is filled as it is done."""

    events: list[Entry]
    joules: list[Entry]
    notes: list[Entry]
    seconds: list[tuple[str, float]]


def _numbers() -> Numbers:
    return defaultdict(float)


@dataclass
class Page:
    """What a ledger has counted, by layer and event: numbers of events, joules of those that need no price,
    notes, seconds of array work by layer.

    ``images`` counts chip-images: eight chips that saw ten images are eighty.
    """

    counts: Numbers = field(default_factory=_numbers)
    joules: Numbers = field(default_factory=_numbers)
    notes: Numbers = field(default_factory=_numbers)
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    columns: dict[str, int] = field(default_factory=dict)  #: that a chip powers for an image, by layer
    shares: dict[Key, Tensor] = field(default_factory=dict)
    images: int = 0
    open: bool = True


class Ledger:
    """Counts of events and joules of those that have no price, by layer and event; seconds of array work.

    Energies are for each image and chip.  What is counted stands on a page (`Page`); `apart` opens another.
    """

    def __init__(self, card: ChipCard) -> None:
        self.card, self.page = card, Page()

    def __repr__(self) -> str:
        events = f"{len(self.counts)} kinds of events, {self.images} chip-images"
        try:
            return f"Ledger({self.energy:.3g} J and {self.latency:.3g} s an image; {events})"
        except ValueError as error:  # an event has no price
            return f"Ledger({events}; no energy: {error})"

    @property
    def counts(self) -> Numbers:
        """Numbers of events by layer and event."""
        return self.page.counts

    @property
    def joules(self) -> Numbers:
        """Joules of events that came with their energy, by layer and event."""
        return self.page.joules

    @property
    def notes(self) -> Numbers:
        """Numbers of what costs nothing, by layer and name."""
        return self.page.notes

    @property
    def shares(self) -> dict[Key, Tensor]:
        """Numbers or joules by chip, or chip and step, by layer and event."""
        return self.page.shares

    @property
    def images(self) -> int:
        """Chip-images counted."""
        return self.page.images

    @images.setter
    def images(self, number: int) -> None:
        self.page.images = number

    @property
    def open(self) -> bool:
        """Whether anything is counted at all."""
        return self.page.open

    @open.setter
    def open(self, state: bool) -> None:
        self.page.open = state

    def enter(
        self,
        events: Iterable[Entry] = (),
        joules: Iterable[Entry] = (),
        notes: Iterable[Entry] = (),
        seconds: Iterable[tuple[str, float]] = (),
    ) -> None:
        """Count what some work came to: an entry is (layer, event, number), numbers are never negative.

        joules: energies of events that have no price [J]; notes: what costs nothing, such as clipped
        conversions; seconds: (layer, time) that its arrays take [s], summed over the chip-images.  Raises
        ValueError for an event that is not declared, for joules of one that has a price, and for a number
        that is negative or NaN.
        """
        page = self.page
        if not page.open:
            return
        for into, entries in ((page.joules, joules), (page.counts, events)):
            for layer, event, number in entries:
                declared = find(event)
                if into is page.joules and not declared.physics:
                    raise ValueError(f"{layer}: {event} has a price, it takes no energy of its own")
                if isinstance(number, Tensor):
                    number = number.detach().cpu()
                    if number.dim():
                        number, before = number.double(), page.shares.get((layer, event))
                        page.shares[layer, event] = number if before is None else before + number
                    number = float(number.sum())
                if into is page.counts and not number >= 0:
                    raise ValueError(
                        f"{layer}: {event} = {float(number)}: a number of events cannot be negative or NaN"
                    )
                into[layer, event] += number
        for layer, what, number in notes:
            page.notes[layer, what] += float(number)
        for layer, time in seconds:
            page.seconds[layer] += float(time)

    def add(
        self, layer: str, event: str, number: float | Tensor, energy: float | Tensor | None = None
    ) -> None:
        """Count one event; energy: theirs in all [J], instead of a price."""
        if energy is None:
            self.enter([(layer, event, number)])
        else:
            self.enter([(layer, event, float(torch.as_tensor(number).sum()))], [(layer, event, energy)])

    def add_read(self, layer: str, energy: float | Tensor) -> None:
        """Energy of array reads [J], the sum of V^2 G t over all driven devices."""
        self.enter(joules=[(layer, ARRAY_READ, energy)])

    def add_time(self, layer: str, seconds: float) -> None:
        """Time a layer's arrays take [s], summed over the chip-images of this call."""
        self.enter(seconds=[(layer, seconds)])

    def note(self, layer: str, what: str, number: float) -> None:
        """Something to know that costs nothing: clipped conversions, floored conductances."""
        self.enter(notes=[(layer, what, number)])

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Count nothing of what happens inside."""
        before, self.open = self.open, False
        try:
            yield
        finally:
            self.open = before

    @contextmanager
    def apart(self) -> Iterator[Page]:
        """Count what happens inside on a page of its own, put away at the end."""
        kept, self.page = self.page, Page()
        try:
            yield self.page
        finally:
            self.page = kept

    def clear(self) -> None:
        """Forget everything counted so far."""
        self.page = Page(open=self.page.open)

    def lines(self) -> list[Line]:
        """Return one line for each layer and event that has a price or joules, for each image and chip.

        Raises CardError for an event that needs a price and has none.
        """
        n = max(self.images, 1)
        rows = []
        for (layer, event), number in self.counts.items():
            if (layer, event) in self.joules:
                mean = self.joules[layer, event] / number if number else 0.0
                rows.append(Line.of(layer, event, number / n, mean, find(event).physics))
            elif not self._uncounted(event):
                price = self.card.price(event)
                rows.append(Line.of(layer, event, number / n, price.energy, price.said))
        for (layer, event), joules in self.joules.items():
            if (layer, event) not in self.counts:
                rows.append(Line.of(layer, event, 1.0, joules / n, find(event).physics))
        return [*rows, *self._leakage()]

    def _leakage(self) -> Iterator[Line]:
        """Yield static power of every column for the time of an image."""
        time = self.latency
        for layer, columns in self.page.columns.items():
            price = self.card.price(COLUMN_SECOND)
            yield Line.of(layer, COLUMN_SECOND, columns * time, price.energy, price.said)

    @property
    def uncounted(self) -> Numbers:
        """Numbers of events that happened but have no price, for each image and chip, by layer and event:
        their energy is missing from every total.
        """
        n = max(self.images, 1)
        found = {key: number / n for key, number in self.counts.items() if key not in self.joules}
        return {key: number for key, number in found.items() if number and self._uncounted(key[1])}

    def _uncounted(self, event: str) -> bool:
        return find(event).optional and event not in self.card.prices

    def breakdown(self, by: Literal["component", "layer", "event"] = "component") -> dict[str, float]:
        """Return the energy for each image and chip [J], by ``component``, ``layer`` or ``event``."""
        total: dict[str, float] = defaultdict(float)
        for line in self.lines():
            total[getattr(line, by)] += line.energy
        return dict(total)

    def divided(self, by: Literal["chip", "step"]) -> Tensor:
        """Return the energy for each image [J] of every chip (chips,), or of every time step on a mean chip
        (steps,).

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
            total += line.energy * self._weights((line.layer, line.event), axis, size)
        return total * size if by == "chip" else total

    def _weights(self, key: Key, axis: int, size: int) -> Tensor:
        """Return how an event divides over chips or steps; the part without shares evenly. Sums to 1."""
        share, counted = self.shares.get(key), self.joules.get(key, self.counts.get(key, 0.0))
        even = torch.full((size,), 1 / size, dtype=torch.float64)
        if share is None or share.dim() <= axis or share.shape[axis] != size or not counted:
            return even
        part = (share if share.dim() == 1 else share.sum(1 - axis)) / counted
        return part + (1 - part.sum()) * even

    @property
    def energy(self) -> float:
        """Energy for each image and chip [J]."""
        return total(self.lines())

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
        return {layer: seconds / max(self.images, 1) for layer, seconds in self.page.seconds.items()}

    def number(self, event: str, layer: str | None = None) -> float:
        """Return how often an event happened for each image and chip, in one layer or in all."""
        hits = [
            v for (where, what), v in self.counts.items() if what.startswith(event) and layer in (None, where)
        ]
        return sum(hits) / max(self.images, 1)

    def noted(self, what: str, layer: str | None = None) -> float:
        """Return what was noted, for each image and chip, in one layer or in all."""
        hits = [v for (where, name), v in self.notes.items() if name == what and layer in (None, where)]
        return sum(hits) / max(self.images, 1)
