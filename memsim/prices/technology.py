"""A technology card: what parts cost at one node, every number with its source.

A part is published at a node.  A card holds the parts published at its own node; what it lacks it takes from
the cards in ``scaled_from``, energies by the law of `scaling.py`, areas by the square of the nodes (an
assumption), and from those in ``beside`` as they stand: what no logic node scales (writes of cells, DRAM).
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field, ValidationError
from typing_extensions import Self  # in typing from Python 3.11 on

from memsim import packaged_cards
from memsim.devices.refusals import LINE
from memsim.devices.toml_file import BYTES, CardError, Section, refusal, sized
from memsim.prices.events import priced_by_parts
from memsim.prices.parts import Converter, Memory, Part, Wires
from memsim.prices.price import ANY, Price
from memsim.prices.scaling import Scale, named, node_of, scale, usual_supply
from memsim.prices.slips import check_slips

AnyPrice = TypeVar("AnyPrice", bound=Price)

TECHNOLOGIES = "memsim.technologies"

DAC_BITS = 8
"""Resolution of the DAC that technology cards have as a part, ``dac-8b``."""

CELL_EVENTS = ("program-", "pulse-", "reset-")
"""Events that are parts themselves: what is done to a device."""


class Technology(Section):
    """Parts, converters, memories and wires at one node.

    ``Technology.load("45nm")`` is whole: what other cards lend stands in it, scaled, with the scale in its
    source.  Raises CardError for anything that cannot be used.
    """

    name: str = Field(pattern=LINE, max_length=100)
    description: str = ""
    node: float | None = Field(default=None, alias="node [m]", gt=1e-9, lt=1e-6)
    """Technology node [m]; a card without one only lends."""
    supply: float | None = Field(default=None, alias="supply [V]", gt=0.1, lt=10)
    """Supply of its logic [V]."""
    scaled_from: tuple[str, ...] = ()
    """Cards whose parts are taken, scaled, where this one has none; the first goes first."""
    beside: tuple[str, ...] = ("any-node",)
    """Cards whose parts are taken as they stand."""
    converter: str = "sar-kull"
    """The ADC design that prices the events ``adc-4b`` and so on."""
    parts: dict[str, Part] = Field(default_factory=dict)
    adc: dict[str, Converter] = Field(default_factory=dict)
    sram: Memory | None = None
    dram: dict[str, Part] = Field(default_factory=dict)
    """Kinds of DRAM: energy of a bit read or written."""
    wires: Wires | None = None

    @classmethod
    def load(cls, name: str | Path) -> Technology:
        """Return the built-in card of that name, or the card in that TOML file, with what other cards
        lend.
        """
        card = _own(str(name), _state(str(name)))
        return _load(str(name), tuple((n, _state(n)) for n in (str(name), *card.scaled_from, *card.beside)))

    @cached_property
    def prices(self) -> Mapping[str, Price]:
        """The price of every event that this card has the parts for."""
        found = {
            event.name: self.price(*event.parts)
            for event in priced_by_parts()
            if {*event.parts} <= {*self.parts}
        }
        cells = {name: self.price(name) for name in self.parts if name.startswith(CELL_EVENTS)}
        design = self.adc.get(self.converter)
        bits = () if design is None else sorted(design.energy)
        return found | {f"adc-{n}b": self.converter_price(n) for n in bits} | cells

    def __copy__(self) -> Self:
        """Return a copy with its fields alone: its prices are found anew, as parts may change."""
        copied = super().__copy__()
        object.__setattr__(copied, "__dict__", {k: v for k, v in copied.__dict__.items() if k != "prices"})
        return copied

    def price(self, *parts: str) -> Price:
        """Return what parts cost that are used one after the other; CardError for a part the card lacks."""
        for part in parts:
            if part not in self.parts:
                raise CardError(f"{self.name}: no part {part!r} (known: {', '.join(sorted(self.parts))})")
        found = [self.parts[part] for part in parts]
        cells = all(part.startswith(CELL_EVENTS) for part in parts)
        areas = [part.area for part in found if part.area is not None]
        area = sum(areas) if len(areas) == len(found) else None
        return Price(
            **{"energy [J]": sum(part.energy for part in found), "area [m2]": area},
            source=" and ".join(dict.fromkeys(part.source for part in found)),
            assumption=any(part.assumption for part in found),
            node=ANY if cells else self.node_name,
        )

    @property
    def node_name(self) -> str | None:
        """The node by name, ``"45nm"``; None for a card without one."""
        return None if self.node is None else named(self.node)

    def converter_price(self, bits: float, design: str | None = None) -> Price:
        """Return a conversion of `bits` bits by a design, the card's own where None."""
        if (design or self.converter) not in self.adc:
            raise CardError(
                f"{self.name}: no ADC {design or self.converter!r}; there are {', '.join(self.adc)}"
            )
        found = self.adc[design or self.converter].price(bits)
        return found.model_copy(update={"node": self.node_name})

    def dac_price(self, bits: int) -> Price:
        """Return a conversion by a DAC: that of 8 bits as its source has it; others 2^(bits - 8) times, as
        the capacitors of a binary array are switched (an assumption).
        """
        known, factor = self.price("dac-8b"), 2.0 ** (bits - DAC_BITS)
        if bits == DAC_BITS:
            return known
        return known.model_copy(
            update={
                "energy": known.energy * factor,
                "area": None if known.area is None else known.area * factor,
                "source": f"{known.source}; {bits} bits: × {factor:g}, as a binary array of capacitors",
                "assumption": True,
            }
        )

    def scale_to(self, here: Technology) -> Scale:
        """Return what becomes of this card's energies and areas at another's node; CardError where one has
        none.
        """
        return scale(*self._scaling, *here._scaling)

    def at_home(self, price: AnyPrice) -> AnyPrice:
        """Return a price as it is at this card's node: scaled where it was found at another one, unscaled
        where it says so, its node is not stated or no node scales it.

        CardError where this card has no node to scale it to.
        """
        if not price.scaled or price.node in (None, ANY, self.node_name):
            return price
        there = node_of(price.node)
        return price.times(scale(there, usual_supply(there), *self._scaling), self.node_name)

    @property
    def _scaling(self) -> tuple[float, float]:
        """Node [m] and supply [V]; CardError where the card lacks one."""
        if self.node is None or self.supply is None:
            raise CardError(f"{self.name}: scaling needs its node [m] and supply [V]")
        return self.node, self.supply


def _state(name: str) -> bytes:
    """Return what a card's file holds, so that an edited file is read again; b"" for cards of memsim's
    own.
    """
    path = Path(name)
    if path.suffix != ".toml" or not path.is_file() or path.stat().st_size > BYTES:
        return b""
    return path.read_bytes()


@lru_cache(maxsize=32)
def _load(name: str, states: tuple[tuple[str, bytes], ...]) -> Technology:
    """Return a card and what it borrows: its own first, then scaled, then unscaled; states: of their
    files.
    """
    own = dict(states)
    card = _own(name, own[name])
    lent: dict[str, Any] = {kind: dict(getattr(card, kind)) for kind in ("parts", "adc", "dram")}
    found: dict[str, Any] = {"sram": card.sram, "wires": card.wires}
    for other in (_own(n, own[n]) for n in (*card.scaled_from, *card.beside)):
        moved = other.scale_to(card) if other.name in card.scaled_from and other.node != card.node else None
        for kind, mine in lent.items():
            for key, part in getattr(other, kind).items():
                mine.setdefault(key, part.at(moved) if moved else part)
        if found["sram"] is None and other.sram is not None:
            found["sram"] = other.sram.at(moved) if moved else other.sram
        if found["wires"] is None and other.node is not None and other.node == card.node:
            found["wires"] = other.wires
    if lent["adc"] and card.converter not in lent["adc"] and "converter" in card.model_fields_set:
        raise CardError(f"{name}: converter = {card.converter!r}: there are {', '.join(sorted(lent['adc']))}")
    return card.model_copy(update=lent | found)


@lru_cache(maxsize=32)
def _own(name: str, state: bytes) -> Technology:
    """Return a card as its file has it; state: of the file."""
    fields = packaged_cards.read(name, TECHNOLOGIES, "technology")
    try:
        card = Technology.model_validate(sized(fields, name))
    except ValidationError as error:
        raise refusal(Technology, error, name) from None
    if Path(name).suffix == ".toml":
        _check_parts(card, name)
    return card.model_copy(update={kind: _at_one_node(card, kind) for kind in ("parts", "dram")})


def _at_one_node(card: Technology, kind: str) -> dict[str, Part]:
    """Return a card's own parts, those that were published at another node scaled to the card's."""
    found: dict[str, Part] = {}
    for key, part in getattr(card, kind).items():
        moved, node = card.at_home(part), ANY if part.node == ANY else None
        assumed = moved.assumption or (part.analog and moved is not part)
        found[key] = moved.model_copy(update={"node": node, "assumption": assumed})
    return found


def _check_parts(card: Technology, name: str) -> None:
    """Raise CardError for a slip, and for a part that prices no event and that no card of memsim's has."""
    cards = [
        packaged_cards.read(n, TECHNOLOGIES, "technology") for n in packaged_cards.built_in(TECHNOLOGIES)
    ]
    check_slips(card, cards, name)
    known = {part for event in priced_by_parts() for part in event.parts}
    known |= {part for one in cards for part in one.get("parts", {})}
    for part in sorted({*card.parts} - known):
        if not part.startswith(CELL_EVENTS):
            near = get_close_matches(part, known, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise CardError(f"{name}: parts.{part} has no effect: nothing is priced by it{hint}")
